#include "vip/reach.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/log.h"
#include "base/probe.h"
#include "vip/record.h"

namespace atl::vip {

Result<std::vector<Witness>> witnesses_of(const Pool& pool, const NodeName& node, uint16_t port,
                                          const std::vector<std::string>& hosts) {
  if (hosts.size() > kWitnessHostsMax)
    return fail(Errc::kInvalidArgument,
                fmt::format("{} hosts to ask; {} are possible", hosts.size(), kWitnessHostsMax));
  std::vector<Witness> witnesses;
  for (const std::string& host : hosts) {
    const size_t colon = host.rfind(':');
    const std::string_view text = host;
    const std::string_view digits = colon == text.npos ? "" : text.substr(colon + 1);
    uint16_t number = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool whole = read.ec == std::errc() && read.ptr == digits.data() + digits.size();
    if (!whole || number == 0 || !Vip::parse(text.substr(0, colon)))
      return fail(Errc::kInvalidArgument,
                  fmt::format("{:?} is not an IPv4 address and a port, as 10.0.0.9:443", host));
    witnesses.push_back({Witness::Kind::kHost, host, {host.substr(0, colon), number}});
  }
  for (const NodeSpec& spec : pool.nodes)
    if (spec.name != node && !spec.address.empty())
      witnesses.push_back({Witness::Kind::kNode, spec.name, {spec.address, port}});
  return witnesses;
}

Reach::Reach(env::Env& env, coord::Coordinator& coordinator, ReachProbe& probe, Options options)
    : env_(env), coordinator_(coordinator), probe_(probe), options_(std::move(options)) {}

void Reach::start() {
  if (options_.witnesses.empty()) {
    ATOLL_LOG(kWarn, "vip", "nobody to ask whether clients are reached", {{"node", options_.node}});
    ended_.set();
    return;
  }
  // Each node in an order of its own, so that they do not all ask the same three.
  auto& all = options_.witnesses;
  const auto nodes = std::stable_partition(
      all.begin(), all.end(), [](const Witness& w) { return w.kind == Witness::Kind::kHost; });
  for (auto left = all.end(); left - nodes > 1; --left)
    std::swap(*(left - 1), *(nodes + static_cast<ptrdiff_t>(env_.random() %
                                                            static_cast<uint64_t>(left - nodes))));
  waiting_.assign(all.begin(), all.end());
  tasks_ = 2;
  env_.spawn("vip.reach", ask_for_ever());
  env_.spawn("vip.reach.say", say_for_ever());
}

void Reach::task_ended() {
  if (--tasks_ == 0) ended_.set();
}

// --- Asking ---

Task<void> Reach::ask_for_ever() {
  auto self = shared_from_this();
  while (!stopping_) {
    const Nanos next = env_.now() + reach_round(options_.timing);
    const bool heard = co_await ask_round();
    judge(heard);
    co_await env_.sleep(std::max(Nanos(0), next - env_.now()));
  }
  task_ended();
}

Task<bool> Reach::ask_round() {
  while (asked_.size() < kWitnessesAsked && !waiting_.empty()) {
    asked_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  std::vector<Task<bool>> questions;
  for (const Witness& witness : asked_)
    questions.push_back(probe_.answered(witness, reach_round(options_.timing)));
  const std::vector<bool> answers = co_await env::when_all(env_, std::move(questions));
  std::vector<Witness> kept;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i])
      kept.push_back(std::move(asked_[i]));
    else
      waiting_.push_back(std::move(asked_[i]));
  }
  asked_ = std::move(kept);
  co_return !asked_.empty();
}

void Reach::judge(bool heard) {
  rounds_lost_ = heard ? 0 : rounds_lost_ + 1;
  rounds_heard_ = heard ? rounds_heard_ + 1 : 0;
  if (!cut_ && rounds_lost_ >= kLostRounds) {
    cut_ = true;
    const std::string why = "no answer on the clients' side from " + asked_names();
    ATOLL_PROBE("vip: a node found itself cut from clients");
    ATOLL_LOG(kWarn, "vip", "cut from clients", {{"node", options_.node}, {"why", why}});
    if (options_.observe) options_.observe({.kind = Event::Kind::kCut, .why = why});
  } else if (cut_ && rounds_heard_ >= kBackRounds) {
    cut_ = false;
    ATOLL_LOG(kInfo, "vip", "clients can be reached again", {{"node", options_.node}});
    if (options_.observe) options_.observe({.kind = Event::Kind::kReaches});
  }
}

// The last round's are at the end of the queue.
std::string Reach::asked_names() const {
  std::string names;
  const size_t count = std::min(kWitnessesAsked, waiting_.size());
  for (size_t i = waiting_.size() - count; i < waiting_.size(); ++i)
    names += (names.empty() ? "" : ", ") + waiting_[i].name;
  return names;
}

// --- Saying ---

Task<void> Reach::say_for_ever() {
  auto self = shared_from_this();
  while (!stopping_) {
    co_await say();
    // Soon after a round's end, whichever is later.
    co_await env_.sleep(options_.timing.tick);
  }
  task_ended();
}

// What a former process of this node left is read as well, and a call that was given up may still
// have its effect: so once a lease the key is looked at.
Task<void> Reach::say() {
  const bool known = said_ && *said_ == cut_;
  if (known && env_.now() < read_at_) co_return;
  if (env_.now() < write_not_before_) co_return;  // one change a lease: no storm from a loose plug
  read_at_ = env_.now() + options_.timing.lease;
  const std::string key = cut_key(options_.pool, options_.node);
  Task<Result<coord::Versioned>> call = coordinator_.get(key);
  const Nanos limit = options_.timing.look_interval;
  const Result<coord::Versioned> there = co_await env::with_timeout(env_, limit, std::move(call));
  if (!there && there.error().code != Errc::kNotFound) {
    said_.reset();
    co_await env_.sleep(options_.timing.look_interval);
    co_return;
  }
  said_ = there.has_value();
  const bool cut = cut_;
  if (*said_ == cut) co_return;
  const Status written = co_await write(cut, there ? there->version : 0);
  if (written) {
    said_ = cut;
    write_not_before_ = env_.now() + options_.timing.lease;
    co_return;
  }
  said_.reset();
  ATOLL_LOG(kInfo, "vip", "reach not written", {{"why", written.error().to_string()}});
  co_await env_.sleep(options_.timing.look_interval);
}

Task<Status> Reach::write(bool cut, uint64_t version) {
  const std::string key = cut_key(options_.pool, options_.node);
  const Nanos limit = options_.timing.look_interval;
  if (!cut) {
    Task<Status> gone = coordinator_.erase(key, version);
    co_return co_await env::with_timeout(env_, limit, std::move(gone));
  }
  boost::json::object value;
  value["asked"] = asked_names();
  Task<Result<uint64_t>> call =
      coordinator_.compare_and_swap(key, version, boost::json::serialize(value));
  const Result<uint64_t> put = co_await env::with_timeout(env_, limit, std::move(call));
  if (!put) co_return fail(put.error());
  co_return Status();
}

}  // namespace atl::vip
