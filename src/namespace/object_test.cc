#include "base/planted_bug.h"
#include "namespace/test_partition.h"

namespace atl::ns {
namespace {

struct ObjectTest : testing::Test {
  void SetUp() override {
    ASSERT_TRUE(t.open());
    t.make_bucket("b");
  }
  TestPartition t;
};

TEST_F(ObjectTest, PutGetReplaceDelete) {
  EXPECT_EQ(t.get("b", "k").error().code, Errc::kNotFound);
  ObjectMeta meta = meta_of("0123456789abcdef0123456789abcdef");
  meta.headers["content-type"] = "text/plain";
  meta.user_metadata["colour"] = "blue";
  meta.tags = {{"t", "1"}};
  meta.storage_class = "STANDARD_IA";
  meta.checksum = {ChecksumAlgorithm::kCrc32c, false, std::string("\x01\x02\x03\x04", 4)};
  ASSERT_TRUE(t.put("b", "k", "hello", {}, meta));
  EXPECT_EQ(*t.get("b", "k"), "hello");
  auto info = t.head("b", "k");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->size, 5u);
  EXPECT_EQ(info->meta.etag, meta.etag);
  EXPECT_EQ(info->meta.headers, meta.headers);
  EXPECT_EQ(info->meta.user_metadata, meta.user_metadata);
  EXPECT_EQ(info->meta.tags, meta.tags);
  EXPECT_EQ(info->meta.storage_class, meta.storage_class);
  EXPECT_EQ(info->meta.checksum, meta.checksum);
  EXPECT_TRUE(info->extents.empty());

