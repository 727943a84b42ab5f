// A node's own Atoll for the laboratory: a cluster of one domain in this process, with the objects
// that clients ask for (service_kind.h). s3_service.h puts it behind the addresses.
//
// The folder has one device file of kS3DeviceBytes. A node that is started again in the same folder
// finds its cluster there, after kill -9 too.
//
// Ownership: the env outlives it; close() before the destructor. Threads: the reactor's. Errors:
// what server/local_cluster.h says; kInternal: an object was refused.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "env/env.h"
#include "frontend/s3/http.h"

namespace atl::lab {

// The smallest device; what is kept there is below 2 MiB.
inline constexpr uint64_t kS3DeviceBytes = 64_MiB;

class S3Store {
 public:
  static Task<Result<std::unique_ptr<S3Store>>> open(env::Env& env, std::string node,
                                                     std::string folder);
  ~S3Store();
  S3Store(const S3Store&) = delete;
  S3Store& operator=(const S3Store&) = delete;

  s3::Handler& handler();  // all S3 operations
  Task<Status> close();

 private:
  struct Parts;
  explicit S3Store(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// The one user of the laboratory.
class S3LabUsers final : public s3::CredentialStore {
 public:
  std::optional<std::string> secret_for(std::string_view access_key) override;
};

}  // namespace atl::lab
