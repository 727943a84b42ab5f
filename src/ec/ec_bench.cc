// Code beside bare ISA-L calls on the same buffers, in turn, so that both see the same machine.
//
// Arguments: k, m, KiB a shard. `bytes_per_second` counts data bytes (k shards). The bare side does
// what a program would that knows its code and pattern beforehand: no checks, no cache, tables at
// hand, and the call that is fastest for the width.

#include <benchmark/benchmark.h>
#include <isa-l/erasure_code.h>

#include "ec/code.h"
#include "ec/kernel.h"
#include "ec/matrix.h"

namespace atl::ec {
namespace {

struct Stripe {
  explicit Stripe(const benchmark::State& state)
      : k(static_cast<int>(state.range(0))),
        m(static_cast<int>(state.range(1))),
        length(static_cast<size_t>(state.range(2)) * 1024),
        code(std::move(*Code::create(k, m))) {
    for (int s = 0; s < k + m; ++s) {
      bufs.push_back(Buf::allocate(length));
      std::memset(bufs.back().mutable_data(), 17 * s + 1, length);
      (s < k ? data : parity).push_back(bufs.back().mutable_data());
    }
    const_data.assign(data.begin(), data.end());
    code->encode(const_data, parity, length);
  }

  // The first min(m, k) data shards are lost; the rest and parity are at hand.
  void lose_data(int losses) {
    for (int s = losses; s < k + losses; ++s) {
      have_index.push_back(s);
      have.push_back(s < k ? data[s] : parity[s - k]);
    }
    for (int s = 0; s < losses; ++s) {
      wanted.push_back(s);
      restored_bufs.push_back(Buf::allocate_zeroed(length));
      restored.push_back(restored_bufs.back().mutable_data());
    }
    const_have.assign(have.begin(), have.end());
  }

  int k;
  int m;
  size_t length;
  std::unique_ptr<Code> code;
  std::vector<Buf> bufs;
  std::vector<Buf> restored_bufs;
  std::vector<uint8_t*> data;
  std::vector<uint8_t*> parity;
  std::vector<uint8_t*> have;
  std::vector<uint8_t*> restored;
  std::vector<const uint8_t*> const_data;
  std::vector<const uint8_t*> const_have;
  std::vector<int> have_index;
  std::vector<int> wanted;
};

// Bare ISA-L: one call up to 16 sources, source by source in columns above, as measured fastest.
void bare(int k, int rows, uint8_t* tables, std::vector<uint8_t*>& in, std::vector<uint8_t*>& out,
          size_t length) {
  if (k <= kMaxSourcesInOneCall) {
    ec_encode_data(static_cast<int>(length), k, rows, tables, in.data(), out.data());
    return;
  }
  uint8_t* at[kMaxShards];
  for (size_t offset = 0; offset < length; offset += kColumnBytes) {
    int n = static_cast<int>(std::min(kColumnBytes, length - offset));
    for (int r = 0; r < rows; ++r) std::memset(at[r] = out[r] + offset, 0, n);
    for (int s = 0; s < k; ++s) ec_encode_data_update(n, k, rows, s, tables, in[s] + offset, at);
  }
}

void report(benchmark::State& state, const Stripe& stripe) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(stripe.k * stripe.length));
}

void encode_code(benchmark::State& state) {
  Stripe stripe(state);
  for (auto _ : state) stripe.code->encode(stripe.const_data, stripe.parity, stripe.length);
  report(state, stripe);
}

void encode_bare(benchmark::State& state) {
  Stripe stripe(state);
  std::vector<uint8_t> matrix(static_cast<size_t>(stripe.k + stripe.m) * stripe.k);
  std::vector<uint8_t> tables(32u * stripe.k * stripe.m);
  gf_gen_cauchy1_matrix(matrix.data(), stripe.k + stripe.m, stripe.k);
  ec_init_tables(stripe.k, stripe.m, matrix.data() + stripe.k * stripe.k, tables.data());
  for (auto _ : state)
    bare(stripe.k, stripe.m, tables.data(), stripe.data, stripe.parity, stripe.length);
  report(state, stripe);
}

void restore_code(benchmark::State& state, int losses) {
  Stripe stripe(state);
  stripe.lose_data(std::min({losses, stripe.m, stripe.k}));
  for (auto _ : state) {
    Status status = stripe.code->reconstruct(stripe.have_index, stripe.const_have, stripe.wanted,
                                             stripe.restored, stripe.length);
    if (!status) state.SkipWithError("reconstruct failed");
  }
  report(state, stripe);
}

void restore_bare(benchmark::State& state, int losses) {
  Stripe stripe(state);
  stripe.lose_data(std::min({losses, stripe.m, stripe.k}));
  Matrix rows = recovery(generator(stripe.k, stripe.m), stripe.have_index, stripe.wanted);
  std::vector<uint8_t> tables = expand_tables(rows);
  for (auto _ : state)
    bare(stripe.k, rows.rows, tables.data(), stripe.have, stripe.restored, stripe.length);
  report(state, stripe);
}

// decode: all m losses, as a read of a stripe with m domains gone; reconstruct: one shard, as
// rebuild.
void decode_code(benchmark::State& state) {
  restore_code(state, kMaxShards);
}
void decode_bare(benchmark::State& state) {
  restore_bare(state, kMaxShards);
}
void reconstruct_code(benchmark::State& state) {
  restore_code(state, 1);
}
void reconstruct_bare(benchmark::State& state) {
  restore_bare(state, 1);
}

void shapes(benchmark::internal::Benchmark* bench) {
  for (int kib : {4, 64, 1024}) {
    bench->Args({6, 2, kib});
    bench->Args({12, 4, kib});
    bench->Args({28, 4, kib});
    bench->Args({60, 4, kib});
  }
}

BENCHMARK(encode_code)->Apply(shapes);
BENCHMARK(encode_bare)->Apply(shapes);
BENCHMARK(decode_code)->Apply(shapes);
BENCHMARK(decode_bare)->Apply(shapes);
BENCHMARK(reconstruct_code)->Apply(shapes);
BENCHMARK(reconstruct_bare)->Apply(shapes);

void first_decode_of_a_pattern(benchmark::State& state) {
  Matrix matrix = generator(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  std::vector<int> have;
  std::vector<int> wanted;
  for (int s = 0; s < matrix.rows; ++s) (s < state.range(1) ? wanted : have).push_back(s);
  for (auto _ : state) benchmark::DoNotOptimize(expand_tables(recovery(matrix, have, wanted)));
}
BENCHMARK(first_decode_of_a_pattern)->Args({6, 2})->Args({28, 4})->Args({60, 4})->Args({32, 32});

}  // namespace
}  // namespace atl::ec
