#include "lab/process.h"

#include <unistd.h>

#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/planted_bug.h"
#include "lab/node.h"

namespace atl::lab {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

Result<std::string> read_config(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  if (!file) return fail(Errc::kNotFound, fmt::format("{} cannot be opened", path));
  std::string text(kProcessConfigMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get())) return fail(Errc::kIo, fmt::format("{} cannot be read", path));
  if (text.size() > kProcessConfigMax)
    return fail(Errc::kTooLarge,
                fmt::format("{} is longer than {} bytes", path, kProcessConfigMax));
  return text;
}

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::string(text));
}

// One write, so that lines stay whole beside the log's when both go to one file.
void tell_event(env::Env& env, std::string_view what, std::string_view fields) {
  const std::string line = fmt::format("{{\"event\":{},\"t_ns\":{}{}{}}}\n", json_text(what),
                                       env.wall_now().count(), fields.empty() ? "" : ",", fields);
  (void)!::write(STDOUT_FILENO, line.data(), line.size());
}

void tell_event(env::Env& env, const vip::Event& event) {
  using Kind = vip::Event::Kind;
  const std::string vip = fmt::format("\"vip\":\"{}\"", event.vip.to_string());
  const std::string from_to =
      fmt::format("{},\"from\":{},\"to\":{}", vip, json_text(event.from), json_text(event.to));
  switch (event.kind) {
    case Kind::kLease:
      return tell_event(env, "lease", fmt::format("\"tenure\":{}", event.number));
    case Kind::kTaken:
      return tell_event(env, "taken", fmt::format("{},\"generation\":{}", vip, event.number));
    case Kind::kLapsed:
      return tell_event(env, "lapsed", fmt::format("\"why\":{}", json_text(event.why)));
    case Kind::kDraining:
      return tell_event(env, "draining", vip);
    case Kind::kLeft:
      return tell_event(env, "left", vip);
    case Kind::kHandedOver:
      return tell_event(env, "handed_over", fmt::format("{},\"to\":{}", vip, json_text(event.to)));
    case Kind::kLeads:
      return tell_event(env, "leads");
    case Kind::kFollows:
      return tell_event(env, "follows");
    case Kind::kLostLease:
      return tell_event(env, "lost_lease", fmt::format("\"node\":{}", json_text(event.from)));
    case Kind::kGiven:
      return tell_event(env, "given", from_to);
    case Kind::kAsked:
      return tell_event(env, "asked", from_to);
    case Kind::kCut:
      return tell_event(env, "cut", fmt::format("\"why\":{}", json_text(event.why)));
    case Kind::kReaches:
      return tell_event(env, "reaches");
    case Kind::kSaysCut:
      return tell_event(env, "says_cut", fmt::format("\"node\":{}", json_text(event.from)));
    case Kind::kManyCut:
      return tell_event(env, "many_cut", fmt::format("\"nodes\":{}", event.number));
    case Kind::kFewCut:
      return tell_event(env, "few_cut");
  }
}

Status plant(const std::string& bug) {
  if (bug.empty()) return {};
  PlantedBug parsed = PlantedBug::kNone;
  if (!parse_planted_bug(bug, &parsed))
    return fail(Errc::kInvalidArgument, fmt::format("there is no planted bug {:?}", bug));
#ifdef ATOLL_PLANTED_BUGS
  plant_bug(parsed);
  return {};
#else
  return fail(Errc::kUnsupported, "planted bugs are not compiled into this program");
#endif
}

}  // namespace atl::lab
