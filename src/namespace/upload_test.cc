#include "namespace/test_partition.h"

namespace atl::ns {
namespace {

struct UploadTest : testing::Test {
  void SetUp() override {
    ASSERT_TRUE(t.open());
    t.make_bucket("b");
  }
  std::string begin(const std::string& key) {
    UploadInfo info;
    info.initiator = "me";
    info.meta.headers["content-type"] = "x/y";
    auto made = t.env.run(t.partition->create_upload("b", key, info));
    EXPECT_TRUE(made);
    return made->upload_id;
  }
  Result<PartInfo> part(const std::string& key, const std::string& id, uint32_t number,
                        std::string_view bytes) {
    PartInfo info;
    info.number = number;
    info.etag = TestPartition::etag_of(bytes);
    FileData data = bytes.size() > kInlineBytesMax ? t.striped(bytes) : inline_data(bytes);
    return t.env.run(t.partition->put_part("b", key, id, info, std::move(data)));
  }
  Result<PutResult> complete(const std::string& key, const std::string& id,
                             std::vector<CompletedPart> parts, Conditions conditions = {}) {
    return t.env.run(t.partition->complete_upload("b", key, id, std::move(parts),
                                                  meta_of("whole-2"), std::move(conditions)));
  }
  TestPartition t;
};

TEST_F(UploadTest, PartsJoin) {
  const std::string id = begin("dir/k");
  const std::string one = body_of(600'000, 1), two = body_of(70'000, 2), three = body_of(9, 3);
  ASSERT_TRUE(part("dir/k", id, 5, three));
  ASSERT_TRUE(part("dir/k", id, 1, body_of(300'000, 9)));
  ASSERT_TRUE(part("dir/k", id, 1, one));  // replaced
  ASSERT_TRUE(part("dir/k", id, 3, two));
  ASSERT_TRUE(part("dir/k", id, 4, body_of(400'000, 8)));  // not chosen
  EXPECT_EQ(t.get("b", "dir/k").error().code, Errc::kNotFound);
  EXPECT_TRUE(t.keys("b").empty());
  auto parts = t.env.run(t.partition->list_parts("b", "dir/k", id, 1, 2));
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].number, 3u);
  EXPECT_EQ((*parts)[0].size, two.size());
  EXPECT_EQ((*parts)[1].number, 4u);

  const auto e = [](std::string_view b) { return TestPartition::etag_of(b); };
  EXPECT_EQ(complete("dir/k", id, {}).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(complete("dir/k", id, {{1, e(one)}, {2, "x"}}).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(complete("dir/k", id, {{1, "wrong"}}).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(complete("dir/k", id, {{3, e(two)}, {1, e(one)}}).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(complete("dir/k", id, {{1, e(one)}, {3, e(two)}, {5, e(three)}},
                     {.if_match = "x", .if_none_match = {}})
                .error()
                .code,
            Errc::kNotFound);
  t.expect_consistent();
  ASSERT_TRUE(complete("dir/k", id, {{1, e(one)}, {3, e(two)}, {5, e(three)}}));
  EXPECT_EQ(*t.get("b", "dir/k"), one + two + three);
  EXPECT_EQ(t.head("b", "dir/k")->meta.etag, "whole-2");
  EXPECT_EQ(complete("dir/k", id, {{1, e(one)}}).error().code, Errc::kNotFound);
  EXPECT_EQ(part("dir/k", id, 1, one).error().code, Errc::kNotFound);
  t.expect_consistent();
  t.expect_no_garbage();
  ASSERT_TRUE(t.env.run(t.partition->destage()));
  EXPECT_EQ(*t.get("b", "dir/k"), one + two + three);
  t.restart();
  EXPECT_EQ(*t.get("b", "dir/k"), one + two + three);
  ASSERT_TRUE(t.put("b", "dir/k", "small"));
  t.expect_consistent();
  t.expect_no_garbage();
}

TEST_F(UploadTest, Abort) {
  const std::string id = begin("k");
  ASSERT_TRUE(part("k", id, 1, body_of(600'000, 1)));
  ASSERT_TRUE(part("k", id, 2, "tiny"));
  EXPECT_EQ(t.env.run(t.partition->abort_upload("b", "other", id)).error().code, Errc::kNotFound);
  ASSERT_TRUE(t.env.run(t.partition->abort_upload("b", "k", id)));
  EXPECT_EQ(t.env.run(t.partition->abort_upload("b", "k", id)).error().code, Errc::kNotFound);
  EXPECT_EQ(t.env.run(t.partition->get_upload("b", "k", id)).error().code, Errc::kNotFound);
  t.settle();
  EXPECT_EQ(t.stripes.count(), 0u);
  EXPECT_EQ(t.partition->stats().inline_bytes, 0u);
  t.expect_consistent();
}

TEST_F(UploadTest, ReclaimGoesOnAfterARestart) {
  const std::string id = begin("k");
  for (uint32_t n = 1; n <= 200; ++n) ASSERT_TRUE(part("k", id, n, body_of(100, n)));
  ASSERT_TRUE(t.env.run(t.partition->abort_upload("b", "k", id)));
  t.restart();
  t.settle();
  EXPECT_EQ(t.partition->stats().inline_bytes, 0u);
  t.expect_consistent();
}

TEST_F(UploadTest, Lists) {
  // Keys that are prefixes of one another, and two uploads of one key.
  std::vector<std::pair<std::string, std::string>> all;
  for (const char* key : {"a", "a/b", "ab", "a\x01", "a", "b", "//x"})
    all.emplace_back(key, begin(key));
  std::sort(all.begin(), all.end());
  const auto list = [&](std::string prefix, std::string key, std::string id, size_t limit) {
    auto got = t.env.run(t.partition->list_uploads("b", prefix, key, id, limit));
    EXPECT_TRUE(got);
    std::vector<std::pair<std::string, std::string>> out;
    for (const UploadInfo& u : *got) out.emplace_back(u.key, u.upload_id);
    return out;
  };
  EXPECT_EQ(list("", "", "", 100), all);
  std::vector<std::pair<std::string, std::string>> pages;
  std::pair<std::string, std::string> after;
  while (true) {
    auto page = list("", after.first, after.second, 2);
    if (page.empty()) break;
    pages.insert(pages.end(), page.begin(), page.end());
    after = page.back();
  }
  EXPECT_EQ(pages, all);
  EXPECT_EQ(list("a", "", "", 100).size(), 5u);
  EXPECT_EQ(list("", "a", "", 100).front().first, "a\x01") << "a key alone: after all its uploads";
  const auto info = t.env.run(t.partition->get_upload("b", all[1].first, all[1].second));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->initiator, "me");
  EXPECT_EQ(info->meta.headers.at("content-type"), "x/y");
  EXPECT_EQ(t.env.run(t.partition->list_uploads("c", "", "", "", 1)).error().code, Errc::kNotFound);
}

TEST_F(UploadTest, BadParts) {
  const std::string id = begin("k");
  EXPECT_EQ(part("k", id, 0, "x").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(part("k", id, kMaxParts + 1, "x").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(part("k", "nonsense", 1, body_of(600'000, 1)).error().code, Errc::kNotFound);
  EXPECT_EQ(part("k", "", 1, "x").error().code, Errc::kNotFound);
  t.expect_no_garbage();
}

TEST_F(UploadTest, TenThousandParts) {
  const std::string id = begin("k");
  std::vector<CompletedPart> chosen;
  std::string whole;
  for (uint32_t n = 1; n <= kMaxParts; ++n) {
    const std::string bytes = body_of(3, n);
    auto put = part("k", id, n, bytes);
    ASSERT_TRUE(put);
    chosen.push_back({n, put->etag});
    whole += bytes;
  }
  ASSERT_TRUE(complete("k", id, chosen));
  EXPECT_EQ(*t.get("b", "k"), whole);
  ASSERT_TRUE(t.remove("b", "k"));
  t.settle();
  EXPECT_EQ(t.partition->stats().inline_bytes, 0u);
  t.expect_consistent();
}

}  // namespace
}  // namespace atl::ns
