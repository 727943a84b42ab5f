// `atoll plan FILE`: sizing. It needs no cluster.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "cli/commands.h"
#include "plan/print.h"

namespace atl::cli {
namespace {

// A scenario or a catalogue is a page or ten.
constexpr size_t kPlanFileMax = 1u << 20;

Result<plan::Book> read_book(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, fmt::format("{}: cannot be read", path));
  std::string text(kPlanFileMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kPlanFileMax)
    return fail(Errc::kTooLarge, fmt::format("{}: larger than {} bytes", path, kPlanFileMax));
  return plan::Book::parse(text, path);
}

Result<std::string> plan_output(const PlanWords& words) {
  ATOLL_TRY(const plan::Book scenario, read_book(words.file));
  plan::Book catalogue = plan::built_in_catalogue();
  for (const std::string& path : words.catalogues) {
    ATOLL_TRY(const plan::Book own, read_book(path));
    catalogue.lay_over(own);
  }
  ATOLL_TRY(const plan::Plan plan, plan::make_plan(scenario, catalogue));
  if (words.json) return plan::plan_json(plan);
  if (words.explain) return plan::plan_explained(plan, words.figure);
  return plan::plan_text(plan);
}

}  // namespace

int run_plan(const PlanWords& words) {
  const Result<std::string> out = plan_output(words);
  if (!out) return report(out.error());
  std::fwrite(out->data(), 1, out->size(), stdout);
  return 0;
}

}  // namespace atl::cli
