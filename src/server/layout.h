// Where things are under a data directory. See server.h.
#pragma once

#include <string>

#include <fmt/format.h>

#include "base/ids.h"

namespace atl::server {

inline std::string domain_dir(const std::string& data_dir, DomainId domain) {
  return fmt::format("{}/domain-{}", data_dir, domain);
}
// As kept in the cluster map: relative to the data directory.
inline std::string device_path(DomainId domain) {
  return fmt::format("domain-{}/device.dat", domain);
}
inline std::string coordinator_path(const std::string& data_dir, DomainId domain) {
  return domain_dir(data_dir, domain) + "/coord.dat";
}
inline std::string view_path(const std::string& data_dir) {
  return data_dir + "/view";
}
inline std::string forming_path(const std::string& data_dir) {
  return data_dir + "/forming";
}
// A device's path in the map is relative unless it is a raw device's.
inline std::string absolute_path(const std::string& data_dir, const std::string& path) {
  return path.starts_with('/') ? path : data_dir + "/" + path;
}

}  // namespace atl::server
