#include "cli/lab_command.h"

#include <string>

#include "vip/timing.h"

namespace atl::cli {
namespace {

void add_vip(CLI::App* lab, LabWords* words, int* status) {
  lab::LabOptions& options = words->options;
  CLI::App* vip = lab->add_subcommand(
      "vip", "measure how addresses fail over: movers against faults, with packets judged");
  vip->add_option("--mover", options.mover, "its name, several with commas, or all")
      ->capture_default_str();
  vip->add_option("--fault", options.fault, "its name, several with commas, or all")
      ->capture_default_str();
  vip->add_option("--nodes", options.nodes, "nodes that hold addresses")->capture_default_str();
  vip->add_option("--domains", options.domains, "availability domains they are spread over")
      ->capture_default_str();
  vip->add_option("--repeat", options.repeat, "runs of each fault")->capture_default_str();
  vip->add_option("--service", options.service,
                  "what is behind the addresses: http (a small responder) or s3 (Atoll's S3 door)")
      ->capture_default_str();
  vip->add_option("--lanes", options.lanes,
                  "runs at a time; otherwise 1 with --delays zero and 3 at most with others");
  vip->add_option("--delays", options.delays,
                  "what the cloud takes for what: built-in, zero, or a file of your own (TOML)")
      ->capture_default_str();
  vip->add_option("--lease-ms", words->lease_ms, "of a node")
      ->check(CLI::Range(static_cast<uint64_t>(vip::kLeaseMin / 1ms),
                         static_cast<uint64_t>(vip::kLeaseMax / 1ms)))
      ->capture_default_str();
  vip->add_option("--seed", options.seed, "for all that is drawn")->capture_default_str();
  vip->add_option("--report", options.report,
                  "a folder for the result and for the report of it, as HTML and Markdown");
  vip->add_option("--keep", options.keep, "a folder for the logs of every process");
  vip->add_flag("--references", options.references, "keepalived and HAProxy too, when installed");
  vip->add_flag("--json", options.json, "print JSON (docs/formats/lab.schema.json)");
  vip->callback([words, status] {
    words->options.lease = std::chrono::milliseconds(words->lease_ms);
    *status = lab::run_lab(words->options);
  });
}

void add_report(CLI::App* lab, LabWords* words, int* status) {
  lab::ReportFiles& files = words->report;
  CLI::App* report = lab->add_subcommand(
      "report", "which mover to take, from what was measured: a page as HTML and as Markdown");
  report->add_option("RESULT", files.result, "what `atoll lab vip --json` printed")->required();
  report->add_option("--scale", files.scale, "what `atoll lab scale --json` printed");
  report->add_option("--plan-catalogue", files.catalogue, "prices to lay over the built-in ones");
  report->add_option("--delays", files.delays,
                     "the delays that it was measured with, if the file has another place now");
  report->add_option("--html", files.html, "write the page there");
  report->add_option("--markdown", files.markdown, "write the same as Markdown there");
  report->callback([&files, status] {
    if (files.html.empty() && files.markdown.empty())
      throw CLI::RequiredError("--html or --markdown");
    files.command = "atoll lab report " + files.result;
    *status = lab::run_report(files);
  });
}

void add_scale(CLI::App* lab, LabWords* words, int* status) {
  lab::ScaleOptions& options = words->scale;
  CLI::App* scale = lab->add_subcommand(
      "scale", "how a lost domain's addresses come back on many nodes, in virtual time (no root)");
  scale->add_option("--mover", options.mover, "its name, or all")->capture_default_str();
  scale->add_option("--nodes", options.nodes, "sizes of the cluster, each a run")
      ->delimiter(',')
      ->capture_default_str();
  scale->add_option("--per-node", options.per_node, "addresses a node, each a run")
      ->delimiter(',')
      ->capture_default_str();
  scale->add_option("--domains", options.domains, "that the nodes are spread over; one is lost")
      ->capture_default_str();
  scale
      ->add_option("--delays", options.delays,
                   "what the cloud takes for what: built-in, zero, or a file of your own (TOML)")
      ->capture_default_str();
  scale
      ->add_option("--lease-ms", words->scale_lease_ms,
                   "of a node; without it 10 s, and 30 s on more than 256 nodes")
      ->check(CLI::Range(static_cast<uint64_t>(vip::kLeaseMin / 1ms),
                         static_cast<uint64_t>(vip::kLeaseMax / 1ms)));
  scale->add_option("--seed", options.seed, "for all that is drawn")->capture_default_str();
  scale->add_flag("--json", options.json, "print JSON (docs/formats/lab-scale.schema.json)");
  scale->callback([words, status] {
    words->scale.lease = std::chrono::milliseconds(words->scale_lease_ms);
    words->scale.version = words->options.version;
    *status = lab::run_scale(words->scale);
  });
}

// What the laboratory starts in its namespaces; not for people.
void add_processes(CLI::App* lab, LabWords* words, int* status) {
  for (const char* role : {"node", "controller", "client", "responder"}) {
    CLI::App* process = lab->add_subcommand(role, "a process of the laboratory")->group("");
    process->add_option("--config", words->config, "its configuration")->required();
    process->callback(
        [words, status, role] { *status = lab::run_lab_process(role, words->config); });
  }
}

}  // namespace

void add_lab(CLI::App* app, LabWords* words, int* status) {
  CLI::App* lab =
      app->add_subcommand("lab", "a laboratory in network namespaces of this machine (needs root)");
  lab->require_subcommand(1);
  add_vip(lab, words, status);
  add_scale(lab, words, status);
  add_report(lab, words, status);
  add_processes(lab, words, status);
}

}  // namespace atl::cli