  ASSERT_TRUE(t.put("b", "k", "other"));
  EXPECT_EQ(*t.get("b", "k"), "other");
  EXPECT_NE(t.head("b", "k")->inode, info->inode);
  EXPECT_EQ(t.partition->stats().objects, 1u);
  EXPECT_EQ(t.partition->stats().bytes, 5u);
  EXPECT_EQ(t.partition->stats().inline_bytes, 5u);
  ASSERT_TRUE(t.remove("b", "k"));
  EXPECT_EQ(t.remove("b", "k").error().code, Errc::kNotFound);
  EXPECT_EQ(t.partition->stats().inline_bytes, 0u);
  t.expect_consistent();
}

TEST_F(ObjectTest, KeysThatAreNoPaths) {
  const std::vector<std::string> keys = {"a//b",
                                         "/a",
                                         "a/",
                                         "a",
                                         "a/b",
                                         "../x",
                                         "x/../y",
                                         "./x",
                                         ".",
                                         "..",
                                         "/",
                                         "//",
                                         "a/./",
                                         std::string(1024, 'k'),
                                         std::string(300, 's') + "/x",
                                         "x/" + std::string(256, 's') + "/",
                                         std::string(255, 's'),
                                         "\x01",
                                         "\xff\xff",
                                         "\xff/",
                                         "caf\xc3\xa9/\xe2\x98\x83",
                                         " ",
                                         "a b/c d"};
  std::string deep;
  for (int i = 0; i < 511; ++i) deep += "d/";
  std::vector<std::string> all = keys;
  all.push_back(deep + "f");
  all.push_back(deep);
  for (size_t i = 0; i < all.size(); ++i)
    ASSERT_TRUE(t.put("b", all[i], body_of(10 + i, i))) << all[i];
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(*t.get("b", all[i]), body_of(10 + i, i)) << all[i];
  std::vector<std::string> sorted = all;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(t.keys("b"), sorted);
  t.expect_consistent();
  t.restart();
  EXPECT_EQ(t.keys("b"), sorted);
  for (const std::string& key : all) EXPECT_TRUE(t.remove("b", key)) << key;
  EXPECT_TRUE(t.keys("b").empty());
  EXPECT_TRUE(t.env.run(t.partition->delete_bucket("b")));
  t.expect_consistent();

  for (const std::string& bad : {std::string(), std::string("a\0b", 3)})
    EXPECT_EQ(t.put("b", bad, "").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(t.put("b", std::string(1025, 'k'), "").error().code, Errc::kTooLarge);
}

TEST_F(ObjectTest, ParentsComeAndGo) {
  ASSERT_TRUE(t.put("b", "p/q/r/file", "1"));
  ASSERT_TRUE(t.put("b", "p/q/", "marker"));
  ASSERT_TRUE(t.remove("b", "p/q/r/file"));
  t.expect_consistent();  // r is gone, q has its marker
  EXPECT_EQ(t.keys("b"), std::vector<std::string>{"p/q/"});
  EXPECT_EQ(t.get("b", "p/").error().code, Errc::kNotFound);
  ASSERT_TRUE(t.remove("b", "p/q/"));
  t.expect_consistent();
  EXPECT_TRUE(t.env.run(t.partition->delete_bucket("b")));
}

TEST_F(ObjectTest, Conditions) {
  EXPECT_EQ(t.put("b", "k", "1", {.if_match = "x", .if_none_match = {}}).error().code,
            Errc::kNotFound);
  ASSERT_TRUE(t.put("b", "k", "1", {.if_match = {}, .if_none_match = "*"}, meta_of("one")));
  EXPECT_EQ(t.put("b", "k", "2", {.if_match = {}, .if_none_match = "*"}).error().code,
            Errc::kConflict);
  EXPECT_EQ(t.put("b", "k", "2", {.if_match = "two", .if_none_match = {}}).error().code,
            Errc::kConflict);
  EXPECT_EQ(t.put("b", "k", "2", {.if_match = {}, .if_none_match = "one"}).error().code,
            Errc::kConflict);
  ASSERT_TRUE(t.put("b", "k", "2", {.if_match = "one", .if_none_match = "two"}, meta_of("two")));
  ASSERT_TRUE(t.put("b", "k", "3", {.if_match = "*", .if_none_match = {}}, meta_of("three")));
  EXPECT_EQ(t.env.run(t.partition->delete_object("b", "k", {.if_match = "x", .if_none_match = {}}))
                .error()
                .code,
            Errc::kConflict);
  EXPECT_EQ(*t.get("b", "k"), "3");
  EXPECT_TRUE(
      t.env.run(t.partition->delete_object("b", "k", {.if_match = "three", .if_none_match = {}})));
}

Task<int> race(PartitionImpl* partition, env::Env* env, int writers) {
  std::vector<Task<Result<PutResult>>> tasks;
  for (int i = 0; i < writers; ++i)
    tasks.push_back(partition->put_object("b", "one", meta_of(fmt::format("e{}", i)),
                                          inline_data(fmt::format("{}", i)),
                                          {.if_match = {}, .if_none_match = "*"}));
  const std::vector<Result<PutResult>> all = co_await env::when_all(*env, std::move(tasks));
  int won = 0;
  for (const auto& result : all) {
    won += result.has_value();
    if (!result) {
      EXPECT_EQ(result.error().code, Errc::kConflict);
    }
  }
  co_return won;
}

TEST_F(ObjectTest, OneOfManyConcurrentCreatesWins) {
  EXPECT_EQ(t.env.run(race(t.partition.get(), &t.env, 50)), 1);
  EXPECT_LT(t.log->entries.size(), 10u) << "changes that wait together commit together";
  EXPECT_EQ(t.keys("b").size(), 1u);
  t.expect_consistent();
}

TEST_F(ObjectTest, CopyMetadataTagsAndSelf) {
  ObjectMeta meta = meta_of("e1");
  meta.headers["content-type"] = "a/b";
  ASSERT_TRUE(t.put("b", "from", "bytes", {}, meta));
  ASSERT_TRUE(t.put_striped("b", "big", body_of(700'000, 3)));
  const uint64_t stored = t.stripes.stored_bytes();
  const auto copy = [&](const char* from, const char* etag, const char* to,
                        std::optional<ObjectMeta> m) {
    return t.env.run(t.partition->copy_object("b", from, etag, "b", to, std::move(m), {}));
  };
  ASSERT_TRUE(copy("from", "e1", "x/to", std::nullopt));
  EXPECT_EQ(*t.get("b", "x/to"), "bytes");
  EXPECT_EQ(t.head("b", "x/to")->meta.headers, meta.headers);
  EXPECT_EQ(copy("from", "e2", "x/to", std::nullopt).error().code, Errc::kConflict);
  EXPECT_EQ(copy("none", "", "x/to", std::nullopt).error().code, Errc::kNotFound);
  ObjectMeta other;
  other.headers["content-type"] = "c/d";
  ASSERT_TRUE(copy("big", "", "big", other));
  EXPECT_EQ(t.head("b", "big")->meta.headers["content-type"], "c/d");
  EXPECT_FALSE(t.head("b", "big")->meta.etag.empty());
  ASSERT_TRUE(copy("big", "", "big2", std::nullopt));
  ASSERT_TRUE(t.remove("b", "big"));
  t.settle();
  EXPECT_EQ(t.stripes.stored_bytes(), stored);
  EXPECT_EQ(*t.get("b", "big2"), body_of(700'000, 3));
  Tags tags{{"a", "1"}, {"b", "2"}};
  ASSERT_TRUE(t.env.run(t.partition->set_object_tags("b", "big2", tags)));
  EXPECT_EQ(t.head("b", "big2")->meta.tags, tags);
  t.expect_consistent();
  ASSERT_TRUE(t.remove("b", "big2"));
  t.settle();
  EXPECT_EQ(t.stripes.count(), 0u);
  t.expect_no_garbage();
}

TEST_F(ObjectTest, Rename) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(t.put("b", fmt::format("d/e{}/f", i), body_of(20, i)));
  ASSERT_TRUE(t.put("b", "d/", "m"));
  ASSERT_TRUE(t.put("b", "file", "1"));
  ASSERT_TRUE(t.put("b", "other/file", "2"));
  const auto rename = [&](const char* from, const char* to) {
    return t.env.run(t.partition->rename("b", from, to));
  };
  const uint64_t before = t.log->bytes_since_checkpoint;
  ASSERT_TRUE(rename("d/", "z/new/"));
  EXPECT_LT(t.log->bytes_since_checkpoint - before, 1000u) << "O(1), whatever is below";
  EXPECT_EQ(*t.get("b", "z/new/e7/f"), body_of(20, 7));
  EXPECT_EQ(*t.get("b", "z/new/"), "m");
  EXPECT_EQ(t.get("b", "d/e7/f").error().code, Errc::kNotFound);
  ASSERT_TRUE(rename("file", "other/file"));
  EXPECT_EQ(*t.get("b", "other/file"), "1");
  EXPECT_EQ(rename("z/", "z/new/e7/x/").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(rename("z/new/", "other/").error().code, Errc::kExists);
  EXPECT_EQ(rename("none", "x").error().code, Errc::kNotFound);
  EXPECT_EQ(rename("a//b", "x").error().code, Errc::kInvalidArgument);
  ASSERT_TRUE(rename("z/new/", "z/newer/"));
  ASSERT_TRUE(rename("other/file", "other/file"));
  EXPECT_EQ(t.keys("b").size(), 52u);
  t.expect_consistent();
}

TEST_F(ObjectTest, BadBodiesAreRefusedAndDropped) {
  FileData hole = inline_data("abc");
  hole.size = 4;
  EXPECT_EQ(t.env.run(t.partition->put_object("b", "k", {}, hole, {})).error().code,
            Errc::kInvalidArgument);
  FileData data = t.striped(body_of(300'000, 1));
  data.extents[1].offset += 1;
  EXPECT_EQ(t.env.run(t.partition->put_object("b", "k", {}, data, {})).error().code,
            Errc::kInvalidArgument);
  t.settle();
  EXPECT_EQ(t.stripes.count(), 0u);
  // The operation fails: the body goes; and discarding it again does no harm.
  data = t.striped(body_of(300'000, 1));
  EXPECT_EQ(t.env.run(t.partition->put_object("nobucket", "k", {}, data, {})).error().code,
            Errc::kNotFound);
  t.env.run(t.partition->discard(data));
  t.expect_no_garbage();
  data = t.striped(body_of(300'000, 1));
  t.env.run(t.partition->discard(data));
  EXPECT_EQ(t.stripes.count(), 0u);
  // But never one that was committed.
  data = t.striped(body_of(300'000, 1));
  ASSERT_TRUE(t.env.run(t.partition->put_object("b", "k", meta_of("e"), data, {})));
  t.env.run(t.partition->discard(data));
  EXPECT_EQ(*t.get("b", "k"), body_of(300'000, 1));
  t.expect_no_garbage();
}

TEST_F(ObjectTest, ReadersKeepWhatTheySaw) {
  const std::string old = body_of(300'000, 1);
  ASSERT_TRUE(t.put_striped("b", "k", old));
  auto info = t.env.run(t.partition->get_object("b", "k", true));
  ASSERT_TRUE(info);
  ASSERT_TRUE(t.put_striped("b", "k", body_of(300'000, 2)));
  t.settle();
  EXPECT_EQ(*t.read(*info), old);
  EXPECT_EQ(t.stripes.count(), 4u);
  info->pin.reset();
  t.settle();
  EXPECT_EQ(t.stripes.count(), 2u);
  EXPECT_EQ(*t.get("b", "k"), body_of(300'000, 2));
  t.expect_no_garbage();
}

TEST_F(ObjectTest, APinHoldsForALimitedTime) {
  t.crash();
  t.options.checkpoint_interval_max = 10h;  // so that all stripes are the object's
  ASSERT_TRUE(t.open());
  ASSERT_TRUE(t.put_striped("b", "k", body_of(300'000, 1)));
  auto info = t.env.run(t.partition->get_object("b", "k", true));
  ASSERT_TRUE(t.remove("b", "k"));
  t.env.run_for(kReadPinMax / 2);
  EXPECT_EQ(t.stripes.count(), 2u);
  t.env.run_for(kReadPinMax / 2 + 10s);
  EXPECT_EQ(t.stripes.count(), 0u);
}

#ifdef ATOLL_PLANTED_BUGS
TEST_F(ObjectTest, PlantedFreeStripeStillReadIsSeen) {
  plant_bug(PlantedBug::kFreeStripeStillRead);
  ASSERT_TRUE(t.put_striped("b", "k", body_of(300'000, 1)));
  auto info = t.env.run(t.partition->get_object("b", "k", true));
  ASSERT_TRUE(t.remove("b", "k"));
  t.settle();
  EXPECT_FALSE(t.read(*info));
  plant_bug(PlantedBug::kNone);
}
#endif

TEST_F(ObjectTest, DeletingALargeObjectIsASmallEntry) {
  t.stripes.full_bytes = 4096;
  t.stripes.delay = 1us;
  ASSERT_TRUE(t.put_striped("b", "k", body_of(4096 * 2000, 1)));
  const uint64_t before = t.log->bytes_since_checkpoint;
  auto removed = t.remove("b", "k");
  ASSERT_TRUE(removed);
  EXPECT_LT(t.log->bytes_since_checkpoint - before, 10'000u);
  EXPECT_EQ(t.partition->stats().bytes, 0u);
  t.settle();
  EXPECT_EQ(t.stripes.count(), 0u);
  EXPECT_EQ(t.partition->stats().stripes, 0u);
  t.expect_consistent();
}

}  // namespace
}  // namespace atl::ns
