// Reading what the report is made from, and writing it.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "lab/files.h"
#include "lab/report.h"
#include "plan/plan.h"

namespace atl::lab {
namespace {

// A catalogue is a page or ten.
constexpr size_t kCatalogueMax = 1_MiB;

Result<std::string> read_file(const std::string& path, size_t most) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return fail(Errc::kNotFound, fmt::format("{}: cannot be read", path));
  const std::streamoff size = in.tellg();
  if (size < 0 || static_cast<size_t>(size) > most)
    return fail(Errc::kTooLarge, fmt::format("{}: larger than {} bytes, or no file", path, most));
  std::string text(static_cast<size_t>(size), '\0');
  in.seekg(0);
  in.read(text.data(), size);
  if (!in) return fail(Errc::kIo, fmt::format("{}: cannot be read", path));
  return text;
}

Status write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) return fail(Errc::kIo, fmt::format("{}: cannot be written", path));
  return {};
}

Result<cloud::Delays> delays_of(const ReportFiles& files, const std::string& named) {
  Result<cloud::Delays> delays = read_delays(files.delays.empty() ? named : files.delays);
  if (!delays && delays.error().code == Errc::kNotFound)
    return fail(Errc::kNotFound,
                fmt::format("{}; {} was measured with those delays: name their file with --delays",
                            delays.error().message, files.result));
  return delays;
}

Result<ReportPrices> prices_of(const ReportFiles& files) {
  plan::Book catalogue = plan::built_in_catalogue();
  if (!files.catalogue.empty()) {
    ATOLL_TRY(const std::string text, read_file(files.catalogue, kCatalogueMax));
    ATOLL_TRY(const plan::Book own, plan::Book::parse(text, files.catalogue));
    catalogue.lay_over(own);
  }
  return ReportPrices::read(catalogue);
}

}  // namespace

Status write_report(const ReportFiles& files) {
  ATOLL_TRY(const std::string text, read_file(files.result, kReportInputMax));
  ReportSources sources;
  ATOLL_TRY(sources.measured, parse_report_input(text, files.result));
  ATOLL_TRY(sources.delays, delays_of(files, sources.measured.delays));
  ATOLL_TRY(sources.prices, prices_of(files));
  if (!files.scale.empty()) {
    ATOLL_TRY(const std::string scale, read_file(files.scale, kReportInputMax));
    ATOLL_TRY(sources.scale, parse_scale_input(scale, files.scale));
  }
  sources.command = files.command;
  const Report report = make_report(sources);
  if (!files.html.empty()) ATOLL_TRY_STATUS(write_file(files.html, report.html));
  if (!files.markdown.empty()) ATOLL_TRY_STATUS(write_file(files.markdown, report.markdown));
  return {};
}

Status make_report_folder(const std::string& folder) {
  if (folder.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(Errc::kIo, fmt::format("--report: {}: {}", folder, error.message()));
  return {};
}

Status write_report_folder(const std::string& folder, const std::string& result_json,
                           const std::string& command) {
  ReportFiles files;
  files.result = folder + "/result.json";
  files.html = folder + "/report.html";
  files.markdown = folder + "/report.md";
  files.command = command;
  ATOLL_TRY_STATUS(write_file(files.result, result_json));
  return write_report(files);
}

int run_report(const ReportFiles& files) {
  const Status done = write_report(files);
  if (done) return 0;
  std::fprintf(stderr, "atoll lab report: %s\n", done.error().to_string().c_str());
  return 1;
}

}  // namespace atl::lab
