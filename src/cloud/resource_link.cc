#include "cloud/resource_link.h"

#include <fmt/format.h>

namespace atl::cloud {
namespace {

constexpr std::string_view kLinkPrefix = "https://www.googleapis.com/compute/v1/";

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::unexpected<Error> invalid(std::string_view what, std::string_view text) {
  // The text may be anything at all: a message shows little of it and nothing unprintable.
  std::string shown(text.substr(0, kNameBytesMax));
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return fail(Errc::kInvalidArgument, fmt::format("not a valid {}: '{}'", what, shown));
}

std::string_view next_word(std::string_view* rest) {
  const size_t slash = rest->find('/');
  const std::string_view word = rest->substr(0, slash);
  *rest = slash == std::string_view::npos ? std::string_view{} : rest->substr(slash + 1);
  return word;
}

// What precedes "projects/", "global/", ...: the service's address and version.
std::string_view without_prefix(std::string_view link) {
  const size_t scheme = link.find("://");
  if (scheme == std::string_view::npos) return link;
  const size_t projects = link.find("/projects/", scheme);
  return projects == std::string_view::npos ? std::string_view{} : link.substr(projects + 1);
}

bool is_collection(std::string_view word) {
  if (word.empty() || !is_lower(word.front()) || word.size() > kNameBytesMax) return false;
  for (const char c : word)
    if (!is_lower(c) && !(c >= 'A' && c <= 'Z')) return false;
  return true;
}

}  // namespace

Status check_name(std::string_view what, std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || !is_lower(name.front()) || name.back() == '-')
    return invalid(what, name);
  for (const char c : name)
    if (!is_lower(c) && !is_digit(c) && c != '-') return invalid(what, name);
  return {};
}

Status check_project(std::string_view project) {
  if (project.empty() || project.size() > kProjectBytesMax) return invalid("project", project);
  // Numbers are project numbers: links in answers may have those.
  if (!is_lower(project.front()) && !is_digit(project.front())) return invalid("project", project);
  bool after_dot = false;
  for (const char c : project) {
    if (!is_lower(c) && !is_digit(c) && c != '-' && c != '.' && c != ':')
      return invalid("project", project);
    if (c == '.' && after_dot) return invalid("project", project);
    after_dot = c == '.';
  }
  return {};
}

Status check_cidr(std::string_view cidr) {
  const size_t slash = cidr.find('/');
  const std::string_view length = slash == std::string_view::npos ? "" : cidr.substr(slash + 1);
  if (length.empty() || length.size() > 2) return invalid("address range", cidr);
  for (const char c : length)
    if (!is_digit(c)) return invalid("address range", cidr);
  int bits = 0;
  for (const char c : length) bits = bits * 10 + (c - '0');
  if (bits > 32) return invalid("address range", cidr);
  std::string_view address = cidr.substr(0, slash);
  for (int part = 0; part < 4; ++part) {
    const size_t dot = address.find('.');
    if ((dot == std::string_view::npos) != (part == 3)) return invalid("address range", cidr);
    const std::string_view number = address.substr(0, dot);
    if (number.empty() || number.size() > 3) return invalid("address range", cidr);
    int value = 0;
    for (const char c : number) {
      if (!is_digit(c)) return invalid("address range", cidr);
      value = value * 10 + (c - '0');
    }
    if (value > 255) return invalid("address range", cidr);
    if (part < 3) address = address.substr(dot + 1);
  }
  return {};
}

Result<ResourceLink> parse_link(std::string_view link) {
  if (link.size() > kLinkBytesMax) return invalid("link", link);
  std::string_view rest = without_prefix(link);
  ResourceLink out;
  std::string_view word = next_word(&rest);
  if (word == "projects") {
    out.project = next_word(&rest);
    ATOLL_TRY_STATUS(check_project(out.project));
    word = next_word(&rest);
  }
  if (word == "zones" || word == "regions") {
    out.scope = word == "zones" ? Operation::Scope::kZone : Operation::Scope::kRegion;
    out.location = next_word(&rest);
    ATOLL_TRY_STATUS(check_name("location", out.location));
  } else if (word != "global") {
    return invalid("link", link);
  }
  out.collection = next_word(&rest);
  if (!is_collection(out.collection)) return invalid("link", link);
  out.name = rest;
  ATOLL_TRY_STATUS(check_name("link", out.name));
  return out;
}

Result<std::string> name_in_link(std::string_view link) {
  if (link.size() > kLinkBytesMax) return invalid("link", link);
  const size_t slash = link.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? link : link.substr(slash + 1);
  ATOLL_TRY_STATUS(check_name("link", name));
  return std::string(name);
}

std::string make_path(const ResourceLink& link) {
  std::string where = "global";
  if (link.scope == Operation::Scope::kZone) where = "zones/" + link.location;
  if (link.scope == Operation::Scope::kRegion) where = "regions/" + link.location;
  return fmt::format("projects/{}/{}/{}/{}", link.project, where, link.collection, link.name);
}

std::string make_link(const ResourceLink& link) {
  return std::string(kLinkPrefix) + make_path(link);
}

}  // namespace atl::cloud
