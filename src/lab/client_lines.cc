// What a client is told and what it writes down, as text.
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "lab/client.h"

namespace atl::lab {
namespace {

constexpr std::array<std::string_view, 7> kProbeEnds = {
    "ok", "refused", "connect-timeout", "reset", "request-timeout", "bad-answer", "no-socket"};
constexpr std::array<std::string_view, 5> kTransferEnds = {"continued", "reset", "silent",
                                                           "refused", "under-way"};

// Splits at single blanks; false when there are not exactly N words.
template <size_t N>
bool split(std::string_view line, std::array<std::string_view, N>* words) {
  for (size_t i = 0; i < N; ++i) {
    const size_t blank = line.find(' ');
    if ((blank == std::string_view::npos) != (i + 1 == N)) return false;
    (*words)[i] = line.substr(0, blank);
    if (i + 1 < N) line.remove_prefix(blank + 1);
  }
  return true;
}

template <typename Number>
bool parse_number(std::string_view text, Number* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc{} && end == text.data() + text.size();
}

template <typename End, size_t N>
bool parse_end(const std::array<std::string_view, N>& names, std::string_view text, End* out) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] != text) continue;
    *out = static_cast<End>(i);
    return true;
  }
  return false;
}

// A name is one word; "-" stands for none.
std::string_view word_of(const std::string& name) {
  return name.empty() ? std::string_view("-") : std::string_view(name);
}
std::string name_of(std::string_view word) {
  return word == "-" ? std::string() : std::string(word);
}

bool parse_probe(std::string_view line, Probe* probe) {
  std::array<std::string_view, 6> w;
  if (!split(line, &w)) return false;
  probe->node = name_of(w[5]);
  return parse_number(w[1], &probe->target) && parse_number(w[2], &probe->start_ns) &&
         parse_number(w[3], &probe->took_us) && parse_end(kProbeEnds, w[4], &probe->end);
}

bool parse_transfer(std::string_view line, Transfer* transfer) {
  std::array<std::string_view, 7> w;
  if (!split(line, &w)) return false;
  transfer->node = name_of(w[6]);
  return parse_number(w[1], &transfer->target) && parse_number(w[2], &transfer->start_ns) &&
         parse_number(w[3], &transfer->took_us) && parse_end(kTransferEnds, w[4], &transfer->end) &&
         parse_number(w[5], &transfer->bytes);
}

bool parse_target(std::string_view line, std::vector<vip::Vip>* targets) {
  std::array<std::string_view, 3> w;
  uint32_t number = 0;
  if (!split(line, &w) || !parse_number(w[2], &number) || number != targets->size()) return false;
  const Result<vip::Vip> vip = vip::Vip::parse(w[1]);
  if (vip) targets->push_back(*vip);
  return vip.has_value();
}

bool add_line(std::string_view line, ClientLog* log) {
  if (line == "e") return log->ended = true;
  if (line.starts_with("t ")) return parse_target(line, &log->targets);
  if (line.starts_with("p ")) {
    Probe probe;
    if (!parse_probe(line, &probe) || probe.target >= log->targets.size()) return false;
    log->probes.push_back(std::move(probe));
    return true;
  }
  if (!line.starts_with("x ")) return false;
  Transfer transfer;
  if (!parse_transfer(line, &transfer) || transfer.target >= log->targets.size()) return false;
  log->transfers.push_back(std::move(transfer));
  return true;
}

int64_t milliseconds(Nanos span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

}  // namespace

std::string_view probe_end_name(ProbeEnd end) {
  return kProbeEnds[static_cast<size_t>(end)];
}

std::string_view transfer_end_name(TransferEnd end) {
  return kTransferEnds[static_cast<size_t>(end)];
}

std::string probe_line(const Probe& probe) {
  return fmt::format("p {} {} {} {} {}\n", probe.target, probe.start_ns, probe.took_us,
                     probe_end_name(probe.end), word_of(probe.node));
}

std::string transfer_line(const Transfer& transfer) {
  return fmt::format("x {} {} {} {} {} {}\n", transfer.target, transfer.start_ns, transfer.took_us,
                     transfer_end_name(transfer.end), transfer.bytes, word_of(transfer.node));
}

Status ClientLog::add(std::string_view lines) {
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    if (end == std::string_view::npos || !add_line(line, this))
      return fail(Errc::kCorrupt,
                  fmt::format("{:?} is not a line of a client's log", line.substr(0, 100)));
    lines.remove_prefix(end + 1);
  }
  return {};
}

std::string ClientConfig::encode() const {
  boost::json::array list;
  for (const vip::Vip address : addresses) list.emplace_back(address.to_string());
  boost::json::object out;
  out["name"] = name;
  out["addresses"] = std::move(list);
  out["service"] = service_kind_name(service);
  out["port"] = port;
  out["probe_interval_ms"] = milliseconds(probe_interval);
  out["transfer_bytes"] = transfer_bytes;
  out["transfer_bytes_per_second"] = transfer_bytes_per_second;
  out["silent_after_ms"] = milliseconds(silent_after);
  out["limit_ms"] = milliseconds(limit);
  out["output"] = output;
  return boost::json::serialize(out);
}

Result<ClientConfig> ClientConfig::decode(std::string_view json) {
  ClientConfig config;
  try {
    const boost::json::value parsed = boost::json::parse(json);
    auto ms = [&](const char* key) {
      return std::chrono::milliseconds(parsed.at(key).to_number<uint32_t>());
    };
    config.name = parsed.at("name").as_string();
    for (const boost::json::value& text : parsed.at("addresses").as_array()) {
      ATOLL_TRY(const vip::Vip address, vip::Vip::parse(text.as_string()));
      config.addresses.push_back(address);
    }
    ATOLL_TRY(config.service, find_service_kind(parsed.at("service").as_string()));
    config.port = parsed.at("port").to_number<uint16_t>();
    config.probe_interval = ms("probe_interval_ms");
    config.transfer_bytes = parsed.at("transfer_bytes").to_number<uint64_t>();
    config.transfer_bytes_per_second = parsed.at("transfer_bytes_per_second").to_number<uint64_t>();
    config.silent_after = ms("silent_after_ms");
    config.limit = ms("limit_ms");
    config.output = parsed.at("output").as_string();
  } catch (const std::exception& wrong) {
    return fail(Errc::kInvalidArgument, fmt::format("a client's configuration: {}", wrong.what()));
  }
  if (config.addresses.empty() || config.addresses.size() > vip::kPoolAddressesMax ||
      config.probe_interval < 1ms || config.output.empty() ||
      (config.transfer_bytes > 0 && config.transfer_bytes_per_second == 0))
    return fail(Errc::kInvalidArgument,
                "a client's configuration: no address, no interval, no output or no pace");
  return config;
}

}  // namespace atl::lab
