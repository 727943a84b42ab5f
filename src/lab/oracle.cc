#include "lab/oracle.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "lab/answer_log.h"
#include "lab/child.h"
#include "lab/packet_ring.h"

namespace atl::lab {

namespace {

constexpr size_t kIpHeaderMin = 20;
constexpr size_t kTcpHeaderMin = 20;
constexpr size_t kArpBytes = 28;
constexpr uint16_t kArpReply = 2;
// The kernel turns stamping on from a work queue, some time after it was asked to.
constexpr Nanos kStampingStarts = 20ms;
// Between looks at the kernel's count of drops and at the clock.
constexpr Nanos kLookInterval = 100ms;

uint16_t u16(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
vip::Vip address(std::span<const uint8_t> bytes, size_t at) {
  return {uint32_t{u16(bytes, at)} << 16 | u16(bytes, at + 2)};
}

bool read_ip(std::span<const uint8_t> bytes, Answer* answer) {
  if (bytes.size() < kIpHeaderMin) return false;
  answer->vip = address(bytes, 12);
  answer->peer = address(bytes, 16);
  answer->kind = Answer::Kind::kOther;
  const size_t header = size_t{bytes[0] & 0xfU} * 4;
  const bool first_fragment = (u16(bytes, 6) & 0x1fff) == 0;
  if (bytes[9] != IPPROTO_TCP || !first_fragment || bytes.size() < header + kTcpHeaderMin) {
    return true;
  }
  answer->kind = Answer::Kind::kTcp;
  answer->port = u16(bytes, header);
  answer->peer_port = u16(bytes, header + 2);
  answer->tcp_flags = bytes[header + 13];
  return true;
}

bool read_arp(std::span<const uint8_t> bytes, Answer* answer) {
  if (bytes.size() < kArpBytes) return false;
  answer->kind = Answer::Kind::kArp;
  answer->arp_opcode = u16(bytes, 6);
  answer->vip = address(bytes, 14);
  answer->peer = address(bytes, 24);
  return true;
}

// As the packet specification of fast IP move has it: a reply, sender and target address the same,
// target hardware address all ones.
bool is_garp(std::span<const uint8_t> bytes, const Answer& answer) {
  return answer.arp_opcode == kArpReply && answer.vip == answer.peer &&
         std::all_of(bytes.begin() + 18, bytes.begin() + 24, [](uint8_t b) { return b == 0xff; });
}

Nanos clock_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return std::chrono::seconds(t.tv_sec) + Nanos(t.tv_nsec);
}

Nanos clock_offset() {
  return clock_of(CLOCK_REALTIME) - clock_of(CLOCK_MONOTONIC);
}

}  // namespace

Nanos real_now() {
  return clock_of(CLOCK_REALTIME);
}

struct Oracle::Impl {
  struct Watched {
    size_t node;
    bool client_side;  // or the management interface
    PacketRing ring;
    bool retired = false;  // the node was made anew: emptied once more, then closed
  };

  Impl(NetLab& l, Options o) : lab(l), options(std::move(o)), log(options.answers_max) {}

  NetLab& lab;
  Options options;
  FileHandle wake;
  std::thread thread;
  std::atomic<bool> stopping{false};

  mutable std::mutex mutex;  // of all below
  std::vector<std::shared_ptr<Watched>> watched;
  AnswerLog log;
  uint64_t retired_dropped = 0;
  uint64_t ring_dropped = 0;
  uint64_t ring_dropped_before = 0;  // at clear()
  uint64_t unstamped = 0;
  bool clock_stepped = false;
  Nanos offset{};

