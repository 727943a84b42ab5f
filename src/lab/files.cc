#include "lab/files.h"

#include <filesystem>
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

void remove_stores(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> stores;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == kStoreSuffix) stores.push_back(entry.path());
  for (const auto& store : stores) std::filesystem::remove_all(store, error);
}

Result<cloud::Delays> read_delays(const std::string& name) {
  if (name == "built-in") return cloud::Delays::built_in();
  if (name == "zero") return cloud::Delays::zero();
  std::ifstream file(name, std::ios::binary);
  // One byte more than parse() takes, so that it says what is wrong.
  std::string text(cloud::kDelaysFileMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (!file.eof() && !file)
    return fail(Errc::kNotFound, fmt::format("{}: cannot be read; delays are a file, built-in or "
                                             "zero",
                                             name));
  return cloud::Delays::parse(text, name);
}

}  // namespace atl::lab
