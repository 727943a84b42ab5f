#include "stripe/gather.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bug.h"
#include "base/probe.h"

namespace atl::stripe {

Gather::Gather(StorePtr store, std::shared_ptr<const cluster::ClusterMap> map, StripeRef stripe,
               const cluster::Group* group, env::ReadMode mode)
    : store_(std::move(store)),
      map_(std::move(map)),
      stripe_(stripe),
      group_(group),
      mode_(mode),
      geometry_(Geometry::of(stripe.data_length, group->protection)),
      slots_(group->slots.size()) {}

Task<Status> Gather::run(std::vector<Want> wants) {
  ATOLL_CHECK(parts_.empty() && !wants.empty());
  wants_ = std::move(wants);
  for (const Want& want : wants_)
    if (want.direct && usable(want.shard)) launch(want.shard, want.range);
  bool complete = all_satisfied();
  while (!complete) {
    reconstruct_or_launch();
    complete = all_satisfied();
    if (complete) break;
    if (!any_pending()) break;
    changed_.reset();
    co_await changed_.wait();
    complete = all_satisfied();
  }
  if (!complete) {
    const Status rescued = co_await run_block_by_block();
    if (!rescued) co_return fail(rescued.error());
  }
  if (!nested_) queue_repairs();
  co_return Status{};
}

Buf Gather::bytes(uint32_t shard, uint32_t offset, uint32_t length) const {
  const BlockRange needed{offset, offset + length};
  const Part* part = find_part(shard, needed, PartState::kGood);
  ATOLL_CHECK(part != nullptr, "asked for bytes that were not gathered");
  return part->bytes.slice(offset - part->range.begin, length);
}

bool Gather::usable(uint32_t shard) const {
  return !slots_[shard].bad && store_->view.readable(group_->slots[shard]);
}

const Gather::Part* Gather::find_part(uint32_t shard, BlockRange range, PartState state) const {
  for (const Part& part : parts_)
    if (part.shard == shard && part.state == state && part.range.covers(range)) return &part;
  return nullptr;
}

bool Gather::satisfied(const Want& want) const {
  return find_part(want.shard, want.range, PartState::kGood) != nullptr;
}

bool Gather::all_satisfied() const {
  return std::all_of(wants_.begin(), wants_.end(), [this](const Want& w) { return satisfied(w); });
}

bool Gather::any_pending() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.state == PartState::kPending; });
}

void Gather::launch(uint32_t shard, BlockRange range) {
  ATOLL_CHECK(!range.empty() && range.end <= geometry_.shard_length);
  Part part{shard, range};
  part.launched = store_->env().now();
  parts_.push_back(std::move(part));
  store_->env().spawn("stripe.fetch", fetch(shared_from_this(), parts_.size() - 1));
  if (watching_) return;
  watching_ = true;
  store_->hedges.watch(weak_from_this());
}

Task<void> Gather::fetch(std::shared_ptr<Gather> self, size_t part) {
  const uint32_t shard = self->parts_[part].shard;
  const BlockRange range = self->parts_[part].range;
  const DeviceId device = self->group_->slots[shard];
  device::DeviceClient* client = self->store_->view.client(device);
  Error error(Errc::kUnavailable, "the device is not in the map");
  bool good = false;
  if (client != nullptr) {
    const device::ShardKey key{self->stripe_.id, static_cast<uint8_t>(shard)};
    auto answer = co_await client->read_shard(key, range.begin, range.length(), self->mode_);
    const Status accepted =
        answer ? self->accept(part, std::move(*answer)) : Status(fail(std::move(answer).error()));
    good = accepted.has_value();
    if (good) self->store_->hedges.note(self->store_->env().now() - self->parts_[part].launched);
    if (!good) error = accepted.error();
    // The shard is shorter than the reference says.
    if (error.code == Errc::kInvalidArgument) error.code = Errc::kCorrupt;
  }
  if (!good) {
    self->parts_[part].state = PartState::kBad;
    self->note_bad(shard, error);
  }
  self->changed_.set();
  // The reader does not wait for the coordinator.
  if (!good) co_await self->store_->view.report_failure(device, error);
}

