// One client connection: reads heads, has requests checked and handled, sends answers, in order.
//
// A task of its own runs it from accept to close and owns it. Its phases are what the sweep looks
// at:
//
//   kIdle --first byte--> kHead --whole head--> kServe --answer sent--> kIdle
//                           |                      |
//                           +------- error --------+--> kLinger --> closed
//
// Errors in a request's syntax end the connection after the answer, because nobody can know where
// the next request would begin. Refused signatures and failed operations do not.
#pragma once

#include <list>
#include <memory>
#include <optional>

#include "env/net.h"
#include "frontend/s3/http_body.h"
#include "frontend/s3/http_input.h"
#include "frontend/s3/http_parser.h"
#include "frontend/s3/server_core.h"

namespace atl::s3 {

class Connection {
 public:
  // `refuse`: only to say 503 SlowDown. Counts among the core's connections from now on.
  Connection(std::shared_ptr<ServerCore> core, std::unique_ptr<env::Stream> stream, bool is_tls,
             bool refuse);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  static Task<void> run(std::unique_ptr<Connection> connection);

  // --- For the server; never while this connection's own task runs ---
  void sweep();  // closes the stream when a deadline has passed
  void close_if_idle();
  void close() { stream_->close(); }
  // For a drain: an idle one ends its side, and counts as under way for as long as its client may
  // still be taking the last answer out of the kernel.
  void end_if_between_requests();
  bool transfers(uint64_t bytes, Nanos since) const;
  bool under_way(Nanos since) const;

 private:
  enum class Phase { kIdle, kHead, kServe, kLinger };

  void new_request();

  Task<void> serve_requests();
  Task<void> refuse_with_slow_down();
  Task<bool> serve_one();  // false when the connection cannot go on
  enum class HeadOutcome { kComplete, kEnded, kBad };
  Task<HeadOutcome> read_head();

  // Parses, resolves and authenticates; makes body_ if the request's end is known at all.
  std::optional<S3Error> prepare(const HttpInput::Head& head);
  std::optional<S3Error> admit(BodyPlan* plan);
  std::optional<S3Error> plan_payload(Identity identity, BodyPlan* plan);

  Task<bool> finish_exchange(Response response);
  Task<bool> send(Response response, bool keep_alive);  // false: not all of it
  Task<bool> send_stream(client::BodyReader& stream, uint64_t length, std::string_view head,
                         Buf first);
  Task<bool> write(std::string_view head, ByteSpan body);
  // To a client that stalls within its request's body, while the handler still waits for it. False
  // when it cannot be told so.
  bool begin_timeout_answer();
  static Task<void> answer_timeout(Connection* self);
  Task<bool> timeout_answered();  // waits; false: not all of it was sent
  Task<void> linger();

  void enter(Phase phase);
  bool may_keep_alive(const Response& response) const;
  void sweep_stall();

  const std::shared_ptr<ServerCore> keep_core_;
  ServerCore& core_;
  std::list<Connection*>::iterator place_;
  std::unique_ptr<env::Stream> stream_;
  const bool is_tls_;
  const bool refused_;
  std::string remote_;
  IoMeter meter_;
  HttpInput input_;

  const Nanos born_;
  bool served_ = false;        // an answer was sent whole
  bool ending_ = false;        // by a drain, between requests
  uint64_t answer_bytes_ = 0;  // of the last answer's body
  bool answer_begun_ = false;
  bool timeout_sent_ = false;
  env::Event timeout_done_;
  Phase phase_ = Phase::kIdle;
  uint32_t phase_second_ = 0;
  uint32_t window_second_ = 0;  // of the stall check
  uint64_t window_bytes_ = 0;

  // The request that is being served.
  HeadScanner scanner_;
  std::unique_ptr<Request> request_;
  std::optional<HttpBody> body_;
  ServerMetrics::Exchange exchange_;
  uint64_t exchange_in_ = 0;  // meter_ when it began
  uint64_t exchange_out_ = 0;
};

}  // namespace atl::s3
