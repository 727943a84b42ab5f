// When a node sends on what still arrives for an address that it has handed over.
#include <gtest/gtest.h>

#include "coord/memory.h"
#include "env/sim_env.h"
#include "vip/holder.h"

namespace atl::vip {
namespace {

constexpr Vip kVip{0x0a000901};
constexpr Vip kOther{0x0a000902};

// A kernel that does as it is told at once, and remembers what it was told to send on.
class TellingGuest final : public Guest {
 public:
  Task<Status> prepare(std::vector<Vip>, Nanos, Nanos) override { co_return Status(); }
  Task<Result<bool>> linked() override { co_return true; }
  Task<Status> add_address(Vip vip) override {
    if (sends_on.contains(vip)) taken_while_sending_on = true;
    there.insert(vip);
    co_return Status();
  }
  Task<Status> remove_address(Vip vip) override {
    there.erase(vip);
    co_return Status();
  }
  Task<Result<std::set<Vip>>> addresses() override { co_return there; }
  Task<Status> arm(Vip) override { co_return Status(); }
  Task<Status> open(Vip vip) override {
    held.insert(vip);
    co_return Status();
  }
  Task<Status> hold(std::vector<Vip>) override { co_return Status(); }
  Task<Status> close(Vip vip) override {
    held.erase(vip);
    co_return Status();
  }
  Task<Status> quiesce(Vip) override { co_return Status(); }
  Task<Result<std::set<Vip>>> open_now() override { co_return held; }
  Task<Status> announce(Vip, GarpForm) override { co_return Status(); }
  Task<Status> forward(Vip vip, std::optional<Vip> to) override {
    ++asked;
    if (fails) co_return fail(Errc::kIo, "the kernel said no");
    if (to && slow > Nanos(0)) co_await env.sleep(slow);
    if (held.contains(vip) && to) held_when_told = true;
    sends_on.erase(vip);
    if (to) sends_on[vip] = *to;
    co_return Status();
  }
  explicit TellingGuest(env::Env& e) : env(e) {}

  env::Env& env;
  std::set<Vip> there, held;
  std::map<Vip, Vip> sends_on;
  int asked = 0;
  bool fails = false;
  Nanos slow{0};  // to begin
  bool taken_while_sending_on = false;
  bool held_when_told = false;
};

class QuietService final : public Service {
 public:
  explicit QuietService(env::Env& e) : env(e) {}
  env::Env& env;
  void begin(Vip, uint64_t) override {}
  Task<void> drain(Vip, Nanos) override { co_return; }
  Task<void> finish(Vip, Nanos) override { co_await env.sleep(50ms); }
  void end(Vip) override {}
  bool well() override { return true; }
};

struct HolderForwardTest : testing::Test {
  void start(bool forward = true) {
    pool.name = "p";
    pool.mover = "none";
    pool.addresses = {kVip, kOther};
    for (const char* name : {"n1", "n2", "n3"})
      pool.nodes.push_back({.name = name, .address = std::string("10.0.1.") + name[1]});
    pool.nodes.push_back({.name = "n4"});  // its address is not known
    Holder::Options options;
    options.pool = pool;
    options.node = "n1";
    options.incarnation = "1";
    options.timing = Timing::of(1s);
    options.duties.forward = forward;
    holder = std::make_shared<Holder>(env, coordinator, guest, service, options);
    ASSERT_TRUE(env.run(holder->start()));
    set({.holder = "n1", .generation = 1});
    env.run_for(5s);
    ASSERT_TRUE(holder->answers_for(kVip));
  }
  ~HolderForwardTest() override { stop(); }
  void stop() {
    holder->stop();
    env.run(holder->stopped());
  }

  void set(const Record& record, Vip vip = kVip) {
    const std::string key = record_key("p", vip);
    const auto now = env.run(coordinator.get(key));
    ASSERT_TRUE(
        env.run(coordinator.compare_and_swap(key, now ? now->version : 0, record.encode())));
  }
  Record record() {
    return Record::decode(env.run(coordinator.get(record_key("p", kVip)))->value).value();
  }
  void hand_over_to(const NodeName& node) {
    Record asks = record();
    asks.next = node;
    set(asks);
    env.run_for(1s);
    ASSERT_EQ(record().holder, node);
    ASSERT_FALSE(holder->answers_for(kVip));
  }
  void moves_to(const NodeName& node) {
    set({.holder = node, .generation = record().generation + 1});
    env.run_for(1s);
  }
  std::string sent_to() {
    const auto it = guest.sends_on.find(kVip);
    return it == guest.sends_on.end() ? "" : it->second.to_string();
  }

