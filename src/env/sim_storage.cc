#include "env/sim_storage.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"

namespace atl::env {
namespace {

std::string normalize(std::string_view path) {
  std::string s = std::filesystem::path(path).lexically_normal().string();
  while (s.size() > 1 && s.back() == '/') s.pop_back();
  return s.empty() ? "." : s;
}

std::string parent_of(const std::string& path) {
  return normalize(std::filesystem::path(path).parent_path().string());
}

// Both normalized. Everything relative is below ".".
bool is_at_or_below(std::string_view path, std::string_view top) {
  if (path == top) return true;
  if (top == "/") return path.starts_with('/');
  if (top == ".") return !path.starts_with('/');
  return path.size() > top.size() && path.starts_with(top) && path[top.size()] == '/';
}

}  // namespace

SimStorage::SimStorage() : directories_{"/", "."} {}

SimStorage::Fault& SimStorage::fault_of(std::string_view path) {
  const std::string wanted = normalize(path);
  for (Fault& fault : faults_)
    if (fault.path == wanted) return fault;
  faults_.push_back({.path = wanted});
  return faults_.back();
}

void SimStorage::fail_device(std::string_view path, uint64_t after_ops) {
  fault_of(path).ops_until_failure = after_ops;
}

void SimStorage::repair_device(std::string_view path) {
  fault_of(path).ops_until_failure.reset();
}

void SimStorage::slow_device(std::string_view path, uint32_t factor) {
  ATOLL_CHECK(factor >= 1);
  fault_of(path).factor = factor;
}

void SimStorage::set_full(std::string_view path, bool full) {
  fault_of(path).full = full;
}

uint32_t SimStorage::slowness(std::string_view path) const {
  if (faults_.empty()) return 1;
  uint32_t factor = 1;
  const std::string wanted = normalize(path);
  for (const Fault& fault : faults_)
    if (is_at_or_below(wanted, fault.path)) factor = std::max(factor, fault.factor);
  return factor;
}

bool SimStorage::take_failure(std::string_view path) {
  if (faults_.empty()) return false;
  bool fails = false;
  const std::string wanted = normalize(path);
  for (Fault& fault : faults_) {
    if (!fault.ops_until_failure || !is_at_or_below(wanted, fault.path)) continue;
    if (*fault.ops_until_failure == 0) {
      fails = true;
    } else {
      --*fault.ops_until_failure;
    }
  }
  return fails;
}

std::shared_ptr<SimFile> SimStorage::find(std::string_view path) const {
  auto it = files_.find(normalize(path));
  return it == files_.end() ? nullptr : it->second;
}

std::shared_ptr<SimFile> SimStorage::must_find(std::string_view path) const {
  auto file = find(path);
  ATOLL_CHECK(file != nullptr, "a test names a simulated file that is not there");
  return file;
}

void SimStorage::flip_bit(std::string_view path, uint64_t byte_offset, int bit) {
  must_find(path)->flip_bit(byte_offset, bit);
}

void SimStorage::blank(std::string_view path) {
  must_find(path)->blank();
}

void SimStorage::swap(std::string_view a, std::string_view b) {
  ATOLL_CHECK(must_find(a) != nullptr && must_find(b) != nullptr);
  std::swap(files_[normalize(a)], files_[normalize(b)]);
}

SimFile::Content SimStorage::snapshot(std::string_view path) const {
  return must_find(path)->snapshot();
}

void SimStorage::restore(std::string_view path, SimFile::Content older) {
  must_find(path)->restore(std::move(older));
}

CrashReport SimStorage::crash(Random& random, CrashKind kind) {
  ATOLL_CHECK(live_envs_ == 0, "halt or destroy the SimEnv before the crash");
  CrashReport report;
  for (auto& [path, file] : files_) file->crash(random, kind, &report);
  return report;
}

Result<std::shared_ptr<SimFile>> SimStorage::create(std::string_view path, uint64_t size_bytes) {
  const std::string name = normalize(path);
  if (files_.contains(name)) return fail(Errc::kExists, name + " exists");
  if (directories_.contains(name)) return fail(Errc::kIsDirectory, name + " is a directory");
  if (!directories_.contains(parent_of(name)))
    return fail(Errc::kNotFound, "no directory " + parent_of(name) + " to create " + name + " in");
  for (const Fault& fault : faults_)
    if (fault.full && is_at_or_below(name, fault.path))
      return fail(Errc::kNoSpace, "no space for " + name);
  return files_.emplace(name, std::make_shared<SimFile>(size_bytes)).first->second;
}

bool SimStorage::exists(std::string_view path) const {
  const std::string name = normalize(path);
  return files_.contains(name) || directories_.contains(name);
}

Status SimStorage::create_directories(std::string_view path) {
  std::vector<std::string> missing;
  for (std::string at = normalize(path); !directories_.contains(at); at = parent_of(at)) {
    if (files_.contains(at)) return fail(Errc::kNotDirectory, at + " is a file");
    missing.push_back(at);
  }
  directories_.insert(missing.begin(), missing.end());
  return {};
}

Status SimStorage::remove_all(std::string_view path) {
  const std::string top = normalize(path);
  std::erase_if(files_, [&](const auto& entry) { return is_at_or_below(entry.first, top); });
  std::erase_if(directories_, [&](const std::string& directory) {
    return directory != "/" && directory != "." && is_at_or_below(directory, top);
  });
  return {};
}

Result<std::vector<std::string>> SimStorage::list_directory(std::string_view path) const {
  const std::string top = normalize(path);
  if (files_.contains(top)) return fail(Errc::kNotDirectory, top + " is a file");
  if (!directories_.contains(top)) return fail(Errc::kNotFound, "no directory " + top);
  std::vector<std::string> names;
  auto add = [&](const std::string& entry) {
    if (entry != top && parent_of(entry) == top)
      names.push_back(std::filesystem::path(entry).filename().string());
  };
  for (const auto& [file, content] : files_) add(file);
  for (const std::string& directory : directories_) add(directory);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> SimStorage::file_paths() const {
  std::vector<std::string> out;
  for (const auto& [path, file] : files_) out.push_back(path);
  return out;
}

uint64_t SimStorage::attach_env() {
  ++live_envs_;
  return ++last_env_;
}

void SimStorage::detach_env(uint64_t number) {
  ATOLL_CHECK(live_envs_ > 0 && number <= last_env_);
  --live_envs_;
  for (auto& [path, file] : files_) file->unlock(number);
}

}  // namespace atl::env
