// An open handle of SimEnv on a file of SimStorage: adds time, faults and the lock to SimFile.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "env/sim_storage.h"

namespace atl::env {

class SimEnv;

class SimBlockFile final : public BlockFile {
 public:
  static Task<Result<std::unique_ptr<BlockFile>>> open(SimEnv& env, std::string path,
                                                       OpenOptions options);
  SimBlockFile(SimEnv& env, std::string path, std::shared_ptr<SimFile> file);
  ~SimBlockFile() override;

  uint64_t size_bytes() const override { return file_->size_bytes(); }
  Task<Status> write(uint64_t offset, std::vector<Buf> bufs) override;
  Task<Result<Buf>> read(uint64_t offset, size_t length, ReadMode mode) override;
  Task<Status> sync() override;
  bool still_in_place() override;

 private:
  SimEnv& env_;
  std::string path_;
  std::shared_ptr<SimFile> file_;
  uint64_t env_number_;  // the handle may be destroyed after its SimEnv
};

}  // namespace atl::env
