#include "lab/files.h"

#include <fstream>

#include <fmt/format.h>

namespace atl::lab {
namespace {

// Of a log's end, for a person.
constexpr size_t kTailBytes = 600;

}  // namespace

Status write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) return fail(Errc::kIo, fmt::format("{}: cannot be written", path));
  return {};
}

std::string log_tail(const std::string& path) {
  std::ifstream file(path);
  std::string tail;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("{\"event\"")) continue;
    tail += (tail.empty() ? "" : " | ") + line;
    if (tail.size() > kTailBytes) tail.erase(0, tail.size() - kTailBytes);
  }
  return tail;
}

}  // namespace atl::lab
