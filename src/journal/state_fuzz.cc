// Feeds arbitrary bytes to the decoders of the journal: the coordinator's value, and a run's
// frames. What decodes must encode to something that decodes to the same.
#include "base/check.h"
#include "base/crc.h"
#include "journal/entry.h"
#include "journal/journal.h"

using namespace atl;
using namespace atl::journal;

namespace {

void fuzz_state(std::string bytes) {
  if (bytes.size() >= 4) {  // a right checksum, so that the fuzzer gets past it
    const uint32_t crc = crc32c(as_bytes(bytes).first(bytes.size() - 4));
    std::memcpy(bytes.data() + bytes.size() - 4, &crc, 4);
  }
  auto state = JournalState::decode(bytes);
  if (!state) return;
  auto again = JournalState::decode(state->encode());
  ATOLL_CHECK(again && *again == *state);
}

void fuzz_run(ByteSpan bytes, uint64_t first_lsn) {
  device::Run run;
  run.first_lsn = Lsn(first_lsn);
  run.epoch = Epoch(1);
  run.chain_before = 7;
  run.payload = Buf::copy_of(bytes);
  run.chain_after = crc32c(bytes, run.chain_before);
  for (run.count = 1; run.count < 4; ++run.count) {
    auto entries = decode_run(run);
    if (entries) ATOLL_CHECK(entries->size() == run.count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteSpan rest(data + 1, size - 1);
  if (data[0] & 1)
    fuzz_state(std::string(as_string_view(rest)));
  else
    fuzz_run(rest, data[0] >> 1);
  return 0;
}
