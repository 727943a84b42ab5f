// What a connection reads: heads into a small buffer, bodies straight into the caller's memory.
//
// An idle connection costs kInputBytes; a buffer grows only while a longer head comes in. While a
// request is served its head lives in a block of its own (take_head), because views point into it
// and the bytes behind it go on being read.
//
// The meter is how the sweeper sees whether this connection waits for its peer, and what has moved.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "env/net.h"
#include "env/task.h"

namespace atl::s3 {

// Holds most heads whole (a signed GET has 500 to 900 bytes), and is what each of 10,000 idle
// connections costs.
inline constexpr size_t kInputBytes = 2_KiB;

struct IoMeter {
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  bool waiting = false;    // for the peer: to send, or to take what we send
  bool reading = false;    // it is to send
  bool timed_out = false;  // it was told that it took too long: what it sends now does not count
};

class HttpInput {
 public:
  // A block of memory and the part of it that is a request's head.
  struct Head {
    std::unique_ptr<char[]> block;
    size_t capacity = 0;
    std::string_view bytes;
  };

  // Both outlive the HttpInput.
  HttpInput(env::Stream* stream, IoMeter* meter) : stream_(stream), meter_(meter) {}

  // Bytes that have come and not been consumed. Valid until the next fill() or take_head().
  std::string_view buffered() const { return {block_.get() + begin_, end_ - begin_}; }
  void consume(size_t n);

  // Adds at least one byte to buffered() and returns how many; 0 when the peer has ended.
  // There must be room: fewer than buffer_max bytes buffered. The buffer may grow to buffer_max.
  Task<Result<size_t>> fill(size_t buffer_max);

  // Moves bytes into `into`: what is buffered first, then straight from the stream. 0 at the end.
  Task<Result<size_t>> read(MutableByteSpan into);

  // Takes the first n buffered bytes out, with the block they are in; they do not move.
  Head take_head(size_t n);
  // Gives a block back for reuse.
  void give_back(Head head);

 private:
  void make_room(size_t buffer_max);
  Task<Result<size_t>> read_stream(MutableByteSpan into);

  env::Stream* stream_;
  IoMeter* meter_;
  std::unique_ptr<char[]> block_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace atl::s3
