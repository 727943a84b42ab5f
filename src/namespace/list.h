// ListObjects: the keys of a bucket in byte order, tree and off-path table together, rolled up by a
// delimiter, from anywhere.
#pragma once

#include "namespace/reader.h"

namespace atl::ns {

Result<ListResult> list_objects(Reader& reader, InodeId bucket, const ListRequest& request);

}  // namespace atl::ns
