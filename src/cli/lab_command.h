// `atoll lab`: its options, and the processes it is made of.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "lab/report.h"
#include "lab/runner.h"
#include "lab/scale.h"

namespace atl::cli {

struct LabWords {
  lab::LabOptions options;
  lab::ReportFiles report;
  uint64_t lease_ms = 1000;
  lab::ScaleOptions scale;
  uint64_t scale_lease_ms = 0;  // 0: by the number of nodes
  std::string config;           // of a process of the laboratory
};

// Declares the command; its exit status goes to `status`. Both outlive the parsing.
void add_lab(CLI::App* app, LabWords* words, int* status);

}  // namespace atl::cli
