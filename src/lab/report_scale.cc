#include "lab/report_scale.h"

#include "lab/report_fields.h"
#include "lab/report_plots.h"
#include "lab/report_sections.h"

namespace atl::lab {
namespace {

namespace json = boost::json;

std::string first_limit(Fields* in, std::string* trouble) {
  const json::array& limits = in->list("limits");
  if (limits.empty()) return "";
  Fields first(limits[0], in->below("limits", 0), trouble);
  return fmt::format("{} ({} addresses waiting)", first.text("name"),
                     first.count("addresses_waiting"));
}

ScaleInputRow read_row(const json::value& value, std::string path, std::string* trouble) {
  Fields in(value, std::move(path), trouble);
  ScaleInputRow row;
  row.mover = in.text("mover");
  row.nodes = in.count("nodes");
  row.addresses = in.count("addresses");
  row.lease_ms = in.number("lease_ms");
  row.state = in.text("state");
  row.reason = in.optional_text("reason");
  if (!row.ran()) return row;
  row.concerned = in.count("addresses_concerned");
  row.missing = in.count("addresses_missing");
  row.any_back = in.has("back_ms");
  if (row.any_back) {
    Fields back(in.object("back_ms"), in.below("back_ms"), trouble);
    row.median_back_ms = back.number("median");
    row.last_back_ms = back.number("last");
  }
  Fields calls(in.object("calls"), in.below("calls"), trouble);
  row.writes = calls.count("writes");
  row.first_limit = first_limit(&in, trouble);
  row.split_brain_instants = in.count("split_brain_instants");
  return row;
}

std::string back_words(const ScaleInputRow& row) {
  if (!row.ran()) return fmt::format("{}: {}", plain(row.state), plain(row.reason));
  std::string out = row.any_back ? fmt::format("{} / {}", span_words(row.median_back_ms),
                                               span_words(row.last_back_ms))
                                 : "none";
  if (row.missing > 0) out += fmt::format(", **{} not back**", row.missing);
  if (row.split_brain_instants > 0)
    out += fmt::format(", **{} split-brain instants**", row.split_brain_instants);
  return out;
}

}  // namespace

Result<ScaleInput> parse_scale_input(std::string_view text, const std::string& file) {
  ATOLL_TRY(const json::value root, parse_report_json(text, file));
  std::string trouble;
  Fields in(root, "", &trouble);
  ScaleInput out;
  out.version = in.text("version");
  out.delays = in.text("delays");
  out.domains = in.count("domains");
  out.seed = in.count("seed");
  const json::array& rows = in.list("results");
  for (size_t i = 0; i < rows.size(); ++i)
    out.rows.push_back(read_row(rows[i], in.below("results", i), &trouble));
  const json::array& fits = in.list("fits");
  for (size_t i = 0; i < fits.size(); ++i) {
    Fields fit(fits[i], in.below("fits", i), &trouble);
    out.fits.push_back({fit.text("mover"), fit.count("nodes"), fit.count("addresses"),
                        fit.optional_text("refused_by")});
  }
  if (out.rows.empty()) in.wrong("results", "is empty: nothing was run");
  if (!trouble.empty()) return fail(Errc::kInvalidArgument, fmt::format("{}: {}", file, trouble));
  return out;
}

void write_scale(ReportPage* page, const ReportSources& sources) {
  if (!sources.scale) return;
  const ScaleInput& scale = *sources.scale;
  page->heading("On many nodes");
  page->quiet(
      fmt::format("Simulated in virtual time, not measured: the same nodes, controller and movers, "
                  "{} domains of which one is cut off, delays {}, seed {}, Atoll {}. Back: the "
                  "median and the last of the addresses that were lost.",
                  scale.domains, code(scale.delays), scale.seed, plain(scale.version)));
  std::vector<ReportPage::Row> rows;
  for (const ScaleInputRow& row : scale.rows)
    rows.push_back({code(row.mover), fmt::format("{}", row.nodes), fmt::format("{}", row.addresses),
                    span_words(row.lease_ms), back_words(row),
                    row.ran() ? fmt::format("{}", row.concerned) : "-",
                    row.ran() ? fmt::format("{}", row.writes) : "-", plain(row.first_limit)});
  page->table({"mover", "nodes", "addresses", "lease", "back: median / last", "lost", "API writes",
               "first limit that said no"},
              rows);
  std::vector<std::string> fits;
  for (const ScaleInputFit& fit : scale.fits)
    fits.push_back(fmt::format(
        "{}: {} addresses on {} nodes{}", code(fit.mover), fit.addresses, fit.nodes,
        fit.refused_by.empty() ? "" : "; one more is refused by: " + plain(fit.refused_by)));
  if (fits.empty()) return;
  page->text("How many addresses fit:");
  page->list(fits);
}

}  // namespace atl::lab
