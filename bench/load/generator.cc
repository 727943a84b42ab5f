#include "load/generator.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include "load/requests.h"
#include "load/response.h"

namespace atl::load {
namespace {

// What one recv takes at most: fits the second-level cache.
constexpr size_t kReceiveBytes = 256 << 10;
constexpr int kEventsMax = 128;
// After so many errors a run says nothing any more; it ends.
constexpr uint64_t kErrorsMax = 1000;

uint64_t now_nanos() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

struct Connection {
  int fd = -1;
  uint32_t object = 0;
  uint64_t began_nanos = 0;
  std::string own_head;  // when the head was not ready
  const std::string* head = nullptr;
  Stamp stamp{};
  uint64_t sent = 0;  // of head, stamp and rest together
  uint64_t to_send = 0;
  std::string in;  // the response's head and stamp, until both are whole
  bool have_head = false;
  ResponseHead response;
  uint64_t body_left = 0;
};

class Generator {
 public:
  explicit Generator(const Options& options) : options_(options), requests_(options) {}
  ~Generator() {
    for (const auto& c : connections_)
      if (c->fd >= 0) close(c->fd);
    if (epoll_ >= 0) close(epoll_);
  }

  std::expected<Outcome, std::string> run() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < options_.connections; ++i) {
      connections_.push_back(std::make_unique<Connection>());
      if (!connect_one(*connections_.back()))
        return std::unexpected(std::string("connect: ") + std::strerror(errno));
    }
    cpu_before_ = cpu_seconds();
    begin_nanos_ = now_nanos();
    counting_ = options_.requests > 0 || options_.warmup_seconds <= 0;
    for (const auto& c : connections_) begin_request(*c);
    epoll_event events[kEventsMax];
    while (!over()) {
      const int n = epoll_wait(epoll_, events, kEventsMax, 100);
      for (int i = 0; i < n && !over(); ++i) turn(*static_cast<Connection*>(events[i].data.ptr));
    }
    outcome_.seconds = static_cast<double>(now_nanos() - begin_nanos_) / 1e9;
    outcome_.cpu_seconds = cpu_seconds() - cpu_before_;
    outcome_.answered = finished_;
    return outcome_;
  }

 private:
  bool over() {
    if (outcome_.errors >= kErrorsMax) return true;
    if (options_.requests > 0) return finished_ >= options_.requests;
    const double seconds = static_cast<double>(now_nanos() - begin_nanos_) / 1e9;
    if (!counting_ && seconds >= options_.warmup_seconds) {
      counting_ = true;
      begin_nanos_ = now_nanos();
      cpu_before_ = cpu_seconds();
      return false;
    }
    return counting_ && seconds >= options_.seconds;
  }

  bool connect_one(Connection& c) {
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(options_.port);
    if (inet_pton(AF_INET, options_.host.c_str(), &to.sin_addr) != 1) errno = EINVAL;
    if (c.fd < 0 || connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return false;
    const int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &c;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) == 0;
  }

  void begin_request(Connection& c) {
    if (options_.requests > 0 && begun_ >= options_.requests) {
      c.head = nullptr;  // nothing left to ask for
      return;
    }
    c.object = static_cast<uint32_t>(begun_++ % options_.objects);
    c.head = &requests_.head(c.object, &c.own_head);
    c.stamp = requests_.stamp(c.object);
    c.sent = 0;
    c.to_send = c.head->size() + (requests_.has_body() ? options_.size : 0);
    c.in.clear();
    c.have_head = false;
    c.began_nanos = now_nanos();
    send_more(c);
  }

