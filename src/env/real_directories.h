// Directories of the real file system, with changes made durable. All of it blocks, briefly.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace atl::env {

Status sync_directory(const std::string& path);  // "" is the current one
Status make_directories(const std::string& path);
Status remove_tree(const std::string& path);                           // success when absent
Result<std::vector<std::string>> list_names(const std::string& path);  // sorted

}  // namespace atl::env
