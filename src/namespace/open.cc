// Partition::open on the real journal and stripes.
#include "namespace/partition_impl.h"

namespace atl::ns {

namespace {

class StoreStripes final : public Stripes {
 public:
  explicit StoreStripes(stripe::StripeStore& store) : store_(store) {}
  uint32_t full_stripe_bytes() const override { return store_.full_stripe_bytes(); }
  Task<Result<stripe::StripeRef>> write(Buf data, device::WriteClass write_class) override {
    return store_.write(std::move(data), write_class);
  }
  Task<Result<std::vector<Buf>>> read(stripe::StripeRef ref, uint32_t offset,
                                      uint32_t length) override {
    return store_.read(ref, offset, length);
  }
  Task<Status> free(stripe::StripeRef ref) override { return store_.free(ref); }
  void settle(StripeId id) override { store_.settle(id); }

 private:
  stripe::StripeStore& store_;
};

}  // namespace

Task<Result<std::unique_ptr<Partition>>> Partition::open(cluster::ClusterView& view,
                                                         stripe::StripeStore& store,
                                                         PartitionOptions options) {
  options = sized_for(view.map(), std::move(options));
  const journal::JournalOptions journal_options{options.journal_segment_bytes};
  auto stripes = std::make_unique<StoreStripes>(store);
  PartitionPorts ports{
      .env = view.env(),
      .stripes = *stripes,
      .cluster = view.map().cluster,
      .take_over = [&view, journal_options, id = options.id, owner = options.owner]() {
        return journal::Journal::take_over(view, id, owner, journal_options);
      }};
  auto partition = std::make_unique<PartitionImpl>(std::move(ports), std::move(options));
  partition->own(std::move(stripes));
  const Status started = co_await partition->start();
  if (!started) co_return fail(started.error());
  co_return std::unique_ptr<Partition>(std::move(partition));
}

}  // namespace atl::ns
