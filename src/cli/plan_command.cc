// `atoll plan`: sizing. It needs no cluster.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/commands.h"
#include "plan/cheapest.h"
#include "plan/delay_file.h"
#include "plan/growth.h"
#include "plan/inputs.h"
#include "plan/print.h"
#include "plan/report.h"
#include "plan/simulate.h"
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

// Who gives delays asks what they make of a failover.
void ask_failover(const PlanWords& words, plan::Book* scenario) {
  if (!words.delays.empty() && !scenario->has_table("failover"))
    scenario->set("failover.mover", plan::Datum{std::string("all"), {}, false, {"--delays", 0}});
}

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
  ask_failover(words, &scenario);
  return Books{std::move(scenario), std::move(catalogue)};
}

// What a command prints, and the page when one is wanted.
struct Output {
  std::string text, page;
};

// The page goes where no input is read from.
Status check_page(const PlanWords& words, const std::string& other) {
  if (words.json && words.explain)
    return fail(Errc::kInvalidArgument,
                "--json and --explain exclude each other; in the JSON of `atoll plan FILE` each "
                "figure has its formula and inputs");
  if (words.html.empty()) return {};
  std::vector<std::string> inputs{words.file, other};
  inputs.insert(inputs.end(), words.catalogues.begin(), words.catalogues.end());
  inputs.insert(inputs.end(), words.delays.begin(), words.delays.end());
  for (const std::string& input : inputs) {
    std::error_code none;  // one that is not there is no input
    if (!input.empty() && std::filesystem::equivalent(words.html, input, none))
      return fail(
          Errc::kInvalidArgument,
          fmt::format("--html {}: that is {}, which is read; give the page a file of its own",
                      words.html, input));
  }
  return {};
}

Status write_page(const std::string& path, const std::string& html) {
  std::ofstream page(path, std::ios::binary);
  page << html;
  page.close();
  if (!page) return fail(Errc::kIo, fmt::format("{}: cannot be written", path));
  return {};
}

Result<Output> growth_output(const PlanWords& words) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(const plan::Growth growth, plan::project(books.scenario, books.catalogue));
  Output out;
  if (!words.html.empty()) out.page = plan::growth_html(growth.phases.front().plan.name, growth);
  if (words.explain) {
    std::vector<plan::Labelled> phases;
    for (const plan::Phase& phase : growth.phases) phases.push_back({phase.name, &phase.plan});
    ATOLL_TRY(out.text, plan::plans_explained(phases, words.figure));
  } else {
    out.text = words.json ? plan::growth_json(growth) : plan::growth_text(growth);
  }
  return out;
}

Result<Output> plan_output(const PlanWords& words) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(plan::Plan plan, plan::make_plan(books.scenario, books.catalogue));
  plan::add_simulation(&plan);
  Output out;
  if (words.explain) {
    ATOLL_TRY(out.text, plan::plan_explained(plan, words.figure));
  } else {
    out.text = words.json ? plan::plan_json(plan) : plan::plan_text(plan);
  }
  if (!words.html.empty()) {
    ATOLL_TRY(const plan::Shaken shaken, plan::sensitivity(books.scenario, books.catalogue));
    out.page = plan::plan_html(plan, shaken);
  }
  return out;
}

Result<Output> compare_output(const PlanWords& words, const std::string& other) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(plan::Book second, read_book(other));
  ask_failover(words, &second);
  ATOLL_TRY(const plan::Plan a, plan::make_plan(books.scenario, books.catalogue));
  ATOLL_TRY(const plan::Plan b, plan::make_plan(second, books.catalogue));
  const plan::Comparison comparison = plan::compare(a, b);
  Output out;
  if (!words.html.empty()) out.page = plan::comparison_html(a, b, comparison);
  if (words.explain) {
    const std::vector<plan::Labelled> both{{"A: " + a.name, &a}, {"B: " + b.name, &b}};
    ATOLL_TRY(out.text, plan::plans_explained(both, words.figure));
  } else {
    out.text = words.json ? plan::comparison_json(a, b, comparison)
                          : plan::comparison_text(a, b, comparison);
  }
  return out;
}

