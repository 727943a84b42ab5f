// Answers DNS queries over UDP and TCP from the zone it was given last.
//
//   auto dns = std::make_shared<DnsResponder>(env, options);
//   dns->start();
//   dns->update(zone);         // whenever records or health changed, and within zone_valid anyway
//   dns->stop();
//   co_await dns->stopped();
//
// Without a zone, and when the last update is older than `zone_valid`, it answers SERVFAIL: a node
// that is cut off from the coordinator does not know who is well, and clients ask another server.
//
// Ownership: make_shared; its tasks keep it; env outlives them: stop(), then wait for stopped().
// Threads: the reactor's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "env/env.h"
#include "env/net.h"
#include "env/sync.h"
#include "vip/dns/answer.h"
#include "vip/dns/rate_limit.h"
#include "vip/dns/udp_port.h"

namespace atl::vip::dns {

// Three times what a resolver keeps an answer; whoever feeds the zone does so each second or so.
inline constexpr Nanos kZoneValid = 3 * std::chrono::seconds(kTtlSeconds);
// Addresses to listen at: one an interface.
inline constexpr size_t kListenMax = 16;
// A connection must bring its next query, and take its answer, within this (RFC 7766, 6.2.3).
inline constexpr Nanos kTcpIdle = 10s;
// Then it is closed; a resolver opens another.
inline constexpr size_t kTcpQueriesMax = 1000;
// Each has a task and 4 KiB. More than that are closed at once, and of one address even fewer, so
// that no single client takes them all.
inline constexpr size_t kTcpConnectionsMax = 256;
inline constexpr size_t kTcpPerSourceMax = 16;
// After an error of a socket that is not a client's fault (no descriptors, no memory).
inline constexpr Nanos kSocketErrorPause = 100ms;
// Port 0: the port that UDP got may be taken for TCP; then another pair is tried.
inline constexpr int kFreePortTriesMax = 16;

struct ResponderCounters {
  uint64_t udp_answers = 0;
  uint64_t udp_terse = 0;    // told to come by TCP, for asking too often
  uint64_t udp_dropped = 0;  // for asking too often
  uint64_t unanswered = 0;   // no query at all
  uint64_t send_failures = 0;
  uint64_t tcp_answers = 0;
  uint64_t tcp_refused = 0;  // connections over a limit
};

class DnsResponder : public std::enable_shared_from_this<DnsResponder> {
 public:
  struct Options {
    std::vector<env::Endpoint> listen;  // literal addresses of this machine
    bool udp = true;                    // false: TCP alone; the simulator has no datagrams
    Nanos zone_valid = kZoneValid;
  };

  DnsResponder(env::Env& env, Options options);

  // kInvalidArgument, kBusy, kPermission and what else env/net.h says; nothing is left open then.
  Status start();
  void update(std::shared_ptr<const Zone> zone);
  void stop();
  Task<void> stopped() { return ended_.wait(); }

  const std::vector<env::Endpoint>& local() const { return local_; }  // in the order of `listen`
  const ResponderCounters& counters() const { return counters_; }

 private:
  using Self = std::shared_ptr<DnsResponder>;

  Status open(const env::Endpoint& at);
  Status open_pair(const env::Endpoint& at);
  const Zone* current_zone();
  static Task<void> serve_udp(Self self, UdpPort* port);
  void answer_datagram(UdpPort& port, ByteSpan query, const UdpPort::Peer& peer);
  static Task<void> accept(Self self, env::Listener* listener);
  static Task<void> serve_stream(Self self, std::unique_ptr<env::Stream> stream);
  static Task<bool> exchange(Self self, env::Stream* stream);
  void spawn(std::string_view name, Task<void> task);
  void task_ended();

  env::Env& env_;
  Options options_;
  RateLimit rate_limit_;
  Rotation rotation_;
  std::shared_ptr<const Zone> zone_;
  Nanos zone_until_{0};
  std::vector<std::unique_ptr<UdpPort>> udp_;
  std::vector<std::unique_ptr<env::Listener>> tcp_;
  std::vector<env::Endpoint> local_;
  std::set<env::Stream*> streams_;
  std::map<std::string, size_t> streams_of_;  // by the client's address
  ResponderCounters counters_;
  bool stopping_ = false;
  size_t tasks_ = 0;
  env::Event ended_;
};

}  // namespace atl::vip::dns
