#include "base/bytes.h"

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

#include "base/check.h"
#include "base/units.h"

namespace atl {
namespace {

constexpr size_t kMinClassLog2 = 12;  // 4 KiB
constexpr size_t kMaxClassLog2 = 24;  // 16 MiB; larger blocks are not pooled
constexpr uint64_t kBufPoolKeepMax =
    48_MiB;  // freed memory kept for reuse: an idle process stays small

// Free blocks by size class. Buffers cross threads (offload), hence the mutex; it is held for a few
// instructions.
class Pool {
 public:
  uint8_t* take(size_t log2) {
    bytes_out_.fetch_add(size_t{1} << log2, std::memory_order_relaxed);
    if (log2 <= kMaxClassLog2) {
      std::lock_guard lock(mutex_);
      auto& list = free_[log2 - kMinClassLog2];
      if (!list.empty()) {
        uint8_t* block = list.back();
        list.pop_back();
        kept_ -= size_t{1} << log2;
        return block;
      }
    }
    void* block = std::aligned_alloc(kBufAlignment, size_t{1} << log2);
    if (block == nullptr) throw std::bad_alloc();
    return static_cast<uint8_t*>(block);
  }

  void give(uint8_t* block, size_t log2) {
    const size_t size = size_t{1} << log2;
    bytes_out_.fetch_sub(size, std::memory_order_relaxed);
    if (log2 <= kMaxClassLog2) {
      std::lock_guard lock(mutex_);
      if (kept_ + size <= kBufPoolKeepMax) {
        free_[log2 - kMinClassLog2].push_back(block);
        kept_ += size;
        return;
      }
    }
    std::free(block);
  }

  BufPoolUse use() {
    std::lock_guard lock(mutex_);
    return {bytes_out_.load(std::memory_order_relaxed), kept_};
  }

 private:
  std::mutex mutex_;
  std::array<std::vector<uint8_t*>, kMaxClassLog2 - kMinClassLog2 + 1> free_;
  uint64_t kept_ = 0;
  std::atomic<uint64_t> bytes_out_{0};
};

// Never destroyed: Bufs may outlive static destruction.
Pool& pool() {
  static Pool* instance = new Pool;
  return *instance;
}

}  // namespace

Buf Buf::allocate(size_t size) {
  Buf out;
  if (size == 0) return out;
  const size_t log2 =
      std::max<size_t>(kMinClassLog2, static_cast<size_t>(std::bit_width(size - 1)));
  uint8_t* block = pool().take(log2);
  out.block_ = std::shared_ptr<uint8_t[]>(block, [log2](uint8_t* p) { pool().give(p, log2); });
  out.data_ = block;
  out.size_ = size;
  return out;
}

Buf Buf::allocate_zeroed(size_t size) {
  Buf out = allocate(size);
  if (size != 0) std::memset(out.data_, 0, size);
  return out;
}

Buf Buf::copy_of(ByteSpan bytes) {
  Buf out = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(out.data_, bytes.data(), bytes.size());
  return out;
}

Buf Buf::slice(size_t offset, size_t length) const {
  ATOLL_CHECK(offset <= size_ && length <= size_ - offset);
  Buf out = *this;
  out.data_ += offset;
  out.size_ = length;
  return out;
}

BufPoolUse buf_pool_use() {
  return pool().use();
}

size_t total_size(std::span<const Buf> bufs) {
  size_t n = 0;
  for (const Buf& b : bufs) n += b.size();
  return n;
}

Buf flatten(std::span<const Buf> bufs) {
  if (bufs.size() == 1) return bufs[0];
  Buf out = Buf::allocate(total_size(bufs));
  size_t at = 0;
  for (const Buf& b : bufs) {
    if (!b.empty()) std::memcpy(out.mutable_data() + at, b.data(), b.size());
    at += b.size();
  }
  return out;
}

std::string to_hex(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (uint8_t b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

bool from_hex(std::string_view hex, MutableByteSpan out) {
  if (hex.size() != out.size() * 2) return false;
  auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = digit(hex[2 * i]);
    const int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace atl
