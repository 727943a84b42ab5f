#include "lab/results.h"

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "lab/faults.h"

namespace atl::lab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMs = 1'000'000;

Probe good(int64_t end_ms, uint32_t target = 0) {
  return {.target = target, .start_ns = (end_ms - 1) * kMs, .took_us = 1000, .node = "node1"};
}
Probe bad(int64_t start_ms, uint32_t target = 0) {
  return {.target = target,
          .start_ns = start_ms * kMs,
          .took_us = 100'000,
          .end = ProbeEnd::kConnectTimeout};
}
Transfer transfer(int64_t start_ms, int64_t end_ms, TransferEnd end, uint32_t target = 0) {
  return {.target = target,
          .start_ns = start_ms * kMs,
          .took_us = (end_ms - start_ms) * 1000,
          .end = end};
}

TEST(Gaps, last_good_answer_to_first_good_answer) {
  const std::vector<Probe> probes = {good(100), good(120), bad(130),
                                     bad(150),  good(900), good(920)};
  const std::vector<Away> aways = find_aways(probes, 0, 125 * kMs);
  ASSERT_THAT(aways, SizeIs(1));
  EXPECT_EQ(aways[0].last_good_ns, 120 * kMs);
  EXPECT_EQ(aways[0].first_good_ns, 900 * kMs);
  EXPECT_TRUE(aways[0].missed);
}

TEST(Gaps, answers_that_come_back_out_of_order_do_not_make_one) {
  const std::vector<Probe> probes = {good(140), good(100), good(120), bad(150), good(300)};
  const std::vector<Away> aways = find_aways(probes, 0, 0);
  ASSERT_THAT(aways, SizeIs(1));
  EXPECT_EQ(aways[0].last_good_ns, 140 * kMs);
}

TEST(Gaps, without_a_failed_probe_the_longest_interval_counts) {
  const std::vector<Probe> probes = {good(100), good(120), good(165), good(185)};
  const std::vector<Away> aways = find_aways(probes, 0, 110 * kMs);
  ASSERT_THAT(aways, SizeIs(1));
  EXPECT_EQ(aways[0].length_ns(), 45 * kMs);
  EXPECT_FALSE(aways[0].missed);
}

TEST(Gaps, what_was_over_before_the_fault_is_none_of_it) {
  const std::vector<Probe> probes = {good(100), bad(110), good(700), good(720), good(740)};
  const std::vector<Away> aways = find_aways(probes, 0, 710 * kMs);
  ASSERT_THAT(aways, SizeIs(1));
  EXPECT_EQ(aways[0].length_ns(), 20 * kMs);
}

TEST(Gaps, each_target_for_itself_and_several_gaps_of_one) {
  const std::vector<Probe> probes = {good(100, 1), good(110), bad(120),  good(130, 1),
                                     good(500),    bad(510),  good(800), good(150, 1)};
  EXPECT_THAT(find_aways(probes, 0, 0), SizeIs(2));
  EXPECT_THAT(find_aways(probes, 1, 0), SizeIs(1));
  EXPECT_THAT(find_aways(probes, 2, 0), IsEmpty());
}

TEST(Split, parts_in_their_order_and_the_sum_is_the_whole) {
  Milestones m;
  m.fence_ns = 800 * kMs;
  m.given_ns = 1000 * kMs;
  m.removed_ns = 1500 * kMs;
  m.added_ns = 2500 * kMs;
  m.delivered_ns = 2600 * kMs;
  m.held_ns = 1030 * kMs;
  const Gap gap = split_gap(vip::Vip{1}, {.last_good_ns = 0, .first_good_ns = 2620 * kMs}, m);
  EXPECT_DOUBLE_EQ(gap.total_ms, 2620);
  EXPECT_DOUBLE_EQ(gap.detect_ms, 200);
  EXPECT_DOUBLE_EQ(gap.fence_ms, 800);
  EXPECT_DOUBLE_EQ(gap.remove_ms, 500);
  EXPECT_DOUBLE_EQ(gap.add_ms, 1000);
  EXPECT_DOUBLE_EQ(gap.propagate_ms, 100);
  EXPECT_DOUBLE_EQ(gap.reconnect_ms, 20);
}

TEST(Split, an_old_route_removed_after_the_move_is_no_part_of_the_gap) {
  Milestones m;
  m.given_ns = 100 * kMs;
  m.removed_ns = 900 * kMs;
  m.added_ns = 300 * kMs;
  m.delivered_ns = 400 * kMs;
  const Gap gap = split_gap(vip::Vip{1}, {.last_good_ns = 0, .first_good_ns = 1000 * kMs}, m);
  EXPECT_DOUBLE_EQ(gap.remove_ms, 0);
  EXPECT_DOUBLE_EQ(gap.add_ms, 200);
  EXPECT_DOUBLE_EQ(gap.reconnect_ms, 600);
}

