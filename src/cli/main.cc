// atoll: the one program. This file declares the commands and their options; cli/commands.h does
// them.
#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/lab_command.h"
#include "cluster/cluster_map.h"

namespace atl::cli {
namespace {

struct Words {
  Target target;
  server::Options up;
  std::string protection = "6+2";
  std::string log_level = "info";
  std::string log_format = "text";
  std::vector<std::string> devices, vary;
  std::vector<uint32_t> device_ids, domain_ids;
  uint32_t domain = 0;
  bool wait = false, force = false, watch = false, records = false;
  std::string name, path, where, file;
  PlanWords plan;
  LabWords lab;
  int status = 0;
};

void add_target(CLI::App* command, Words* words) {
  command->add_option("--admin", words->target.admin,
                      "admin address (default: ATOLL_ADMIN, or what is in --data)");
  command->add_option("--data", words->target.data_dir,
                      "the cluster's data directory (default: ATOLL_DATA, or ./data)");
  command->add_flag("--json", words->target.json, "print JSON");
}

Status finish_up_options(Words* words) {
  ATOLL_TRY(words->up.protection, cluster::parse_protection(words->protection));
  LogLevel level;
  if (!parse_log_level(words->log_level, &level))
    return fail(Errc::kInvalidArgument, "--log-level is debug, info, warn or error");
  set_log_level(level);
  if (words->log_format != "text" && words->log_format != "json")
    return fail(Errc::kInvalidArgument, "--log-format is text or json");
  set_log_format(words->log_format == "json" ? LogFormat::kJson : LogFormat::kText);
  for (const std::string& device : words->devices) {
    const size_t equals = device.find('=');
    const unsigned long domain =
        equals == std::string::npos ? 0 : std::strtoul(device.c_str(), nullptr, 10);
    if (domain == 0 || domain > words->up.domains || equals + 1 >= device.size() ||
        device[equals + 1] != '/')
      return fail(Errc::kInvalidArgument,
                  fmt::format("--device {} is not DOMAIN=/dev/PATH", device));
    words->up.raw_devices[static_cast<uint32_t>(domain)] = device.substr(equals + 1);
  }
  if (const char* key = std::getenv("ATOLL_ACCESS_KEY")) words->up.root_access_key = key;
  if (const char* secret = std::getenv("ATOLL_SECRET_KEY")) words->up.root_secret_key = secret;
  if (words->up.root_access_key.empty() != words->up.root_secret_key.empty())
    return fail(Errc::kInvalidArgument,
                "set both ATOLL_ACCESS_KEY and ATOLL_SECRET_KEY, or neither");
  if (words->up.tls_certificate_path.empty() != words->up.tls_key_path.empty())
    return fail(Errc::kInvalidArgument, "give both --tls-cert and --tls-key, or neither");
  return {};
}

void add_up(CLI::App* app, Words* words) {
  CLI::App* up =
      app->add_subcommand("up", "run a whole cluster in this process, in the foreground");
  up->add_option("--data", words->up.data_dir,
                 "where its domains live (default: ATOLL_DATA, or ./data)");
  up->add_option("--domains", words->up.domains, "availability domains, each a folder domain-<i>")
      ->check(CLI::Range(1u, cluster::kMaxDomains))
      ->capture_default_str();
  up->add_option("--protection", words->protection, "data+parity shards of a stripe")
      ->capture_default_str();
  up->add_option("--s3", words->up.s3_listen, "address of the S3 door")->capture_default_str();
  up->add_option("--admin", words->up.admin_listen, "address of the admin API (loopback)")
      ->capture_default_str();
  up->add_option("--device-size", words->up.device_bytes,
                 "of each new device file (default: from the free space)")
      ->transform(CLI::AsSizeValue(false));
  up->add_option("--device", words->devices,
                 "DOMAIN=/dev/PATH: a raw block device for a domain; repeatable");
  up->add_option("--s3-domain", words->up.s3_domain,
                 "host name below which buckets are host names");
  up->add_option("--region", words->up.region, "region in signatures")->capture_default_str();
  up->add_option("--tls-cert", words->up.tls_certificate_path,
                 "PEM certificate chain: the S3 door speaks TLS");
  up->add_option("--tls-key", words->up.tls_key_path, "PEM private key");
  up->add_option("--log-level", words->log_level, "debug, info, warn or error")
      ->capture_default_str();
  up->add_option("--log-format", words->log_format, "text or json")->capture_default_str();
  up->callback([words] {
    if (const Status ok = finish_up_options(words); !ok) {
      report(ok.error());
      words->status = 2;
      return;
    }
    if (words->up.data_dir.empty()) {
      const char* data = std::getenv("ATOLL_DATA");
      words->up.data_dir = data != nullptr && *data != '\0' ? data : "data";
    }
    words->status = run_up(words->up);
  });
}

void add_plan_options(CLI::App* command, Words* words) {
  command
      ->add_option("--catalogue", words->plan.catalogues,
                   "shapes, prices and rates of your own, laid over the built-in ones; repeatable")
      ->allow_extra_args(false);
  command
      ->add_option("--delays", words->plan.delays,
                   "how long your cloud takes to move an address (as catalogues/vip-delays.toml), "
                   "laid over the built-in file; repeatable")
      ->allow_extra_args(false);
  command->add_flag("--json", words->plan.json, "print JSON");
  CLI::Option* explain =
      command
          ->add_option("--explain", words->plan.figure,
                       "how a figure came about (capacity.usable); without one, all of them")
          ->expected(0, 1);
  command->parse_complete_callback(
      [words, explain] { words->plan.explain |= explain->count() > 0; });
  command->add_option("--html", words->plan.html, "also write a page with plots there")
      ->check([](const std::string& out) {
        return std::string(out.empty() ? "a file's name is wanted" : "");
      });
}

void add_plan(CLI::App* app, Words* words) {
  CLI::App* plan = app->add_subcommand(
      "plan",
      "size a cluster: capacity, speed, rebuild, durability and money from a scenario file");
  plan->require_subcommand(0, 1);
  plan->add_option("FILE", words->plan.file, "the scenario (TOML; examples/plan has some)");
  add_plan_options(plan, words);
  CLI::App* compare = plan->add_subcommand("compare", "two scenarios side by side");
  compare->add_option("A", words->plan.file, "a scenario")->required();
  compare->add_option("B", words->file, "another one")->required();
  add_plan_options(compare, words);
  compare->callback([words] { words->status = run_plan_compare(words->plan, words->file); });

  CLI::App* sweep = plan->add_subcommand("sweep", "one scenario with one of its keys varied");
  sweep->add_option("FILE", words->plan.file, "the scenario")->required();
  sweep
      ->add_option("--vary", words->vary,
                   "KEY=VALUES: cluster.domains=3..32, cluster.nodes=8..64:8, "
                   "cluster.protection=4+2,6+2; a second "
                   "key may be varied as well")
      ->required()
      ->allow_extra_args(false);
  add_plan_options(sweep, words);
  sweep->callback([words] { words->status = run_plan_sweep(words->plan, words->vary); });

  CLI::App* growth = plan->add_subcommand(
      "growth", "phases with dates: nodes, money and what to ask for when (examples/plan/growth)");
  growth->add_option("FILE", words->plan.file, "the scenario with its phases (TOML)")->required();
  add_plan_options(growth, words);
  growth->callback([words] { words->status = run_plan_growth(words->plan); });

  CLI::App* cheapest = plan->add_subcommand(
      "cheapest", "the cheapest cluster for what is needed (examples/plan/need)");
  cheapest->add_option("FILE", words->plan.file, "what is needed (TOML)")->required();
  add_plan_options(cheapest, words);
  cheapest->callback([words] { words->status = run_plan_cheapest(words->plan); });

  CLI::App* sensitivity = plan->add_subcommand(
      "sensitivity", "what each assumed datum does at half and at twice itself");
  sensitivity->add_option("FILE", words->plan.file, "the scenario")->required();
  add_plan_options(sensitivity, words);
  sensitivity->callback([words] { words->status = run_plan_sensitivity(words->plan); });

  plan->callback([plan, words] {
    if (!plan->get_subcommands().empty()) return;
    if (words->plan.file.empty()) throw CLI::RequiredError("FILE");
    words->status = run_plan(words->plan);
  });
}

void add_look(CLI::App* app, Words* words) {
  CLI::App* status =
      app->add_subcommand("status", "health, what could still be lost, capacity, what is going on");
  add_target(status, words);
  status->add_flag("--watch", words->watch, "again every second");
  status->callback([words] { words->status = run_status(words->target, words->watch); });

  CLI::App* ls = app->add_subcommand("ls", "list buckets, or what is in BUCKET[/PREFIX]");
  add_target(ls, words);
  ls->add_option("where", words->where, "BUCKET[/PREFIX] or s3://BUCKET[/PREFIX]");
  ls->callback([words] { words->status = run_ls(words->target, words->where); });

  CLI::App* put =
      app->add_subcommand("put", "store a file (makes the bucket when it is not there)");
  add_target(put, words);
  put->add_option("file", words->file)->required();
  put->add_option("where", words->where, "BUCKET/KEY")->required();
  put->callback([words] { words->status = run_put(words->target, words->file, words->where); });

  CLI::App* get = app->add_subcommand("get", "read an object, to a file or to standard output");
  add_target(get, words);
  get->add_option("where", words->where, "BUCKET/KEY")->required();
  get->add_option("file", words->file, "default: standard output");
  get->callback([words] { words->status = run_get(words->target, words->where, words->file); });
}

void add_operate(CLI::App* app, Words* words) {
  CLI::App* domain = app->add_subcommand("domain", "take a domain out of use, and back");
  domain->require_subcommand(1);
  for (const auto& [verb, help] :
       {std::pair("fail", "stop using it now, as if it were lost"),
        std::pair("drain", "put no new data on it; what it holds is still read"),
        std::pair("return", "use it again; what it missed is rebuilt")}) {
    CLI::App* command = domain->add_subcommand(verb, help);
    add_target(command, words);
    command->add_option("domain", words->domain, "its number")->required();
    command->callback([words, v = std::string(verb)] {
      words->status = run_domain(words->target, v, words->domain);
    });
  }

  CLI::App* device = app->add_subcommand("device", "replace a lost device; look inside one");
  device->require_subcommand(1);
  CLI::App* replace = device->add_subcommand(
      "replace", "put blank devices in the place of failed ones, and rebuild");
  add_target(replace, words);
  replace->add_option("devices", words->device_ids,
                      "device numbers (default: every failed device)");
  replace->add_option("--domain", words->domain_ids,
                      "the failed devices of this domain; repeatable");
  replace->add_flag("--force", words->force, "overwrite what is there even if it is not Atoll's");
  replace->add_flag("--wait", words->wait, "until everything is fully protected again");
  replace->callback([words] {
    words->status = run_device_replace(words->target, words->device_ids, words->domain_ids,
                                       words->force, words->wait);
  });
  CLI::App* dump =
      device->add_subcommand("dump", "print what is on a device (of a stopped cluster)");
  dump->add_option("path", words->path, "device file or block device")->required();
  dump->add_flag("--records", words->records, "every record, not only the zones");
  dump->callback([words] { words->status = run_device_dump(words->path, words->records); });

  CLI::App* scrub =
      app->add_subcommand("scrub", "verify every stored byte, and repair what is damaged");
  add_target(scrub, words);
  scrub->add_flag("--wait", words->wait, "until it is done; print what was found");
  scrub->callback([words] { words->status = run_scrub(words->target, words->wait); });
}

void add_users(CLI::App* app, Words* words) {
  CLI::App* user = app->add_subcommand("user", "who may use the S3 door");
  user->require_subcommand(1);
  CLI::App* create =
      user->add_subcommand("create", "make a user; prints the access key and the secret");
  add_target(create, words);
  create->add_option("name", words->name)->required();
  create->callback([words] { words->status = run_user_create(words->target, words->name); });
  CLI::App* list = user->add_subcommand("list", "list users");
  add_target(list, words);
  list->callback([words] { words->status = run_user_list(words->target); });
  CLI::App* rotate = user->add_subcommand("rotate", "give a user a new secret; the old one ends");
  add_target(rotate, words);
  rotate->add_option("access-key", words->name)->required();
  rotate->callback([words] { words->status = run_user_rotate(words->target, words->name); });
  CLI::App* remove = user->add_subcommand("delete", "delete a user");
  add_target(remove, words);
  remove->add_option("access-key", words->name)->required();
  remove->callback([words] { words->status = run_user_delete(words->target, words->name); });
}

}  // namespace
}  // namespace atl::cli

int main(int argc, char** argv) {
  CLI::App app(
      "Atoll: one namespace, served as files and as objects, over local SSDs of storage VMs.");
  app.set_version_flag("--version", std::string("atoll ") + ATOLL_VERSION);
  app.require_subcommand(1);
  atl::cli::Words words;
  atl::cli::add_up(&app, &words);
  atl::cli::add_look(&app, &words);
  atl::cli::add_plan(&app, &words);
  atl::cli::add_operate(&app, &words);
  atl::cli::add_users(&app, &words);
  words.lab.options.version = ATOLL_VERSION;
  atl::cli::add_lab(&app, &words.lab, &words.status);
  CLI11_PARSE(app, argc, argv);
  return words.status;
}