// Takes the answer of a device once every block matches the checksum that was computed when the
// bytes came in. Sizes are checked first: a device is not trusted with them either.
Status Gather::accept(size_t index, device::ShardPart answer) {
  Part& part = parts_[index];
  const size_t size = answer.bytes.size();
  if (answer.shard_length != geometry_.shard_length)
    return fail(Errc::kCorrupt, fmt::format("the shard is {} bytes long instead of {}",
                                            answer.shard_length, geometry_.shard_length));
  if (answer.offset % kChecksumBlockSize != 0 || answer.offset > part.range.begin ||
      size > geometry_.shard_length - answer.offset || answer.offset + size < part.range.end ||
      answer.block_crcs.size() != div_ceil(size, kChecksumBlockSize))
    return fail(Errc::kCorrupt, "the device answered with another range than it was asked for");
  for (size_t i = 0; i < answer.block_crcs.size(); ++i) {
    const size_t begin = i * kChecksumBlockSize;
    const ByteSpan block =
        answer.bytes.span().subspan(begin, std::min(kChecksumBlockSize, size - begin));
    if (planted(PlantedBug::kSkipReadChecksum)) continue;
    if (crc32c(block) != answer.block_crcs[i])
      return fail(Errc::kCorrupt,
                  fmt::format("block at {} does not match its checksum", answer.offset + begin));
  }
  part.bytes = answer.bytes.slice(part.range.begin - answer.offset, part.range.length());
  part.state = PartState::kGood;
  return {};
}

void Gather::note_bad(uint32_t shard, const Error& error) {
  Slot& slot = slots_[shard];
  if (slot.bad) return;
  slot.bad = true;
  slot.why = error.code;
  if (error.code != Errc::kCorrupt || nested_) return;
  ATOLL_PROBE("stripe.corrupt_shard_met");
  store_->metrics.corrupt_shards.add();
  ATOLL_LOG(kError, "stripe", "corrupt shard",
            {{"stripe", stripe_.id},
             {"shard", shard},
             {"device", group_->slots[shard]},
             {"reason", error.message}});
}

void Gather::hedge_due() {
  bool late = false;
  watching_ = false;
  const Nanos launched_before = store_->env().now() - store_->hedges.delay();
  for (Part& part : parts_) {
    if (part.state != PartState::kPending || part.late) continue;
    if (part.launched <= launched_before)
      part.late = late = true;
    else
      watching_ = true;  // its own time has not come
  }
  if (watching_) store_->hedges.watch(weak_from_this());
  if (!late) return;
  if (!hedged_) {
    ATOLL_PROBE("stripe.read_hedged");
    hedged_ = true;
    store_->metrics.hedged_reads.add();
  }
  changed_.set();
}

Error Gather::failure() const {
  uint32_t down = 0;
  uint32_t missing = 0;
  uint32_t corrupt = 0;
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    const bool readable = store_->view.readable(group_->slots[i]);
    if (slots_[i].bad && slots_[i].why == Errc::kNotFound)
      ++missing;
    else if (slots_[i].bad && slots_[i].why == Errc::kCorrupt)
      ++corrupt;
    else if (slots_[i].bad || !readable)
      ++down;
  }
  const uint32_t lost = missing + corrupt;
  const uint32_t good = geometry_.width() - lost - down;
  const std::string what = fmt::format(
      "stripe {}: {} of {} shards can be read, {} are needed ({} missing, {} corrupt, {} on "
      "devices that are down)",
      stripe_.id, good, geometry_.width(), geometry_.k, missing, corrupt, down);
  if (missing > geometry_.m && good == 0 && corrupt == 0)
    return Error(Errc::kNotFound, fmt::format("stripe {} was freed", stripe_.id));
  if (good + down >= geometry_.k && down > 0) return Error(Errc::kUnavailable, what);
  return Error(Errc::kCorrupt, what);
}

void Gather::queue_repairs() {
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (!slot.bad || slot.reported) continue;
    slot.reported = true;
    const cluster::DeviceEntry* device = store_->view.map().find_device(group_->slots[i]);
    if (device == nullptr || !store_->view.readable(device->id)) continue;
    if (slot.why == Errc::kCorrupt) {
      store_->repairs.push({stripe_, i});
    } else if (slot.why == Errc::kNotFound && !device->needs_rebuild) {
      ATOLL_PROBE("stripe.missing_shard_met");
      store_->metrics.missing_shards.add();
      if (store_->repairs.push({stripe_, i}))
        ATOLL_LOG(kError, "stripe", "missing shard",
                  {{"stripe", stripe_.id}, {"shard", i}, {"device", device->id}});
    }
  }
}

}  // namespace atl::stripe