Result<Output> sweep_output(const PlanWords& words, const std::vector<std::string>& vary) {
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
  Output out;
  if (!words.html.empty()) out.page = plan::sweep_html(sweep);
  if (words.explain) {
    std::vector<plan::Labelled> points;
    for (const plan::SweepPoint& point : sweep.points) {
      if (!point.plan) continue;
      std::string label = fmt::format("{} = {}", variation.key, point.value);
      if (also) label += fmt::format(", {} = {}", also->key, point.also);
      points.push_back({label, &*point.plan});
    }
    ATOLL_TRY(out.text, plan::plans_explained(points, words.figure));
  } else {
    out.text = words.json ? plan::sweep_json(sweep) : plan::sweep_text(sweep);
  }
  return out;
}

Result<Output> sensitivity_output(const PlanWords& words) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(const plan::Plan plan, plan::make_plan(books.scenario, books.catalogue));
  ATOLL_TRY(const plan::Shaken shaken, plan::sensitivity(books.scenario, books.catalogue));
  Output out;
  if (!words.html.empty()) out.page = plan::sensitivity_html(plan, shaken);
  if (words.explain) {
    ATOLL_TRY(out.text, plan::plans_explained({{plan.name, &plan}}, words.figure));
  } else {
    out.text =
        words.json ? plan::sensitivity_json(plan, shaken) : plan::sensitivity_text(plan, shaken);
  }
  return out;
}

Result<Output> cheapest_output(const PlanWords& words) {
  ATOLL_TRY(const Books books, read_books(words));
  ATOLL_TRY(plan::Cheapest found, plan::find_cheapest(books.scenario, books.catalogue));
  plan::add_simulation(&found.by_shape.front().plan);
  Output out;
  if (!words.html.empty()) out.page = plan::cheapest_html(found);
  if (words.explain) {
    std::vector<plan::Labelled> choices;
    for (const plan::Cheapest::Choice& choice : found.by_shape)
      choices.push_back(
          {fmt::format("{} x {}, network {}, {} domains, {}+{}", choice.candidate.nodes,
                       choice.candidate.shape, choice.candidate.network, choice.candidate.domains,
                       choice.candidate.k, choice.candidate.m),
           &choice.plan});
    ATOLL_TRY(out.text, plan::plans_explained(choices, words.figure));
  } else {
    out.text = words.json ? plan::cheapest_json(found) : plan::cheapest_text(found);
  }
  return out;
}

// The page is written when all went well, and before the text, so that who reads the text has both.
int print(const PlanWords& words, const Result<Output>& out) {
  if (!out) return report(out.error());
  if (!words.html.empty())
    if (const Status written = write_page(words.html, out->page); !written)
      return report(written.error());
  const bool whole = std::fwrite(out->text.data(), 1, out->text.size(), stdout) == out->text.size();
  if (!whole || std::fflush(stdout) != 0)
    return report(Error{Errc::kIo, "standard output: cannot be written"});
  return 0;
}

template <typename Make>
int run(const PlanWords& words, const std::string& other, Make make) {
  if (const Status checked = check_page(words, other); !checked) return report(checked.error());
  return print(words, make());
}

}  // namespace

int run_plan(const PlanWords& words) {
  return run(words, "", [&] { return plan_output(words); });
}
int run_plan_compare(const PlanWords& words, const std::string& other) {
  return run(words, other, [&] { return compare_output(words, other); });
}
int run_plan_sweep(const PlanWords& words, const std::vector<std::string>& vary) {
  return run(words, "", [&] { return sweep_output(words, vary); });
}
int run_plan_growth(const PlanWords& words) {
  return run(words, "", [&] { return growth_output(words); });
}
int run_plan_cheapest(const PlanWords& words) {
  return run(words, "", [&] { return cheapest_output(words); });
}
int run_plan_sensitivity(const PlanWords& words) {
  return run(words, "", [&] { return sensitivity_output(words); });
}

}  // namespace atl::cli
