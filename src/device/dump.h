// What is on a device, as text: `atoll device dump PATH`. Reads only; works on damaged devices,
// too.
#pragma once

#include <string>

#include "device/device.h"

namespace atl::device {

struct DumpOptions {
  bool records = false;  // every record, not only zones
};

// Superblock copies, checkpoint slots, zones that were written and, on request, their records.
// Errors only when there is no superblock to go by (as Device::probe).
Task<Result<std::string>> dump_device(env::Env& env, std::string path, DumpOptions options);

}  // namespace atl::device
