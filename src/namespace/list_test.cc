// ListObjects against a plain sorted map, with keys that try every oddity.
#include <random>

#include "namespace/test_partition.h"

namespace atl::ns {
namespace {

// The definition: all keys, sorted, rolled up, cut.
ListResult model_list(const std::map<std::string, uint64_t>& objects, const ListRequest& request) {
  ListResult result;
  for (const auto& [key, size] : objects) {
    if (!key.starts_with(request.prefix)) continue;
    ListEntry entry;
    entry.key = key;
    entry.size = size;
    if (!request.delimiter.empty()) {
      const size_t at = key.find(request.delimiter, request.prefix.size());
      if (at != std::string::npos) {
        entry.key = key.substr(0, at + request.delimiter.size());
        entry.is_prefix = true;
        entry.size = 0;
      }
    }
    if (!request.after.empty() && entry.key <= request.after) continue;
    if (!result.entries.empty() && result.entries.back().key == entry.key) continue;
    if (result.entries.size() == request.max_entries) {
      result.truncated = request.max_entries > 0;
      break;
    }
    result.entries.push_back(entry);
  }
  return result;
}

std::string show(const ListRequest& r) {
  return fmt::format("prefix {:?} delimiter {:?} after {:?} max {}", to_hex(as_bytes(r.prefix)),
                     to_hex(as_bytes(r.delimiter)), to_hex(as_bytes(r.after)), r.max_entries);
}

void expect_same(const Result<ListResult>& got, const ListResult& want,
                 const ListRequest& request) {
  ASSERT_TRUE(got) << got.error().to_string();
  ASSERT_EQ(got->entries.size(), want.entries.size()) << show(request);
  for (size_t i = 0; i < want.entries.size(); ++i) {
    ASSERT_EQ(got->entries[i].key, want.entries[i].key) << show(request) << " at " << i;
    ASSERT_EQ(got->entries[i].is_prefix, want.entries[i].is_prefix) << show(request);
    ASSERT_EQ(got->entries[i].size, want.entries[i].size) << show(request);
  }
  ASSERT_EQ(got->truncated, want.truncated) << show(request);
}

struct ListTest : testing::Test {
  void SetUp() override {
    ASSERT_TRUE(t.open());
    t.make_bucket("b");
  }
  void add(const std::string& key, size_t size = 1) {
    ASSERT_TRUE(t.put("b", key, std::string(size, 'x'))) << key;
    objects[key] = size;
  }
  void check(const ListRequest& request) {
    expect_same(t.list("b", request), model_list(objects, request), request);
  }
  TestPartition t;
  std::map<std::string, uint64_t> objects;
};

TEST_F(ListTest, EntriesShowTheObject) {
  ObjectMeta meta = meta_of("00112233445566778899aabbccddeeff-17");
  meta.storage_class = "GLACIER_IR";
  meta.checksum = {ChecksumAlgorithm::kCrc64Nvme, true, "12345678"};
  ASSERT_TRUE(t.put("b", "k", "12345", {}, meta));
  const auto listed = t.list("b");
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->entries.size(), 1u);
  const ListEntry& e = listed->entries[0];
  EXPECT_EQ(e.key, "k");
  EXPECT_EQ(e.size, 5u);
  EXPECT_EQ(e.etag, meta.etag);
  EXPECT_EQ(e.storage_class, meta.storage_class);
  EXPECT_EQ(e.checksum_algorithm, ChecksumAlgorithm::kCrc64Nvme);
  EXPECT_TRUE(e.checksum_composite);
  EXPECT_EQ(e.mtime, t.head("b", "k")->mtime);
  EXPECT_FALSE(listed->truncated);
  EXPECT_EQ(t.list("none").error().code, Errc::kNotFound);
}

TEST_F(ListTest, TheExampleOfTheManual) {
  for (const char* key :
       {"sample.jpg", "photos/2006/January/sample.jpg", "photos/2006/February/sample2.jpg",
        "photos/2006/", "photos/", "photos", "photos-old/x", "photos//odd", "photos0"})
    add(key);
  for (const char* prefix : {"", "p", "photos", "photos/", "photos/2006/", "photos//", "q"})
    for (const char* after :
         {"", "photos", "photos/", "photos/2006/", "photos/2006/January/sample.jpg", "photos//odd",
          "photos-old/", "photos-old", "photos0", "zzz"})
      for (const char* delimiter : {"", "/", "o", "//", "photos/"})
        for (const size_t max : {0, 1, 2, 3, 1000}) {
          ListRequest request{prefix, delimiter, after, max};
          check(request);
        }
}

const std::vector<std::string>& atoms() {
  static const std::vector<std::string> all = {"a", "b",        " ",    "/",    ".", "..", "-", "0",
                                               "+", "\xc3\xa9", "\x01", "\xff", "/", "a/", "ab"};
  return all;
}

std::string random_key(std::mt19937_64& random, size_t longest) {
  std::string key;
  const size_t n = 1 + random() % longest;
  for (size_t i = 0; i < n; ++i) key += atoms()[random() % atoms().size()];
  return key;
}

TEST_F(ListTest, RandomKeysAgainstTheModel) {
  std::mt19937_64 random(20260101);
  for (int i = 0; i < 3000; ++i) add(random_key(random, 7), random() % 3);
  for (int i = 0; i < 300; ++i) {  // and some go again, with their parents
    auto it = objects.lower_bound(random_key(random, 7));
    if (it == objects.end()) continue;
    ASSERT_TRUE(t.remove("b", it->first));
    objects.erase(it);
  }
  t.expect_consistent();
  for (int i = 0; i < 3000; ++i) {
    ListRequest request;
    if (random() % 3) request.prefix = random_key(random, 3);
    if (random() % 4) {
      static const char* delimiters[] = {"/", "/", "/", "a", "//", ".", "\xff", "b/"};
      request.delimiter = delimiters[random() % 8];
    }
    switch (random() % 4) {
      case 0:
        break;
      case 1:
        request.after = random_key(random, 5);
        break;
      case 2:
        request.after = request.prefix + random_key(random, 3);
        break;
      default: {
        const auto it = objects.lower_bound(random_key(random, 6));
        if (it != objects.end()) request.after = it->first;
      }
    }
    static const size_t sizes[] = {1, 2, 3, 7, 50, 1000, 10000};
    request.max_entries = sizes[random() % 7];
    ASSERT_NO_FATAL_FAILURE(check(request));
  }
}

TEST_F(ListTest, PagesJoinWithoutGapOrDouble) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 400; ++i) add(random_key(random, 6));
  for (const char* delimiter : {"", "/", "a"})
    for (const char* prefix : {"", "a", "a/", "b"})
      for (const size_t page : {1, 2, 5, 13, 399}) {
        ListRequest all{prefix, delimiter, "", 100'000};
        const ListResult want = model_list(objects, all);
        std::vector<std::string> got;
        ListRequest request{prefix, delimiter, "", page};
        while (true) {
          const auto listed = t.list("b", request);
          ASSERT_TRUE(listed);
          ASSERT_LE(listed->entries.size(), page);
          for (const ListEntry& e : listed->entries) got.push_back(e.key);
          if (!listed->truncated) break;
          ASSERT_FALSE(listed->entries.empty());
          request.after = listed->entries.back().key;
        }
        ASSERT_EQ(got.size(), want.entries.size()) << show(request);
        for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], want.entries[i].key);
      }
}

}  // namespace
}  // namespace atl::ns
