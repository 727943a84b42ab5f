// Routes, neighbours and links of one namespace by rtnetlink: a change is one system call, so a
// fault or a delivery happens when it is asked for, not when a command has been started.
//
// Threads: one at a time. Errors: kNotFound (no such route or interface), kIo.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "lab/namespace.h"
#include "vip/types.h"

namespace atl::lab {

using Mac = std::array<uint8_t, 6>;

class RouteSocket {
 public:
  static Result<RouteSocket> open(const Namespace& space);

  // A route for that one address out of that interface; with a gateway, which is taken to be on the
  // link whatever its address is. Replaces the one that is there.
  Status replace_route(vip::Vip to, std::optional<vip::Vip> gateway, int interface);
  Status remove_route(vip::Vip to);
  // A neighbour that never has to be asked for.
  Status set_neighbour(vip::Vip address, Mac mac, int interface);
  Status set_link(int interface, bool up);

 private:
  explicit RouteSocket(FileHandle file) : file_(std::move(file)) {}
  Status talk(const void* request, size_t length);

  FileHandle file_;
  uint32_t sequence_ = 0;
};

}  // namespace atl::lab
