#include "workload.h"

#include <algorithm>

#include "base/check.h"
#include "base/probe.h"

namespace atl::sim {
namespace {

constexpr uint64_t kPartBytesMax = 400'000;

// The longest a client rests between two changes. Churn is short enough to fill the devices several
// times between two faults, and no shorter: what a seed costs goes with the bytes it moves.
constexpr Nanos kPauseMax = 60ms;
constexpr Nanos kChurnPauseMax = 25ms;

// Sizes as users have them: many small, some packed, a few that fill stripes.
uint64_t draw_size(env::Random& random, const WorkloadOptions& options) {
  const uint64_t large_max = options.large_max;
  if (options.churn && random.chance(0.6)) return random.between(large_max / 4, large_max);
  switch (random.below(10)) {
    case 0:
      return 0;
    case 1:
    case 2:
    case 3:
    case 4:
      return random.between(1, 6000);
    case 5:
    case 6:
      return random.between(6000, 64 << 10);
    case 7:
    case 8:
      return random.between(64 << 10, 400'000);
    default:
      return random.between(400'000, large_max);
  }
}

// The outcome of these is known: nothing was done.
bool surely_refused(Errc code) {
  return code == Errc::kNoSpace || code == Errc::kInvalidArgument || code == Errc::kConflict ||
         code == Errc::kTooLarge || code == Errc::kBusy || code == Errc::kNotFound;
}

std::string etag_of(Value value) {
  return fmt::format("put-{}-{}", value.put, value.size);
}

Value value_of(const ns::ObjectInfo& object) {
  Value value;
  unsigned long long put = 0, size = 0;
  if (std::sscanf(object.meta.etag.c_str(), "put-%llu-%llu", &put, &size) == 2) {
    value.put = put;
    value.size = size;
  }
  return value;
}

}  // namespace

struct Workload::Crew {
  bool stopping = false;
  int working = 0;
  env::Event ended;
};

Workload::Workload(World& world, WorkloadOptions options) : world_(world), options_(options) {
  static constexpr const char* kOdd[] = {"a",  "a/b", "a/b/c", "a//b",
                                         "/a", "a/",  "../x",  "a b+c%2F"};
  const int count = options_.clients * options_.keys_per_client;
  for (int i = 0; i < count; ++i) {
    if (i < static_cast<int>(std::size(kOdd))) {
      names_.push_back(kOdd[i]);
    } else {
      names_.push_back(fmt::format("dir-{}/key-{}", i % 3, i));
    }
  }
}

std::string Workload::key_name(int client, int index) const {
  return names_[static_cast<size_t>(client + index * options_.clients)];
}

void Workload::start() {
  ATOLL_CHECK(crew_ == nullptr);
  auto made = world_.run(world_.cluster().partition().create_bucket(kBucket, "sim"));
  if (!made && made.error().code != Errc::kExists)
    world_.violation("create bucket: " + made.error().to_string());
  crew_ = new Crew;  // leaked if the machine crashes
  for (int c = 0; c < options_.clients; ++c) {
    ++crew_->working;
    world_.env().spawn("client", client_loop(crew_, c, world_.random().next()));
  }
  for (int r = 0; r < options_.readers; ++r) {
    ++crew_->working;
    world_.env().spawn("reader", reader_loop(crew_, world_.random().next()));
  }
}

namespace {
Task<void> wait_for(env::Event* event) {
  co_await event->wait();
}
}  // namespace

void Workload::stop() {
  if (crew_ == nullptr) return;
  crew_->stopping = true;
  if (world_.up()) {
    world_.run(wait_for(&crew_->ended));
    delete crew_;
  }
  crew_ = nullptr;
}

Task<void> Workload::client_loop(Crew* crew, int client, uint64_t seed) {
  env::Random random(seed);
  while (!crew->stopping) {
    std::string key = key_name(client, static_cast<int>(random.below(options_.keys_per_client)));
    co_await one_change(crew, &random, key);
    const Nanos pause = options_.churn ? kChurnPauseMax : kPauseMax;
    co_await world_.env().sleep(random.between(Nanos(0), pause));
  }
  if (--crew->working == 0) crew->ended.set();
}

Task<void> Workload::one_change(Crew* crew, env::Random* random, std::string key) {
  KeyModel& model = model_.key(key);
  ++operations_;
  const uint64_t kind = random->below(10);
  if (kind < 2) {
    const size_t change = model.start(Value{});
    ns::Conditions none;
    Status deleted = co_await world_.cluster().partition().delete_object(kBucket, key, none);
    if (deleted || deleted.error().code == Errc::kNotFound) {
      model.acknowledge(change);
      ++acknowledged_;
    } else if (surely_refused(deleted.error().code)) {
      model.refuse(change);
    }
    co_return;
  }
  Value value;
  value.put = model_.next_put();
  value.size = draw_size(*random, options_);
  const size_t change = model.start(value);
  Status done;
  if (kind == 9 && value.size > 0) {
    done = co_await put_in_parts(key, value, random);
  } else {
    done = co_await put(key, value, random);
  }
  if (done) {
    model.acknowledge(change);
    ++acknowledged_;
  } else if (surely_refused(done.error().code)) {
    model.refuse(change);
  } else {
    ATOLL_PROBE("sim: change with unknown outcome");
    co_await world_.env().sleep(random->between(Nanos(1ms), Nanos(200ms)));
  }
  (void)crew;
}

Task<Result<ns::FileData>> Workload::store_body(uint64_t put, uint64_t offset, uint64_t size,
                                                env::Random* random) {
  std::unique_ptr<client::BodyWriter> writer =
      world_.cluster().client().start_body(random->chance(0.5) ? size : 0);
  for (uint64_t done = 0; done < size;) {
    ATOLL_CO_TRY(MutableByteSpan space,
                 co_await writer->space(std::min<uint64_t>(size - done, 64 << 10)));
    const size_t n = std::min<uint64_t>(space.size(), size - done);
    fill_content(put, offset + done, space.first(n));
    ATOLL_CO_TRY_STATUS(co_await writer->commit(n));
    done += n;
  }
  co_return co_await writer->finish();
}

Task<Status> Workload::put(std::string key, Value value, env::Random* random) {
  ATOLL_CO_TRY(ns::FileData data, co_await store_body(value.put, 0, value.size, random));
  ns::ObjectMeta meta;
  meta.etag = etag_of(value);
  ns::Conditions none;
  ns::FileData kept = data;
  auto result =
      co_await world_.cluster().partition().put_object(kBucket, key, meta, std::move(data), none);
  if (!result) {
    if (surely_refused(result.error().code))
      co_await world_.cluster().partition().discard(std::move(kept));
    co_return fail(result.error());
  }
  co_return Status{};
}

Task<Status> Workload::put_in_parts(std::string key, Value value, env::Random* random) {
  ns::Partition& partition = world_.cluster().partition();
  ns::UploadInfo wanted;
  ATOLL_CO_TRY(ns::UploadInfo upload, co_await partition.create_upload(kBucket, key, wanted));
  std::vector<ns::CompletedPart> parts;
  uint32_t number = 0;
  for (uint64_t offset = 0; offset < value.size;) {
    const uint64_t size =
        std::min<uint64_t>(value.size - offset, random->between(1, kPartBytesMax));
    ATOLL_CO_TRY(ns::FileData data, co_await store_body(value.put, offset, size, random));
    ns::PartInfo part;
    part.number = ++number;
    part.size = size;
    part.etag = fmt::format("part-{}", number);
    ATOLL_CO_TRY(ns::PartInfo stored, co_await partition.put_part(kBucket, key, upload.upload_id,
                                                                  part, std::move(data)));
    ns::CompletedPart completed;
    completed.number = stored.number;
    completed.etag = part.etag;
    parts.push_back(completed);
    offset += size;
  }
  ns::ObjectMeta meta;
  meta.etag = etag_of(value);
  ns::Conditions none;
  ATOLL_CO_TRY(ns::PutResult put, co_await partition.complete_upload(kBucket, key, upload.upload_id,
                                                                     parts, meta, none));
  (void)put;
  co_return Status{};
}

Task<void> Workload::reader_loop(Crew* crew, uint64_t seed) {
  env::Random random(seed);
  while (!crew->stopping) {
    co_await check_read(names_[random.below(names_.size())], false, "under load");
    co_await world_.env().sleep(random.between(Nanos(0), Nanos(80ms)));
  }
  if (--crew->working == 0) crew->ended.set();
}

// strict: nothing else is going on and everything should work, so an error is a violation too.
Task<void> Workload::check_read(std::string key, bool strict, std::string when) {
  KeyModel& model = model_.key(key);
  const size_t mark = model.mark();
  auto object = co_await world_.cluster().partition().get_object(kBucket, key, true);
  Value seen;
  if (object) {
    seen = value_of(*object);
    if (object->size != seen.size)
      world_.violation(fmt::format("{}: '{}' has size {} but its put wrote {}", when, key,
                                   object->size, seen.size));
  } else if (object.error().code != Errc::kNotFound) {
    if (strict)
      world_.violation(
          fmt::format("{}: '{}' cannot be looked up: {}", when, key, object.error().to_string()));
    co_return;
  }
  if (!model.may_see(mark, seen))
    world_.violation(fmt::format("{}: '{}' shows put {} but may only show {}", when, key, seen.put,
                                 model.describe()));
  if (object) {
    std::unique_ptr<client::BodyReader> reader =
        world_.cluster().client().read_body(std::move(*object), 0, seen.size);
    uint64_t offset = 0;
    while (true) {
      Result<Buf> piece = co_await reader->next();
      if (!piece) {
        // Replaced or deleted meanwhile or not: what was opened stays until it is read.
        const bool gone =
            piece.error().code == Errc::kNotFound || piece.error().code == Errc::kCorrupt;
        if (strict || gone)
          world_.violation(fmt::format("{}: '{}' cannot be read at {}: {}", when, key, offset,
                                       piece.error().to_string()));
        co_return;
      }
      if (piece->empty()) break;
      if (auto at = first_difference(seen.put, offset, piece->span()))
        world_.violation(fmt::format("{}: '{}' (put {}) has a wrong byte at {}", when, key,
                                     seen.put, offset + *at));
      offset += piece->size();
    }
    if (offset != seen.size)
      world_.violation(fmt::format("{}: '{}' ends at {} of {}", when, key, offset, seen.size));
  }
  if (strict) model.settle(seen);
}

Task<void> Workload::check_listing(std::string when) {
  std::vector<std::string> expected;
  for (auto& [name, model] : model_.keys())
    if (model.current().put != 0) expected.push_back(name);
  std::sort(expected.begin(), expected.end());
  std::vector<std::string> seen;
  ns::ListRequest request;
  request.max_entries = 3;  // many pages
  while (true) {
    auto page = co_await world_.cluster().partition().list(kBucket, request);
    if (!page) world_.violation(when + ": list: " + page.error().to_string());
    for (const ns::ListEntry& entry : page->entries) seen.push_back(entry.key);
    if (!page->truncated || page->entries.empty()) break;
    request.after = page->entries.back().key;
  }
  if (seen != expected)
    world_.violation(fmt::format("{}: the listing has {} keys, {} are there: [{}] against [{}]",
                                 when, seen.size(), expected.size(), fmt::join(seen, ", "),
                                 fmt::join(expected, ", ")));
}

void Workload::verify_everything(const std::string& when) {
  ATOLL_CHECK(crew_ == nullptr);
  for (const std::string& name : names_) world_.run(check_read(name, true, when));
  world_.run(check_listing(when));
  auto problems = world_.run(world_.cluster().partition().check_consistency());
  if (!problems)
    world_.violation(when + ": consistency cannot be checked: " + problems.error().to_string());
  if (!problems->empty())
    world_.violation(
        fmt::format("{}: the namespace is inconsistent: {}", when, fmt::join(*problems, "; ")));
  world_.note("verified " + when);
}

}  // namespace atl::sim
