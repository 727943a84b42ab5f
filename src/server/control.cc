#include "server/control.h"

#include <boost/json.hpp>

#include "base/log.h"
#include "server/status.h"

namespace atl::server {
namespace json = boost::json;

Task<Result<json::value>> ServerControl::status() {
  co_return co_await make_status(cluster_);
}
Task<Status> ServerControl::domain_fail(DomainId domain) {
  co_return co_await cluster_.domain_fail(domain);
}
Task<Status> ServerControl::domain_drain(DomainId domain) {
  co_return co_await cluster_.domain_drain(domain);
}
Task<Status> ServerControl::domain_return(DomainId domain) {
  co_return co_await cluster_.domain_return(domain);
}

Task<Result<json::value>> ServerControl::device_replace(std::vector<DeviceId> devices, bool force) {
  ATOLL_CO_TRY(const std::vector<Replaced> replaced,
               co_await cluster_.device_replace(std::move(devices), force));
  json::array out;
  for (const Replaced& r : replaced) {
    json::object one;
    one["domain"] = r.domain.value;
    one["old_device"] = r.old_device.value;
    one["new_device"] = r.new_device.value;
    out.push_back(std::move(one));
  }
  co_return json::value(std::move(out));
}

Task<Status> ServerControl::scrub_start() {
  if (cluster_.scrub_state().running) co_return fail(Errc::kBusy, "a scrub is running already");
  ++scrubs_;
  cluster_.env().spawn("scrub", run_scrub());
  // It has begun when this returns, so that a caller who asks next sees it running or done.
  while (scrubs_ > 0 && !cluster_.scrub_state().running) co_await cluster_.env().sleep(1ms);
  co_return Status{};
}

Task<void> ServerControl::run_scrub() {
  Result<stripe::ScrubReport> report = co_await cluster_.scrub();
  if (!report)
    ATOLL_LOG(kError, "server", "scrub failed", {{"why", report.error().to_string()}});
  else
    ATOLL_LOG(kInfo, "server", "scrub done",
              {{"records", report->records},
               {"bad_shards", report->bad_shards},
               {"bad_segments", report->bad_segments},
               {"bad_metadata", report->bad_metadata},
               {"missing_shards", report->missing_shards},
               {"repaired", report->repaired},
               {"unrepairable", report->unrepairable},
               {"deferred", report->deferred}});
  --scrubs_;
  scrub_ended_.wake_all();
}

Task<void> ServerControl::idle() {
  while (scrubs_ > 0) co_await scrub_ended_.wait();
}

json::value ServerControl::scrub_state() {
  return make_scrub_state(cluster_.scrub_state());
}

Task<Result<admin::NewSecret>> ServerControl::user_create(std::string name) {
  co_return co_await users_.create(std::move(name));
}
Task<Result<std::vector<admin::User>>> ServerControl::user_list() {
  co_return users_.list();
}
Task<Result<admin::NewSecret>> ServerControl::user_rotate(std::string access_key) {
  co_return co_await users_.rotate(std::move(access_key));
}
Task<Status> ServerControl::user_delete(std::string access_key) {
  co_return co_await users_.remove(std::move(access_key));
}
Task<Status> ServerControl::checkpoint() {
  co_return co_await cluster_.partition().checkpoint();
}
Task<Status> ServerControl::destage() {
  co_return co_await cluster_.partition().destage();
}

}  // namespace atl::server
