// Bytes in memory: spans for looking, `Buf` for owning and passing on.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

using ByteSpan = std::span<const uint8_t>;
using MutableByteSpan = std::span<uint8_t>;

inline ByteSpan as_bytes(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}
inline std::string_view as_string_view(ByteSpan b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// The alignment of every Buf: what O_DIRECT needs.
inline constexpr size_t kBufAlignment = 4096;

// A reference-counted slice of one aligned block of memory. Copying a Buf shares the memory.
//
// Blocks come from a process-wide pool of size classes (powers of two, 4 KiB to 16 MiB) because the
// first touch of fresh pages costs more than an erasure code; freed blocks are kept up to
// kBufPoolKeepMax bytes. Contents of a new Buf are unspecified.
//
// Rule: whoever allocated a Buf fills it before sharing it; once shared, nobody writes to it.
// Threads: a Buf object belongs to one thread; the memory may be shared by Bufs of many.
class Buf {
 public:
  Buf() = default;
  static Buf allocate(size_t size);
  static Buf allocate_zeroed(size_t size);
  static Buf copy_of(ByteSpan bytes);
  static Buf copy_of(std::string_view bytes) { return copy_of(as_bytes(bytes)); }

  const uint8_t* data() const { return data_; }
  uint8_t* mutable_data() { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteSpan span() const { return {data_, size_}; }
  MutableByteSpan mutable_span() { return {data_, size_}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }

  // A slice that shares this memory. offset + length must lie within.
  Buf slice(size_t offset, size_t length) const;

 private:
  std::shared_ptr<uint8_t[]> block_;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Bytes that the pool has handed out, and bytes that it keeps for reuse.
struct BufPoolUse {
  uint64_t bytes_out;
  uint64_t bytes_kept;
};
BufPoolUse buf_pool_use();

size_t total_size(std::span<const Buf> bufs);
// One contiguous Buf with the bytes of all; the same memory when there is only one.
Buf flatten(std::span<const Buf> bufs);

std::string to_hex(ByteSpan bytes);
bool from_hex(std::string_view hex, MutableByteSpan out);  // false unless exactly out.size() bytes

}  // namespace atl
