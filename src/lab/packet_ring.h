// What a namespace sends by one interface in the name of some addresses, as the kernel saw it: a
// packet socket with a filter in the kernel and a memory-mapped ring (TPACKET_V2), so that a flood
// costs a copy of 96 bytes a packet and not a system call.
//
// Threads: one, but for dropped(). Errors: kIo, kNotFound (no such interface).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "lab/namespace.h"
#include "vip/types.h"

namespace atl::lab {

// 4 MiB: a node that sends at 10 Gbit/s in the kernel's 64 KiB packets fills it in 0.8 s.
inline constexpr uint32_t kRingFrames = 16'384;
// 256 KiB, for an interface where nothing should be seen: one packet is enough for the verdict.
inline constexpr uint32_t kSmallRingFrames = 1024;
inline constexpr uint32_t kRingFrameBytes = 256;
// IPv4's header with all options (60) and TCP's without (20), or an ARP frame (28); with room.
inline constexpr uint32_t kPacketBytesKept = 96;

struct Packet {
  Nanos at{};                      // CLOCK_REALTIME
  bool stamped = false;            // by the kernel as it sent; else when it was put into the ring
  uint16_t protocol = 0;           // ETH_P_IP, ETH_P_ARP
  std::span<const uint8_t> bytes;  // from the network header on
};

class PacketRing {
 public:
  // IPv4 packets from, and ARP frames of, one of `senders`, that leave by `interface`. `frames` is
  // a multiple of kSmallRingFrames.
  static Result<PacketRing> open(const Namespace& space, const std::string& interface,
                                 const std::vector<vip::Vip>& senders,
                                 uint32_t frames = kRingFrames);
  PacketRing(PacketRing&& other) noexcept;
  PacketRing& operator=(PacketRing&&) = delete;
  ~PacketRing();

  int fd() const { return file_.get(); }  // readable when there is a packet
  // Hands all that is there to `sink`; the bytes are its own only during the call. How many.
  size_t take(const std::function<void(const Packet&)>& sink);
  uint64_t dropped();  // for want of room, since open(); may run beside take()

 private:
  PacketRing(FileHandle file, uint32_t frames) : file_(std::move(file)), count_(frames) {}
  size_t bytes() const { return size_t{count_} * kRingFrameBytes; }
  FileHandle file_;
  uint32_t count_;
  uint8_t* frames_ = nullptr;
  uint32_t next_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace atl::lab
