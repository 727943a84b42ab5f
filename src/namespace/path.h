// S3 keys as paths.
//
// A key is split at its slashes: the segments are directories and, last, a file. A key that ends in
// a slash names the directory's marker. A key that cannot be a path lives off-path, in the bucket's
// table, under its raw bytes: one with an empty segment ("/a", "a//b"), with "." or "..", or with a
// segment over 255 bytes.
//
//   "a/b/c"   directories a, b     file c
//   "a/b/"    directory a          marker of b
//   "a//b"    off-path
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace atl::ns {

struct KeyPath {
  std::string key;  // as given
  bool off_path = false;
  bool marker = false;
  std::vector<std::string_view> directories;  // above the last name; point into `key`
  std::string_view name;                      // the file, or the directory whose marker it is

  KeyPath() = default;
  KeyPath(const KeyPath&) = delete;  // the views point into this very object
  KeyPath& operator=(const KeyPath&) = delete;

  // kInvalidArgument: empty or with a NUL byte; kTooLarge: over kMaxKeyBytes.
  static Status parse(std::string key, KeyPath* out);
};

// Whether one segment may be a name in a directory.
bool valid_name(std::string_view name);

}  // namespace atl::ns
