#include "vip/dns/name.h"

#include <ldns/ldns.h>

#include <memory>

#include <fmt/format.h>

namespace atl::vip::dns {
namespace {

struct FreeRdf {
  void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); }
};

}  // namespace

Result<Name> make_name(std::string_view text) {
  const bool plain = text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789-_.") == std::string_view::npos;
  std::unique_ptr<ldns_rdf, FreeRdf> rdf;
  if (plain && !text.empty() && text.front() != '.')
    rdf.reset(ldns_dname_new_frm_str(std::string(text).c_str()));
  if (!rdf)
    return fail(Errc::kInvalidArgument,
                fmt::format("{:?} cannot be a domain name: labels of 1 to 63 letters, digits, '-', "
                            "'_', at most 255 bytes",
                            text));
  const auto* data = reinterpret_cast<const char*>(ldns_rdf_data(rdf.get()));
  return lower(std::string_view(data, ldns_rdf_size(rdf.get())));
}

Name lower(std::string_view wire) {
  Name name(wire);
  // Lengths of labels are below 64, so none of them looks like a letter.
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

std::string to_text(const Name& name) {
  std::string text;
  for (size_t at = 0; !is_root(name) && name[at] != 0; at += 1 + static_cast<uint8_t>(name[at]))
    text += name.substr(at + 1, static_cast<uint8_t>(name[at])) + ".";
  return text.empty() ? "." : text;
}

bool is_root(const Name& name) {
  return name.size() == 1;
}

Name parent_of(const Name& name) {
  return name.substr(1 + static_cast<uint8_t>(name[0]));
}

bool is_within(const Name& name, const Name& apex) {
  size_t at = 0;
  while (name.size() - at > apex.size()) at += 1 + static_cast<uint8_t>(name[at]);
  return name.compare(at, Name::npos, apex) == 0;
}

}  // namespace atl::vip::dns
