// Where the numbers of a plan come from: the scenario, the catalogue below it, and the sheet in
// which everything read or computed is noted.
//
// Holds references: scenario, catalogue and sheet outlive it. Threads: one.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "plan/inputs.h"
#include "plan/sheet.h"

namespace atl::plan {

// The figures that one is made of.
using Keys = std::vector<std::string>;

class Sources {
 public:
  Sources(const Book& scenario, const Book& catalogue, Inputs inputs, Sheet* sheet)
      : scenario_(scenario), catalogue_(catalogue), in_(std::move(inputs)), sheet_(*sheet) {}

  const Book& scenario() const { return scenario_; }
  const Book& catalogue() const { return catalogue_; }
  const Inputs& inputs() const { return in_; }
  Sheet& sheet() const { return sheet_; }

  template <typename Q>
  Result<Known<Q>> data(std::string_view key) const {
    return sheet_.datum<Q>(catalogue_, key, fmt::format("data.{}", key));
  }
  std::string shape_key(std::string_view name) const {
    return fmt::format("shape.{}.{}", in_.shape, name);
  }
  bool shape_has(std::string_view name) const {
    return catalogue_.find(shape_key(name)) != nullptr;
  }
  template <typename Q>
  Result<Known<Q>> of_shape(std::string_view name) const {
    return data<Q>(shape_key(name));
  }
  // What the scenario says, or what Atoll takes otherwise.
  template <typename Q>
  Result<Known<Q>> asked(std::string_view key, Q otherwise) const {
    const std::string as = fmt::format("asked.{}", key);
    if (sheet_.find(as) != nullptr) return Known<Q>{value_of<Q>(as), as};
    if (scenario_.find(key) != nullptr) return sheet_.datum<Q>(scenario_, key, as);
    return sheet_.own(as, otherwise, "not in the scenario: Atoll's default");
  }
  // A figure that is in the sheet already.
  template <typename Q>
  Q value_of(std::string_view key) const {
    const Figure* figure = sheet_.find(key);
    ATOLL_CHECK(figure != nullptr && figure->value.dimensions == dimensions_of<Q>(), key);
    if constexpr (std::is_same_v<Q, double>) {
      return figure->value.value;
    } else {
      return Q{figure->value.value};
    }
  }

 private:
  const Book& scenario_;
  const Book& catalogue_;
  const Inputs in_;
  Sheet& sheet_;
};

// What the parts of a plan say about the cluster again and again.
struct ClusterFigures {
  Known<double> nodes, domains, k, m, width, survives, overhead;
  Known<double> largest_domain;  // nodes in it
};

// The nodes in the `count` largest of `domains` domains over which `nodes` are spread evenly.
inline double nodes_in_largest(double nodes, double domains, double count) {
  const double least = std::floor(nodes / domains);
  return count * least + std::min(count, nodes - least * domains);
}

}  // namespace atl::plan
