#include "world.h"

#include "scenario.h"

#include <unistd.h>
#include <cstdio>

#include "base/check.h"
#include "base/crc.h"
#include "base/log.h"
#include "base/probe.h"
#include "journal/journal.h"
#include "journal/state_store.h"
#include "server/layout.h"
#include "view_disk.h"

namespace atl::sim {
namespace {

constexpr const char* kDataDir = "/atoll";
// Longest that a repair may take in virtual time before it is taken for stuck.
constexpr Nanos kProtectionLimit = 600s;
constexpr PartitionId kPartition{1};

}  // namespace

World::World(uint64_t seed, WorldOptions options)
    : seed_(seed), options_(options), random_(seed), view_disk_(make_view_disk()) {}

void World::note(const std::string& what) {
  trace_hash_ = crc32c(as_bytes(what), trace_hash_);
  if (options_.trace)
    std::fprintf(stderr, "%12.6f  %s\n",
                 env_ ? static_cast<double>(env_->now().count()) * 1e-9 : 0.0, what.c_str());
}

void World::violation(const std::string& what) {
  std::fprintf(stderr, "seed %llu: VIOLATION at %.6f s: %s\n",
               static_cast<unsigned long long>(seed_),
               env_ ? static_cast<double>(env_->now().count()) * 1e-9 : 0.0, what.c_str());
  std::fflush(stderr);
  _exit(kViolation);
}

void World::fold_trace() {
  const uint32_t hash = env_->trace_hash();
  trace_hash_ = crc32c(ByteSpan(reinterpret_cast<const uint8_t*>(&hash), sizeof hash), trace_hash_);
}

void World::fresh_env() {
  env::SimOptions sim;
  sim.seed = random_.next();
  env_ = new env::SimEnv(storage_, sim);
  fabric::SimFabricOptions net;
  net.seed = random_.next();
  fabric_ = new fabric::SimFabric(*env_, net);
}

void World::boot() {
  ATOLL_CHECK(cluster_ == nullptr);
  fresh_env();
  ++boots_;
  server::ClusterOptions options;
  options.data_dir = kDataDir;
  options.domains = options_.domains;
  options.protection = options_.protection;
  options.device_bytes = options_.device_bytes;
  options.store.hedge_delay = random_.between(1ms, 20ms);
  options.partition.rocksdb_env = view_disk_.get();
  options.partition.deterministic = true;
  options.partition.checkpoint_journal_bytes = random_.between(32 << 10, 1 << 20);
  options.partition.checkpoint_interval_max = random_.between(1s, 20s);
  options.partition.destage_age = random_.between(200ms, 5s);
  options.partition.journal_segment_bytes = random_.between(16 << 10, 512 << 10);
  auto started = env_->run(server::LocalCluster::start(*env_, *fabric_, options));
  if (!started) violation("the cluster does not start: " + started.error().to_string());
  cluster_ = started->release();
  note(fmt::format("boot {}", boots_));
}

void World::shut_down() {
  note("orderly stop");
  Status stopped = env_->run(cluster_->stop());
  if (!stopped) violation("the cluster does not stop: " + stopped.error().to_string());
  fold_trace();
  env_->halt();
  cluster_ = nullptr;
  view_disk_ = copy_view_disk(*view_disk_, random_, ViewDamage::kNone);
}

void World::crash(env::CrashKind kind) {
  note(kind == env::CrashKind::kPowerCut ? "power cut" : "process killed");
  fold_trace();
  env_->halt();
  const env::CrashReport report = storage_.crash(random_, kind);
  note(fmt::format("crash kept {} dropped {} tore {} blocks", report.blocks_kept,
                   report.blocks_dropped, report.blocks_torn));
  cluster_ = nullptr;
  for (auto& rival : rivals_) (void)rival.release();  // leaked with its environment
  rivals_.clear();
  const uint64_t draw = random_.below(10);
  const ViewDamage damage = draw < 6   ? ViewDamage::kNone
                            : draw < 8 ? ViewDamage::kDamaged
                                       : ViewDamage::kGone;
  view_disk_ = copy_view_disk(*view_disk_, random_, damage);
}

void World::wipe_view() {
  ATOLL_CHECK(!up());
  note("view deleted");
  view_disk_ = make_view_disk();
}

std::string World::domain_dir(uint32_t domain) const {
  return server::domain_dir(kDataDir, DomainId(domain));
}

std::vector<std::string> World::files_of(uint32_t domain) const {
  std::vector<std::string> out;
  const std::string prefix = domain_dir(domain) + "/";
  for (const std::string& path : storage_.file_paths())
    if (path.starts_with(prefix)) out.push_back(path);
  return out;
}

void World::remove_domain(uint32_t domain) {
  note(fmt::format("domain {} removed", domain));
  Status removed = storage_.remove_all(domain_dir(domain));
  ATOLL_CHECK(removed.has_value());
}

void World::blank_domain(uint32_t domain) {
  note(fmt::format("domain {} blanked", domain));
  for (const std::string& path : files_of(domain)) storage_.blank(path);
}

void World::break_domain(uint32_t domain) {
  const uint64_t after = random_.below(50);
  note(fmt::format("domain {} gives I/O errors after {} operations", domain, after));
  storage_.fail_device(domain_dir(domain), after);
}

void World::swap_domains(uint32_t a, uint32_t b) {
  note(fmt::format("domains {} and {} swapped", a, b));
  for (const std::string& path : files_of(a)) {
    const std::string other = domain_dir(b) + path.substr(domain_dir(a).size());
    if (storage_.exists(other)) storage_.swap(path, other);
  }
}

std::map<std::string, env::SimFile::Content> World::snapshot_domain(uint32_t domain) {
  std::map<std::string, env::SimFile::Content> out;
  for (const std::string& path : files_of(domain)) out[path] = storage_.snapshot(path);
  return out;
}

void World::roll_back_domain(uint32_t domain,
                             const std::map<std::string, env::SimFile::Content>& old) {
  note(fmt::format("domain {} set back to an older state", domain));
  for (const auto& [path, content] : old)
    if (storage_.exists(path)) storage_.restore(path, content);
}

void World::flip_bits(uint32_t domain, int count) {
  for (const std::string& path : files_of(domain)) {
    // Where there are bytes at all: a device is mostly zeros that nobody wrote.
    std::vector<uint64_t> blocks;
    for (const auto& [block, bytes] : storage_.snapshot(path)) blocks.push_back(block);
    if (blocks.empty()) continue;
    std::sort(blocks.begin(), blocks.end());
    for (int i = 0; i < count; ++i) {
      const uint64_t offset =
          blocks[random_.below(blocks.size())] * env::kBlockSize + random_.below(env::kBlockSize);
      note(fmt::format("bit flipped in {} at {}", path, offset));
      storage_.flip_bit(path, offset, static_cast<int>(random_.below(8)));
    }
  }
}

void World::slow_domain(uint32_t domain, uint32_t factor) {
  note(fmt::format("domain {} slower by {}", domain, factor));
  storage_.slow_device(domain_dir(domain), factor);
}

void World::mend_hardware() {
  for (uint32_t d = 1; d <= options_.domains; ++d) {
    storage_.repair_device(domain_dir(d));
    storage_.slow_device(domain_dir(d), 1);
  }
}

std::vector<uint32_t> World::journal_domains() {
  auto loaded = env_->run(journal::load_state(cluster_->coordinator(), kPartition));
  std::vector<uint32_t> domains;
  if (!loaded || loaded->state.segments.empty()) return domains;
  for (DeviceId id : loaded->state.segments.back().replicas)
    if (const auto* device = cluster_->view().map().find_device(id))
      domains.push_back(device->domain.value);
  return domains;
}

void World::rival_takes_over() {
  auto taken = env_->run(journal::Journal::take_over(cluster_->view(), kPartition, "rival"));
  note(taken ? "a rival took the journal over" : "a rival failed: " + taken.error().to_string());
  if (taken) rivals_.push_back(std::move(*taken));
}

void World::replace_failed() {
  note("device replace");
  std::vector<DeviceId> all_failed;
  auto replaced = env_->run(cluster_->device_replace(all_failed, false));
  if (!replaced) violation("device replace: " + replaced.error().to_string());
  for (const server::Replaced& r : *replaced)
    note(
        fmt::format("device {} replaced by {} in domain {}", r.old_device, r.new_device, r.domain));
}

void World::wait_until_protected() {
  const Nanos started = env_->now();
  while (!cluster_->fully_protected()) {
    if (env_->now() - started > kProtectionLimit) {
      std::string why;
      for (const auto& entry : cluster_->view().map().devices)
        why +=
            fmt::format(" [{} {} rebuild={} {}]", entry.id, cluster::device_state_name(entry.state),
                        entry.needs_rebuild, entry.failure);
      violation("full protection does not come back:" + why);
    }
    env_->run_for(100ms);
  }
  note("fully protected");
}

void World::check_widths(const std::string& when) {
  if (!cluster_->fully_protected()) return;
  std::vector<stripe::StripeRef> stripes;
  stripe::StripeCatalog& catalog = cluster_->partition().catalog();
  for (StripeId after;;) {
    auto page = env_->run(catalog.list(after, 1000));
    if (!page) violation(when + ": the catalog: " + page.error().to_string());
    if (page->empty()) break;
    stripes.insert(stripes.end(), page->begin(), page->end());
    after = page->back().id;
  }
  // From here to the end of the loop over devices nothing else runs.
  std::map<DeviceId, std::set<device::ShardKey>> held;
  const auto map = cluster_->view().snapshot();
  for (const auto& entry : map->devices) {
    const device::Device* device = cluster_->device(entry.id);
    if (device == nullptr) continue;
    for (const device::ShardInfo& shard : device->list_shards({}, ~size_t{0}))
      held[entry.id].insert(shard.key);
  }
  for (const stripe::StripeRef& ref : stripes) {
    const cluster::Group* group = map->find_group(ref.group);
    if (group == nullptr) violation(fmt::format("{}: stripe {} has no group", when, ref.id));
    for (size_t i = 0; i < group->slots.size(); ++i) {
      if (held[group->slots[i]].contains({ref.id, static_cast<uint8_t>(i)})) continue;
      auto needed = env_->run(catalog.contains(ref.id));  // or was it freed meanwhile?
      if (needed && *needed)
        violation(fmt::format("{}: shard {} of stripe {} is not on device {}", when, i, ref.id,
                              group->slots[i]));
    }
  }
}

uint64_t World::scrub() {
  auto report = env_->run(cluster_->scrub());
  if (!report) violation("scrub: " + report.error().to_string());
  note(fmt::format(
      "scrub: {} records, {} bad shards, {} bad segments, {} missing, {} repaired, {} deferred",
      report->records, report->bad_shards, report->bad_segments, report->missing_shards,
      report->repaired, report->deferred));
  if (report->unrepairable > 0)
    violation(fmt::format("scrub: {} records cannot be repaired", report->unrepairable));
  return report->deferred;
}

}  // namespace atl::sim
