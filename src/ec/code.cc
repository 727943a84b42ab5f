#include "ec/code.h"

#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/check.h"
#include "ec/decode_cache.h"
#include "ec/kernel.h"
#include "ec/matrix.h"

namespace atl::ec {

struct Code::Impl {
  int k;
  int m;
  Matrix matrix;
  std::vector<uint8_t> encode_tables;
  DecodeCache decode_cache;
};

namespace {

// Shard numbers in ascending order with the pointers that go with them.
template <typename Pointer>
struct Sorted {
  std::array<int, kMaxShards> index;
  std::array<Pointer, kMaxShards> pointer;
  int count = 0;

  std::span<const int> indexes() const { return {index.data(), static_cast<size_t>(count)}; }
};

// Sorts by placing each shard in its own place. Sets its bit in *bits; an error names what is
// wrong.
template <typename Pointer>
Status sort_shards(std::span<const int> numbers, std::span<const Pointer> pointers, int shards,
                   std::string_view what, uint64_t* bits, Sorted<Pointer>* out) {
  std::array<Pointer, kMaxShards> by_number;
  *bits = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    int number = numbers[i];
    if (number < 0 || number >= shards)
      return fail(Errc::kInvalidArgument,
                  fmt::format("{} shard {} of a code of {} shards", what, number, shards));
    uint64_t bit = uint64_t{1} << number;
    if (*bits & bit)
      return fail(Errc::kInvalidArgument, fmt::format("{} shard {} named twice", what, number));
    *bits |= bit;
    by_number[number] = pointers[i];
  }
  for (uint64_t left = *bits; left != 0; left &= left - 1) {
    int number = std::countr_zero(left);
    out->index[out->count] = number;
    out->pointer[out->count] = by_number[number];
    ++out->count;
  }
  return {};
}

}  // namespace

Code::Code(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Code::~Code() = default;

Result<std::unique_ptr<Code>> Code::create(int k, int m) {
  if (k < 1 || m < 0 || k > kMaxShards || m > kMaxShards - k)
    return fail(Errc::kInvalidArgument,
                fmt::format("a code of {}+{} shards: at least one data shard and at most {} in all",
                            k, m, kMaxShards));
  auto impl = std::make_unique<Impl>();
  impl->k = k;
  impl->m = m;
  impl->matrix = generator(k, m);
  Matrix parity_rows(m, k);
  for (int row = 0; row < m; ++row)
    for (int column = 0; column < k; ++column)
      parity_rows.at(row, column) = impl->matrix.at(k + row, column);
  impl->encode_tables = expand_tables(parity_rows);
  return std::unique_ptr<Code>(new Code(std::move(impl)));
}

int Code::k() const {
  return impl_->k;
}
int Code::m() const {
  return impl_->m;
}

void Code::encode(std::span<const uint8_t* const> data, std::span<uint8_t* const> parity,
                  size_t length) const {
  ATOLL_CHECK(data.size() == static_cast<size_t>(impl_->k));
  ATOLL_CHECK(parity.size() == static_cast<size_t>(impl_->m));
  apply(impl_->k, impl_->m, impl_->encode_tables.data(), data.data(), parity.data(), length);
}

Status Code::reconstruct(std::span<const int> have_index, std::span<const uint8_t* const> have,
                         std::span<const int> wanted, std::span<uint8_t* const> out,
                         size_t length) const {
  const int k = impl_->k;
  const int shards = k + impl_->m;
  if (have_index.size() != have.size() || wanted.size() != out.size())
    return fail(Errc::kInvalidArgument, "as many shard numbers as buffers are needed");
  if (have.size() != static_cast<size_t>(k))
    return fail(Errc::kInvalidArgument,
                fmt::format("{} shards at hand where exactly {} are needed", have.size(), k));
  ErasurePattern pattern;
  Sorted<const uint8_t*> in;
  Sorted<uint8_t*> to;
  ATOLL_TRY_STATUS(
      sort_shards<const uint8_t*>(have_index, have, shards, "present", &pattern.have, &in));
  ATOLL_TRY_STATUS(sort_shards<uint8_t*>(wanted, out, shards, "wanted", &pattern.wanted, &to));
  if (pattern.have & pattern.wanted)
    return fail(Errc::kInvalidArgument, "a wanted shard is among those at hand");
  if (to.count == 0) return {};

  const std::vector<uint8_t>* tables = impl_->decode_cache.find(pattern);
  if (tables == nullptr) {
    Matrix rows = recovery(impl_->matrix, in.indexes(), to.indexes());
    tables = &impl_->decode_cache.insert(pattern, expand_tables(rows));
  }
  ATOLL_CHECK(tables->size() == static_cast<size_t>(to.count) * k * kTableBytesPerCoefficient);
  apply(k, to.count, tables->data(), in.pointer.data(), to.pointer.data(), length);
  return {};
}

Code::DecodeCacheUse Code::decode_cache_use() const {
  const DecodeCache& cache = impl_->decode_cache;
  return {cache.hits(), cache.misses(), cache.entries()};
}

}  // namespace atl::ec
