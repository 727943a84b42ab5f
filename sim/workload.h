// Clients that put, get, copy, delete, list and upload in parts, through the same door library that
// S3 uses, and check every answer against the model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model.h"
#include "world.h"

namespace atl::sim {

inline constexpr const char* kBucket = "bucket";

struct WorkloadOptions {
  int clients = 4;
  int readers = 2;
  int keys_per_client = 6;
  uint64_t large_max = 1u << 20;  // bodies over the inline limit go up to here
  bool churn = false;  // large bodies without pause: devices fill, and space is reclaimed
};

class Workload {
 public:
  Workload(World& world, WorkloadOptions options);

  // Starts clients and readers on the cluster as it is now; they end at stop() or with the machine.
  void start();
  void stop();  // waits until every client has ended its operation

  // With no operation going on: reads every key and the listing, compares with the model, and
  // settles what was open. `when` goes into the message of a violation.
  void verify_everything(const std::string& when);

  uint64_t operations() const { return operations_; }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  struct Crew;  // of one boot: dies with it

  std::string key_name(int client, int index) const;
  Task<void> client_loop(Crew* crew, int client, uint64_t seed);
  Task<void> reader_loop(Crew* crew, uint64_t seed);
  Task<void> one_change(Crew* crew, env::Random* random, std::string key);
  Task<Status> put(std::string key, Value value, env::Random* random);
  Task<Status> put_in_parts(std::string key, Value value, env::Random* random);
  Task<Result<ns::FileData>> store_body(uint64_t put, uint64_t offset, uint64_t size,
                                        env::Random* random);
  Task<void> check_read(std::string key, bool strict, std::string when);
  Task<void> check_listing(std::string when);

  World& world_;
  WorkloadOptions options_;
  Model model_;
  std::vector<std::string> names_;  // the keys, some of them odd
  Crew* crew_ = nullptr;
  uint64_t operations_ = 0;
  uint64_t acknowledged_ = 0;
};

}  // namespace atl::sim
