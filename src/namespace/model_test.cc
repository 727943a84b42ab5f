// Random operations against a plain model, with crashes and every kind of view to start from.
#include <random>

#include "namespace/test_partition.h"

namespace atl::ns {
namespace {

struct ModelObject {
  std::string body;
  std::string etag;
};

class Model {
 public:
  explicit Model(uint64_t seed) : t(seed), random(seed) {
    t.stripes.full_bytes = 32u << 10;
    t.options.checkpoint_journal_bytes = 200'000;
    t.options.destage_age = 1s;
  }

  void run(int steps) {
    ASSERT_TRUE(t.open());
    for (const char* b : {"one", "two"}) {
      t.make_bucket(b);
      buckets[b];
    }
    for (int i = 0; i < steps; ++i) {
      ASSERT_NO_FATAL_FAILURE(step()) << "step " << i;
      if (i % 500 == 499) {
        ASSERT_NO_FATAL_FAILURE(check()) << "step " << i;
      }
    }
    check();
    t.collect_orphans();  // of writes that a crash cut off
    t.expect_no_garbage();
    check();
  }

 private:
  std::string bucket() { return random() % 2 ? "one" : "two"; }
  std::string key() {
    static const char* parts[] = {"a", "b", "/", "c/", "d", "..", "ee", "/"};
    std::string out;
    for (size_t n = 1 + random() % 4; n > 0; --n) out += parts[random() % 8];
    return out;
  }
  std::string body() {
    static const size_t sizes[] = {0, 1, 100, 3000, 20'000, 70'000};
    return body_of(sizes[random() % 6] + random() % 7, random());
  }
  FileData data(const std::string& bytes) {
    return bytes.size() > 30'000 ? t.striped(bytes) : inline_data(bytes);
  }

  void step() {
    const std::string b = bucket(), k = key();
    auto& objects = buckets[b];
    switch (random() % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: {
        const std::string bytes = body();
        const auto put = t.env.run(
            t.partition->put_object(b, k, meta_of(TestPartition::etag_of(bytes)), data(bytes), {}));
        ASSERT_TRUE(put) << put.error().to_string();
        objects[k] = {bytes, TestPartition::etag_of(bytes)};
        break;
      }
      case 5:
      case 6:
      case 7: {
        const Status gone = t.remove(b, k);
        ASSERT_EQ(gone.has_value(), objects.erase(k) == 1) << k;
        break;
      }
      case 8: {
        if (objects.empty()) break;
        const auto it = std::next(objects.begin(), random() % objects.size());
        const std::string to = bucket();
        ASSERT_TRUE(t.env.run(
            t.partition->copy_object(b, it->first, it->second.etag, to, k, std::nullopt, {})));
        const ModelObject copy = it->second;
        buckets[to][k] = copy;
        break;
      }
      case 9: {
        auto upload = t.env.run(t.partition->create_upload(b, k, {}));
        ASSERT_TRUE(upload);
        std::string whole;
        std::vector<CompletedPart> parts;
        for (uint32_t n = 1; n <= 1 + random() % 4; ++n) {
          const std::string bytes = body();
          PartInfo info{.number = n, .etag = TestPartition::etag_of(bytes)};
          ASSERT_TRUE(t.env.run(t.partition->put_part(b, k, upload->upload_id, info, data(bytes))));
          if (random() % 3 == 0 && !parts.empty()) continue;
          parts.push_back({n, info.etag});
          whole += bytes;
        }
        if (random() % 4 == 0) {
          ASSERT_TRUE(t.env.run(t.partition->abort_upload(b, k, upload->upload_id)));
        } else if (random() % 8 != 0) {
          ASSERT_TRUE(t.env.run(
              t.partition->complete_upload(b, k, upload->upload_id, parts, meta_of("m"), {})));
          objects[k] = {whole, "m"};
        }
        break;
      }
      case 10: {
        const auto it = objects.find(k);
        const auto got = t.get(b, k);
        ASSERT_EQ(got.has_value(), it != objects.end()) << k;
        if (got) {
          ASSERT_EQ(*got, it->second.body);
        }
        break;
      }
      case 11: {
        const Status renamed = t.env.run(t.partition->rename(b, k, key_after = key()));
        if (renamed) {
          ASSERT_NO_FATAL_FAILURE(rename_in_model(objects, k, key_after));
        }
        break;
      }
      case 12:
        t.env.run_for(std::chrono::milliseconds(random() % 3000));
        break;
      case 13:
        if (random() % 8 == 0) {
          checkpoint();
        }
        if (random() % 8 == 0) {
          ASSERT_TRUE(t.env.run(t.partition->destage()));
        }
        if (random() % 8 == 0) {
          ASSERT_TRUE(t.partition->view().flush());
        }
        break;
      case 14:
        t.log->faults.push_back(random() % 2 ? MemoryJournalLog::Fault::kLost
                                             : MemoryJournalLog::Fault::kCommittedUnheard);
        break;
      default:
        if (random() % 10 != 0) break;
        t.log->faults.clear();
        t.crash();
        if (random() % 2) t.lose_view();
        ASSERT_TRUE(t.open());
        t.collect_orphans();
    }
  }

  void checkpoint() {
    // A fault that breaks the journal meanwhile makes one fail; the next one is on the new journal.
    Status status = t.env.run(t.partition->checkpoint());
    for (int i = 0; i < 10 && !status; ++i) status = t.env.run(t.partition->checkpoint());
    ASSERT_TRUE(status) << status.error().to_string();
  }

  static void rename_in_model(std::map<std::string, ModelObject>& objects, const std::string& from,
                              const std::string& to) {
    if (from == to) return;
    if (from.back() != '/') {
      objects[to] = objects.at(from);
      objects.erase(from);
      return;
    }
    std::map<std::string, ModelObject> moved;
    for (auto it = objects.lower_bound(from); it != objects.end() && it->first.starts_with(from);) {
      // What lies off-path below is no part of the directory.
      KeyPath path;
      ASSERT_TRUE(KeyPath::parse(it->first, &path));
      if (path.off_path) {
        ++it;
        continue;
      }
      moved[to + it->first.substr(from.size())] = it->second;
      it = objects.erase(it);
    }
    objects.merge(moved);
  }

  void check() {
    t.log->faults.clear();
    for (const auto& [b, objects] : buckets) {
      std::vector<std::string> want;
      for (const auto& [k, object] : objects) want.push_back(k);
      ASSERT_EQ(t.keys(b), want);
      for (const auto& [k, object] : objects) {
        const auto got = t.get(b, k);
        ASSERT_TRUE(got) << k << " " << got.error().to_string();
        ASSERT_EQ(*got, object.body) << k;
        ASSERT_EQ(t.head(b, k)->meta.etag, object.etag);
      }
    }
    t.expect_consistent();
    EXPECT_EQ(t.stripes.reads_of_freed, 0u);
  }

  TestPartition t;
  std::mt19937_64 random;
  std::string key_after;
  std::map<std::string, std::map<std::string, ModelObject>> buckets;
};

class ModelTest : public testing::TestWithParam<uint64_t> {};

TEST_P(ModelTest, RandomOperations) {
  Model(GetParam()).run(4000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace atl::ns