  void send_more(Connection& c) {
    while (c.sent < c.to_send) {
      const std::string_view parts[3] = {
          *c.head, {c.stamp.data(), requests_.stamp_bytes()}, requests_.rest()};
      iovec out[3];
      int count = 0;
      uint64_t skip = c.sent;
      for (int i = 0; i < (requests_.has_body() ? 3 : 1); ++i) {
        if (skip < parts[i].size()) {
          out[count].iov_base = const_cast<char*>(parts[i].data() + skip);
          out[count++].iov_len = parts[i].size() - skip;
        }
        skip -= std::min<uint64_t>(skip, parts[i].size());
      }
      msghdr message{};
      message.msg_iov = out;
      message.msg_iovlen = static_cast<size_t>(count);
      const ssize_t n = sendmsg(c.fd, &message, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno != EAGAIN) fail_request(c, std::string("send: ") + std::strerror(errno));
        return;
      }
      c.sent += static_cast<uint64_t>(n);
    }
  }

  void turn(Connection& c) {
    if (c.head == nullptr) return;
    send_more(c);
    while (c.head != nullptr) {
      const bool blind = options_.discard && c.have_head && c.in.empty();
      const size_t room = blind ? c.body_left : buffer_.size();
      const ssize_t n = recv(c.fd, buffer_.data(), room, blind ? MSG_TRUNC : 0);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) {
        fail_request(c, n == 0 ? "the server closed the connection" : std::strerror(errno));
        return;
      }
      const auto size = static_cast<size_t>(n);
      take(c, blind ? std::string_view() : std::string_view(buffer_.data(), size), size);
      // A short read means that the socket is drained: the edge will come again.
      if (size < room) return;
    }
  }

  void take(Connection& c, std::string_view bytes, size_t n) {
    if (!c.have_head) {
      c.in.append(bytes);
      const auto head = parse_head(c.in);
      if (!head) return fail_request(c, head.error());
      if (!*head) return;
      c.have_head = true;
      c.response = **head;
      c.body_left = c.response.body_bytes;
      n = c.in.size() - c.response.head_bytes;
    } else if (!c.in.empty()) {
      c.in.append(bytes);
    }
    if (n > c.body_left) return fail_request(c, "more bytes than Content-Length says");
    c.body_left -= n;
    if (!c.in.empty() && !check_start(c)) return;
    if (c.body_left == 0) finish_request(c);
  }

  // Looks at the status and, as soon as it is there, at the stamp.
  bool check_start(Connection& c) {
    if (c.response.status != 200 && c.response.status != 201 && c.response.status != 204) {
      if (c.body_left > 0) return true;  // the rest of the error's text
      fail_request(c, c.in.substr(0, 600));
      return false;
    }
    if (requests_.has_body()) return true;
    if (c.response.body_bytes != options_.size) {
      fail_request(c, "an object of another size");
      return false;
    }
    const size_t stamp = requests_.stamp_bytes();
    if (c.in.size() < c.response.head_bytes + stamp) return true;
    if (std::memcmp(c.in.data() + c.response.head_bytes, c.stamp.data(), stamp) != 0) {
      fail_request(c, "the bytes of another object");
      return false;
    }
    c.in.clear();
    return true;
  }

  void finish_request(Connection& c) {
    ++finished_;
    if (counting_) {
      ++outcome_.requests;
      outcome_.bytes += options_.size;
      outcome_.latency.add(now_nanos() - c.began_nanos);
    }
    if (c.response.close && !reconnect(c)) return;
    begin_request(c);
  }

  void fail_request(Connection& c, const std::string& why) {
    ++finished_;
    if (outcome_.errors++ == 0) outcome_.first_error = why;
    if (outcome_.errors < kErrorsMax && reconnect(c)) begin_request(c);
  }

  bool reconnect(Connection& c) {
    close(c.fd);
    c.head = nullptr;
    if (connect_one(c)) return true;
    outcome_.errors = kErrorsMax;
    if (outcome_.first_error.empty()) outcome_.first_error = std::strerror(errno);
    return false;
  }

  const Options& options_;
  Requests requests_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<char> buffer_ = std::vector<char>(kReceiveBytes);
  Outcome outcome_;
  uint64_t begun_ = 0;
  uint64_t finished_ = 0;
  uint64_t begin_nanos_ = 0;
  double cpu_before_ = 0;
  bool counting_ = false;
};

}  // namespace

std::expected<Outcome, std::string> run_load(const Options& options) {
  return Generator(options).run();
}

}  // namespace atl::load
