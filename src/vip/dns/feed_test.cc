// The zone follows the coordinator, in virtual time: leases that run out, records, drains.
#include "vip/dns/feed.h"

#include <gmock/gmock.h>

#include "coord/memory.h"
#include "env/sim_env.h"
#include "vip/dns/test_message.h"

namespace atl::vip::dns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr Nanos kLease = 1s;
const Vip kOne = Vip::parse("10.0.9.1").value();
const Vip kTwo = Vip::parse("10.0.9.2").value();

Task<bool> read_exactly(env::Stream* stream, MutableByteSpan into) {
  while (!into.empty()) {
    const Result<size_t> got = co_await stream->read_some(into);
    if (!got || *got == 0) co_return false;
    into = into.subspan(*got);
  }
  co_return true;
}

Task<Seen> ask_tcp(env::Env& env, env::Endpoint to, Ask ask) {
  Result<std::unique_ptr<env::Stream>> stream = co_await env.network().connect(to);
  if (!stream) co_return Seen();
  std::vector<uint8_t> message = query_of(ask);
  std::vector<uint8_t> length;
  put16(&length, static_cast<uint16_t>(message.size()));
  std::vector<ByteSpan> parts;
  parts.emplace_back(length);
  parts.emplace_back(message);
  (void)co_await (*stream)->write_all(std::move(parts));
  bool good = co_await read_exactly(stream->get(), MutableByteSpan(length));
  message.resize(size_t{length[0]} << 8 | length[1]);
  if (good) good = co_await read_exactly(stream->get(), MutableByteSpan(message));
  (*stream)->close();
  co_return good ? seen_in(message) : Seen();
}

Task<void> end(std::shared_ptr<DnsFeed> feed) {
  feed->stop();
  co_await feed->stopped();
}

class DnsFeedTest : public testing::Test {
 protected:
  DnsFeedTest() : memory_(env_) {
    DnsFeed::Options options;
    options.pool.name = "door";
    options.pool.mover = "linux-arp";
    options.pool.addresses = {kOne, kTwo};
    for (const char* name : {"node1", "node2"}) {
      NodeSpec node;
      node.name = name;
      options.pool.nodes.push_back(node);
    }
    options.section.zone = "storage.example";
    options.section.listen = {at_};
    options.section.servers = {{"ns1", Vip::parse("10.0.1.1").value()}};
    options.section.rdma.port = 7471;
    options.section.rdma.nodes["node1"] = {Vip::parse("10.128.0.1").value()};
    options.section.rdma.nodes["node2"] = {Vip::parse("10.128.0.2").value()};
    options.udp = false;
    feed_ = std::make_shared<DnsFeed>(env_, memory_, memory_, std::move(options));
    const Status started = feed_->start();
    EXPECT_TRUE(started) << started.error().to_string();
  }
  ~DnsFeedTest() override {
    memory_.set_available(true);
    env_.run(end(feed_));
  }

  void lease(const NodeName& node, const std::string& holder) {
    const Status taken = env_.run(memory_.lease_acquire(node_lease("door", node), holder, kLease));
    EXPECT_TRUE(taken) << taken.error().to_string();
  }
  void renew() {
    lease("node1", lease_holder("node1", "a", 1));
    lease("node2", lease_holder("node2", "a", 1));
  }
  void put(const std::string& key, const std::string& value) {
    const auto there = env_.run(memory_.get(key));
    const uint64_t version = there ? there->version : 0;
    EXPECT_TRUE(env_.run(memory_.compare_and_swap(key, version, value)));
  }
  void hold(Vip vip, const NodeName& node) {
    Record record;
    record.holder = node;
    record.generation = 1;
    put(record_key("door", vip), record.encode());
  }
  void settle() {
    hold(kOne, "node1");
    hold(kTwo, "node2");
    renew();
    env_.run_for(kFeedInterval);
    renew();
  }
  Seen ask(const std::string& name, uint16_t type = LDNS_RR_TYPE_A) {
    Ask question;
    question.name = name;
    question.type = type;
    return env_.run(ask_tcp(env_, at_, question));
  }
  // The data of an answer's lines: what stands last.
  Lines data_of(const Lines& lines) {
    Lines out;
    for (const std::string& line : lines) out.push_back(line.substr(line.rfind(' ') + 1));
    return out;
  }
  Lines addresses() { return data_of(ask("door.storage.example").answer); }
  Lines nodes() { return ask("_rdma._tcp.door.storage.example", LDNS_RR_TYPE_SRV).answer; }

