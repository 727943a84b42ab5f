#include "namespace/path.h"

#include "namespace/types.h"

namespace atl::ns {

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Status KeyPath::parse(std::string key, KeyPath* out) {
  if (key.empty()) return fail(Errc::kInvalidArgument, "the key is empty");
  if (key.size() > kMaxKeyBytes)
    return fail(Errc::kTooLarge,
                fmt::format("the key has {} bytes, over the {} allowed", key.size(), kMaxKeyBytes));
  if (key.find('\0') != std::string::npos)
    return fail(Errc::kInvalidArgument, "the key has a NUL byte");
  out->key = std::move(key);
  out->off_path = false;
  out->directories.clear();
  std::string_view rest = out->key;
  out->marker = rest.back() == '/';
  if (out->marker) rest.remove_suffix(1);
  while (true) {
    const size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    if (!valid_name(segment)) out->off_path = true;
    if (slash == std::string_view::npos) {
      out->name = segment;
      break;
    }
    out->directories.push_back(segment);
    rest.remove_prefix(slash + 1);
  }
  if (out->off_path) {
    out->directories.clear();
    out->marker = false;
    out->name = out->key;
  }
  return {};
}

}  // namespace atl::ns