TEST(Split, milestones_outside_the_gap_do_not_stretch_it) {
  Milestones m;
  m.fence_ns = 5000 * kMs;
  m.given_ns = 9000 * kMs;
  const Gap gap =
      split_gap(vip::Vip{1}, {.last_good_ns = 100 * kMs, .first_good_ns = 400 * kMs}, m);
  EXPECT_DOUBLE_EQ(gap.total_ms, 300);
  EXPECT_DOUBLE_EQ(gap.detect_ms + gap.fence_ms, 300);
  EXPECT_DOUBLE_EQ(gap.reconnect_ms, 0);
}

// 300 ms until another was named, of it 200 for the lease; 40 until the client was back.
TEST(Split, own_share_is_what_is_neither_remove_nor_add_nor_propagate) {
  Gap gap;
  gap.detect_ms = 100;
  gap.fence_ms = 200;
  gap.remove_ms = 1000;
  gap.add_ms = 2000;
  gap.propagate_ms = 4000;
  gap.reconnect_ms = 40;
  gap.total_ms = 7340;
  EXPECT_DOUBLE_EQ(gap.own_ms(), 340);
  EXPECT_TRUE(has_own_share("gcp-alias") && has_own_share("linux-arp"));
  EXPECT_FALSE(has_own_share("gcp-pool") || has_own_share("ref-haproxy"));
}

TEST(Requests, one_that_is_answered_within_its_retries_did_not_fail) {
  std::vector<Probe> probes = {good(100), bad(110), bad(130), good(4000)};
  EXPECT_EQ(count_requests(probes).failed_requests, 0u);
  EXPECT_EQ(count_requests(probes).failed_attempts, 2u);
  EXPECT_EQ(count_requests(probes).requests, 4u);
  probes.back() = good(6000);
  EXPECT_EQ(count_requests(probes).failed_requests, 2u);
}

TEST(Requests, without_an_answer_until_the_end_it_failed_only_if_its_retries_were_over) {
  const std::vector<Probe> early = {good(100), bad(110), bad(1000)};
  EXPECT_EQ(count_requests(early).failed_requests, 0u);
  const std::vector<Probe> late = {good(100), bad(110), bad(6000)};
  EXPECT_EQ(count_requests(late).failed_requests, 1u);
}

TEST(InFlightConnections, only_those_under_way_at_the_fault_and_of_that_address) {
  const std::vector<Transfer> transfers = {
      transfer(0, 90, TransferEnd::kReset),           // before
      transfer(50, 150, TransferEnd::kReset),         // through the fault
      transfer(60, 2100, TransferEnd::kSilent),       //
      transfer(70, 500, TransferEnd::kContinued),     //
      transfer(70, 500, TransferEnd::kContinued, 1),  // another address's
      transfer(110, 700, TransferEnd::kContinued),    // began after the fault
      transfer(90, 300, TransferEnd::kRefused),       // was no connection
      transfer(90, 300, TransferEnd::kUnderWay),      // the load ended
  };
  const InFlight flight = count_in_flight(transfers, 0, 100 * kMs, {});
  EXPECT_EQ(flight.reset, 1u);
  EXPECT_EQ(flight.silent, 1u);
  EXPECT_EQ(flight.continued, 1u);
}

// One transfer after another, as a client has them: at most one can have been in flight.
TEST(InFlightConnections, an_address_that_answers_again_adds_nothing_to_the_crash) {
  std::vector<Transfer> transfers = {transfer(0, 2100, TransferEnd::kSilent)};
  for (int64_t at = 2100; at < 9000; at += 1000)
    transfers.push_back(transfer(at, at + 1000, TransferEnd::kContinued));
  const InFlight flight = count_in_flight(transfers, 0, 100 * kMs, {1100 * kMs});
  EXPECT_EQ(flight.silent, 1u);
  EXPECT_EQ(flight.reset + flight.continued, 0u);
}

TEST(InFlightConnections, each_move_has_the_last_one_that_began_before_it) {
  const std::vector<Transfer> transfers = {
      transfer(0, 900, TransferEnd::kContinued),
      transfer(900, 1800, TransferEnd::kContinued),  // let end before the move
      transfer(1850, 1900, TransferEnd::kRefused),   // nobody had the address
      transfer(2100, 3000, TransferEnd::kContinued),
      transfer(3000, 3100, TransferEnd::kReset),  // cut by the second move
      transfer(3200, 4100, TransferEnd::kContinued),
  };
  const InFlight rolling = count_in_flight(transfers, 0, std::nullopt, {2000 * kMs, 3150 * kMs});
  EXPECT_EQ(rolling.continued, 1u);
  EXPECT_EQ(rolling.reset, 1u);
  EXPECT_EQ(rolling.silent, 0u);
  // A drain that cuts one at once and a move before the next: both, and none twice.
  const InFlight both = count_in_flight(transfers, 0, 1000 * kMs, {2000 * kMs, 2050 * kMs});
  EXPECT_EQ(both.continued, 1u);
  EXPECT_EQ(both.reset + both.silent, 0u);
}

