// `atoll status`: one screen that says whether all is well, what could still be lost, and what is
// going on.
#include <unistd.h>
#include <cstdio>
#include <thread>

#include <boost/json.hpp>

#include "base/units.h"
#include "cli/admin_call.h"

namespace atl::cli {
namespace json = boost::json;
namespace {

uint64_t number(const json::value& v) {
  if (v.is_uint64()) return v.as_uint64();
  if (v.is_int64()) return static_cast<uint64_t>(std::max<int64_t>(0, v.as_int64()));
  if (v.is_double()) return static_cast<uint64_t>(std::max(0.0, v.as_double()));
  return 0;
}
std::string text(const json::value& v) {
  return v.is_string() ? std::string(v.as_string()) : std::string();
}
std::string bytes(const json::value& v) {
  return format_bytes(number(v));
}

std::string paint(const std::string& word) {
  if (isatty(1) != 1) return word;
  const char* color = word == "healthy" || word == "up"          ? "32"
                      : word == "degraded" || word == "draining" ? "33"
                                                                 : "31";
  return fmt::format("\033[{}m{}\033[0m", color, word);
}

void print_summary(const json::object& status) {
  const json::object& lose = status.at("can_lose").as_object();
  const json::object& capacity = status.at("capacity").as_object();
  const json::object& names = status.at("namespace").as_object();
  fmt::print("cluster     {}  {}\n", text(status.at("cluster")), paint(text(status.at("health"))));
  for (const json::value& reason : status.at("reasons").as_array())
    fmt::print("            - {}\n", text(reason));
  fmt::print(
      "protection  {}; {} more domain(s) can be lost now without losing data ({} when all is "
      "well)\n",
      text(status.at("protection")), number(lose.at("domains_now")),
      number(lose.at("domains_by_design")));
  fmt::print("capacity    {} usable, {} free; {} in {} objects in {} buckets\n",
             bytes(capacity.at("usable_bytes")), bytes(capacity.at("free_bytes")),
             bytes(capacity.at("object_bytes")), number(names.at("objects")),
             number(names.at("buckets")));
}

void print_domains(const json::object& status) {
  fmt::print("\n{:>6}  {:9}  {:>6}  {:9}  {:>10}  {:>10}  {}\n", "domain", "state", "device",
             "state", "live", "free", "");
  for (const json::value& d : status.at("domains").as_array()) {
    const json::object& domain = d.as_object();
    for (const json::value& v : domain.at("devices").as_array()) {
      const json::object& device = v.as_object();
      std::string remark = text(device.at("failure"));
      if (device.at("needs_rebuild").as_bool()) remark = "rebuilding";
      fmt::print("{:>6}  {:9}  {:>6}  {:9}  {:>10}  {:>10}  {}\n", number(domain.at("id")),
                 text(domain.at("state")), number(device.at("id")), text(device.at("state")),
                 bytes(device.at("live_bytes")), bytes(device.at("free_bytes")), remark);
    }
  }
}

void print_work(const json::object& status) {
  const json::object& rebuild = status.at("rebuild").as_object();
  if (rebuild.at("running").as_bool()) {
    fmt::print("\nrebuild     {} of {} stripes, {} written, {}/s, {} left\n",
               number(rebuild.at("stripes_done")), number(rebuild.at("stripes_total")),
               bytes(rebuild.at("bytes_rebuilt")), bytes(rebuild.at("bytes_per_second")),
               format_duration(std::chrono::seconds(number(rebuild.at("seconds_left")))));
  }
  const json::object& scrub = status.at("scrub").as_object();
  if (scrub.at("running").as_bool())
    fmt::print("\nscrub       {:.0f}% done\n", scrub.at("progress").to_number<double>() * 100);
}

}  // namespace

int run_status(const Target& target, bool watch) {
  while (true) {
    const Result<json::value> status = admin_call(target, "GET", "/v1/status");
    if (!status) return report(status.error());
    if (target.json) {
      fmt::print("{}\n", json::serialize(*status));
    } else {
      if (watch) fmt::print("\033[H\033[J");
      print_summary(status->as_object());
      print_domains(status->as_object());
      print_work(status->as_object());
    }
    if (!watch) return 0;
    std::fflush(stdout);
    std::this_thread::sleep_for(1s);
  }
}

}  // namespace atl::cli
