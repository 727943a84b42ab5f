#include "lab/load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

namespace atl::lab {
namespace {

// What a transfer's socket takes in before its sender has to wait; the kernel doubles it.
constexpr int kTransferReceiveBuffer = 32 * 1024;
// A transfer that gets no byte for so long when the load ends was silent: at its pace some come
// every kTransferPace.
constexpr Nanos kSilentAtEnd = 500ms;
// A transfer that failed is begun again after this.
constexpr Nanos kTransferPause = 100ms;
// Lines in memory are written once there are so many bytes, however young they are.
constexpr size_t kFlushBytes = 64 * 1024;

Nanos clock_now(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return std::chrono::seconds(t.tv_sec) + Nanos(t.tv_nsec);
}

int open_socket(const vip::Vip& to, uint16_t port, bool transfer, int* error) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    *error = errno;
    return -1;
  }
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (transfer)
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kTransferReceiveBuffer, sizeof kTransferReceiveBuffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(to.number);
  *error = 0;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS)
    *error = errno;
  return fd;
}

bool of_this_machine(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EADDRNOTAVAIL;
}

// The value of a header in an answer's head, names in any case; "" when it is not there.
std::string_view header(std::string_view head, std::string_view name) {
  size_t at = 0;
  while ((at = head.find("\r\n", at)) != std::string_view::npos) {
    at += 2;
    if (head.size() - at <= name.size() || head[at + name.size()] != ':') continue;
    if (::strncasecmp(head.data() + at, name.data(), name.size()) != 0) continue;
    std::string_view value = head.substr(at + name.size() + 1);
    value = value.substr(0, value.find("\r\n"));
    while (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  }
  return {};
}

// Head, body and all that was announced.
bool whole(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::string length(header(std::string_view(answer).substr(0, end + 2), "content-length"));
  return !length.empty() && answer.size() >= end + 4 + std::strtoul(length.c_str(), nullptr, 10);
}

// Names go into lines of words: nothing but letters, digits, '-', '_', '.'.
std::string node_name(std::string_view text) {
  const size_t end =
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
  return std::string(text.substr(0, std::min(end, vip::kNameBytesMax)));
}

std::string node_in(std::string_view answer) {
  constexpr std::string_view kKey = "\"node\":\"";
  const size_t at = answer.find(kKey);
  return at == std::string_view::npos ? std::string() : node_name(answer.substr(at + kKey.size()));
}

}  // namespace

Load::Load(ClientConfig config, int output_fd)
    : config_(std::move(config)),
      requests_(config_.service, config_.transfer_bytes),
      output_fd_(output_fd),
      targets_(config_.addresses.size()) {}

Load::~Load() {
  for (const Connection& connection : connections_) ::close(connection.fd);
}

Status Load::run(int stop_fd) {
  const Nanos begun = clock_now(CLOCK_MONOTONIC);
  for (size_t i = 0; i < targets_.size(); ++i) {
    lines_ += fmt::format("t {} {}\n", config_.addresses[i].to_string(), i);
    // Spread over the interval, so that they do not all come at once.
    targets_[i].next_probe = begun + config_.probe_interval * i / targets_.size();
    targets_[i].next_transfer = targets_[i].next_probe;
  }
  next_pace_ = begun;
  std::vector<pollfd> polled;
  std::vector<Place> places;
  for (;;) {
    Nanos now = clock_now(CLOCK_MONOTONIC);
    if (now >= begun + config_.limit) break;
    give_up_late(now);
    start_due(now);
    pace_transfers(now);
    ATOLL_TRY_STATUS(flush(now, false));
    polled.assign(1, {stop_fd, POLLIN, 0});
    places.clear();
    for (Place place = connections_.begin(); place != connections_.end(); ++place) {
      if (place->phase == Phase::kBody) continue;  // read at its pace
      const short events = place->phase == Phase::kConnecting ? POLLOUT : POLLIN;
      polled.push_back({place->fd, events, 0});
      places.push_back(place);
    }
    const Nanos wait = std::max(Nanos(0), next_wake() - clock_now(CLOCK_MONOTONIC));
    const timespec span{wait / 1s, (wait % 1s).count()};
    if (::ppoll(polled.data(), polled.size(), &span, nullptr) < 0 && errno != EINTR)
      return fail(Errc::kIo, fmt::format("poll: {}", std::strerror(errno)));
    if (polled[0].revents != 0) break;
    now = clock_now(CLOCK_MONOTONIC);
    for (size_t i = 0; i < places.size(); ++i)
      if (polled[i + 1].revents != 0) step(places[i], polled[i + 1].revents, now);
  }
  const Nanos now = clock_now(CLOCK_MONOTONIC);
  for (Place place = connections_.begin(); place != connections_.end();) {
    const Place next = std::next(place);
    if (place->transfer) {
      const bool silent = place->phase != Phase::kConnecting &&
                          now - (place->deadline - config_.silent_after) >= kSilentAtEnd;
      end_transfer(place, silent ? TransferEnd::kSilent : TransferEnd::kUnderWay, now);
    }
    place = next;
  }
  lines_ += "e\n";
  return flush(now, true);
}