TEST(Percentile, nearest_rank) {
  EXPECT_EQ(percentile({}, 0.5), 0);
  EXPECT_EQ(percentile({7}, 0.99), 7);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0.5), 2);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0.99), 4);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 1), 4);
}

Results two_runs() {
  Results results;
  results.nodes = 4;
  results.repeat = 2;
  results.delays = "zero";
  for (uint32_t i = 1; i <= 2; ++i) {
    RunResult run;
    run.mover = "gcp-alias";
    run.fault = "kill";
    run.number = i;
    run.recovered = true;
    run.api_calls = 10;
    run.gaps.push_back(
        {.vip = vip::Vip{0x0a000901}, .total_ms = 1000.0 * i, .detect_ms = 1000.0 * i});
    results.runs.push_back(run);
  }
  return results;
}

TEST(Report, json_has_what_scripts_rely_on) {
  const boost::json::value json = boost::json::parse(results_json(two_runs()));
  ASSERT_EQ(json.at("results").as_array().size(), 1u);
  const boost::json::value& row = json.at("results").at(0);
  EXPECT_EQ(row.at("gaps_ms").as_array().size(), 2u);
  EXPECT_EQ(row.at("gaps_ms").at(1).at("total").to_number<double>(), 2000);
  EXPECT_EQ(row.at("gaps_ms").at(0).at("vip").as_string(), "10.0.9.1");
  EXPECT_EQ(row.at("api_calls").to_number<int>(), 20);
  EXPECT_EQ(row.at("split_brain_instants").to_number<int>(), 0);
  EXPECT_EQ(row.at("connections").at("silent").to_number<int>(), 0);
  EXPECT_EQ(row.at("failed_requests").to_number<int>(), 0);
  EXPECT_TRUE(json.at("good").as_bool());
}

TEST(Report, json_has_the_own_share_of_each_mover_that_has_one) {
  Results results = two_runs();
  results.runs[0].gaps[0] = {
      .total_ms = 1300, .detect_ms = 100, .fence_ms = 900, .remove_ms = 250, .reconnect_ms = 50};
  results.runs[1].gaps[0] = {
      .total_ms = 9000, .detect_ms = 30, .add_ms = 8000, .propagate_ms = 900, .reconnect_ms = 70};
  for (const char* other : {"ref-keepalived", "gcp-pool"}) {
    RunResult run = results.runs[0];
    run.mover = other;
    results.runs.push_back(run);
  }
  RunResult none = results.runs[0];
  none.fault = "drain";
  none.gaps.clear();
  results.runs.push_back(none);
  const boost::json::value json = boost::json::parse(results_json(results));
  const boost::json::array& rows = json.at("results").as_array();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_DOUBLE_EQ(rows[0].at("own_median_ms").to_number<double>(), 100);
  EXPECT_DOUBLE_EQ(rows[0].at("own_worst_ms").to_number<double>(), 1050);
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(rows[i].as_object().count("own_median_ms"), 0u) << i;
    EXPECT_EQ(rows[i].as_object().count("own_worst_ms"), 0u) << i;
  }
}

TEST(Report, whatever_is_wrong_is_said_and_is_not_good) {
  EXPECT_TRUE(two_runs().good());
  Results split = two_runs();
  split.runs[1].split_brain_instants = 3;
  EXPECT_FALSE(split.good());
  EXPECT_THAT(results_text(split), HasSubstr("SPLIT BRAIN"));
  EXPECT_THAT(results_text(split), HasSubstr("NOT ALL IS WELL"));
  Results lost = two_runs();
  lost.runs[0].recovered = false;
  EXPECT_FALSE(lost.good());
  EXPECT_THAT(results_text(lost), HasSubstr("NOT BACK (1 of 2)"));
  Results unsure = two_runs();
  unsure.runs[0].oracle_doubt = "3 packets were lost";
  EXPECT_FALSE(unsure.good());
  EXPECT_THAT(results_text(unsure), HasSubstr("3 packets were lost"));
  EXPECT_FALSE(boost::json::parse(results_json(unsure)).at("good").as_bool());
}

TEST(Faults, every_name_is_found_and_the_table_is_in_the_order_of_kinds) {
  for (size_t i = 0; i < all_faults().size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(all_faults()[i].kind), i);
    const Result<FaultKind> found = find_fault(all_faults()[i].name);
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, all_faults()[i].kind);
  }
  EXPECT_FALSE(find_fault("fire"));
  EXPECT_FALSE(find_mover("gcp-magic"));
}

TEST(Faults, each_fault_but_the_clock_is_tried_with_some_mover) {
  for (const FaultInfo& fault : all_faults()) {
    size_t tried = 0;
    for (const MoverInfo& mover : all_movers()) tried += why_not(mover, fault.kind) ? 0 : 1;
    EXPECT_EQ(tried == 0, fault.kind == FaultKind::kClock) << fault.name;
  }
}

}  // namespace
}  // namespace atl::lab
