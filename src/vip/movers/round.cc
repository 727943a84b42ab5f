#include "vip/movers/round.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/planted_bug.h"

namespace atl::vip {

bool outcome_unknown(const Error& error) {
  return error.code == Errc::kUnavailable || error.code == Errc::kTimeout ||
         error.code == Errc::kIo || error.code == Errc::kCancelled;
}

Error not_wanted_any_more() {
  return Error(Errc::kCancelled, "its record has changed, or this controller leads no more");
}

namespace {

class Tally {
 public:
  explicit Tally(uint32_t* count) : count_(count) { ++*count_; }
  ~Tally() { --*count_; }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

 private:
  uint32_t* count_;
};

}  // namespace

Round::Round(env::Env& env, cloud::Compute& compute, Nanos limit)
    : env_(env), compute_(compute), end_(env.now() + limit) {}

Nanos Round::left() const {
  return std::max(Nanos{0}, end_ - env_.now());
}

Task<void> Round::pause(Nanos duration) {
  const Nanos most = left();
  co_await env_.sleep(std::min(duration, most));
}

template <typename T>
Task<Result<T>> Round::once(Start<T> start, May may) {
  env::Permit permit = co_await env::Permit::take(permits_);
  if (may && !may()) co_return fail(not_wanted_any_more());
  const Nanos limit = std::min(cloud::kCallDeadline, left());
  if (limit <= Nanos{0}) co_return fail(Errc::kTimeout, "the round is over");
  ++api_calls_;
  Task<Result<T>> call = start();
  if (planted(PlantedBug::kMoverWithoutDeadline)) co_return co_await std::move(call);
  co_return co_await env::with_timeout<T>(env_, limit, std::move(call));
}

template <typename T>
Task<Result<T>> Round::repeat(Start<T> start, May may) {
  Nanos pause = kRetryPause;
  Nanos busy_pause = kBusyPause;
  int busy_waits = 0;
  for (int tries = 1;;) {
    Result<T> result = co_await once<T>(start, may);
    if (result || result.error().code == Errc::kCancelled) co_return result;
    Nanos wait{0};
    if (result.error().code == Errc::kBusy && busy_waits++ < kBusyWaits) {
      wait = busy_pause;
      busy_pause = std::min(2 * busy_pause, kBusyPauseMost);
    } else if (outcome_unknown(result.error()) && tries++ < kCallTries) {
      wait = pause;
      pause *= 2;
    } else {
      co_return result;
    }
    // Calls that failed together do not come back together.
    wait += Nanos(static_cast<int64_t>(env_.random() % static_cast<uint64_t>(wait.count() / 2)));
    if (wait >= left()) co_return result;
    co_await env_.sleep(wait);
  }
}

Task<Result<cloud::Operation>> Round::change(Start<cloud::Operation> start, May may) {
  Result<cloud::Operation> operation =
      co_await repeat<cloud::Operation>(std::move(start), std::move(may));
  if (operation) ++changes_;
  co_return operation;
}

Task<Status> Round::finish(cloud::Operation operation) {
  const Nanos deadline = env_.now() + std::min(cloud::kOperationDeadline, left());
  const bool for_ever = planted(PlantedBug::kMoverWithoutDeadline);
  const Tally under_way(&polled_);
  Nanos pause = std::min(polled_ * kPollFirst, kPollMost);
  while (!operation.done) {
    if (!for_ever && env_.now() + pause >= deadline)
      co_return fail(Errc::kTimeout, fmt::format("operation {} is not done yet", operation.name));
    co_await env_.sleep(pause);
    pause = std::min(std::max(pause * 3 / 2, polled_ * kPollFirst), kPollMost);
    Start<cloud::Operation> start = [this, operation] {
      return compute_.operation(operation.scope, operation.location, operation.name);
    };
    Result<cloud::Operation> now = co_await read<cloud::Operation>(std::move(start));
    if (now) {
      operation = std::move(*now);
    } else if (!outcome_unknown(now.error()) && now.error().code != Errc::kBusy) {
      const std::string what = "cannot read operation " + operation.name;
      co_return fail(Errc::kTimeout, what + ": " + now.error().to_string());
    }
  }
  if (operation.error) co_return fail(*operation.error);
  co_return Status{};
}

Task<Result<cloud::Instance>> Round::instance(cloud::InstanceRef ref) {
  return read<cloud::Instance>([this, ref = std::move(ref)] { return compute_.instance(ref); });
}

Task<Result<cloud::Subnetwork>> Round::subnetwork(std::string region, std::string name) {
  return read<cloud::Subnetwork>([this, region = std::move(region), name = std::move(name)] {
    return compute_.subnetwork(region, name);
  });
}

Task<Result<cloud::NetworkFeatures>> Round::network_features(std::string network) {
  return read<cloud::NetworkFeatures>(
      [this, network = std::move(network)] { return compute_.network_features(network); });
}

Task<Result<cloud::Route>> Round::route(std::string name) {
  return read<cloud::Route>([this, name = std::move(name)] { return compute_.route(name); });
}

Task<Result<std::vector<cloud::Route>>> Round::routes_to(std::string network,
                                                         std::string destination) {
  return read<std::vector<cloud::Route>>(
      [this, network = std::move(network), destination = std::move(destination)] {
        return compute_.routes_to(network, destination);
      });
}

Task<Result<cloud::BackendService>> Round::backend_service(std::string region, std::string name) {
  return read<cloud::BackendService>([this, region = std::move(region), name = std::move(name)] {
    return compute_.backend_service(region, name);
  });
}

Task<Result<std::vector<cloud::ForwardingRule>>> Round::forwarding_rules(std::string region) {
  return read<std::vector<cloud::ForwardingRule>>(
      [this, region = std::move(region)] { return compute_.forwarding_rules(region); });
}

Task<Result<cloud::Health>> Round::backend_health(std::string region, std::string service,
                                                  cloud::InstanceRef instance) {
  return read<cloud::Health>([this, region = std::move(region), service = std::move(service),
                              instance = std::move(instance)] {
    return compute_.backend_health(region, service, instance);
  });
}

Task<Result<std::vector<cloud::ManagedInstance>>> Round::managed_instances(std::string zone,
                                                                           std::string group) {
  return read<std::vector<cloud::ManagedInstance>>(
      [this, zone = std::move(zone), group = std::move(group)] {
        return compute_.managed_instances(zone, group);
      });
}

Task<Result<cloud::Operation>> Round::set_aliases(cloud::InstanceRef ref, std::string nic,
                                                  std::string fingerprint,
                                                  std::vector<cloud::AliasRange> aliases,
                                                  std::string request_id, May may) {
  return change(
      [this, ref = std::move(ref), nic = std::move(nic), fingerprint = std::move(fingerprint),
       aliases = std::move(aliases), request_id = std::move(request_id)] {
        return compute_.set_aliases(ref, nic, fingerprint, aliases, request_id);
      },
      std::move(may));
}

Task<Result<cloud::Operation>> Round::insert_route(cloud::Route route, std::string request_id,
                                                   May may) {
  return change(
      [this, route = std::move(route), request_id = std::move(request_id)] {
        return compute_.insert_route(route, request_id);
      },
      std::move(may));
}

Task<Result<cloud::Operation>> Round::delete_route(std::string name, std::string request_id,
                                                   May may) {
  return change(
      [this, name = std::move(name), request_id = std::move(request_id)] {
        return compute_.delete_route(name, request_id);
      },
      std::move(may));
}

Task<Result<cloud::Operation>> Round::set_leader(std::string region, std::string service,
                                                 std::string fingerprint, cloud::HaLeader leader,
                                                 std::string request_id, May may) {
  return change(
      [this, region = std::move(region), service = std::move(service),
       fingerprint = std::move(fingerprint), leader = std::move(leader),
       request_id = std::move(request_id)] {
        return compute_.set_leader(region, service, fingerprint, leader, request_id);
      },
      std::move(may));
}

}  // namespace atl::vip
