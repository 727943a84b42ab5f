// The inside of Responder: its connections and what they are doing. For responder*.cc alone.
#pragma once

#include <map>
#include <set>

#include "cloud/http_message.h"
#include "lab/responder.h"

namespace atl::lab {

struct Responder::Core : std::enable_shared_from_this<Core> {
  enum class Phase : uint8_t {
    kFresh,      // no request yet; since `since`
    kIdle,       // between requests
    kAnswering,  // since `since`
    kClosing,    // the answer is written, our side is ended; until the client ends its own
  };
  struct Connection {
    std::unique_ptr<env::Stream> stream;
    vip::Vip vip;
    Phase phase = Phase::kFresh;
    Nanos since{0};
    Nanos deadline{0};         // the connection is closed then
    bool long_answer = false;  // of kLongBytes or more: long from its first byte
    bool big_answer = false;   // the last one may still be in the kernel's buffer
  };
  using Line = std::shared_ptr<Connection>;
  struct Place {
    std::shared_ptr<env::Listener> listener;
    bool draining = false;
  };

  Core(env::Env& e, Options o) : env(e), options(std::move(o)) {}

  // --- The service (responder_http.cc) ---
  Task<void> accept_all(vip::Vip vip, std::shared_ptr<env::Listener> at);
  Task<void> serve(Line line);
  Task<bool> answer(Line line, cloud::HttpMessage request);  // may the connection go on?
  Task<bool> answer_text(Line line, int status, std::string body, bool keep);
  Task<bool> answer_bytes(Line line, uint64_t bytes, bool keep);
  Task<void> linger(Line line);
  Task<bool> may_answer(vip::Vip vip);
  Standing standing(vip::Vip vip) const;
  std::string head(int status, uint64_t length, bool keep) const;

  // --- Health and control (responder_side.cc) ---
  Task<void> accept_side(std::shared_ptr<env::Listener> at, bool control);
  Task<void> serve_side(std::shared_ptr<env::Stream> stream, bool control);
  cloud::HttpMessage answer_side(const cloud::HttpMessage& request, bool control);

  // --- Life ---
  Status listen(vip::Vip vip);
  Status listen_side(const std::string& host, uint16_t port, bool control);
  Task<void> sweep();
  bool transfers_long(vip::Vip vip) const;
  bool anything_under_way(vip::Vip vip) const;
  void close_all(vip::Vip vip);

  env::Env& env;
  const Options options;
  Ask ask;
  std::map<vip::Vip, Place> places;
  std::set<Line> lines;
  std::vector<std::shared_ptr<env::Listener>> side_listeners;
  size_t side_connections = 0;
  bool sick = false;
  bool stopped = false;
};

}  // namespace atl::lab
