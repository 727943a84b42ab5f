// Names and links of Compute Engine resources.
//
// A name goes into a request's path only after check_name() or check_project(), so no name can
// become another path. Answers name resources by links, whole ("https://www.googleapis.com/compute/
// v1/projects/p/zones/z/instances/i") or partial ("projects/p/zones/z/instances/i",
// "zones/z/instances/i", "global/networks/n").
//
// Values only: any thread. Errors: kInvalidArgument.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cloud/compute.h"

namespace atl::cloud {

// RFC 1035: a label; the API's schema for names and zones says the same.
inline constexpr size_t kNameBytesMax = 63;
// Project ids have 6 to 30 characters; older, domain-scoped ones ("example.com:my-project") more.
inline constexpr size_t kProjectBytesMax = 128;
// Longer than any link made of such names.
inline constexpr size_t kLinkBytesMax = 1024;

// `what` is for the message: "zone", "route", ...
Status check_name(std::string_view what, std::string_view name);
Status check_project(std::string_view project);
// "10.0.0.5/32"; digits, dots and a length, with nothing that a filter could take for more.
Status check_cidr(std::string_view cidr);

struct ResourceLink {
  std::string project;  // "" when the link does not say
  Operation::Scope scope = Operation::Scope::kGlobal;
  std::string location;    // the zone or region; "" of global resources
  std::string collection;  // "instances"
  std::string name;
};

Result<ResourceLink> parse_link(std::string_view link);
// The last word of a link, or a plain name as it is: zones and regions are links to themselves.
Result<std::string> name_in_link(std::string_view link);

// "projects/p/zones/z/instances/i". The names must have been checked.
std::string make_path(const ResourceLink& link);
// The same as a whole link, as request bodies have them.
std::string make_link(const ResourceLink& link);

}  // namespace atl::cloud
