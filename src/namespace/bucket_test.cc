#include "namespace/test_partition.h"

namespace atl::ns {
namespace {

struct BucketTest : testing::Test {
  void SetUp() override { ASSERT_TRUE(t.open()); }
  TestPartition t;
};

TEST_F(BucketTest, CreateLookListDelete) {
  EXPECT_EQ(t.env.run(t.partition->get_bucket("b")).error().code, Errc::kNotFound);
  t.make_bucket("b");
  t.make_bucket("a");
  EXPECT_EQ(t.env.run(t.partition->create_bucket("b", "you")).error().code, Errc::kExists);
  auto info = t.env.run(t.partition->get_bucket("b"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->owner, "me");
  EXPECT_GT(info->created, Nanos(0));
  auto all = t.env.run(t.partition->list_buckets());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].name, "a");
  EXPECT_EQ((*all)[1].name, "b");
  EXPECT_TRUE(t.env.run(t.partition->delete_bucket("a")));
  EXPECT_EQ(t.env.run(t.partition->delete_bucket("a")).error().code, Errc::kNotFound);
  EXPECT_EQ(t.partition->stats().buckets, 1u);
  t.expect_consistent();
}

TEST_F(BucketTest, OnlyAnEmptyBucketGoes) {
  t.make_bucket("b");
  ASSERT_TRUE(t.put("b", "x/y", "1"));
  ASSERT_TRUE(t.put("b", "//off", "1"));
  EXPECT_EQ(t.env.run(t.partition->delete_bucket("b")).error().code, Errc::kNotEmpty);
  ASSERT_TRUE(t.remove("b", "x/y"));
  EXPECT_EQ(t.env.run(t.partition->delete_bucket("b")).error().code, Errc::kNotEmpty);
  ASSERT_TRUE(t.remove("b", "//off"));
  // Uploads do not keep it, and go with it.
  auto upload = t.env.run(t.partition->create_upload("b", "k", {}));
  ASSERT_TRUE(upload);
  PartInfo part{.number = 1, .etag = "e"};
  ASSERT_TRUE(
      t.env.run(t.partition->put_part("b", "k", upload->upload_id, part, inline_data("abc"))));
  EXPECT_TRUE(t.env.run(t.partition->delete_bucket("b")));
  EXPECT_EQ(t.put("b", "x", "1").error().code, Errc::kNotFound);
  t.settle();
  EXPECT_EQ(t.partition->stats().inline_bytes, 0u);
  t.expect_consistent();
}

TEST_F(BucketTest, TagsAndNames) {
  t.make_bucket("b");
  Tags tags{{"k", "v"}};
  EXPECT_TRUE(t.env.run(t.partition->set_bucket_tags("b", tags)));
  EXPECT_EQ(t.env.run(t.partition->get_bucket("b"))->tags, tags);
  EXPECT_EQ(t.env.run(t.partition->set_bucket_tags("c", tags)).error().code, Errc::kNotFound);
  for (const char* name : {"", ".", "..", "a/b"})
    EXPECT_EQ(t.env.run(t.partition->create_bucket(name, "me")).error().code,
              Errc::kInvalidArgument);
}

TEST_F(BucketTest, AsManyAsAllowed) {
  for (size_t i = 0; i < kMaxBuckets; ++i) t.make_bucket(fmt::format("b{}", i));
  EXPECT_EQ(t.env.run(t.partition->create_bucket("more", "me")).error().code, Errc::kTooLarge);
  ASSERT_TRUE(t.env.run(t.partition->delete_bucket("b7")));
  EXPECT_TRUE(t.env.run(t.partition->create_bucket("more", "me")));
}

}  // namespace
}  // namespace atl::ns
