// What is answered to what: a pure function, so that each rule is a few lines.
#include "vip/dns/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "vip/dns/request.h"
#include "vip/dns/test_message.h"
#include "vip/dns/test_zone.h"

namespace atl::vip::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Lines kNegative = {
    "storage.example. 5 IN SOA ns1.storage.example. hostmaster.storage.example. 42 3600 600 86400 "
    "5"};

class AnswerTest : public ::testing::Test {
 protected:
  void with(const ZoneSnapshot& snapshot) {
    auto zone = Zone::make(snapshot);
    ASSERT_TRUE(zone) << zone.error().to_string();
    zone_ = *zone;
  }
  Seen raw(ByteSpan query, Transport transport = Transport::kUdp) {
    const auto bytes = answer(query, zone_.get(), transport, rotation_);
    return bytes ? seen_in(*bytes) : Seen();
  }
  Seen ask(const Ask& ask, Transport transport = Transport::kUdp) {
    return raw(query_of(ask), transport);
  }
  Seen a(const std::string& name) { return ask({name}); }

  std::shared_ptr<const Zone> zone_ = *Zone::make(test_snapshot(2, 2));
  Rotation rotation_;
};

// --- Addresses ---

TEST_F(AnswerTest, the_bytes_of_an_answer) {
  with(test_snapshot(1, 1));
  const auto bytes =
      answer(query_of({"door.storage.example"}), zone_.get(), Transport::kUdp, rotation_);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(to_hex(*bytes),
            "123484000001000100000000"                      // id; QR, AA; 1 question, 1 answer
            "04646f6f720773746f72616765076578616d706c6500"  // door.storage.example
            "00010001"                                      // A, IN
            "c00c0001000100000005"                          // the same name, A, IN, 5 s
            "00040a000901");                                // 10.0.9.1
}

TEST_F(AnswerTest, only_addresses_whose_holder_is_up) {
  ZoneSnapshot snapshot = test_snapshot(4, 3);  // .1 and .4 node1, .2 node2, .3 node3
  snapshot.pools[0].nodes[1].up = false;
  snapshot.pools[0].held[2].holder = "";
  snapshot.pools[0].held[3].holder = "gone";
  with(snapshot);
  EXPECT_THAT(a("door.storage.example").answer,
              ElementsAre("door.storage.example. 5 IN A 10.0.9.1"));
}

