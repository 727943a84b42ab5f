// What GET, HEAD and their kin answer in headers about an object.
#pragma once

#include "frontend/s3/http.h"
#include "frontend/s3/operation.h"
#include "frontend/s3/range.h"
#include "namespace/types.h"

namespace atl::s3 {

// Which bytes a GET or HEAD is about.
struct Selection {
  ByteRange range;                       // all of the object, unless partial
  bool partial = false;                  // 206, with Content-Range
  const ns::ObjectPart* part = nullptr;  // by partNumber, of a multipart object
};

// From Range, If-Range and partNumber. InvalidRange, InvalidPartNumber, InvalidArgument.
S3Result<Selection> select_bytes(const Request& request, const ns::ObjectInfo& object);

// If-Match and its kin; nullopt when the request goes on. A 304 is an answer, a 412 an error.
S3Result<std::optional<Response>> answer_precondition(const Request& request,
                                                      const ns::ObjectInfo& object);

// 200 or 206 with everything but the body and its length.
S3Result<Response> object_response(const Request& request, const ns::ObjectInfo& object,
                                   const Selection& selection);

}  // namespace atl::s3
