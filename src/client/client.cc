#include "client/client.h"

#include "client/body_reader.h"
#include "client/body_writer.h"

namespace atl::client {

struct Client::Impl {
  std::shared_ptr<Shared> shared;
};

Client::Client(env::Env& env, ns::Partition& partition, stripe::StripeStore& store)
    : impl_(std::make_unique<Impl>(
          Impl{std::shared_ptr<Shared>(new Shared{env, partition, store})})) {}

Client::~Client() = default;

// One partition today; the bucket will choose among them.
ns::Partition& Client::partition_of(const std::string&) {
  return impl_->shared->partition;
}
ns::Partition& Client::root() {
  return impl_->shared->partition;
}

std::unique_ptr<BodyWriter> Client::start_body(uint64_t size_hint) {
  return make_body_writer(impl_->shared, size_hint);
}

std::unique_ptr<BodyReader> Client::read_body(ns::ObjectInfo object, uint64_t offset,
                                              uint64_t length) {
  return make_body_reader(impl_->shared, std::move(object), offset, length);
}

}  // namespace atl::client
