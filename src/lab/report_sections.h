// The sections of the report, in its order. For report.cc only.
#pragma once

#include <string>
#include <string_view>

#include "lab/report.h"
#include "lab/report_page.h"

namespace atl::lab {

// A foreign name as code.
std::string code(std::string_view name);
// "once", "3 times".
std::string number_words(uint64_t n);
// "1.30 s / 1.95 s (12)": median, 99th percentile, how many; "-" without gaps.
std::string gap_words(const ReportRow* row);
// "1.05 s / 1.20 s": Atoll's own share, median and longest; "-" where there is none.
std::string own_words(const ReportRow* row);

void write_conditions(ReportPage* page, const ReportSources& sources);
void write_advice(ReportPage* page, const ReportSources& sources);
void write_overview(ReportPage* page, const ReportSources& sources);
void write_gaps(ReportPage* page, const ReportSources& sources);
void write_sensitivity(ReportPage* page, const ReportSources& sources);
void write_movers(ReportPage* page, const ReportSources& sources);
void write_money(ReportPage* page, const ReportSources& sources);
// Nothing when there is no document of it.
void write_scale(ReportPage* page, const ReportSources& sources);
void write_all_results(ReportPage* page, const ReportSources& sources);
void write_assumptions(ReportPage* page, const ReportSources& sources);

}  // namespace atl::lab
