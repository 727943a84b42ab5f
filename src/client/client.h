// The one way in for every door (S3, later NFS and FUSE): namespace calls routed to the partition
// that owns them, and data moved between callers and stripes.
//
// Bodies: `BodyWriter` takes bytes as they come, keeps up to kInlineBytesMax as inline data, and
// otherwise writes full stripes while the next one fills: at most two on their way and one being
// filled. `BodyReader` reads up to 2 MiB ahead. All together they hold at most kBodyMemoryMax: past
// it, they wait in turn (back-pressure; memory.h says why they cannot wait for ever).
#pragma once

#include <memory>
#include <string>

#include "client/body.h"
#include "namespace/partition.h"
#include "stripe/stripe.h"

namespace atl::client {

class Client {
 public:
  Client(env::Env& env, ns::Partition& partition, stripe::StripeStore& store);
  ~Client();

  // The partition that owns a bucket. (One today; callers must not keep it.)
  ns::Partition& partition_of(const std::string& bucket);
  ns::Partition& root();  // list_buckets and friends

  // `size_hint`: the body's size if known, else 0.
  std::unique_ptr<BodyWriter> start_body(uint64_t size_hint);
  // Bytes [offset, offset + length) of a looked-up object (with extents).
  std::unique_ptr<BodyReader> read_body(ns::ObjectInfo object, uint64_t offset, uint64_t length);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace atl::client