TEST_F(AnswerTest, a_pool_without_a_healthy_address_is_there_and_has_no_data) {
  ZoneSnapshot snapshot = test_snapshot(2, 1);
  snapshot.pools[0].nodes[0].up = false;
  with(snapshot);
  const Seen seen = a("door.storage.example");
  EXPECT_EQ(seen.code, LDNS_RCODE_NOERROR);
  EXPECT_THAT(seen.answer, IsEmpty());
  EXPECT_EQ(seen.authority, kNegative);
  EXPECT_EQ(a("node1.rdma.door.storage.example").code, LDNS_RCODE_NOERROR);
  EXPECT_EQ(ask({"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV}).code, LDNS_RCODE_NOERROR);
}

TEST_F(AnswerTest, each_address_comes_first_equally_often_though_aaaa_is_asked_between) {
  with(test_snapshot(4, 2));
  std::map<std::string, int> first;
  for (int i = 0; i < 40; ++i) {
    const Seen seen = a("door.storage.example");
    ASSERT_EQ(seen.answer.size(), 4u);
    EXPECT_EQ(std::set(seen.answer.begin(), seen.answer.end()).size(), 4u);
    ++first[seen.answer[0]];
    EXPECT_THAT(ask({"door.storage.example", LDNS_RR_TYPE_AAAA}).answer, IsEmpty());
    (void)ask({"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV});
  }
  ASSERT_EQ(first.size(), 4u);
  for (const auto& [line, times] : first) EXPECT_EQ(times, 10) << line;
}

TEST_F(AnswerTest, of_many_addresses_an_answer_has_some_and_all_get_their_turn) {
  with(test_snapshot(100, 10));
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) {
    const Seen seen = a("door.storage.example");
    EXPECT_EQ(seen.answer.size(), kAddressesPerAnswer);
    EXPECT_FALSE(seen.tc);
    EXPECT_LE(seen.bytes, kPlainUdpBytesMax);
    all.insert(seen.answer.begin(), seen.answer.end());
  }
  EXPECT_EQ(all.size(), 100u);
}

TEST_F(AnswerTest, the_question_comes_back_as_it_was_spelled) {
  const Seen seen = a("DoOr.sTorAge.examplE");
  EXPECT_THAT(seen.question, ElementsAre(HasSubstr("DoOr.sTorAge.examplE. IN A")));
  ASSERT_EQ(seen.answer.size(), 2u);
  EXPECT_THAT(seen.answer[0], HasSubstr("DoOr.sTorAge.examplE. 5 IN A"));
}

// --- RDMA ---

TEST_F(AnswerTest, rdma_nodes_that_are_up_well_before_draining) {
  ZoneSnapshot snapshot = test_snapshot(1, 3);
  snapshot.pools[0].nodes[0].draining = true;
  snapshot.pools[0].nodes[1].up = false;
  with(snapshot);
  const Seen seen = ask({"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV});
  EXPECT_THAT(seen.answer, ElementsAre("_rdma._tcp.door.storage.example. 5 IN SRV 10 1 7471 "
                                       "node3.rdma.door.storage.example.",
                                       "_rdma._tcp.door.storage.example. 5 IN SRV 20 1 7471 "
                                       "node1.rdma.door.storage.example."));
  EXPECT_THAT(seen.additional, ElementsAre("node3.rdma.door.storage.example. 5 IN A 10.128.0.3",
                                           "node1.rdma.door.storage.example. 5 IN A 10.128.0.1"));
  EXPECT_THAT(a("node3.rdma.door.storage.example").answer,
              ElementsAre("node3.rdma.door.storage.example. 5 IN A 10.128.0.3"));
  EXPECT_EQ(a("node2.rdma.door.storage.example").authority, kNegative);
}

TEST_F(AnswerTest, rdma_nodes_take_turns) {
  with(test_snapshot(1, 4));
  std::set<std::string> first;
  for (int i = 0; i < 4; ++i)
    first.insert(
        ask({"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV}, Transport::kTcp).answer.at(0));
  EXPECT_EQ(first.size(), 4u);
}

TEST_F(AnswerTest, a_pool_without_rdma_has_no_such_names) {
  ZoneSnapshot snapshot = test_snapshot(1, 1);
  snapshot.pools[0].rdma_port = 0;
  with(snapshot);
  EXPECT_EQ(ask({"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV}).code, LDNS_RCODE_NXDOMAIN);
  EXPECT_EQ(a("node1.rdma.door.storage.example").code, LDNS_RCODE_NXDOMAIN);
}

// --- What is there and what is not ---

TEST_F(AnswerTest, the_apex_has_soa_and_servers) {
  Seen seen = ask({"storage.example", LDNS_RR_TYPE_SOA});
  EXPECT_THAT(seen.answer, ElementsAre("storage.example. 300 IN SOA ns1.storage.example. "
                                       "hostmaster.storage.example. 42 3600 600 86400 5"));
  seen = ask({"storage.example", LDNS_RR_TYPE_NS});
  EXPECT_THAT(seen.answer, ElementsAre("storage.example. 300 IN NS ns1.storage.example.",
                                       "storage.example. 300 IN NS ns2.storage.example."));
  EXPECT_THAT(seen.additional, ElementsAre("ns1.storage.example. 300 IN A 10.0.0.2",
                                           "ns2.storage.example. 300 IN A 10.0.0.3"));
  EXPECT_THAT(a("ns2.storage.example").answer,
              ElementsAre("ns2.storage.example. 300 IN A 10.0.0.3"));
}

TEST_F(AnswerTest, no_such_name_and_no_such_data_are_two_things) {
  for (const char* name : {"window.storage.example", "x.door.storage.example",
                           "node9.rdma.door.storage.example", "*.storage.example"}) {
    const Seen seen = a(name);
    EXPECT_EQ(seen.code, LDNS_RCODE_NXDOMAIN) << name;
    EXPECT_TRUE(seen.aa);
    EXPECT_EQ(seen.authority, kNegative) << name;
  }
  // The last three have nothing but names below them.
  for (const char* name : {"storage.example", "_tcp.door.storage.example",
                           "rdma.door.storage.example", "_rdma._tcp.door.storage.example"}) {
    const Seen seen = a(name);
    EXPECT_EQ(seen.code, LDNS_RCODE_NOERROR) << name;
    EXPECT_TRUE(seen.aa);
    EXPECT_THAT(seen.answer, IsEmpty());
    EXPECT_EQ(seen.authority, kNegative) << name;
  }
  EXPECT_EQ(ask({"door.storage.example", LDNS_RR_TYPE_AAAA}).authority, kNegative);
  EXPECT_EQ(ask({"door.storage.example", LDNS_RR_TYPE_NS}).authority, kNegative);
  EXPECT_EQ(ask({"door.storage.example", 65280}).authority, kNegative);  // a private type
}

TEST_F(AnswerTest, what_is_not_ours_is_refused) {
  for (const Ask& ask : std::vector<Ask>{{"door.other.example"},
                                         {"example"},
                                         {""},
                                         {"notstorage.example"},
                                         {"storage.example.net"},
                                         {"door.storage.example", LDNS_RR_TYPE_A, 3},
                                         {"door.storage.example", LDNS_RR_TYPE_A, 255},
                                         {"version.bind", LDNS_RR_TYPE_TXT, 3},
                                         {"storage.example", LDNS_RR_TYPE_AXFR},
                                         {"storage.example", LDNS_RR_TYPE_IXFR}}) {
    for (const Transport transport : {Transport::kUdp, Transport::kTcp}) {
      const Seen seen = this->ask(ask, transport);
      EXPECT_TRUE(seen.there);
      EXPECT_EQ(seen.code, LDNS_RCODE_REFUSED) << ask.name << " " << ask.type;
      EXPECT_FALSE(seen.aa);
      EXPECT_TRUE(seen.answer.empty() && seen.authority.empty() && seen.additional.empty());
    }
  }
}

TEST_F(AnswerTest, any_gets_one_set) {
  EXPECT_EQ(ask({"door.storage.example", LDNS_RR_TYPE_ANY}).answer.size(), 2u);
  EXPECT_THAT(ask({"storage.example", LDNS_RR_TYPE_ANY}).answer, ElementsAre(HasSubstr("IN SOA")));
  EXPECT_THAT(ask({"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_ANY}).answer,
              ElementsAre(HasSubstr("IN SRV"), HasSubstr("IN SRV")));
  EXPECT_EQ(ask({"rdma.door.storage.example", LDNS_RR_TYPE_ANY}).authority, kNegative);
}

TEST_F(AnswerTest, no_recursion_is_offered) {
  Ask ask{"door.storage.example"};
  EXPECT_FALSE(this->ask(ask).rd);
  ask.recursion = true;
  const Seen seen = this->ask(ask);
  EXPECT_TRUE(seen.rd);
  EXPECT_FALSE(seen.ra);
  EXPECT_TRUE(seen.aa);
}

TEST_F(AnswerTest, without_recent_knowledge_it_does_not_answer_for_the_nodes) {
  zone_.reset();
  EXPECT_EQ(a("door.storage.example").code, LDNS_RCODE_SERVFAIL);
  EXPECT_EQ(a("door.other.example").code, LDNS_RCODE_SERVFAIL);
}

// --- Sizes ---

TEST_F(AnswerTest, what_does_not_fit_is_cut_to_nothing_and_whole_over_tcp) {
  with(test_snapshot(1, 40));
  const std::string name = "_rdma._tcp.door.storage.example";
  Ask ask{name, LDNS_RR_TYPE_SRV};
  for (const std::optional<uint16_t> bytes : {std::optional<uint16_t>(), {512}, {1232}, {65535}}) {
    ask.edns_bytes = bytes;
    const Seen seen = this->ask(ask);
    EXPECT_TRUE(seen.tc);
    EXPECT_EQ(seen.code, LDNS_RCODE_NOERROR);
    EXPECT_TRUE(seen.answer.empty() && seen.additional.empty());
    EXPECT_LE(seen.bytes, 100u);
    EXPECT_EQ(seen.edns, bytes.has_value());
  }
  const Seen whole = this->ask(ask, Transport::kTcp);
  EXPECT_FALSE(whole.tc);
  EXPECT_EQ(whole.answer.size(), 40u);
  EXPECT_EQ(whole.additional.size(), 40u);
}

TEST_F(AnswerTest, additional_records_give_way_without_a_word) {
  with(test_snapshot(1, 18));
  Ask ask{"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV};
  ask.edns_bytes = 4096;
  const Seen seen = this->ask(ask);
  EXPECT_FALSE(seen.tc);
  EXPECT_EQ(seen.answer.size(), 18u);
  EXPECT_LT(seen.additional.size(), 18u);
  EXPECT_GT(seen.additional.size(), 0u);
  EXPECT_LE(seen.bytes, kUdpBytesMax);
}

TEST_F(AnswerTest, edns_gives_more_room_but_never_less_than_512_nor_more_than_1232) {
  ZoneSnapshot snapshot = test_snapshot(70, 1);
  for (const auto& [addresses, bytes, fits] :
       std::vector<std::tuple<size_t, std::optional<uint16_t>, bool>>{{29, {}, true},
                                                                      {30, {}, false},
                                                                      {28, {100}, true},
                                                                      {30, {511}, false},
                                                                      {60, {1024}, true},
                                                                      {63, {1024}, false},
                                                                      {70, {1232}, true},
                                                                      {70, {65535}, true}}) {
    snapshot.addresses_per_answer = addresses;
    with(snapshot);
    Ask ask{"door.storage.example"};
    ask.edns_bytes = bytes;
    const Seen seen = this->ask(ask);
    EXPECT_EQ(!seen.tc, fits) << addresses;
    EXPECT_EQ(seen.answer.size(), fits ? addresses : 0) << addresses;
  }
  snapshot = test_snapshot(100, 1);
  snapshot.addresses_per_answer = 100;
  with(snapshot);
  Ask ask{"door.storage.example"};
  ask.edns_bytes = 65535;
  EXPECT_TRUE(this->ask(ask).tc);
}

TEST_F(AnswerTest, edns_is_answered_in_kind) {
  Ask ask{"door.storage.example"};
  EXPECT_FALSE(this->ask(ask).edns);
  ask.edns_bytes = 0;  // allowed, and means 512
  ask.dnssec_ok = true;
  Seen seen = this->ask(ask);
  EXPECT_TRUE(seen.edns && seen.dnssec_ok);
  EXPECT_EQ(seen.edns_bytes, kUdpBytesMax);
  EXPECT_EQ(seen.answer.size(), 2u);
  ask.edns_version = 1;
  seen = this->ask(ask);
  EXPECT_EQ(seen.extended_code, 16);  // BADVERS
  EXPECT_THAT(seen.answer, IsEmpty());
}

TEST_F(AnswerTest, the_largest_zone_fits_over_tcp) {
  ZoneSnapshot snapshot = test_snapshot(kPoolAddressesMax, kPoolNodesMax);
  snapshot.addresses_per_answer = kAddressesPerAnswerMax;
  for (size_t i = 0; i < kPoolNodesMax; ++i) {
    auto& node = snapshot.pools[0].nodes[i];
    node.name = fmt::format("{:063}.{:063}.{:053}", 0, 0, i);
    for (uint32_t k = 0; k < kNodeRdmaMax; ++k) node.rdma.push_back({k});
    node.rdma.resize(kNodeRdmaMax);
  }
  for (auto& held : snapshot.pools[0].held) held.holder = snapshot.pools[0].nodes[7].name;
  with(snapshot);
  Seen seen = ask({"door.storage.example"}, Transport::kTcp);
  EXPECT_EQ(seen.answer.size(), kPoolAddressesMax);
  seen = ask({"_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV}, Transport::kTcp);
  EXPECT_EQ(seen.answer.size(), kNodesPerAnswer);
  EXPECT_FALSE(seen.tc);
  EXPECT_LE(seen.bytes, kTcpBytesMax);
  EXPECT_GT(seen.additional.size(), 0u);
}

TEST_F(AnswerTest, who_asks_too_often_is_told_to_come_by_tcp_and_gets_no_more_than_was_sent) {
  for (const std::optional<uint16_t> bytes : {std::optional<uint16_t>(), {1232}}) {
    Ask ask{"door.storage.example"};
    ask.edns_bytes = bytes;
    const Seen seen = this->ask(ask, Transport::kUdpTerse);
    EXPECT_TRUE(seen.tc);
    EXPECT_THAT(seen.answer, IsEmpty());
    EXPECT_LE(seen.bytes, query_of(ask).size());
  }
}

// --- What is not a proper query ---

TEST_F(AnswerTest, other_opcodes_are_not_implemented) {
  for (uint8_t opcode = 1; opcode < 16; ++opcode) {
    Ask ask{"door.storage.example"};
    ask.opcode = opcode;
    const Seen seen = this->ask(ask);
    EXPECT_TRUE(seen.there);
    EXPECT_EQ(seen.code, LDNS_RCODE_NOTIMPL) << int{opcode};
    EXPECT_EQ(seen.bytes, 12u);
  }
  for (const uint16_t type : {128, 249, 250, 253, 254})
    EXPECT_EQ(ask({"door.storage.example", type}).code, LDNS_RCODE_NOTIMPL) << type;
}

TEST_F(AnswerTest, answers_and_scraps_get_no_answer) {
  std::vector<uint8_t> query = query_of({"door.storage.example"});
  for (size_t size = 0; size < 12; ++size)
    EXPECT_FALSE(answer(ByteSpan(query).first(size), zone_.get(), Transport::kUdp, rotation_));
  std::vector<uint8_t> reply = query;
  reply[2] |= 0x80;
  EXPECT_FALSE(answer(reply, zone_.get(), Transport::kUdp, rotation_));
  query.resize(kQueryBytesMax + 1);
  EXPECT_FALSE(answer(query, zone_.get(), Transport::kTcp, rotation_));
}

TEST_F(AnswerTest, malformed_queries_are_told_so) {
  const std::vector<uint8_t> good = query_of({"door.storage.example"});
  Ask with_edns{"door.storage.example"};
  with_edns.edns_bytes = 1232;
  const std::vector<uint8_t> edns = query_of(with_edns);
  std::map<std::string, std::vector<uint8_t>> bad;
  for (size_t size = 12; size < good.size(); ++size)
    bad[fmt::format("cut to {}", size)] = {good.begin(), good.begin() + static_cast<long>(size)};
  for (size_t size = good.size(); size < edns.size(); ++size)
    bad[fmt::format("EDNS cut to {}", size)] = {edns.begin(),
                                                edns.begin() + static_cast<long>(size)};
  auto changed = [&bad](const std::string& what, std::vector<uint8_t> query, size_t at,
                        uint8_t to) {
    query[at] = to;
    bad[what] = std::move(query);
  };
  changed("no question", good, 5, 0);
  changed("two questions", good, 5, 2);
  changed("an answer in the query", good, 7, 1);
  changed("65,280 records", good, 10, 0xff);
  changed("a pointer to itself", good, 12, 0xc0);
  changed("a label of type 01", good, 12, 0x44);
  bad["a label of 64 bytes"] = query_of({std::string(64, 'a') + ".storage.example"});
  bad["a pointer and what looks like its label"] =
      query_of({std::string(192, 'a') + ".storage.example"});
  changed("OPT of another name", edns, good.size(), 1);
  bad["one byte too many"] = good;
  bad["one byte too many"].push_back(0);
  std::vector<uint8_t> twice = edns;
  twice.insert(twice.end(), edns.begin() + static_cast<long>(good.size()), edns.end());
  twice[11] = 2;
  bad["two OPT"] = twice;
  std::vector<uint8_t> misplaced = edns;
  std::swap(misplaced[7], misplaced[11]);
  bad["OPT as an answer"] = misplaced;
  bad["OPT asked for"] = query_of({"door.storage.example", LDNS_RR_TYPE_OPT});
  std::string long_name = "storage.example";
  while (long_name.size() <= 255) long_name = "aaaaaaaaa." + long_name;
  bad["a name of over 255 bytes"] = query_of({long_name});
  for (const auto& [what, query] : bad) {
    const Seen seen = raw(query);
    EXPECT_TRUE(seen.there) << what;
    EXPECT_EQ(seen.code, LDNS_RCODE_FORMERR) << what;
    EXPECT_THAT(seen.answer, IsEmpty()) << what;
  }
}

TEST_F(AnswerTest, the_longest_name_is_a_name) {
  std::string name = "storage.example";
  while (name.size() < 233) name = "aaaaaaaaa." + name;
  name = std::string(253 - name.size() - 1, 'b') + "." + name;
  EXPECT_EQ(name.size(), 253u);
  EXPECT_EQ(a(name).code, LDNS_RCODE_NXDOMAIN);
}

// The fuzzer's rules, over as many damaged queries as a moment allows.
TEST_F(AnswerTest, damaged_queries_never_get_more_than_they_may) {
  with(test_snapshot(40, 40));
  std::mt19937 random(1);
  constexpr uint32_t kSrv = LDNS_RR_TYPE_SRV;
  for (int i = 0; i < 20000; ++i) {
    Ask ask{i % 2 ? "door.storage.example" : "_rdma._tcp.door.storage.example"};
    ask.type = static_cast<uint16_t>(i % 3 ? kSrv : random());
    if (i % 5) ask.edns_bytes = static_cast<uint16_t>(random());
    std::vector<uint8_t> query = query_of(ask);
    for (int flips = static_cast<int>(random() % 4); flips > 0; --flips)
      query[2 + random() % (query.size() - 2)] ^= static_cast<uint8_t>(1u << random() % 8);
    for (const Transport transport : {Transport::kUdp, Transport::kUdpTerse, Transport::kTcp}) {
      const auto bytes = answer(query, zone_.get(), transport, rotation_);
      ASSERT_EQ(bytes.has_value(), (query[2] & 0x80) == 0);
      if (!bytes) continue;
      ASSERT_TRUE(seen_in(*bytes).there) << to_hex(query);
      const size_t most = transport == Transport::kUdp        ? kUdpBytesMax
                          : transport == Transport::kUdpTerse ? query.size()
                                                              : kTcpBytesMax;
      ASSERT_LE(bytes->size(), most);
    }
  }
}

}  // namespace
}  // namespace atl::vip::dns
