#include "cli/admin_call.h"

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <boost/json.hpp>

#include "admin/http_client.h"

namespace atl::cli {
namespace json = boost::json;

int report(const Error& error) {
  std::fprintf(stderr, "atoll: %s\n",
               error.message.empty() ? error.to_string().c_str() : error.message.c_str());
  return 1;
}

std::string data_dir_of(const Target& target) {
  if (!target.data_dir.empty()) return target.data_dir;
  const char* from_environment = std::getenv("ATOLL_DATA");
  return from_environment != nullptr && *from_environment != '\0' ? from_environment : "data";
}

Result<RunFile> read_run_file(const std::string& data_dir) {
  std::ifstream file(data_dir + "/run.json");
  if (!file)
    return fail(Errc::kNotFound,
                fmt::format("no cluster was started on {} (no run.json there); give --admin "
                            "HOST:PORT or --data DIR, or start one: atoll up --data {}",
                            data_dir, data_dir));
  std::stringstream text;
  text << file.rdbuf();
  json::error_code error;
  const json::value value = json::parse(text.str(), error);
  if (error || !value.is_object())
    return fail(Errc::kCorrupt, data_dir + "/run.json is damaged; restart the cluster");
  RunFile out;
  auto get = [&](const char* key) {
    const json::value* v = value.as_object().if_contains(key);
    return v != nullptr && v->is_string() ? std::string(v->as_string()) : std::string();
  };
  out.admin = get("admin");
  out.s3 = get("s3");
  out.access_key = get("access_key");
  out.secret_key = get("secret_key");
  return out;
}

Result<json::value> admin_call(const Target& target, const std::string& method,
                               const std::string& path, const std::string& body) {
  std::string address = target.admin;
  if (address.empty())
    if (const char* from_environment = std::getenv("ATOLL_ADMIN")) address = from_environment;
  if (address.empty()) {
    ATOLL_TRY(const RunFile run, read_run_file(data_dir_of(target)));
    address = run.admin;
  }
  std::vector<std::pair<std::string, std::string>> headers;
  headers.emplace_back("X-Atoll-Admin", "1");
  ATOLL_TRY(const admin::HttpReply reply, admin::http_call(address, method, path, headers, body));
  json::error_code error;
  json::value value = json::parse(reply.body, error);
  if (error)
    return fail(Errc::kInternal,
                fmt::format("{} did not answer in JSON; is it Atoll's admin address?", address));
  if (reply.status >= 400) {
    const json::value* message =
        value.is_object() ? value.as_object().if_contains("message") : nullptr;
    return fail(Errc::kInternal, message != nullptr && message->is_string()
                                     ? std::string(message->as_string())
                                     : fmt::format("the cluster answered {}", reply.status));
  }
  return value;
}

ProgressBar::ProgressBar(std::string title) : title_(std::move(title)), terminal_(isatty(2) == 1) {}

ProgressBar::~ProgressBar() {
  if (shown_) std::fputc('\n', stderr);
}

void ProgressBar::show(double fraction, const std::string& detail) {
  if (!terminal_) return;
  constexpr int kWidth = 30;
  const int filled = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * kWidth);
  std::string bar(static_cast<size_t>(filled), '#');
  bar.append(static_cast<size_t>(kWidth - filled), '.');
  std::fprintf(stderr, "\r%s [%s] %3d%%  %s\033[K", title_.c_str(), bar.c_str(),
               static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 100), detail.c_str());
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace atl::cli