Nanos Load::next_wake() const {
  Nanos wake = last_flush_ + kFlushInterval;
  for (const Target& target : targets_) wake = std::min(wake, target.next_probe);
  for (const Connection& connection : connections_) wake = std::min(wake, connection.deadline);
  if (config_.transfer_bytes > 0) wake = std::min(wake, next_pace_);
  return wake;
}

void Load::start_due(Nanos now) {
  for (uint32_t i = 0; i < targets_.size(); ++i) {
    Target& target = targets_[i];
    if (now >= target.next_probe) {
      // One that comes late is not made up for: the interval counts from now on.
      target.next_probe = std::max(target.next_probe + config_.probe_interval, now);
      if (target.probes < kProbesAtOnce) start(i, false, now);
    }
    if (config_.transfer_bytes > 0 && !target.transfer_under_way && now >= target.next_transfer)
      start(i, true, now);
  }
}

void Load::start(uint32_t target, bool transfer, Nanos now) {
  connections_.emplace_back();
  const Place place = std::prev(connections_.end());
  place->transfer = transfer;
  place->target = target;
  place->start_wall_ns = clock_now(CLOCK_REALTIME).count();
  place->start = now;
  place->deadline = now + kConnectTimeout;
  if (transfer)
    targets_[target].transfer_under_way = true;
  else
    ++targets_[target].probes;
  int error = 0;
  place->fd = open_socket(config_.addresses[target], config_.port, transfer, &error);
  if (error == 0) return;
  if (transfer)
    end_transfer(place, TransferEnd::kRefused, now);
  else
    end_probe(place, of_this_machine(error) ? ProbeEnd::kNoSocket : ProbeEnd::kRefused, now);
}

void Load::step(Place place, short events, Nanos now) {
  if (place->phase == Phase::kConnecting) {
    if ((events & (POLLOUT | POLLERR | POLLHUP)) != 0) connected(place, now);
    return;
  }
  if (place->transfer)
    (void)read_transfer(place, now);
  else
    read_probe(place, now);
}

void Load::connected(Place place, Nanos now) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(place->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  const std::string host = config_.addresses[place->target].to_string();
  const int64_t seconds = clock_now(CLOCK_REALTIME) / 1s;
  const std::string request =
      place->transfer ? requests_.transfer(host, seconds) : requests_.probe(host, seconds);
  const bool refused = error != 0;
  if (!refused && ::send(place->fd, request.data(), request.size(), MSG_NOSIGNAL) !=
                      static_cast<ssize_t>(request.size()))
    error = ECONNRESET;
  if (error == 0) {
    place->phase = Phase::kAnswer;
    place->deadline = now + (place->transfer ? config_.silent_after : kRequestTimeout);
  } else if (place->transfer) {
    end_transfer(place, refused ? TransferEnd::kRefused : TransferEnd::kReset, now);
  } else {
    end_probe(place, refused ? ProbeEnd::kRefused : ProbeEnd::kReset, now);
  }
}

void Load::read_probe(Place place, Nanos now) {
  char buffer[kAnswerMax];
  const ssize_t n = ::recv(place->fd, buffer, sizeof buffer, 0);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) end_probe(place, ProbeEnd::kReset, now);
    return;
  }
  place->answer.append(buffer, static_cast<size_t>(n));
  if (n > 0 && !whole(place->answer) && place->answer.size() <= kAnswerMax) return;
  if (n == 0 && place->answer.empty()) return end_probe(place, ProbeEnd::kReset, now);
  place->node = node_in(place->answer);
  const bool good =
      place->answer.starts_with("HTTP/1.1 200 ") && whole(place->answer) && !place->node.empty();
  end_probe(place, good ? ProbeEnd::kOk : ProbeEnd::kBadAnswer, now);
}

