// Small files of a run: configurations written, logs looked at.
//
// Threads: any; they block for as long as the page cache takes. Errors: kIo.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace atl::lab {

Status write_text(const std::string& path, std::string_view text);
// The last lines of a log that are not events, on one line, for a person. "" when there is none.
std::string log_tail(const std::string& path);

}  // namespace atl::lab
