#include "lab/client_group.h"

#include <csignal>

#include <fmt/format.h>

#include "lab/files.h"
#include "lab/oracle.h"
#include "lab/scenario.h"

namespace atl::lab {

Status ClientGroup::start(const std::vector<vip::Vip>& addresses) {
  const size_t count = std::min(lab_.options().clients, addresses.size());
  for (size_t i = 1; i <= count; ++i) {
    ClientConfig config;
    config.name = client_place(i).name();
    for (size_t v = i - 1; v < addresses.size(); v += count)
      config.addresses.push_back(addresses[v]);
    config.service = spec_.service;
    config.transfer_bytes = kTransferBytes;
    config.silent_after = 2 * spec_.lease;
    config.limit = 2 * kStartLimit + 2 * kRecoverLimit;
    config.output = spec_.folder + "/" + config.name + ".lines";
    const std::string file = spec_.folder + "/" + config.name + ".json";
    ATOLL_TRY_STATUS(write_text(file, config.encode()));
    ATOLL_TRY(pids_[i],
              lab_.spawn(client_place(i), {spec_.program, "lab", "client", "--config", file},
                         spec_.folder + "/" + config.name + ".log"));
    tails_.emplace_back(config.output);
  }
  return {};
}

Status ClientGroup::read() {
  for (ClientTail& tail : tails_) ATOLL_TRY_STATUS(tail.read());
  for (const auto& [number, pid] : pids_) {
    const Result<std::optional<int>> ended = lab_.processes().ended(pid);
    if (!ended || !*ended) continue;
    const std::string name = client_place(number).name();
    return fail(Errc::kInternal, fmt::format("{} ended with status {}: {}", name, **ended,
                                             log_tail(spec_.folder + "/" + name + ".log")));
  }
  return {};
}

Task<Status> ClientGroup::stop() {
  for (const auto& [number, pid] : pids_) (void)lab_.processes().signal(pid, SIGTERM);
  const Nanos until = env_.now() + kEndLimit;
  for (const auto& [number, pid] : pids_) {
    for (;;) {
      const Result<std::optional<int>> status = lab_.processes().ended(pid);
      if (!status || *status || env_.now() >= until) break;
      co_await env_.sleep(kLookInterval);
    }
  }
  pids_.clear();
  co_return read();
}

bool ClientGroup::steady(size_t address, const std::string& node, Nanos span) const {
  return tails_[address % size()].steady(target_of(address), node, span, real_now().count());
}

std::string ClientGroup::node_of(size_t address) const {
  return tails_[address % size()].node_of(target_of(address));
}

}  // namespace atl::lab
