// Bodies over a simulated cluster: what is written is read, whatever its size, its hint and its
// faults.
#include "client/client.h"

#include <gtest/gtest.h>

#include "client/body_reader.h"
#include "client/body_writer.h"
#include "client/fake_partition.h"
#include "stripe/stripe_metrics.h"
#include "stripe/test_cluster.h"

namespace atl::client {
namespace {

using stripe::pattern;
using stripe::TestCluster;

constexpr uint64_t kFullStripe = 6u << 20;  // 6+2

Task<Result<ns::FileData>> write_body(Client* client, Buf bytes, uint64_t hint, size_t chunk) {
  std::unique_ptr<BodyWriter> writer = client->start_body(hint);
  for (size_t at = 0; at < bytes.size(); at += chunk) {
    const size_t n = std::min(chunk, bytes.size() - at);
    ATOLL_CO_TRY_STATUS(co_await writer->append(bytes.span().subspan(at, n)));
  }
  EXPECT_EQ(writer->size(), bytes.size());
  co_return co_await writer->finish();
}

// As the server does it: into the writer's own memory, in pieces that may come short.
Task<Result<ns::FileData>> write_in_place(Client* client, Buf bytes, size_t want, size_t commit) {
  std::unique_ptr<BodyWriter> writer = client->start_body(bytes.size());
  size_t at = 0;
  while (at < bytes.size()) {
    ATOLL_CO_TRY(const MutableByteSpan room, co_await writer->space(want));
    EXPECT_FALSE(room.empty());
    EXPECT_LE(room.size(), want);
    const size_t n = std::min({room.size(), commit, bytes.size() - at});
    std::memcpy(room.data(), bytes.data() + at, n);
    const Buf held = writer->hold();
    ATOLL_CO_TRY_STATUS(co_await writer->commit(n));
    EXPECT_EQ(std::memcmp(room.data(), bytes.data() + at, n), 0) << "hold() keeps the memory";
    at += n;
  }
  co_return co_await writer->finish();
}

Task<Result<Buf>> read_all(Client* client, ns::ObjectInfo object, uint64_t offset,
                           uint64_t length) {
  std::unique_ptr<BodyReader> reader = client->read_body(std::move(object), offset, length);
  std::vector<Buf> pieces;
  while (true) {
    ATOLL_CO_TRY(Buf piece, co_await reader->next());
    if (piece.empty()) break;
    EXPECT_LE(piece.size(), 1u << 20);
    pieces.push_back(std::move(piece));
  }
  co_return flatten(pieces);
}

Task<void> start_and_drop(Client* client, Buf bytes) {
  std::unique_ptr<BodyWriter> writer = client->start_body(bytes.size() * 2);
  const Status appended = co_await writer->append(bytes.span());
  EXPECT_TRUE(appended.has_value());
}

class ClientTest : public ::testing::Test {
 protected:
  Client& client() { return *client_; }

  ns::FileData write(const Buf& bytes, uint64_t hint, size_t chunk) {
    auto data = cluster_.run(write_body(client_.get(), bytes, hint, chunk));
    EXPECT_TRUE(data.has_value()) << (data ? "" : data.error().to_string());
    return data ? std::move(*data) : ns::FileData();
  }
  static ns::ObjectInfo object_of(const ns::FileData& data) {
    ns::ObjectInfo object;
    object.size = data.size;
    object.extents = data.extents;
    return object;
  }
  ::testing::AssertionResult reads(const ns::FileData& data, const Buf& expected, uint64_t offset,
                                   uint64_t length) {
    auto got = cluster_.run(read_all(client_.get(), object_of(data), offset, length));
    if (!got) return ::testing::AssertionFailure() << got.error().to_string();
    if (got->size() != length)
      return ::testing::AssertionFailure() << got->size() << " bytes instead of " << length;
    if (length != 0 && std::memcmp(got->data(), expected.data() + offset, length) != 0)
      return ::testing::AssertionFailure() << "wrong bytes";
    return ::testing::AssertionSuccess();
  }
  ::testing::AssertionResult reads_whole(const ns::FileData& data, const Buf& expected) {
    return reads(data, expected, 0, expected.size());
  }
  void check_extents(const ns::FileData& data) {
    uint64_t at = 0;
    for (const ns::Extent& extent : data.extents) {
      EXPECT_EQ(extent.offset, at);
      EXPECT_GT(extent.length, 0u);
      at += extent.length;
    }
    EXPECT_EQ(at, data.size);
  }

