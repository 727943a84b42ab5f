// The laboratory's faults.
#include <algorithm>
#include <csignal>

#include "lab/command.h"
#include "lab/firewall.h"
#include "lab/netlab.h"
#include "lab/reaper.h"
#include "lab/route_socket.h"

namespace atl::lab {

Status NetLab::set_client_link(size_t node, bool up) {
  const Place place = node_place(node);
  ATOLL_TRY_STATUS(check_place(place));
  if (!is_on(node)) return fail(Errc::kUnavailable, place.name() + " is off");
  ATOLL_TRY_STATUS(router_->set_link(client_index(place), up));
  if (!up) {
    client_down_.insert(node);
    return {};
  }
  client_down_.erase(node);
  return restore_routes(place);  // the kernel dropped them with the link
}

Status NetLab::set_management_link(Place place, bool up) {
  ATOLL_TRY_STATUS(check_place(place));
  if (place.management_address().empty() || place.kind == Place::Kind::kManagement) {
    return fail(Errc::kInvalidArgument, place.name() + " has no management link");
  }
  if (place.kind == Place::Kind::kNode && !is_on(place.number)) {
    return fail(Errc::kUnavailable, place.name() + " is off");
  }
  ATOLL_TRY_STATUS(management_->set_link(management_index(place), up));
  if (up) {
    management_down_.erase(place);
  } else {
    management_down_.insert(place);
  }
  return {};
}

Status NetLab::set_cut(const Place& at, const std::string& port, bool cut) {
  const std::vector<std::string> argv = {"nft", "-f", "-"};
  const std::string text = cut_text(at, options_.network, port, cut);
  ATOLL_TRY([[maybe_unused]] const std::string said, run_command(argv, text, spaces_.at(at).fd()));
  return {};
}

Status NetLab::cut_from_clients(size_t node, bool cut) {
  ATOLL_TRY_STATUS(check_place(node_place(node)));
  if (cut_from_clients_.contains(node) == cut) return {};
  ATOLL_TRY_STATUS(set_cut(router_place(), client_port(node_place(node)), cut));
  if (cut) {
    cut_from_clients_.insert(node);
  } else {
    cut_from_clients_.erase(node);
  }
  return {};
}

Status NetLab::cut_from_coordinator(Place place, bool cut) {
  ATOLL_TRY_STATUS(check_place(place));
  if (place.management_address().empty() || place.kind == Place::Kind::kManagement) {
    return fail(Errc::kInvalidArgument, place.name() + " has no management link");
  }
  if (cut_from_coordinator_.contains(place) == cut) return {};
  ATOLL_TRY_STATUS(set_cut(management_place(), place.name(), cut));
  if (cut) {
    cut_from_coordinator_.insert(place);
  } else {
    cut_from_coordinator_.erase(place);
  }
  return {};
}

Status NetLab::power_off_all(const std::vector<size_t>& nodes) {
  // Links first: a kernel that ends a process says goodbye on its connections, one without power
  // does not.
  std::vector<pid_t> doomed;
  for (const size_t node : nodes) {
    if (!is_on(node)) continue;
    ATOLL_TRY_STATUS(router_->set_link(client_index(node_place(node)), false));
    ATOLL_TRY_STATUS(management_->set_link(management_index(node_place(node)), false));
    off_.insert(node);
    const std::vector<pid_t> here = running(node_place(node));
    doomed.insert(doomed.end(), here.begin(), here.end());
    started_.erase(node_place(node));
  }
  return processes_.kill(doomed);
}

Status NetLab::power_off(size_t node) {
  ATOLL_TRY_STATUS(check_place(node_place(node)));
  return power_off_all({node});
}

Result<std::vector<size_t>> NetLab::power_off_domain(const std::string& domain) {
  std::vector<size_t> nodes;
  for (size_t i = 1; i <= options_.nodes; ++i) {
    if (domain_of(i) == domain) nodes.push_back(i);
  }
  if (nodes.empty()) return fail(Errc::kInvalidArgument, "no node is in domain " + domain);
  ATOLL_TRY_STATUS(power_off_all(nodes));
  return nodes;
}

Status NetLab::power_on(size_t node) {
  const Place place = node_place(node);
  ATOLL_TRY_STATUS(check_place(place));
  if (is_on(node)) return {};
  const auto cap = caps_.find(place);
  const uint32_t mbit = cap == caps_.end() ? 0 : cap->second;
  ATOLL_TRY_STATUS(apply_cap(place, 0));  // the port that it is on goes
  ATOLL_TRY_STATUS(remake(node));
  off_.erase(node);
  client_down_.erase(node);
  management_down_.erase(place);
  ATOLL_TRY_STATUS(restore_routes(place));
  return apply_cap(place, mbit);
}

Status NetLab::set_cap(Place place, uint32_t mbit) {
  ATOLL_TRY_STATUS(check_place(place));
  if (place.kind != Place::Kind::kNode && place.kind != Place::Kind::kClient) {
    return fail(Errc::kInvalidArgument, place.name() + " has no client link");
  }
  return apply_cap(place, mbit);
}

Status NetLab::heal() {
  for (size_t node = 1; node <= options_.nodes; ++node) ATOLL_TRY_STATUS(power_on(node));
  const std::set<size_t> client_down = client_down_;
  for (const size_t node : client_down) ATOLL_TRY_STATUS(set_client_link(node, true));
  const std::set<Place> management_down = management_down_;
  for (const Place& place : management_down) {
    ATOLL_TRY_STATUS(set_management_link(place, true));
  }
  const std::set<size_t> from_clients = cut_from_clients_;
  for (const size_t node : from_clients) ATOLL_TRY_STATUS(cut_from_clients(node, false));
  const std::set<Place> from_coordinator = cut_from_coordinator_;
  for (const Place& place : from_coordinator) {
    ATOLL_TRY_STATUS(cut_from_coordinator(place, false));
  }
  for (const auto& [place, space] : spaces_) {
    if (place.kind != Place::Kind::kNode && place.kind != Place::Kind::kClient) continue;
    const auto cap = caps_.find(place);
    const uint32_t now = cap == caps_.end() ? 0 : cap->second;
    if (now != usual_cap(place)) ATOLL_TRY_STATUS(apply_cap(place, usual_cap(place)));
  }
  return {};
}

}  // namespace atl::lab
