#include "admin/routes.h"

#include <charconv>
#include <vector>

#include <boost/json.hpp>

namespace atl::admin {
namespace json = boost::json;
namespace {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    if (path.front() == '/') {
      path.remove_prefix(1);
      continue;
    }
    const size_t end = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return out;
}

ApiResponse json_response(const json::value& value, int status = 200) {
  ApiResponse out;
  out.status = status;
  out.body = json::serialize(value) + "\n";
  return out;
}

ApiResponse status_response(const Status& status) {
  if (!status) return error_response(status.error());
  json::object out;
  out["ok"] = true;
  return json_response(out);
}

Result<json::object> parse_body(const std::string& body) {
  if (body.empty()) return json::object();
  json::error_code error;
  json::value value = json::parse(body, error);
  if (error) return fail(Errc::kInvalidArgument, "the body is not JSON: " + error.message());
  if (!value.is_object()) return fail(Errc::kInvalidArgument, "the body must be a JSON object");
  return value.as_object();
}

Result<DomainId> parse_domain(std::string_view text) {
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id == 0)
    return fail(Errc::kInvalidArgument, fmt::format("'{}' is not a domain's number", text));
  return DomainId(id);
}

json::object user_json(const User& user) {
  json::object out;
  out["access_key"] = user.access_key;
  out["name"] = user.name;
  out["root"] = user.root;
  out["created_unix_seconds"] = user.created_unix_seconds;
  return out;
}

ApiResponse secret_response(const Result<NewSecret>& secret, int status) {
  if (!secret) return error_response(secret.error());
  json::object out = user_json(secret->user);
  out["secret_key"] = secret->secret_key;
  return json_response(out, status);
}

Task<ApiResponse> change_domain(Control& control, std::string domain_text, std::string verb) {
  const Result<DomainId> domain = parse_domain(domain_text);
  if (!domain) co_return error_response(domain.error());
  if (verb == "fail") co_return status_response(co_await control.domain_fail(*domain));
  if (verb == "drain") co_return status_response(co_await control.domain_drain(*domain));
  if (verb == "return") co_return status_response(co_await control.domain_return(*domain));
  co_return error_response(Error(Errc::kNotFound, "a domain can fail, drain or return"));
}

Task<ApiResponse> replace_devices(Control& control, std::string body) {
  const Result<json::object> request = parse_body(body);
  if (!request) co_return error_response(request.error());
  std::vector<DeviceId> devices;
  bool force = false;
  for (const auto& field : *request) {
    if (field.key() == "devices" && field.value().is_array()) {
      for (const json::value& id : field.value().as_array()) {
        if (!id.is_int64() || id.as_int64() <= 0 || id.as_int64() > UINT32_MAX)
          co_return error_response(
              Error(Errc::kInvalidArgument, "devices: a list of device numbers"));
        devices.push_back(DeviceId(static_cast<uint32_t>(id.as_int64())));
      }
    } else if (field.key() == "force" && field.value().is_bool()) {
      force = field.value().as_bool();
    } else {
      co_return error_response(
          Error(Errc::kInvalidArgument, "the body takes devices (a list) and force (a boolean)"));
    }
  }
  Result<json::value> replaced = co_await control.device_replace(std::move(devices), force);
  if (!replaced) co_return error_response(replaced.error());
  co_return json_response(*replaced);
}

Task<ApiResponse> users(Control& control, ApiRequest request, std::vector<std::string> rest) {
  if (rest.empty() && request.method == "GET") {
    const Result<std::vector<User>> list = co_await control.user_list();
    if (!list) co_return error_response(list.error());
    json::array out;
    for (const User& user : *list) out.push_back(user_json(user));
    co_return json_response(out);
  }
  if (rest.empty() && request.method == "POST") {
    const Result<json::object> body = parse_body(request.body);
    if (!body) co_return error_response(body.error());
    const json::value* name = body->if_contains("name");
    if (name == nullptr || !name->is_string() || body->size() != 1)
      co_return error_response(Error(Errc::kInvalidArgument, "the body takes name (a text)"));
    std::string text(name->as_string());
    co_return secret_response(co_await control.user_create(std::move(text)), 201);
  }
  if (rest.size() == 2 && rest[1] == "rotate" && request.method == "POST")
    co_return secret_response(co_await control.user_rotate(rest[0]), 200);
  if (rest.size() == 1 && request.method == "DELETE")
    co_return status_response(co_await control.user_delete(rest[0]));
  co_return error_response(Error(Errc::kNotFound, "no such call"));
}

}  // namespace

int http_status_of(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return 404;
    case Errc::kExists:
    case Errc::kConflict:
    case Errc::kBusy:
    case Errc::kForeign:
      return 409;
    case Errc::kInvalidArgument:
    case Errc::kTooLarge:
      return 400;
    case Errc::kNoSpace:
      return 507;
    case Errc::kUnavailable:
    case Errc::kTimeout:
      return 503;
    case Errc::kUnsupported:
      return 501;
    case Errc::kPermission:
      return 403;
    case Errc::kCorrupt:
    case Errc::kFenced:
    case Errc::kIo:
    case Errc::kBlank:
    case Errc::kStale:
    case Errc::kCancelled:
    case Errc::kNotEmpty:
    case Errc::kNotDirectory:
    case Errc::kIsDirectory:
    case Errc::kNotModified:
    case Errc::kInternal:
      return 500;
  }
  return 500;
}

ApiResponse error_response(const Error& error) {
  json::object out;
  out["error"] = json::string(errc_name(error.code));
  out["message"] = error.message;
  return json_response(out, http_status_of(error.code));
}

Task<ApiResponse> route(Control& control, ApiRequest request) {
  std::vector<std::string> parts;
  for (const std::string_view part : split_path(request.path)) parts.emplace_back(part);
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  if (parts.size() >= 2 && parts[0] == "v1") {
    const std::string& what = parts[1];
    if (what == "status" && parts.size() == 2 && get) {
      const Result<json::value> status = co_await control.status();
      if (!status) co_return error_response(status.error());
      co_return json_response(*status);
    }
    if (what == "domains" && parts.size() == 4 && post)
      co_return co_await change_domain(control, parts[2], parts[3]);
    if (what == "devices" && parts.size() == 3 && parts[2] == "replace" && post)
      co_return co_await replace_devices(control, request.body);
    if (what == "scrub" && parts.size() == 2 && get) co_return json_response(control.scrub_state());
    if (what == "scrub" && parts.size() == 2 && post)
      co_return status_response(co_await control.scrub_start());
    if (what == "checkpoint" && parts.size() == 2 && post)
      co_return status_response(co_await control.checkpoint());
    if (what == "destage" && parts.size() == 2 && post)
      co_return status_response(co_await control.destage());
    if (what == "users") {
      std::vector<std::string> rest(parts.begin() + 2, parts.end());
      co_return co_await users(control, std::move(request), std::move(rest));
    }
  }
  co_return error_response(Error(Errc::kNotFound, "no such call; see docs/admin-api.md"));
}

}  // namespace atl::admin
