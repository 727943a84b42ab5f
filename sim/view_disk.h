// RocksDB's folder in the simulated world: an in-memory RocksDB environment, and what is left of it
// after a crash. The folder is never trusted (promise 3), so anything may happen to it.
#pragma once

#include <memory>

#include <rocksdb/env.h>

#include "env/random.h"

namespace atl::sim {

enum class ViewDamage { kNone, kDamaged, kGone };

std::shared_ptr<rocksdb::Env> make_view_disk();
// A new disk with the old one's files, some of them cut or with a flipped bit when kDamaged. The
// old one may still be held by an abandoned RocksDB, locks and all: it is left alone.
std::shared_ptr<rocksdb::Env> copy_view_disk(rocksdb::Env& old, env::Random& random,
                                             ViewDamage damage);

}  // namespace atl::sim
