// The commands of `atoll`, one function each; main.cc declares their options. Each returns the exit
// status: 0 done, 1 it failed (the reason is on standard error), 2 called wrongly.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "server/server.h"

namespace atl::cli {

// How a command reaches the cluster: --admin, else ATOLL_ADMIN, else what `atoll up` left in the
// data directory (--data, else ATOLL_DATA, else ./data).
struct Target {
  std::string admin;
  std::string data_dir;
  bool json = false;
};

int run_up(server::Options options);
int run_status(const Target& target, bool watch);
int run_domain(const Target& target, const std::string& verb, uint32_t domain);
int run_device_replace(const Target& target, const std::vector<uint32_t>& devices,
                       const std::vector<uint32_t>& domains, bool force, bool wait);
int run_device_dump(const std::string& path, bool records);
int run_scrub(const Target& target, bool wait);
int run_user_create(const Target& target, const std::string& name);
int run_user_list(const Target& target);
int run_user_rotate(const Target& target, const std::string& access_key);
int run_user_delete(const Target& target, const std::string& access_key);

struct PlanWords {
  std::string file;
  std::vector<std::string> catalogues;  // laid over the built-in one, in order
  std::vector<std::string> delays;      // a cloud's delays, laid over the built-in ones, in order
  std::string html;                     // write the report there
  std::string figure;                   // --explain of one figure; empty: of all
  bool json = false;
  bool explain = false;
};
int run_plan(const PlanWords& words);
int run_plan_compare(const PlanWords& words, const std::string& other);
int run_plan_sweep(const PlanWords& words, const std::vector<std::string>& vary);
int run_plan_growth(const PlanWords& words);
int run_plan_cheapest(const PlanWords& words);
int run_plan_sensitivity(const PlanWords& words);

int run_ls(const Target& target, const std::string& where);
int run_put(const Target& target, const std::string& file, const std::string& where);
int run_get(const Target& target, const std::string& where, const std::string& file);

// Prints "atoll: <error>" and returns 1.
int report(const Error& error);

}  // namespace atl::cli