void Load::pace_transfers(Nanos now) {
  if (config_.transfer_bytes == 0 || now < next_pace_) return;
  next_pace_ = std::max(next_pace_ + kTransferPace, now);
  const uint64_t share =
      std::max<uint64_t>(1, config_.transfer_bytes_per_second * (kTransferPace / 1ms) / 1000);
  for (Place place = connections_.begin(); place != connections_.end();) {
    const Place next = std::next(place);
    if (place->transfer && place->phase == Phase::kBody) {
      place->debt = share;
      while (read_transfer(place, now) == Took::kSome && place->debt > 0) {
      }
    }
    place = next;
  }
}

Load::Took Load::read_transfer(Place place, Nanos now) {
  char buffer[16 * 1024];
  const bool body = place->phase == Phase::kBody;
  const size_t most = body ? std::min<uint64_t>(sizeof buffer, place->debt) : kAnswerMax;
  const ssize_t n = ::recv(place->fd, buffer, most, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Took::kNothingYet;
  if (n <= 0) {
    end_transfer(place, TransferEnd::kReset, now);
    return Took::kEnded;
  }
  place->deadline = now + config_.silent_after;
  if (body) {
    place->bytes += static_cast<uint64_t>(n);
    place->debt -= static_cast<uint64_t>(n);
  } else {
    place->answer.append(buffer, static_cast<size_t>(n));
    const size_t head = place->answer.find("\r\n\r\n");
    if (head == std::string::npos && place->answer.size() <= kAnswerMax) return Took::kSome;
    if (head == std::string::npos || !place->answer.starts_with("HTTP/1.1 200 ")) {
      end_transfer(place, TransferEnd::kRefused, now);
      return Took::kEnded;
    }
    place->node = node_name(
        header(std::string_view(place->answer).substr(0, head + 2), requests_.node_header()));
    place->bytes = place->answer.size() - head - 4;
    place->phase = Phase::kBody;
  }
  if (place->bytes < config_.transfer_bytes) return Took::kSome;
  end_transfer(place, TransferEnd::kContinued, now);
  return Took::kEnded;
}

void Load::give_up_late(Nanos now) {
  for (Place place = connections_.begin(); place != connections_.end();) {
    const Place next = std::next(place);
    if (now >= place->deadline) {
      const bool connecting = place->phase == Phase::kConnecting;
      if (place->transfer)
        end_transfer(place, connecting ? TransferEnd::kRefused : TransferEnd::kSilent, now);
      else
        end_probe(place, connecting ? ProbeEnd::kConnectTimeout : ProbeEnd::kRequestTimeout, now);
    }
    place = next;
  }
}

void Load::end_probe(Place place, ProbeEnd end, Nanos now) {
  Probe probe{.target = place->target,
              .start_ns = place->start_wall_ns,
              .took_us = (now - place->start) / 1us,
              .end = end,
              .node = end == ProbeEnd::kOk ? place->node : std::string()};
  lines_ += probe_line(probe);
  --targets_[place->target].probes;
  drop(place);
}

void Load::end_transfer(Place place, TransferEnd end, Nanos now) {
  Transfer transfer{.target = place->target,
                    .start_ns = place->start_wall_ns,
                    .took_us = (now - place->start) / 1us,
                    .end = end,
                    .bytes = place->bytes,
                    .node = place->node};
  lines_ += transfer_line(transfer);
  Target& target = targets_[place->target];
  target.transfer_under_way = false;
  target.next_transfer = end == TransferEnd::kContinued ? now : now + kTransferPause;
  drop(place);
}

void Load::drop(Place place) {
  if (place->fd >= 0) ::close(place->fd);
  connections_.erase(place);
}

Status Load::flush(Nanos now, bool force) {
  if (!force && now < last_flush_ + kFlushInterval && lines_.size() < kFlushBytes) return {};
  last_flush_ = now;
  size_t done = 0;
  while (done < lines_.size()) {
    const ssize_t n = ::write(output_fd_, lines_.data() + done, lines_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errc::kIo, fmt::format("writing the log: {}", std::strerror(errno)));
    done += static_cast<size_t>(n);
  }
  lines_.clear();
  return {};
}

}  // namespace atl::lab
