#include "view_disk.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/probe.h"

namespace atl::sim {
namespace {

void must(const rocksdb::Status& status) {
  ATOLL_CHECK(status.ok(), status.ToString());
}

void copy_folder(rocksdb::Env& from, rocksdb::Env& to, const std::string& path, env::Random& random,
                 bool damage) {
  std::vector<std::string> children;
  if (!from.GetChildren(path, &children).ok()) return;
  std::sort(children.begin(), children.end());
  for (const std::string& name : children) {
    if (name == "." || name == ".." || name == "LOCK") continue;
    const std::string child = path == "/" ? path + name : path + "/" + name;
    std::vector<std::string> below;
    if (from.GetChildren(child, &below).ok() && !below.empty()) {
      must(to.CreateDirIfMissing(child));
      copy_folder(from, to, child, random, damage);
      continue;
    }
    std::string bytes;
    if (!rocksdb::ReadFileToString(&from, child, &bytes).ok()) continue;
    if (damage && !bytes.empty() && random.chance(0.3)) {
      ATOLL_PROBE("sim: view file damaged");
      if (random.chance(0.5)) {
        bytes.resize(random.below(bytes.size()));
      } else {
        bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
      }
    }
    must(rocksdb::WriteStringToFile(&to, bytes, child, false));
  }
}

}  // namespace

std::shared_ptr<rocksdb::Env> make_view_disk() {
  // Leaked: abandoned RocksDB instances of crashed worlds hold on to it.
  return {rocksdb::NewMemEnv(rocksdb::Env::Default()), [](rocksdb::Env*) {}};
}

std::shared_ptr<rocksdb::Env> copy_view_disk(rocksdb::Env& old, env::Random& random,
                                             ViewDamage damage) {
  std::shared_ptr<rocksdb::Env> fresh = make_view_disk();
  if (damage != ViewDamage::kGone)
    copy_folder(old, *fresh, "/atoll", random, damage == ViewDamage::kDamaged);
  return fresh;
}

}  // namespace atl::sim