  static stripe::TestClusterOptions options() {
    stripe::TestClusterOptions out;
    out.device_bytes = 512u << 20;
    return out;
  }

  TestCluster cluster_{options()};
  FakePartition partition_{cluster_.store()};
  std::unique_ptr<Client> client_ =
      std::make_unique<Client>(cluster_.env(), partition_, cluster_.store());
};

TEST_F(ClientTest, SizesAndHintsAndChunks) {
  const uint64_t sizes[] = {1,
                            100,
                            4096,
                            65'535,
                            65'536,
                            65'537,
                            262'144,
                            1u << 20,
                            kFullStripe - 1,
                            kFullStripe,
                            kFullStripe + 1,
                            2 * kFullStripe + 77'777};
  uint64_t seed = 0;
  for (const uint64_t size : sizes)
    for (const uint64_t hint : {size, uint64_t{0}, size / 2, size * 3}) {
      const Buf bytes = pattern(++seed, size);
      const ns::FileData data = write(bytes, hint, seed % 2 == 0 ? 300'000 : 1u << 20);
      EXPECT_EQ(data.size, size);
      check_extents(data);
      EXPECT_TRUE(reads_whole(data, bytes)) << "size " << size << " hint " << hint;
      partition_.discards = 0;
    }
}

TEST_F(ClientTest, AnEmptyBodyHasNoExtents) {
  const ns::FileData data = write(Buf(), 0, 1);
  EXPECT_EQ(data.size, 0u);
  EXPECT_TRUE(data.extents.empty());
  EXPECT_TRUE(reads(data, Buf(), 0, 0));
}

TEST_F(ClientTest, SmallBodiesAreInlineAndCostNoStripe) {
  const uint64_t before = cluster_.shards_stored();
  for (const uint64_t hint : {uint64_t{0}, uint64_t{65'536}, uint64_t{10}}) {
    const ns::FileData data = write(pattern(1, 65'536), hint, 10'000);
    ASSERT_EQ(data.extents.size(), 1u);
    EXPECT_TRUE(data.extents[0].is_inline());
  }
  EXPECT_EQ(cluster_.shards_stored(), before);
}

TEST_F(ClientTest, ALargeBodyIsFullStripesAndATail) {
  const Buf bytes = pattern(3, 2 * kFullStripe + 1000);
  const ns::FileData data = write(bytes, bytes.size(), 1u << 20);
  ASSERT_EQ(data.extents.size(), 3u);
  EXPECT_EQ(data.extents[0].length, kFullStripe);
  EXPECT_EQ(data.extents[1].length, kFullStripe);
  EXPECT_EQ(data.extents[2].length, 1000u);
  for (const ns::Extent& extent : data.extents) EXPECT_FALSE(extent.is_inline());
}

TEST_F(ClientTest, BytesWrittenInPlaceAreNotCopiedAstray) {
  const Buf bytes = pattern(9, 7'000'001);
  for (const size_t commit : {size_t{1000}, size_t{65'000}, size_t{262'144}}) {
    auto data = cluster_.run(write_in_place(client_.get(), bytes, 262'144, commit));
    ASSERT_TRUE(data.has_value()) << data.error().to_string();
    EXPECT_TRUE(reads_whole(*data, bytes));
  }
}

TEST_F(ClientTest, EveryRangeOfABodyOfSeveralKinds) {
  // Inline, a small stripe, an offset into a stripe: as after destaging and joining parts.
  const Buf stripe_bytes = pattern(4, 900'000);
  const Buf small = pattern(5, 40'000);
  const stripe::StripeRef a = cluster_.write(stripe_bytes);
  ns::FileData data;
  data.extents.push_back({0, 40'000, small, {}, 0});
  data.extents.push_back({40'000, 500'000, {}, a, 300'000});
  data.extents.push_back({540'000, 40'000, small, {}, 0});
  data.size = 580'000;
  const std::vector<Buf> pieces = {small, stripe_bytes.slice(300'000, 500'000), small};
  const Buf expected = flatten(pieces);
  const uint64_t edges[] = {0,       1,       39'999,  40'000,  40'001,  262'144, 300'000,
                            524'288, 539'999, 540'000, 540'001, 579'999, 580'000};
  for (const uint64_t begin : edges)
    for (const uint64_t end : edges) {
      if (begin > end) continue;
      EXPECT_TRUE(reads(data, expected, begin, end - begin)) << begin << ".." << end;
    }
}

TEST_F(ClientTest, AHoleIsCorruptNotZeros) {
  ns::FileData data;
  data.extents.push_back({0, 10, pattern(1, 10), {}, 0});
  data.extents.push_back({20, 10, pattern(2, 10), {}, 0});
  data.size = 30;
  auto got = cluster_.run(read_all(client_.get(), object_of(data), 0, 30));
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, Errc::kCorrupt);
}

TEST_F(ClientTest, AnUnfinishedBodyIsDiscarded) {
  const uint64_t before = cluster_.shards_stored();
  cluster_.run(start_and_drop(client_.get(), pattern(6, 2 * kFullStripe + 5)));
  cluster_.env().run_for(10s);
  EXPECT_EQ(partition_.discards, 1);
  EXPECT_EQ(partition_.stripes_discarded, 2);
  EXPECT_EQ(cluster_.shards_stored(), before);
}

// A body that finds the devices full lets room be made, a bounded number of times, and then says
// why.
TEST(ClientRoom, AFullClusterIsAskedForRoomBeforeABodyFails) {
  stripe::TestClusterOptions small;
  small.device_bytes = device::kMinDeviceBytes;
  TestCluster cluster(small);
  FakePartition partition(cluster.store());
  Client client(cluster.env(), partition, cluster.store());
  const Buf bytes = pattern(9, kFullStripe);
  Errc refused{};
  for (int i = 0; i < 200 && refused == Errc{}; ++i) {
    auto data = cluster.run(write_body(&client, bytes, bytes.size(), 1u << 20));
    if (!data) refused = data.error().code;
  }
  EXPECT_EQ(refused, Errc::kNoSpace);
  EXPECT_EQ(partition.rooms_asked, 1) << "there was nothing to win";
  partition.rooms_asked = 0;
  partition.rooms_to_win = 100;  // so it is told, and it is not true
  auto data = cluster.run(write_body(&client, bytes, bytes.size(), 1u << 20));
  ASSERT_FALSE(data.has_value());
  EXPECT_EQ(data.error().code, Errc::kNoSpace);
  EXPECT_EQ(partition.rooms_asked, 3);
}

TEST_F(ClientTest, ABodyOutlivesTheLossOfDomains) {
  const Buf bytes = pattern(7, 2 * kFullStripe);
  const ns::FileData data = write(bytes, bytes.size(), 1u << 20);
  cluster_.mark_failed(2);
  cluster_.mark_failed(5);
  EXPECT_TRUE(reads_whole(data, bytes));
  // A third one is one too many: an error, never wrong bytes.
  cluster_.mark_failed(7);
  auto got = cluster_.run(read_all(client_.get(), object_of(data), 0, data.size));
  ASSERT_FALSE(got.has_value());
}

TEST_F(ClientTest, WritesGoOnAsGroupsBecomeNarrower) {
  const Buf bytes = pattern(8, 3 * kFullStripe);
  cluster_.mark_failed(1);
  const ns::FileData data = write(bytes, bytes.size(), 1u << 20);
  check_extents(data);
  EXPECT_TRUE(reads_whole(data, bytes));
}

Task<void> write_and_count(Client* client, Buf bytes, uint64_t hint, int* done) {
  auto data = co_await write_body(client, std::move(bytes), hint, 512u << 10);
  EXPECT_TRUE(data.has_value()) << (data ? "" : data.error().to_string());
  ++*done;
  if (data) co_await client->root().discard(std::move(*data));
}

// More writers than memory for all: each waits in turn and all end. (A deadlock stops the
// simulation.)
TEST_F(ClientTest, MoreWritersThanMemory) {
  std::vector<Task<void>> tasks;
  int done = 0;
  const int count = 40;
  static_assert(40 * 8 * (1 << 20) > kWriterMemoryMax);
  for (int i = 0; i < count; ++i)
    tasks.push_back(write_and_count(client_.get(), pattern(static_cast<uint64_t>(i), 7u << 20),
                                    i % 2 == 0 ? 7u << 20 : 0, &done));
  cluster_.run(env::when_all(cluster_.env(), std::move(tasks)));
  EXPECT_EQ(done, count);
}

Task<void> read_slowly(env::Env* env, Client* client, ns::ObjectInfo object, Buf expected,
                       int* done) {
  std::unique_ptr<BodyReader> reader = client->read_body(std::move(object), 0, expected.size());
  size_t at = 0;
  while (true) {
    auto piece = co_await reader->next();
    EXPECT_TRUE(piece.has_value()) << (piece ? "" : piece.error().to_string());
    if (!piece || piece->empty()) break;
    EXPECT_EQ(std::memcmp(piece->data(), expected.data() + at, piece->size()), 0);
    at += piece->size();
    co_await env->sleep(5ms);
  }
  EXPECT_EQ(at, expected.size());
  ++*done;
}

TEST_F(ClientTest, MoreReadersThanMemory) {
  const Buf bytes = pattern(11, 2u << 20);
  const ns::FileData data = write(bytes, bytes.size(), 1u << 20);
  std::vector<Task<void>> tasks;
  int done = 0;
  const int count = 600;
  static_assert(600 * uint64_t{kReadPieceBytes} > kReaderMemoryMax);
  for (int i = 0; i < count; ++i)
    tasks.push_back(read_slowly(&cluster_.env(), client_.get(), object_of(data), bytes, &done));
  cluster_.run(env::when_all(cluster_.env(), std::move(tasks)));
  EXPECT_EQ(done, count);
}

TEST_F(ClientTest, ManyReadersReadOnePieceAheadEach) {
  const Buf bytes = pattern(13, 4u << 20);
  const ns::FileData data = write(bytes, bytes.size(), 1u << 20);
  auto& reads = stripe::StripeMetrics::get().reads;
  std::vector<std::unique_ptr<BodyReader>> readers;
  const auto read_by_another = [&] {
    const uint64_t before = reads.value();
    readers.push_back(client().read_body(object_of(data), 0, data.size));
    EXPECT_TRUE(cluster_.run(readers.back()->next()).has_value());
    cluster_.env().run_for(1s);
    return reads.value() - before;
  };
  EXPECT_EQ(read_by_another(), kReadsInFlightMax);
  while (readers.size() * kReadsInFlightMax * kReadPieceBytes < kReadAheadShared)
    (void)read_by_another();
  EXPECT_EQ(read_by_another(), 1u);
}

TEST_F(ClientTest, AReaderMayBeDroppedHalfWay) {
  const Buf bytes = pattern(12, 4u << 20);
  const ns::FileData data = write(bytes, bytes.size(), 1u << 20);
  auto reader = client().read_body(object_of(data), 0, data.size);
  auto first = cluster_.run(reader->next());
  ASSERT_TRUE(first.has_value());
  reader.reset();
  cluster_.env().run_for(1s);  // the reads that were ahead end by themselves
  EXPECT_TRUE(reads_whole(data, bytes));
}

}  // namespace
}  // namespace atl::client
