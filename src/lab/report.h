// The report: which mover to take, from what was measured. One page as HTML that needs no other
// file, and the same as Markdown.
//
// make_report() is pure. run_report() is `atoll lab report`, and what `atoll lab vip --report`
// calls.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cloud/delays.h"
#include "lab/report_input.h"
#include "lab/report_money.h"
#include "lab/report_scale.h"

namespace atl::lab {

struct ReportSources {
  ReportInput measured;
  cloud::Delays delays;  // those that it was measured with
  ReportPrices prices;
  std::optional<ScaleInput> scale;
  std::string command;  // that made it; "" leaves the line out
};

struct Report {
  std::string html;
  std::string markdown;
};
Report make_report(const ReportSources& sources);

// The fault that movers are compared by: power, or what comes nearest of those that were tried.
// Null: nothing was measured with that mover.
const ReportRow* crash_row(const ReportInput& input, std::string_view mover);

struct ReportFiles {
  std::string result;     // of `atoll lab vip --json`
  std::string scale;      // of `atoll lab scale --json`; "" none
  std::string catalogue;  // prices over the built-in ones; "" none
  std::string delays;     // "": the ones that the result names
  std::string html;       // "": not written
  std::string markdown;   // likewise
  std::string command;
};
// kNotFound and kIo name the file; kInvalidArgument the place in it.
Status write_report(const ReportFiles& files);
// What `--report DIR` does: result.json, report.html and report.md in that folder.
Status make_report_folder(const std::string& folder);  // "" none is wanted
Status write_report_folder(const std::string& folder, const std::string& result_json,
                           const std::string& command);

// The exit status: 0 written, 1 not.
int run_report(const ReportFiles& files);

}  // namespace atl::lab
