#include "namespace/list.h"
#include "namespace/ops.h"
#include "namespace/partition_impl.h"

namespace atl::ns {

// A page takes milliseconds, so it is made on a worker thread, from a snapshot.
Task<Result<ListResult>> PartitionImpl::list(std::string bucket, ListRequest request) {
  std::function<Result<ListResult>(Reader&)> lookup =
      [&bucket, &request](Reader& reader) -> Result<ListResult> {
    ATOLL_TRY(const BucketRecord record, load_bucket(reader, bucket));
    return list_objects(reader, record.directory, request);
  };
  co_return co_await look<ListResult>(std::move(lookup), true);
}

}  // namespace atl::ns
