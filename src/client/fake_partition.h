// A partition that only takes back bodies: for tests of bodies, which need no namespace.
#pragma once

#include "base/check.h"
#include "namespace/partition.h"

namespace atl::client {

class FakePartition final : public ns::Partition {
 public:
  explicit FakePartition(stripe::StripeStore& store) : store_(store) {}

  // Frees what was discarded, as the namespace does.
  Task<void> discard(ns::FileData data) override {
    ++discards;
    for (const ns::Extent& extent : data.extents) {
      if (extent.is_inline()) continue;
      const Status freed = co_await store_.free(extent.stripe);
      ATOLL_CHECK(freed.has_value());
      store_.settle(extent.stripe.id);
      ++stripes_discarded;
    }
  }

  Task<bool> make_room() override {
    ++rooms_asked;
    if (rooms_to_win == 0) co_return false;
    --rooms_to_win;
    co_return true;
  }

  int rooms_asked = 0;
  int rooms_to_win = 0;  // that many times, make_room() wins something
  int discards = 0;
  int stripes_discarded = 0;

 private:
  template <typename T>
  static T never() {
    ATOLL_CHECK(false, "bodies ask nothing of the namespace but to discard");
    return fail(Errc::kInternal);
  }

 public:
  using S = std::string;
  using Meta = ns::ObjectMeta;
  using If = ns::Conditions;
  template <typename T>
  using Answer = Task<Result<T>>;

  Answer<ns::BucketInfo> create_bucket(S, S) override { co_return never<Result<ns::BucketInfo>>(); }
  Task<Status> delete_bucket(S) override { co_return never<Status>(); }
  Answer<ns::BucketInfo> get_bucket(S) override { co_return never<Result<ns::BucketInfo>>(); }
  Answer<std::vector<ns::BucketInfo>> list_buckets() override {
    co_return never<Result<std::vector<ns::BucketInfo>>>();
  }
  Task<Status> set_bucket_tags(S, ns::Tags) override { co_return never<Status>(); }
  Answer<ns::PutResult> put_object(S, S, Meta, ns::FileData, If) override {
    co_return never<Result<ns::PutResult>>();
  }
  Answer<ns::ObjectInfo> get_object(S, S, bool) override {
    co_return never<Result<ns::ObjectInfo>>();
  }
  Task<Status> delete_object(S, S, If) override { co_return never<Status>(); }
  Answer<ns::PutResult> copy_object(S, S, S, S, S, std::optional<Meta>, If) override {
    co_return never<Result<ns::PutResult>>();
  }
  Task<Status> set_object_tags(S, S, ns::Tags) override { co_return never<Status>(); }
  Task<Status> rename(S, S, S) override { co_return never<Status>(); }
  Answer<std::vector<std::string>> check_consistency() override {
    co_return never<Result<std::vector<std::string>>>();
  }
  Answer<ns::ListResult> list(S, ns::ListRequest) override {
    co_return never<Result<ns::ListResult>>();
  }
  Answer<ns::UploadInfo> create_upload(S, S, ns::UploadInfo) override {
    co_return never<Result<ns::UploadInfo>>();
  }
  Answer<ns::UploadInfo> get_upload(S, S, S) override { co_return never<Result<ns::UploadInfo>>(); }
  Answer<ns::PartInfo> put_part(S, S, S, ns::PartInfo, ns::FileData) override {
    co_return never<Result<ns::PartInfo>>();
  }
  Answer<std::vector<ns::PartInfo>> list_parts(S, S, S, uint32_t, size_t) override {
    co_return never<Result<std::vector<ns::PartInfo>>>();
  }
  Answer<std::vector<ns::UploadInfo>> list_uploads(S, S, S, S, size_t) override {
    co_return never<Result<std::vector<ns::UploadInfo>>>();
  }
  Answer<ns::PutResult> complete_upload(S, S, S, std::vector<ns::CompletedPart>, Meta,
                                        If) override {
    co_return never<Result<ns::PutResult>>();
  }
  Task<Status> abort_upload(S, S, S) override { co_return never<Status>(); }
  stripe::StripeCatalog& catalog() override { return no_catalog(); }
  ns::Stats stats() const override { return {}; }
  journal::Journal& journal() override { return no_journal(); }
  Task<Status> checkpoint() override { co_return never<Status>(); }
  Task<Status> destage() override { co_return never<Status>(); }
  Answer<uint64_t> verify_view() override { co_return never<Result<uint64_t>>(); }
  bool serving() const override { return true; }
  Task<Status> close() override { co_return Status(); }

 private:
  [[noreturn]] static stripe::StripeCatalog& no_catalog() {
    check_failed(__FILE__, __LINE__, "no catalog");
  }
  [[noreturn]] static journal::Journal& no_journal() {
    check_failed(__FILE__, __LINE__, "no journal");
  }

  stripe::StripeStore& store_;
};

}  // namespace atl::client
