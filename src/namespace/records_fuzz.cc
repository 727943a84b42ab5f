// Every decoder of the namespace on arbitrary bytes: no crash, and what is accepted encodes again.
#include <cstdlib>

#include "namespace/checkpoint_manifest.h"
#include "namespace/entry.h"
#include "namespace/keys.h"
#include "namespace/pack.h"
#include "namespace/path.h"
#include "namespace/records.h"

namespace {

using namespace atl;
using namespace atl::ns;

template <typename Record>
void try_record(std::string_view bytes) {
  Record record;
  if (!decode(bytes, &record)) return;
  Record again;
  if (!decode(encode(record), &again)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 16) {
    case 0:
      try_record<AppliedRecord>(bytes);
      break;
    case 1:
      try_record<Counters>(bytes);
      break;
    case 2:
      try_record<BucketRecord>(bytes);
      break;
    case 3:
      try_record<EntryRecord>(bytes);
      break;
    case 4:
      try_record<InodeRecord>(bytes);
      break;
    case 5:
      try_record<ExtentRecord>(bytes);
      break;
    case 6:
      try_record<InlineRecord>(bytes);
      break;
    case 7:
      try_record<StripeRecord>(bytes);
      break;
    case 8:
      try_record<UploadRecord>(bytes);
      break;
    case 9:
      try_record<PartRecord>(bytes);
      break;
    case 10:
      (void)decode_to_free(bytes);
      break;
    case 11:
      (void)decode_checkpoint(bytes);
      break;
    case 12:
      (void)decode_pack_manifest(bytes, 1u << 20);
      break;
    case 13: {
      EntryVisitor visitor;
      visitor.put = [](std::string_view key, std::string_view) -> Status {
        (void)key_well_formed(key);
        return {};
      };
      visitor.erase = [](std::string_view) -> Status { return {}; };
      (void)visit_entry(bytes, visitor);
      break;
    }
    case 14: {
      CheckpointManifest manifest;
      (void)decode_checkpoint_body(bytes, &manifest);
      break;
    }
    default: {
      KeyPath path;
      (void)KeyPath::parse(std::string(bytes), &path);
    }
  }
  return 0;
}
