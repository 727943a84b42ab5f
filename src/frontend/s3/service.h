// The operations half of the S3 door: finds the operation that a request names and runs it.
//
// Handler::handle in four steps (docs/paths/write.md and read.md number them):
//   1. which operation: method, whether there is a bucket and a key, and the sub-resource in the
//   query
//   2. refuse what is not offered, by name, before anything is changed (refusals.h)
//   3. run it
//   4. render an S3Error, if that came out; count
//
// Any node serves any request: nothing is kept between two of them. Lives as long as the server;
// threads: the reactor's.
#pragma once

#include <memory>

#include "client/client.h"
#include "frontend/s3/http.h"
#include "frontend/s3/operation.h"

namespace atl::s3 {

class Service final : public Handler {
 public:
  Service(env::Env& env, client::Client& client, ServiceOptions options = {});
  ~Service() override;

  Task<Response> handle(Request& request, RequestBody& body) override;

 private:
  ServiceState state_;
};

}  // namespace atl::s3
