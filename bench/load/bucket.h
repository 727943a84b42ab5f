// What is done to a bucket as a whole, over one connection, with requests signed as they are made.
//
// A listing goes from the first key to the last, page after page, as a client does: each page's
// token comes from the page before.
#pragma once

#include <expected>
#include <string>

#include "load/generator.h"

namespace atl::load {

// In the outcome, `requests` counts pages and `bytes` counts keys.
std::expected<Outcome, std::string> run_list(const Options& options);
std::expected<Outcome, std::string> make_bucket(const Options& options);

}  // namespace atl::load
