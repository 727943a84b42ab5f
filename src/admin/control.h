// What an administrator can see and do, as the admin HTTP API and the CLI offer it. The server
// implements it; this layer only knows the shapes. docs/formats/status.schema.json is the written
// schema of status(); every number's unit is in its key.
//
// Threads: the reactor's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "base/ids.h"
#include "base/result.h"
#include "env/task.h"

namespace atl::admin {

struct User {
  std::string access_key;
  std::string name;
  bool root = false;  // from the environment or made at creation; cannot be deleted
  int64_t created_unix_seconds = 0;
};

struct NewSecret {
  User user;
  std::string secret_key;  // shown once
};

class Control {
 public:
  virtual ~Control() = default;

  virtual Task<Result<boost::json::value>> status() = 0;

  // domain fail: stop using it now, as if lost. drain: no new data, what it holds is still read.
  // return: use it again (what it missed is rebuilt).
  virtual Task<Status> domain_fail(DomainId domain) = 0;
  virtual Task<Status> domain_drain(DomainId domain) = 0;
  virtual Task<Status> domain_return(DomainId domain) = 0;

  // Puts a blank device in the place of each named one, or of every failed one when none is named,
  // and starts the rebuild. What is at a failed device's path is overwritten only when it is blank,
  // or belongs to this cluster; anything else is kForeign unless `force`. Returns what was replaced
  // by what.
  virtual Task<Result<boost::json::value>> device_replace(std::vector<DeviceId> devices,
                                                          bool force) = 0;

  // Starts a scrub unless one runs; scrub_state() tells how far it is and, at its end, the report.
  virtual Task<Status> scrub_start() = 0;
  virtual boost::json::value
  scrub_state() = 0;  // {"running":bool,"progress":0..1,"report":{...}|null}

  virtual Task<Result<NewSecret>> user_create(std::string name) = 0;
  virtual Task<Result<std::vector<User>>> user_list() = 0;
  virtual Task<Result<NewSecret>> user_rotate(std::string access_key) = 0;
  virtual Task<Status> user_delete(std::string access_key) = 0;

  virtual Task<Status> checkpoint() = 0;  // writes a metadata checkpoint now
  virtual Task<Status> destage() = 0;     // packs inline data into stripes now
};

}  // namespace atl::admin
