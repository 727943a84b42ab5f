// What is not offered is refused by name before anything is changed: NotImplemented, never a false
// success.
#pragma once

#include "frontend/s3/operation.h"

namespace atl::s3 {

// NotImplemented for headers and parameters that ask for what Atoll does not do: encryption with
// keys, access lists other than private, locks, redirects, versions. For changes, an x-amz- header
// that is not known at all is refused as well, since nobody can say what it would have changed.
S3Status refuse_what_is_not_offered(const Request& request);

}  // namespace atl::s3