  Status watch(size_t node);
  void note(const Watched& from, const Packet& packet);
  size_t take_all();
  void look_after();
  void wait();
  void serve();
};

Status Oracle::Impl::watch(size_t node) {
  ATOLL_TRY(const Namespace* space, lab.space(node_place(node)));
  ATOLL_TRY(PacketRing clients, PacketRing::open(*space, "eth0", options.vips));
  ATOLL_TRY(PacketRing management,
            PacketRing::open(*space, "mgmt0", options.vips, kSmallRingFrames));
  {
    const std::scoped_lock lock(mutex);
    for (const auto& old : watched) old->retired = old->retired || old->node == node;
    watched.push_back(std::make_shared<Watched>(Watched{node, true, std::move(clients)}));
    watched.push_back(std::make_shared<Watched>(Watched{node, false, std::move(management)}));
  }
  eventfd_write(wake.get(), 1);
  return {};
}

void Oracle::Impl::note(const Watched& from, const Packet& packet) {
  Answer answer;
  answer.node = static_cast<uint16_t>(from.node);
  answer.first = answer.last = packet.at;
  const bool arp = packet.protocol == ETH_P_ARP;
  if (!(arp ? read_arp(packet.bytes, &answer) : read_ip(packet.bytes, &answer))) return;
  {
    const std::scoped_lock lock(mutex);
    log.add(answer);
    if (!packet.stamped) ++unstamped;
  }
  if (arp && from.client_side && options.on_garp && is_garp(packet.bytes, answer))
    options.on_garp(from.node, answer.vip);
}

size_t Oracle::Impl::take_all() {
  std::vector<std::shared_ptr<Watched>> now;
  {
    const std::scoped_lock lock(mutex);
    now = watched;
  }
  size_t taken = 0;
  for (const auto& one : now) {
    const bool last = one->retired;
    taken += one->ring.take([&](const Packet& packet) { note(*one, packet); });
    if (!last) continue;
    const std::scoped_lock lock(mutex);
    retired_dropped += one->ring.dropped();
    std::erase(watched, one);
  }
  return taken;
}

void Oracle::Impl::look_after() {
  const Nanos now = clock_offset();
  const std::scoped_lock lock(mutex);
  ring_dropped = retired_dropped;
  for (const auto& one : watched) ring_dropped += one->ring.dropped();
  if (std::chrono::abs(now - offset) >= kClockStepMin) clock_stepped = true;
  offset = now;
}

void Oracle::Impl::wait() {
  std::vector<pollfd> files = {{wake.get(), POLLIN, 0}};
  {
    const std::scoped_lock lock(mutex);
    for (const auto& one : watched) files.push_back({one->ring.fd(), POLLIN, 0});
  }
  constexpr auto kWait = std::chrono::duration_cast<std::chrono::milliseconds>(kLookInterval);
  poll(files.data(), files.size(), static_cast<int>(kWait.count()));
  eventfd_t count = 0;
  eventfd_read(wake.get(), &count);
}

void Oracle::Impl::serve() {
  Nanos next_look{0};
  for (;;) {
    // The order is looked at before the rings are emptied: what was sent before stop() is read.
    const bool last_round = stopping.load();
    const size_t taken = take_all();
    const Nanos now = clock_of(CLOCK_MONOTONIC);
    if (last_round || now >= next_look) {
      look_after();
      next_look = now + kLookInterval;
    }
    if (last_round) return;
    if (taken == 0) wait();
  }
}

Result<std::unique_ptr<Oracle>> Oracle::start(NetLab& lab, Options options) {
  if (options.vips.size() > vip::kPoolAddressesMax || options.answers_max == 0) {
    return fail(Errc::kInvalidArgument, "too many addresses to watch, or no room for answers");
  }
  auto made = std::make_unique<Impl>(lab, std::move(options));
  Impl* const impl = made.get();
  impl->wake = FileHandle(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (impl->wake.get() < 0) return fail(system_error("eventfd"));
  for (size_t node = 1; node <= lab.options().nodes; ++node) {
    ATOLL_TRY_STATUS(impl->watch(node));
  }
  impl->offset = clock_offset();
  std::this_thread::sleep_for(kStampingStarts);
  impl->thread = std::thread([impl] { impl->serve(); });
  lab.on_made([impl](size_t node) { return impl->watch(node); });
  return std::unique_ptr<Oracle>(new Oracle(std::move(made)));
}

Oracle::Oracle(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Oracle::~Oracle() {
  stop();
}

void Oracle::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->lab.on_made(nullptr);
  impl_->stopping = true;
  eventfd_write(impl_->wake.get(), 1);
  impl_->thread.join();
}

std::vector<Answer> Oracle::answers() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->log.all();
}

std::vector<Answer> Oracle::answers(vip::Vip vip) const {
  std::vector<Answer> found = answers();
  std::erase_if(found, [&](const Answer& answer) { return answer.vip != vip; });
  return found;
}

std::optional<Answer> Oracle::first_answer(vip::Vip vip, size_t node, Nanos after) const {
  for (const Answer& answer : answers()) {
    if (answer.vip == vip && answer.node == node && answer.first >= after) return answer;
  }
  return std::nullopt;
}

std::optional<Answer> Oracle::last_answer(vip::Vip vip, size_t node, Nanos before) const {
  std::optional<Answer> last;
  for (const Answer& answer : answers()) {
    if (answer.first >= before) break;
    if (answer.vip == vip && answer.node == node) last = answer;
  }
  return last;
}

uint64_t Oracle::dropped() const {
  impl_->look_after();
  const std::scoped_lock lock(impl_->mutex);
  return impl_->log.dropped() + impl_->ring_dropped - impl_->ring_dropped_before;
}

void Oracle::clear() {
  impl_->look_after();
  const std::scoped_lock lock(impl_->mutex);
  impl_->log.clear();
  impl_->ring_dropped_before = impl_->ring_dropped;
  impl_->unstamped = 0;
  impl_->clock_stepped = false;
}

Verdict Oracle::judge(std::vector<HolderChange> changes) const {
  Verdict verdict = judge_answers(answers(), std::move(changes));
  const uint64_t lost = dropped();
  const std::scoped_lock lock(impl_->mutex);
  const auto doubt = [&](const std::string& why) {
    verdict.doubt += (verdict.doubt.empty() ? "" : "; ") + why;
    if (verdict.kind == Verdict::Kind::kSafe) verdict.kind = Verdict::Kind::kNotSure;
  };
  if (lost > 0) doubt(fmt::format("{} packets were not seen", lost));
  if (impl_->unstamped > 0) doubt(fmt::format("{} packets have a late time", impl_->unstamped));
  if (impl_->clock_stepped) doubt("the machine's clock was set");
  return verdict;
}

}  // namespace atl::lab
