// `atoll plan`: sizing. It needs no cluster.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "cli/commands.h"
#include "plan/cheapest.h"
#include "plan/delay_file.h"
#include "plan/growth.h"
#include "plan/inputs.h"
#include "plan/print.h"
#include "plan/report.h"
#include "plan/what_if.h"
#include "plan/what_if_page.h"

namespace atl::cli {
namespace {

// A scenario or a catalogue is a page or ten.
constexpr size_t kPlanFileMax = 1u << 20;

Result<plan::Book> read_book(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::kNotFound, fmt::format("{}: cannot be read", path));
  std::string text(kPlanFileMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(Errc::kIo, fmt::format("{}: cannot be read; is it a file?", path));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > kPlanFileMax)
    return fail(Errc::kTooLarge, fmt::format("{}: larger than {} bytes", path, kPlanFileMax));
  return plan::Book::parse(text, path);
}

struct Books {
  plan::Book scenario;
  plan::Book catalogue;
};

Result<Books> read_books(const PlanWords& words) {
  ATOLL_TRY(plan::Book scenario, read_book(words.file));
  plan::Book catalogue = plan::built_in_catalogue();
  for (const std::string& path : words.catalogues) {
    ATOLL_TRY(const plan::Book own, read_book(path));
    ATOLL_TRY_STATUS(plan::check_catalogue(own, plan::built_in_catalogue()));
    catalogue.lay_over(own);
  }
  for (const std::string& path : words.delays) {
    ATOLL_TRY(const plan::Book own, read_book(path));
    ATOLL_TRY_STATUS(plan::lay_delays_over(&catalogue, own));
  }
  // Who gives delays asks what they make of a failover.
  if (!words.delays.empty() && !scenario.has_table("failover"))
    scenario.set("failover.mover", plan::Datum{std::string("all"), {}, false, {"--delays", 1}});
  return Books{std::move(scenario), std::move(catalogue)};
}

Status write_page(const std::string& path, const std::string& html) {
  std::ofstream page(path, std::ios::binary);
  page << html;
  page.close();
  if (!page) return fail(Errc::kIo, fmt::format("{}: cannot be written", path));
  return {};
}

Result<std::string> growth_output(const PlanWords& words) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(const plan::Growth growth, plan::project(books.scenario, books.catalogue));
  if (!words.html.empty()) {
    const std::string& name = growth.phases.front().plan.name;
    ATOLL_TRY_STATUS(write_page(words.html, plan::growth_html(name, growth)));
  }
  if (words.explain) {
    std::vector<plan::Labelled> phases;
    for (const plan::Phase& phase : growth.phases) phases.push_back({phase.name, &phase.plan});
    return plan::plans_explained(phases, words.figure);
  }
  return words.json ? plan::growth_json(growth) : plan::growth_text(growth);
}

Result<std::string> plan_output(const PlanWords& words) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(const plan::Plan plan, plan::make_plan(books.scenario, books.catalogue));
  if (!words.html.empty()) {
    ATOLL_TRY(const auto shaken, plan::sensitivity(books.scenario, books.catalogue));
    ATOLL_TRY_STATUS(write_page(words.html, plan::plan_html(plan, shaken)));
  }
  if (words.json) return plan::plan_json(plan);
  if (words.explain) return plan::plan_explained(plan, words.figure);
  return plan::plan_text(plan);
}

Result<std::string> compare_output(const PlanWords& words, const std::string& other) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(const plan::Book second, read_book(other));
  ATOLL_TRY(const plan::Plan a, plan::make_plan(books.scenario, books.catalogue));
  ATOLL_TRY(const plan::Plan b, plan::make_plan(second, books.catalogue));
  const plan::Comparison comparison = plan::compare(a, b);
  if (!words.html.empty())
    ATOLL_TRY_STATUS(write_page(words.html, plan::comparison_html(a, b, comparison)));
  if (words.explain)
    return plan::plans_explained({{"A: " + a.name, &a}, {"B: " + b.name, &b}}, words.figure);
  return words.json ? plan::comparison_json(a, b, comparison)
                    : plan::comparison_text(a, b, comparison);
}

Result<std::string> sweep_output(const PlanWords& words, const std::vector<std::string>& vary) {
  if (vary.empty() || vary.size() > 2)
    return fail(Errc::kInvalidArgument,
                fmt::format("{} keys to vary; one or two can be, such as --vary "
                            "cluster.domains=3..32 --vary cluster.protection=4+2,6+2",
                            vary.size()));
  ATOLL_TRY(const plan::Variation variation, plan::parse_variation(vary.front()));
  std::optional<plan::Variation> also;
  if (vary.size() == 2) {
    ATOLL_TRY(also, plan::parse_variation(vary.back()));
  }
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(const plan::Sweep sweep, plan::sweep(books.scenario, books.catalogue, variation, also));
  if (!words.html.empty()) ATOLL_TRY_STATUS(write_page(words.html, plan::sweep_html(sweep)));
  if (words.explain) {
    std::vector<plan::Labelled> points;
    for (const plan::SweepPoint& point : sweep.points) {
      if (!point.plan) continue;
      std::string label = fmt::format("{} = {}", variation.key, point.value);
      if (also) label += fmt::format(", {} = {}", also->key, point.also);
      points.push_back({label, &*point.plan});
    }
    return plan::plans_explained(points, words.figure);
  }
  return words.json ? plan::sweep_json(sweep) : plan::sweep_text(sweep);
}

Result<std::string> sensitivity_output(const PlanWords& words) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(const plan::Plan plan, plan::make_plan(books.scenario, books.catalogue));
  ATOLL_TRY(const auto all, plan::sensitivity(books.scenario, books.catalogue));
  if (!words.html.empty())
    ATOLL_TRY_STATUS(write_page(words.html, plan::sensitivity_html(plan, all)));
  if (words.explain) return plan::plans_explained({{plan.name, &plan}}, words.figure);
  return words.json ? plan::sensitivity_json(plan, all) : plan::sensitivity_text(plan, all);
}

Result<std::string> cheapest_output(const PlanWords& words) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(const plan::Cheapest found, plan::find_cheapest(books.scenario, books.catalogue));
  if (!words.html.empty()) ATOLL_TRY_STATUS(write_page(words.html, plan::cheapest_html(found)));
  if (words.explain) {
    std::vector<plan::Labelled> choices;
    for (const plan::Cheapest::Choice& choice : found.by_shape)
      choices.push_back(
          {fmt::format("{} x {}, network {}, {} domains, {}+{}", choice.candidate.nodes,
                       choice.candidate.shape, choice.candidate.network, choice.candidate.domains,
                       choice.candidate.k, choice.candidate.m),
           &choice.plan});
    return plan::plans_explained(choices, words.figure);
  }
  return words.json ? plan::cheapest_json(found) : plan::cheapest_text(found);
}

int print(const Result<std::string>& out) {
  if (!out) return report(out.error());
  std::fwrite(out->data(), 1, out->size(), stdout);
  return 0;
}

}  // namespace

int run_plan(const PlanWords& words) {
  return print(plan_output(words));
}
int run_plan_compare(const PlanWords& words, const std::string& other) {
  return print(compare_output(words, other));
}
int run_plan_sweep(const PlanWords& words, const std::vector<std::string>& vary) {
  return print(sweep_output(words, vary));
}
int run_plan_growth(const PlanWords& words) {
  return print(growth_output(words));
}
int run_plan_cheapest(const PlanWords& words) {
  return print(cheapest_output(words));
}
int run_plan_sensitivity(const PlanWords& words) {
  return print(sensitivity_output(words));
}

}  // namespace atl::cli
