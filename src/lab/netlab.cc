#include "lab/netlab.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>

#include "lab/command.h"
#include "lab/reaper.h"
#include "lab/route_socket.h"

namespace atl::lab {

namespace {

// Several laboratories of one process, at once or one after another.
std::atomic<uint64_t> labs_made{0};

Error no_such(const Place& place) {
  return Error(Errc::kInvalidArgument, "the laboratory has no " + place.name());
}

}  // namespace

NetLab::NetLab(NetLabOptions options) : options_(std::move(options)) {
  prefix_ = "atl" + std::to_string(getpid()) + "-" + std::to_string(++labs_made) + "-";
  if (options_.domains.empty()) options_.domains.assign(options_.nodes, "a");
}

Result<std::unique_ptr<NetLab>> NetLab::create(NetLabOptions options) {
  if (geteuid() != 0) return fail(Errc::kPermission, "the laboratory needs root");
  std::unique_ptr<NetLab> lab(new NetLab(std::move(options)));
  ATOLL_TRY_STATUS(lab->check());
  ATOLL_TRY_STATUS(remove_leftovers());
  Status built = lab->build();
  if (!built) return fail(std::move(built.error()).with_context("making the laboratory"));
  return lab;
}

NetLab::~NetLab() {
  destroy();
}

void NetLab::destroy() {
  std::vector<pid_t> all;
  for (const auto& [place, pids] : started_) all.insert(all.end(), pids.begin(), pids.end());
  (void)processes_.kill(all);
  started_.clear();
  router_.reset();
  management_.reset();
  spaces_.clear();
  reaper_.reset();
}

Status NetLab::check() const {
  const NetLabOptions& o = options_;
  if (o.nodes < 1 || o.nodes > kNodesMax || o.clients > kClientsMax ||
      o.controllers > kControllersMax) {
    return fail(Errc::kInvalidArgument, "too few or too many nodes, clients or controllers");
  }
  if (o.domains.size() != o.nodes) {
    return fail(Errc::kInvalidArgument, "there is not one domain for each node");
  }
  return {};
}

std::vector<Place> NetLab::places() const {
  std::vector<Place> all = {router_place(), management_place()};
  for (size_t i = 1; i <= options_.nodes; ++i) all.push_back(node_place(i));
  for (size_t i = 1; i <= options_.clients; ++i) all.push_back(client_place(i));
  for (size_t i = 1; i <= options_.controllers; ++i) all.push_back(controller_place(i));
  return all;
}

std::string NetLab::full_name(const Place& place) const {
  return prefix_ + place.name();
}

Status NetLab::check_place(const Place& place) const {
  if (!spaces_.contains(place)) return fail(no_such(place));
  return {};
}

const std::string& NetLab::domain_of(size_t node) const {
  return options_.domains.at(node - 1);
}

Result<const Namespace*> NetLab::space(Place place) const {
  const auto at = spaces_.find(place);
  if (at == spaces_.end()) return fail(no_such(place));
  return &at->second;
}

Result<std::string> NetLab::congestion_control() const {
  std::string name;
  ATOLL_TRY_STATUS(spaces_.at(node_place(1)).run([&name]() -> Status {
    ATOLL_TRY(name, read_sysctl("net.ipv4.tcp_congestion_control"));
    return {};
  }));
  return name;
}

Result<pid_t> NetLab::spawn(Place place, std::vector<std::string> argv, std::string output) {
  ATOLL_TRY(const Namespace* inside, space(place));
  if (place.kind == Place::Kind::kNode && !is_on(place.number)) {
    return fail(Errc::kUnavailable, place.name() + " is off");
  }
  Launch launch;
  launch.argv = std::move(argv);
  launch.namespace_fd = inside->fd();
  launch.output = std::move(output);
  ATOLL_TRY(const pid_t pid, processes_.start(std::move(launch)));
  started_[place].push_back(pid);
  return pid;
}

std::vector<pid_t> NetLab::running(Place place) {
  std::vector<pid_t>& pids = started_[place];
  std::erase_if(pids, [this](pid_t pid) {
    const auto end = processes_.ended(pid);
    return !end || end->has_value();
  });
  return pids;
}

// --- The fabric ---

bool NetLab::receives(size_t node) const {
  return is_on(node) && !client_down_.contains(node);
}

Status NetLab::deliver(vip::Vip vip, std::optional<size_t> node) {
  if (options_.network != Network::kRouted) {
    return fail(Errc::kUnsupported, "on a segment ARP decides where a packet goes");
  }
  if (!node) {
    delivered_.erase(vip);
    const Status removed = router_->remove_route(vip);
    return !removed && removed.error().code == Errc::kNotFound ? Status{} : removed;
  }
  const Place place = node_place(*node);
  ATOLL_TRY_STATUS(check_place(place));
  delivered_[vip] = *node;
  if (!receives(*node)) {
    // No route can go out of an interface that is down: until it is back, nobody has the address.
    const Status removed = router_->remove_route(vip);
    return !removed && removed.error().code == Errc::kNotFound ? Status{} : removed;
  }
  ATOLL_TRY(const vip::Vip gateway, vip::Vip::parse(place.client_address()));
  return router_->replace_route(vip, gateway, kNodeIndexBase + static_cast<int>(*node));
}

Result<uint64_t> NetLab::dropped_for_nobody() const {
  if (options_.network != Network::kRouted) return fail(Errc::kUnsupported, "a segment has none");
  const std::vector<std::string> argv = {"nft", "list", "counter", "ip", "lab", "nobody"};
  ATOLL_TRY(const std::string text, run_command(argv, {}, spaces_.at(router_place()).fd()));
  constexpr std::string_view kBefore = "packets ";
  const size_t at = text.find(kBefore);
  uint64_t count = 0;
  if (at == std::string::npos) return fail(Errc::kIo, "nft lists no packets: " + text);
  const char* const from = text.data() + at + kBefore.size();
  if (std::from_chars(from, text.data() + text.size(), count).ec != std::errc()) {
    return fail(Errc::kIo, "nft lists no packets: " + text);
  }
  return count;
}

}  // namespace atl::lab
