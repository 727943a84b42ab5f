// Codecs of what several records share: object metadata, tags, checksums, times. For records*.cc.
#pragma once

#include "base/codec.h"
#include "namespace/types.h"

namespace atl::ns {

void encode_tags(Encoder& e, const Tags& tags);
Tags decode_tags(Decoder& d);
void encode_checksum(Encoder& e, const Checksum& checksum);
Checksum decode_checksum(Decoder& d);
ChecksumAlgorithm decode_checksum_algorithm(Decoder& d);
void encode_meta(Encoder& e, const ObjectMeta& meta);
ObjectMeta decode_meta(Decoder& d);

inline void encode_time(Encoder& e, Nanos t) {
  e.u64(static_cast<uint64_t>(t.count()));
}
inline Nanos decode_time(Decoder& d) {
  return Nanos(static_cast<int64_t>(d.u64()));
}
// A time as its distance from another: one byte when they are the same.
void encode_time_near(Encoder& e, Nanos t, Nanos base);
Nanos decode_time_near(Decoder& d, Nanos base);

}  // namespace atl::ns
