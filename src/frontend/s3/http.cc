#include "frontend/s3/http.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace atl::s3 {
namespace {

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

}  // namespace

bool equals_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

std::string to_lower_ascii(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = to_lower(c);
  return out;
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Field& field : fields_)
    if (equals_ignore_case(field.name, name)) return field.value;
  return std::nullopt;
}

size_t Headers::count(std::string_view name) const {
  return static_cast<size_t>(std::ranges::count_if(
      fields_, [&](const Field& field) { return equals_ignore_case(field.name, name); }));
}

void Headers::add(std::string name, std::string value) {
  owned_.push_front(std::move(name));
  const std::string_view name_view = owned_.front();
  owned_.push_front(std::move(value));
  fields_.push_back({name_view, owned_.front()});
}

void Headers::join(std::string_view name) {
  std::string joined;
  size_t kept = 0;
  std::optional<size_t> place;
  for (const Field& field : fields_) {
    if (equals_ignore_case(field.name, name)) {
      if (place) {
        joined.append(", ").append(field.value);
        continue;
      }
      place = kept;
      joined = field.value;
    }
    fields_[kept++] = field;
  }
  fields_.resize(kept);
  if (!place) return;
  owned_.push_front(std::move(joined));
  fields_[*place].value = owned_.front();
}

std::optional<std::string_view> Query::find(std::string_view key) const {
  for (const Param& param : params_)
    if (param.key == key) return param.value;
  return std::nullopt;
}

void Request::reset() {
  method = target = raw_path = content_sha256 = {};
  path.clear();
  query.clear();
  headers.clear();
  version_minor = 1;
  bucket.clear();
  key.clear();
  virtual_host = false;
  remote_address.clear();
  is_tls = false;
  request_id.clear();
  start = wall_time = Nanos{};
  access_key.clear();
  content_length = 0;
  aws_chunked = false;
  trailer_names.clear();
}

void Response::set(std::string name, std::string value) {
  headers.emplace_back(std::move(name), std::move(value));
}

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (equals_ignore_case(key, name)) return value;
  return {};
}

Task<Result<size_t>> MemoryBody::read(MutableByteSpan into) {
  ATOLL_CHECK(!into.empty());
  const size_t n = std::min(into.size(), bytes_.size() - position_);
  if (n == 0 && fails_) co_return fail(Errc::kInvalidArgument, error_.message);
  std::memcpy(into.data(), bytes_.data() + position_, n);
  position_ += n;
  co_return n;
}

Task<std::expected<std::string, S3Error>> read_all(RequestBody& body, size_t max_bytes) {
  // Grows as bytes come: a declared length alone must not make anyone allocate.
  constexpr size_t kStepBytes = 16 * 1024;
  if (auto remaining = body.remaining(); remaining && *remaining > max_bytes)
    co_return std::unexpected(S3Error(err::kMaxMessageLengthExceeded));
  std::string out;
  size_t size = 0;
  while (true) {
    out.resize(size + kStepBytes);
    MutableByteSpan into{reinterpret_cast<uint8_t*>(out.data()) + size, kStepBytes};
    Result<size_t> n = co_await body.read(into);
    if (!n) co_return std::unexpected(body.error());
    if (*n == 0) break;
    size += *n;
    if (size > max_bytes) co_return std::unexpected(S3Error(err::kMaxMessageLengthExceeded));
  }
  out.resize(size);
  co_return out;
}

}  // namespace atl::s3
