// Calls of the admin API, as the commands use them.
#pragma once

#include <string>

#include <boost/json/value.hpp>

#include "cli/commands.h"

namespace atl::cli {

// What `atoll up` leaves in DATA/run.json for the commands: where it listens and root's
// credentials.
struct RunFile {
  std::string admin;
  std::string s3;
  std::string access_key;
  std::string secret_key;
};
Result<RunFile> read_run_file(const std::string& data_dir);
std::string data_dir_of(const Target& target);

Result<boost::json::value> admin_call(const Target& target, const std::string& method,
                                      const std::string& path, const std::string& body = {});

// A progress bar on standard error, when that is a terminal; nothing otherwise.
class ProgressBar {
 public:
  explicit ProgressBar(std::string title);
  ~ProgressBar();
  void show(double fraction, const std::string& detail);

 private:
  std::string title_;
  bool terminal_;
  bool shown_ = false;
};

}  // namespace atl::cli