  env::SimEnv env{1};
  coord::MemoryCoordinator coordinator{env};
  TellingGuest guest{env};
  QuietService service{env};
  Pool pool;
  std::shared_ptr<Holder> holder;
};

TEST_F(HolderForwardTest, what_was_handed_over_is_sent_on_to_the_new_holder) {
  start();
  EXPECT_EQ(sent_to(), "");
  hand_over_to("n2");
  EXPECT_EQ(sent_to(), "10.0.1.2");
  EXPECT_FALSE(guest.held_when_told);
}

// Which begins a second hand-over of an address that is asked for and not there any more.
TEST_F(HolderForwardTest, also_when_the_records_are_looked_at_in_the_middle) {
  start();
  Record asks = record();
  asks.next = "n2";
  set(asks);
  while (guest.held.contains(kVip)) env.run_for(1ms);
  ASSERT_EQ(record().holder, "n1");
  set({.holder = "n3", .generation = 1}, kOther);
  env.run_for(1s);
  ASSERT_EQ(record().holder, "n2");
  EXPECT_EQ(sent_to(), "10.0.1.2");
}

TEST_F(HolderForwardTest, not_when_the_network_needs_none) {
  start(/*forward=*/false);
  hand_over_to("n2");
  EXPECT_EQ(guest.asked, 0);
}

TEST_F(HolderForwardTest, not_to_a_node_whose_address_nobody_knows) {
  start();
  hand_over_to("n4");
  EXPECT_EQ(sent_to(), "");
}

TEST_F(HolderForwardTest, it_follows_the_address_from_holder_to_holder) {
  start();
  hand_over_to("n2");
  moves_to("n3");
  EXPECT_EQ(sent_to(), "10.0.1.3");
  moves_to("n4");
  EXPECT_EQ(sent_to(), "");
  moves_to("n2");
  EXPECT_EQ(sent_to(), "10.0.1.2");
}

TEST_F(HolderForwardTest, ends_when_nobody_has_the_address) {
  start();
  hand_over_to("n2");
  moves_to("");
  EXPECT_EQ(sent_to(), "");
  moves_to("n3");
  EXPECT_EQ(sent_to(), "");  // ended is ended
}

TEST_F(HolderForwardTest, ends_before_this_node_takes_the_address_again) {
  start();
  hand_over_to("n2");
  moves_to("n1");
  EXPECT_TRUE(holder->answers_for(kVip));
  EXPECT_EQ(sent_to(), "");
  EXPECT_FALSE(guest.taken_while_sending_on);
}

// The guest is still at it when the address comes back.
TEST_F(HolderForwardTest, a_slow_guest_is_waited_for_before_the_address_is_taken) {
  start();
  guest.slow = 300ms;
  Record asks = record();
  asks.next = "n2";
  set(asks);
  while (record().holder != "n2") env.run_for(1ms);
  moves_to("n1");
  env.run_for(2s);
  EXPECT_TRUE(holder->answers_for(kVip));
  EXPECT_EQ(sent_to(), "");
  EXPECT_FALSE(guest.taken_while_sending_on);
}

TEST_F(HolderForwardTest, what_an_earlier_process_sends_on_ends_before_the_address_is_taken) {
  guest.sends_on[kVip] = Vip{0x0a000102};
  start();
  EXPECT_EQ(sent_to(), "");
  EXPECT_FALSE(guest.taken_while_sending_on);
}

TEST_F(HolderForwardTest, ends_after_the_limit) {
  start();
  hand_over_to("n2");
  env.run_for(kForwardLimit - 5s);
  EXPECT_EQ(sent_to(), "10.0.1.2");
  env.run_for(10s);
  EXPECT_EQ(sent_to(), "");
}

TEST_F(HolderForwardTest, goes_on_when_the_process_has_ended) {
  start();
  hand_over_to("n2");
  stop();
  EXPECT_EQ(sent_to(), "10.0.1.2");
}

TEST_F(HolderForwardTest, a_guest_that_cannot_changes_nothing) {
  start();
  guest.fails = true;
  hand_over_to("n2");
  moves_to("n1");
  EXPECT_FALSE(holder->answers_for(kVip));  // as long as it may be sending on
  guest.fails = false;
  env.run_for(1s);
  EXPECT_TRUE(holder->answers_for(kVip));
}

}  // namespace
}  // namespace atl::vip
