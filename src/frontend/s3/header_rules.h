// Which request headers an operation may have, and how often.
//
// A header that is honoured by one operation and would be passed over by another is a promise that
// nobody keeps: it is refused there by name, before anything is changed. Pure functions.
#pragma once

#include "frontend/s3/operation.h"
#include "frontend/s3/routes.h"

namespace atl::s3 {

// Lines of one name become one field where the value is a list (RFC 9110 5.3); InvalidArgument
// where it is not, because either value could be the one that was meant. x-amz-meta- is left to
// metadata.h; what is not S3's is left alone.
S3Status settle_repeated_headers(Headers* headers);

// For requests that would change something. InvalidArgument: the header (or partNumber) says
// nothing to this operation. NotImplemented: a condition that would not be looked at.
S3Status refuse_misplaced(const Request& request, const Route& route);

// A body that says it is aws-chunked, but is not signed or read as such, would be stored with its
// chunk headers: InvalidArgument, unless its two lengths agree.
S3Status refuse_unread_framing(const Request& request);

}  // namespace atl::s3
