// What is known about each mover beside the measurements: needs, limits, where it works. The same
// facts with more words and all sources: docs/vip.md.
//
// Texts are in the four marks of report_page.h, with {key} where a page is cited: cited() makes the
// link. A text that rests on no source says "assumed".
// Constants, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace atl::lab {

struct MoverFacts {
  std::string_view mover;
  std::string_view what;
  std::vector<std::string_view> needs;
  std::vector<std::string_view> limits;
  std::string_view rdma;
  std::string_view zones;
  std::string_view projects;
  std::string_view pros;
  std::string_view cons;
  // "Take it when ...": the situation it is for.
  std::string_view situation;
};

// With the links in place of the keys.
std::string cited(std::string_view text);

// Null: nothing is known beyond the measurements (the references).
const MoverFacts* facts_of(std::string_view mover);
// In the order in which they are advised.
const std::vector<MoverFacts>& all_mover_facts();

}  // namespace atl::lab
