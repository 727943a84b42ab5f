#include "vip/dns/responder.h"

#include <array>

#include "base/log.h"
#include "vip/dns/request.h"

namespace atl::vip::dns {
namespace {

// Exactly that much; false at the end of the stream, at its deadline, or when it broke.
Task<bool> read_all(env::Stream* stream, MutableByteSpan into) {
  while (!into.empty()) {
    const Result<size_t> got = co_await stream->read_some(into);
    if (!got || *got == 0) co_return false;
    into = into.subspan(*got);
  }
  co_return true;
}

}  // namespace

DnsResponder::DnsResponder(env::Env& env, Options options)
    : env_(env), options_(std::move(options)), rate_limit_(env.random()) {}

Status DnsResponder::start() {
  Status opened;
  if (options_.listen.empty() || options_.listen.size() > kListenMax)
    return fail(Errc::kInvalidArgument,
                fmt::format("{} addresses to listen at; 1 to {} are possible",
                            options_.listen.size(), kListenMax));
  for (const env::Endpoint& at : options_.listen) {
    opened = open(at);
    if (!opened) break;
  }
  if (!opened) {
    udp_.clear();
    tcp_.clear();
    local_.clear();
    return fail(std::move(opened.error()).with_context("DNS responder"));
  }
  for (const auto& port : udp_) spawn("dns-udp", serve_udp(shared_from_this(), port.get()));
  for (const auto& listener : tcp_) spawn("dns-accept", accept(shared_from_this(), listener.get()));
  return {};
}

Status DnsResponder::open(const env::Endpoint& at) {
  Status opened = open_pair(at);
  for (int tries = 1; !opened && opened.error().code == Errc::kBusy && at.port == 0; ++tries) {
    if (tries == kFreePortTriesMax) break;
    opened = open_pair(at);
  }
  return opened;
}

Status DnsResponder::open_pair(const env::Endpoint& at) {
  env::Endpoint both = at;
  std::unique_ptr<UdpPort> udp;
  if (options_.udp) {
    ATOLL_TRY(udp, UdpPort::open(env_.io(), at));
    both = udp->local();
  }
  ATOLL_TRY(auto tcp, env_.network().listen(both));
  local_.push_back(tcp->local());
  if (udp) udp_.push_back(std::move(udp));
  tcp_.push_back(std::move(tcp));
  return {};
}

void DnsResponder::update(std::shared_ptr<const Zone> zone) {
  zone_ = std::move(zone);
  zone_until_ = env_.now() + options_.zone_valid;
}

const Zone* DnsResponder::current_zone() {
  return env_.now() < zone_until_ ? zone_.get() : nullptr;
}

void DnsResponder::stop() {
  if (stopping_) return;
  stopping_ = true;
  for (const auto& port : udp_) port->close();
  for (const auto& listener : tcp_) listener->close();
  for (env::Stream* stream : streams_) stream->close();
  if (tasks_ == 0) ended_.set();
}

void DnsResponder::spawn(std::string_view name, Task<void> task) {
  ++tasks_;
  env_.spawn(name, std::move(task));
}

void DnsResponder::task_ended() {
  if (--tasks_ == 0 && stopping_) ended_.set();
}

Task<void> DnsResponder::serve_udp(Self self, UdpPort* port) {
  Buf buf = Buf::allocate(kQueryBytesMax + 1);  // one more, so that what is too long is seen to be
  UdpPort::Peer peer;
  while (!self->stopping_) {
    const Result<size_t> got = co_await port->receive(buf.mutable_span(), &peer);
    if (self->stopping_) break;
    if (got) {
      self->answer_datagram(*port, buf.span().first(*got), peer);
      continue;
    }
    ATOLL_LOG(kWarn, "dns", got.error().to_string());
    co_await self->env_.sleep(kSocketErrorPause);
  }
  self->task_ended();
}

void DnsResponder::answer_datagram(UdpPort& port, ByteSpan query, const UdpPort::Peer& peer) {
  const RateLimit::Verdict verdict = rate_limit_.take(UdpPort::source_of(peer), env_.now());
  if (verdict == RateLimit::Verdict::kDrop) {
    ++counters_.udp_dropped;
    return;
  }
  const bool terse = verdict == RateLimit::Verdict::kTerse;
  const auto bytes =
      answer(query, current_zone(), terse ? Transport::kUdpTerse : Transport::kUdp, rotation_);
  if (!bytes) {
    ++counters_.unanswered;
    return;
  }
  ++(terse ? counters_.udp_terse : counters_.udp_answers);
  if (!port.send(*bytes, peer)) ++counters_.send_failures;
}

Task<void> DnsResponder::accept(Self self, env::Listener* listener) {
  while (!self->stopping_) {
    auto stream = co_await listener->accept();
    if (self->stopping_) break;
    if (!stream) {
      ATOLL_LOG(kWarn, "dns", stream.error().to_string());
      co_await self->env_.sleep(kSocketErrorPause);
      continue;
    }
    const auto of = self->streams_of_.find((*stream)->remote().host);
    const size_t same = of == self->streams_of_.end() ? 0 : of->second;
    if (self->streams_.size() >= kTcpConnectionsMax || same >= kTcpPerSourceMax) {
      ++self->counters_.tcp_refused;
      continue;  // its destructor closes it
    }
    self->streams_.insert(stream->get());
    ++self->streams_of_[(*stream)->remote().host];
    self->spawn("dns-stream", serve_stream(self, std::move(*stream)));
  }
  self->task_ended();
}

Task<void> DnsResponder::serve_stream(Self self, std::unique_ptr<env::Stream> stream) {
  const std::string source = stream->remote().host;
  for (size_t queries = 0; queries < kTcpQueriesMax && !self->stopping_; ++queries) {
    const env::TimerId deadline =
        self->env_.start_timer(kTcpIdle, [raw = stream.get()] { raw->close(); });
    const bool more = co_await exchange(self, stream.get());
    self->env_.cancel_timer(deadline);
    if (!more) break;
  }
  self->streams_.erase(stream.get());
  if (--self->streams_of_[source] == 0) self->streams_of_.erase(source);
  stream->close();
  self->task_ended();
}

// One query and its answer, each after its length in two bytes. False: that was the last.
Task<bool> DnsResponder::exchange(Self self, env::Stream* stream) {
  std::array<uint8_t, 2> length{};
  bool good = co_await read_all(stream, MutableByteSpan(length));
  if (!good) co_return false;
  Bytes query(size_t{length[0]} << 8 | length[1]);
  if (query.size() > kQueryBytesMax) co_return false;
  good = co_await read_all(stream, MutableByteSpan(query));
  if (!good) co_return false;
  const auto bytes = answer(query, self->current_zone(), Transport::kTcp, self->rotation_);
  if (!bytes) {
    ++self->counters_.unanswered;
    co_return false;
  }
  length = {static_cast<uint8_t>(bytes->size() >> 8), static_cast<uint8_t>(bytes->size())};
  std::vector<ByteSpan> parts;
  parts.emplace_back(length);
  parts.emplace_back(*bytes);
  const Status written = co_await stream->write_all(std::move(parts));
  if (!written) co_return false;
  ++self->counters_.tcp_answers;
  co_return true;
}

}  // namespace atl::vip::dns
