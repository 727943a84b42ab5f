// A small language for the tests of EmbeddedCoordinator: five domains, their disks, and what
// befalls them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "coord/embedded.h"
#include "env/sim_env.h"

namespace atl::coord {

class World {
 public:
  explicit World(size_t copies = 5, uint64_t seed = 1) : seed_(seed) {
    set_log_sink([](LogLevel, std::string_view) {});  // losses are what these tests are about
    for (size_t i = 0; i < copies; ++i)
      paths_.push_back(fmt::format("/c/domain-{}/coord.dat", i + 1));
    boot();
  }
  ~World() {
    if (coord_) close();
  }

  static Uuid cluster(uint8_t n = 1) {
    Uuid uuid;
    uuid.bytes.fill(n);
    return uuid;
  }

  env::SimEnv& env() { return *env_; }
  env::SimStorage& disks() { return storage_; }
  EmbeddedCoordinator& coord() { return *coord_; }
  bool has_coord() const { return coord_ != nullptr; }
  const std::vector<std::string>& paths() const { return paths_; }
  const std::string& path(size_t i) const { return paths_[i]; }

  // --- Starting and stopping ---

  Status create(Uuid uuid = cluster()) {
    return keep(env_->run(EmbeddedCoordinator::create(*env_, paths_, uuid)));
  }
  Status open(OpenMode mode = OpenMode::kServe) {
    return keep(env_->run(EmbeddedCoordinator::open(*env_, paths_, mode)));
  }
  Status create_from(std::vector<std::string> paths, Uuid uuid) {
    return keep(env_->run(EmbeddedCoordinator::create(*env_, std::move(paths), uuid)));
  }
  Result<Presence> presence() { return env_->run(EmbeddedCoordinator::presence(*env_, paths_)); }
  void close() {
    env_->run(coord_->close());
    coord_.reset();
  }
  void reopen() {
    close();
    Status opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  }
  // The machine stops in the middle of everything; another starts over the same disks. What the
  // stopped tasks use is leaked on purpose, as they are never unwound.
  void crash(env::CrashKind kind = env::CrashKind::kPowerCut) {
    env_->halt();
    graveyard().push_back(std::move(coord_));
    env::Random random(seed_ + 1000);
    env_.reset();
    storage_.crash(random, kind);
    boot();
  }
  void run_for(Nanos duration) { env_->run_for(duration); }

  // --- What befalls a copy ---

  void remove(size_t i) { ASSERT_TRUE(storage_.remove_all(path(i)).has_value()); }
  void blank(size_t i) { storage_.blank(path(i)); }
  void swap(size_t i, size_t j) { storage_.swap(path(i), path(j)); }
  // One bit in the header or body of each slot of the copy.
  void rot(size_t i, uint64_t offset_in_slot = 4096 + 3) {
    storage_.flip_bit(path(i), offset_in_slot, 2);
    storage_.flip_bit(path(i), kSlotBytes + offset_in_slot, 2);
  }
  void rot_slot(size_t i, int slot, uint64_t offset_in_slot) {
    storage_.flip_bit(path(i), static_cast<uint64_t>(slot) * kSlotBytes + offset_in_slot, 5);
  }
  env::SimFile::Content content(size_t i) { return storage_.snapshot(path(i)); }
  void put_back(size_t i, env::SimFile::Content content) {
    storage_.restore(path(i), std::move(content));
  }
  void fail(size_t i) { storage_.fail_device(path(i)); }
  void heal(size_t i) { storage_.repair_device(path(i)); }

  // --- Using it ---

  Result<uint64_t> put(std::string key, uint64_t version, std::string value) {
    return env_->run(coord_->compare_and_swap(std::move(key), version, std::move(value)));
  }
  Result<Versioned> get(std::string key) { return env_->run(coord_->get(std::move(key))); }
  std::string value(std::string key) {
    Result<Versioned> got = get(std::move(key));
    return got ? got->value : std::string(errc_name(got.error().code));
  }
  Status repair(size_t i, bool overwrite = false) {
    return env_->run(coord_->repair_copy(i, overwrite));
  }
  VerifyReport verify() { return env_->run(coord_->verify()); }
  CopyHealth health(size_t i) { return coord_->copy_states()[i].health; }
  std::string healths() {
    std::string out;
    for (const CopyStatus& copy : coord_->copy_states())
      out += std::string(out.empty() ? "" : " ") + std::string(copy_health_name(copy.health));
    return out;
  }

 private:
  void boot() {
    env::SimOptions options;
    options.seed = seed_++;
    env_ = std::make_unique<env::SimEnv>(storage_, options);
  }
  Status keep(Result<std::unique_ptr<EmbeddedCoordinator>> made) {
    if (!made) return atl::fail(std::move(made).error());
    coord_ = std::move(*made);
    return {};
  }
  static std::vector<std::unique_ptr<EmbeddedCoordinator>>& graveyard() {
    static auto* all = new std::vector<std::unique_ptr<EmbeddedCoordinator>>;
    return *all;
  }

  uint64_t seed_;
  std::vector<std::string> paths_;
  env::SimStorage storage_;
  std::unique_ptr<env::SimEnv> env_;
  std::unique_ptr<EmbeddedCoordinator> coord_;
};

inline Errc code_of(const Status& status) {
  return status ? Errc{} : status.error().code;
}
template <typename T>
Errc code_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code;
}

}  // namespace atl::coord