  const env::Endpoint at_{"10.0.1.1", 53};
  env::SimEnv env_;
  coord::MemoryCoordinator memory_;
  std::shared_ptr<DnsFeed> feed_;
};

TEST_F(DnsFeedTest, ListsWhatHasAHolderWithItsLease) {
  settle();
  EXPECT_THAT(addresses(), UnorderedElementsAre("10.0.9.1", "10.0.9.2"));
  EXPECT_EQ(nodes().size(), 2u);
  const Seen seen = ask("door.storage.example");
  ASSERT_EQ(seen.answer.size(), 2u);
  EXPECT_THAT(seen.answer[0], HasSubstr(" 5 IN A "));  // kTtlSeconds
  EXPECT_EQ(ask("none.storage.example").code, LDNS_RCODE_NXDOMAIN);
}

// The process dies, and no controller does anything about it.
TEST_F(DnsFeedTest, DropsANodeWhoseLeaseRanOut) {
  settle();
  const Nanos died = env_.now();
  const Nanos gone = died + kLease + kFeedInterval + 2 * kFeedPause;
  while (env_.now() < gone) {
    lease("node2", lease_holder("node2", "a", 1));
    env_.run_for(100ms);
  }
  EXPECT_THAT(addresses(), ElementsAre("10.0.9.2"));
  EXPECT_EQ(nodes().size(), 1u);
  const Seen rdma = ask("node1.rdma.door.storage.example");
  EXPECT_EQ(rdma.code, LDNS_RCODE_NOERROR);
  EXPECT_THAT(rdma.answer, IsEmpty());
  // It is the other's now: back at once.
  hold(kOne, "node2");
  lease("node2", lease_holder("node2", "a", 1));
  env_.run_for(2 * kFeedPause);
  EXPECT_THAT(addresses(), UnorderedElementsAre("10.0.9.1", "10.0.9.2"));
}

// Whenever it comes: nobody waits for the interval.
TEST_F(DnsFeedTest, FollowsARecordAtOnce) {
  settle();
  for (int i = 0; i < 20; ++i) {
    renew();
    hold(kOne, i % 2 == 0 ? "" : "node1");
    env_.run_for(kFeedPause + 10ms);
    EXPECT_EQ(addresses().size(), i % 2 == 0 ? 1u : 2u) << i;
    env_.run_for(i * 23ms);
  }
}

TEST_F(DnsFeedTest, AControllerThatTriesTheLeaseIsNoNode) {
  hold(kOne, "node1");
  lease("node1", "probe of controller1");
  env_.run_for(kFeedInterval);
  EXPECT_THAT(addresses(), IsEmpty());
  EXPECT_EQ(ask("door.storage.example").code, LDNS_RCODE_NOERROR);
}

TEST_F(DnsFeedTest, DrainingAndCutNodesComeLast) {
  settle();
  put(drain_key("door", "node1"), "{}");
  env_.run_for(2 * kFeedPause);
  renew();
  EXPECT_THAT(addresses(), UnorderedElementsAre("10.0.9.1", "10.0.9.2"));
  EXPECT_THAT(nodes(),
              UnorderedElementsAre(HasSubstr(" 20 1 7471 node1"), HasSubstr(" 10 1 7471 node2")));
  put(cut_key("door", "node2"), "{}");
  env_.run_for(2 * kFeedPause);
  renew();
  EXPECT_THAT(addresses(), ElementsAre("10.0.9.1"));
  EXPECT_THAT(nodes(),
              UnorderedElementsAre(HasSubstr(" 20 1 7471 node1"), HasSubstr(" 20 1 7471 node2")));
}

TEST_F(DnsFeedTest, WithoutTheCoordinatorItSaysSoAfterAWhile) {
  settle();
  memory_.set_available(false);
  env_.run_for(kZoneValid - 2s);
  EXPECT_EQ(addresses().size(), 2u);
  env_.run_for(4s);
  EXPECT_EQ(ask("door.storage.example").code, LDNS_RCODE_SERVFAIL);
  memory_.set_available(true);
  settle();
  EXPECT_EQ(addresses().size(), 2u);
}

TEST_F(DnsFeedTest, CountsChangesAndNothingElse) {
  settle();
  const uint32_t serial = feed_->serial();
  for (int i = 0; i < 10; ++i) {
    renew();
    env_.run_for(kLease / 2);
  }
  EXPECT_EQ(feed_->serial(), serial);
  hold(kOne, "node2");
  env_.run_for(2 * kFeedPause);
  EXPECT_EQ(feed_->serial(), serial + 1);
}

}  // namespace
}  // namespace atl::vip::dns
