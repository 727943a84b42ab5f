#include "lab/packet_ring.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>
#include <utility>

#include "lab/child.h"

namespace atl::lab {

namespace {

constexpr uint32_t kBlockBytes = kSmallRingFrames * kRingFrameBytes;
constexpr uint32_t kIpSource = 12;   // offsets from the network header
constexpr uint32_t kArpSender = 14;  // after the 8 bytes of kinds and the sender's hardware address

// A is the sender's address of either protocol, then one comparison an address.
std::vector<sock_filter> filter_of(const std::vector<vip::Vip>& senders) {
  constexpr auto kDirection = static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE);
  constexpr auto kProtocol = static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL);
  std::vector<sock_filter> code = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kDirection),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kProtocol),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kIpSource),
      BPF_STMT(BPF_JMP | BPF_JA, 3),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArpSender),
  };
  for (const vip::Vip sender : senders) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sender.number, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, kPacketBytesKept));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  return code;
}

template <typename T>
Status set_option(int fd, int level, int option, const T& value, const char* name) {
  if (setsockopt(fd, level, option, &value, sizeof value) == 0) return {};
  return fail(system_error(std::string("packet socket: ") + name));
}

}  // namespace

Result<PacketRing> PacketRing::open(const Namespace& space, const std::string& interface,
                                    const std::vector<vip::Vip>& senders, uint32_t frames) {
  unsigned index = 0;
  ATOLL_TRY_STATUS(space.run([&]() -> Status {
    index = if_nametoindex(interface.c_str());
    if (index == 0) return fail(Errc::kNotFound, "no " + interface + " in " + space.name());
    return {};
  }));
  // Protocol 0: it gets nothing before it is bound, when filter and ring are in place.
  ATOLL_TRY(FileHandle file, space.socket(AF_PACKET, SOCK_DGRAM, 0));
  const int fd = file.get();
  std::vector<sock_filter> code = filter_of(senders);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  ATOLL_TRY_STATUS(set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, "filter"));
  // The first turns stamping on in the kernel, the second asks for the stamp in the ring.
  ATOLL_TRY_STATUS(set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "timestamps"));
  const int software = SOF_TIMESTAMPING_SOFTWARE;
  ATOLL_TRY_STATUS(set_option(fd, SOL_PACKET, PACKET_TIMESTAMP, software, "ring timestamps"));
  const int version = TPACKET_V2;
  ATOLL_TRY_STATUS(set_option(fd, SOL_PACKET, PACKET_VERSION, version, "version"));
  tpacket_req ring{};
  ring.tp_block_size = kBlockBytes;
  ring.tp_block_nr = frames / kSmallRingFrames;
  ring.tp_frame_size = kRingFrameBytes;
  ring.tp_frame_nr = frames;
  ATOLL_TRY_STATUS(set_option(fd, SOL_PACKET, PACKET_RX_RING, ring, "ring"));
  PacketRing made(std::move(file), frames);
  void* const memory = mmap(nullptr, made.bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return fail(system_error("packet socket: mmap"));
  made.frames_ = static_cast<uint8_t*>(memory);
  sockaddr_ll here{};
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(ETH_P_ALL);
  here.sll_ifindex = static_cast<int>(index);
  if (bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) != 0) {
    return fail(system_error("packet socket: bind"));
  }
  return made;
}

PacketRing::PacketRing(PacketRing&& other) noexcept
    : file_(std::move(other.file_)),
      count_(other.count_),
      frames_(std::exchange(other.frames_, nullptr)),
      next_(other.next_),
      dropped_(other.dropped_) {}

PacketRing::~PacketRing() {
  if (frames_ != nullptr) munmap(frames_, bytes());
}

size_t PacketRing::take(const std::function<void(const Packet&)>& sink) {
  size_t taken = 0;
  for (;; ++taken) {
    uint8_t* const frame = frames_ + size_t{next_} * kRingFrameBytes;
    auto* const header = reinterpret_cast<tpacket2_hdr*>(frame);
    std::atomic_ref<uint32_t> status(header->tp_status);
    const uint32_t now = status.load(std::memory_order_acquire);
    if ((now & TP_STATUS_USER) == 0) return taken;
    const auto* from =
        reinterpret_cast<const sockaddr_ll*>(frame + TPACKET_ALIGN(sizeof(tpacket2_hdr)));
    Packet packet;
    packet.at = std::chrono::seconds(header->tp_sec) + Nanos(header->tp_nsec);
    packet.stamped = (now & TP_STATUS_TS_SOFTWARE) != 0;
    packet.protocol = ntohs(from->sll_protocol);
    packet.bytes = {frame + header->tp_net, header->tp_snaplen};
    sink(packet);
    status.store(TP_STATUS_KERNEL, std::memory_order_release);
    next_ = (next_ + 1) % count_;
  }
}

uint64_t PacketRing::dropped() {
  tpacket_stats counted{};
  socklen_t size = sizeof counted;
  // Reading sets the kernel's counters to zero.
  if (getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &counted, &size) == 0) {
    dropped_ += counted.tp_drops;
  }
  return dropped_;
}

}  // namespace atl::lab
