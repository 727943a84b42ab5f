// How often the same address failed in a way that trying again does not mend.
//
// Three strikes and it is stuck: reported as such in every Outcome from then on, logged once, and
// shown in atoll_vip_stuck. The mover goes on trying, and the first success clears it.
//
// Owned by a mover; threads: the reactor's.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/metrics.h"
#include "vip/mover.h"

namespace atl::vip {

// Twice may be a slow replica of the API's store; three times in a row somebody must look.
inline constexpr uint32_t kStuckAfter = 3;

// Will only a person, or a change elsewhere, mend it?
bool needs_a_person(const Error& error);

class Strikes {
 public:
  explicit Strikes(std::string_view mover);
  ~Strikes();
  Strikes(const Strikes&) = delete;
  Strikes& operator=(const Strikes&) = delete;

  void strike(Vip vip, const Error& why);
  void clear(Vip vip);
  bool stuck(Vip vip) const;

  // What `trouble` says about the addresses of `wanted`, with strikes for what needs a person and
  // a clean slate for those without trouble.
  std::vector<Unfinished> conclude(const std::vector<Wanted>& wanted,
                                   const std::map<Vip, Error>& trouble);

 private:
  void show() const;

  std::string mover_;
  Gauge& gauge_;
  Counter& escalations_;
  std::map<Vip, uint32_t> count_;  // at most an entry an address of the pool
};

}  // namespace atl::vip
