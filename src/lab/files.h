// Small files of a run: configurations written, logs looked at, delays read.
//
// Threads: any; they block for as long as the page cache takes. Errors: kIo, and what is named.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cloud/delays.h"

namespace atl::lab {

// Of the folder of a node's own store (s3_store.h) in the folder of a run.
inline constexpr std::string_view kStoreSuffix = ".data";

Status write_text(const std::string& path, std::string_view text);
// The last lines of a log that are not events, on one line, for a person. "" when there is none.
std::string log_tail(const std::string& path);
// All stores in the folder of a run that has ended: they are large, and say nothing that the logs
// do not.
void remove_stores(const std::string& folder);

// What --delays says: "built-in", "zero", or a file. kNotFound, kTooLarge, and what parse() says of
// its place.
Result<cloud::Delays> read_delays(const std::string& name);

}  // namespace atl::lab
