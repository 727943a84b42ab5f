#include "lab/health_prober.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "lab/responder.h"

namespace atl::lab {
namespace {

using Clock = std::chrono::steady_clock;
using Pair = std::pair<size_t, vip::Vip>;

struct Asked {
  bool good = false;
  Clock::time_point last_asked;
};

struct Attempt {
  Pair pair;
  FileHandle socket;
  bool sent = false;
  bool good = false;
};

// The thread is in the router's namespace.
FileHandle open_probe(const Pair& pair) {
  FileHandle socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return {};
  const std::string device = fmt::format("v{}", pair.first);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
               static_cast<socklen_t>(device.size()));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(kHealthPort);
  to.sin_addr.s_addr = htonl(pair.second.number);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS)
    return {};
  return socket;
}

// True: the attempt is over.
bool advance(Attempt* attempt) {
  if (!attempt->sent) {
    constexpr std::string_view kAsk =
        "GET /healthz HTTP/1.1\r\nHost: health\r\nConnection: close\r\n\r\n";
    attempt->sent = true;
    return ::send(attempt->socket.get(), kAsk.data(), kAsk.size(), MSG_NOSIGNAL) < 0;
  }
  char answer[64];
  const ssize_t n = ::recv(attempt->socket.get(), answer, sizeof answer, 0);
  attempt->good =
      n > 0 && std::string_view(answer, static_cast<size_t>(n)).starts_with("HTTP/1.1 200 ");
  return true;
}

void probe_all(std::vector<Attempt>* attempts, Clock::time_point until) {
  std::vector<Attempt*> open;
  for (Attempt& attempt : *attempts)
    if (attempt.socket.get() >= 0) open.push_back(&attempt);
  while (!open.empty() && Clock::now() < until) {
    std::vector<pollfd> polled;
    for (const Attempt* attempt : open)
      polled.push_back({attempt->socket.get(), short(attempt->sent ? POLLIN : POLLOUT), 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (::poll(polled.data(), polled.size(), static_cast<int>(left.count())) <= 0) break;
    std::vector<Attempt*> rest;
    for (size_t i = 0; i < open.size(); ++i)
      if (polled[i].revents == 0 || !advance(open[i])) rest.push_back(open[i]);
    open = std::move(rest);
  }
}

}  // namespace

struct HealthProber::Impl {
  const Namespace* router = nullptr;
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::map<Pair, Asked> asked;
  std::thread thread;

  std::vector<Attempt> due() {
    std::vector<Attempt> attempts;
    const std::lock_guard lock(mutex);
    std::erase_if(asked, [](const auto& item) {
      return item.second.last_asked + kHealthInterest < Clock::now();
    });
    for (const auto& [pair, state] : asked) attempts.push_back({.pair = pair});
    return attempts;
  }

  void run() {
    if (const Status in = router->enter_this_thread(); !in) {
      ATOLL_LOG(kError, "lab", in.error().to_string());
      return;
    }
    while (!stop) {
      const Clock::time_point until = Clock::now() + kHealthProbeInterval;
      std::vector<Attempt> attempts = due();
      for (Attempt& attempt : attempts) attempt.socket = open_probe(attempt.pair);
      probe_all(&attempts, until);
      {
        const std::lock_guard lock(mutex);
        for (const Attempt& attempt : attempts)
          if (auto found = asked.find(attempt.pair); found != asked.end())
            found->second.good = attempt.good;
      }
      std::this_thread::sleep_until(until);
    }
  }
};

HealthProber::HealthProber(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HealthProber::~HealthProber() {
  impl_->stop = true;
  impl_->thread.join();
}

Result<std::unique_ptr<HealthProber>> HealthProber::start(const NetLab& lab) {
  auto impl = std::make_unique<Impl>();
  ATOLL_TRY(impl->router, lab.space(router_place()));
  impl->thread = std::thread([raw = impl.get()] { raw->run(); });
  return std::unique_ptr<HealthProber>(new HealthProber(std::move(impl)));
}

bool HealthProber::answers(size_t node, vip::Vip vip) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->asked.size() >= kHealthPairsMax) return false;
  Asked& state = impl_->asked[{node, vip}];
  state.last_asked = Clock::now();
  return state.good;
}

}  // namespace atl::lab
