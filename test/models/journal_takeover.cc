// An explicit-state model of the journal's protocol: appends, closing, takeover, fencing, crashes,
// trimming, deletion, lost devices, late messages. It explores *every* interleaving of a small
// world (breadth first, so that a violation is shown by a shortest path) and checks after each
// step:
//
//   A  no acknowledged entry is lost: the coordinator's list has a segment for it, some surviving
//      replica of that segment holds it, and in an open segment every surviving replica does
//   B  no two entries are ever acknowledged for the same LSN, and no entry twice
//   C  the journal that the list describes holds no entry twice, and its segments join
//   D  what a recorded end covers, acknowledged or not, can be read: it may have been served
//   already
//
// The model follows src/journal/{appender,segments,takeover}.cc and docs/paths/recovery.md step by
// step; its device is src/device's contract for segments. Runs hold one entry; the chain is left
// out, because contents are compared whole.
//
//   journal_takeover            explores; exit status 1 and a path when a property does not hold
//
// Built with one of these, it must find a violation (run.sh sees to that):
//   -DNO_FENCE           devices accept appends of lower epochs
//   -DFENCE_DIES_WITH_SEGMENT  a device that deletes a segment forgets what it promised for it
//   -DTWO_ARE_ENOUGH     an append is acknowledged with two durable replicas
//   -DDROP_TAIL          takeover forgets the last entry of the sealed segment
//   -DNOT_MADE_WHOLE     takeover lists replicas that it did not complete
//   -DNO_COMPARE         the coordinator's value is written without comparing
//   -DRETRY_IN_PLACE     after a failed append the segment ends with what some replica has of it,
//   and
//                        the entry is sent again all the same
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "journal_world.h"

namespace {

class Explorer {
 public:
  int run() {
    State start{};
    add(start);
    for (size_t i = 0; i < states_.size() && failed_ < 0; ++i) {
      at_ = static_cast<int64_t>(i);
      expand(states_[i]);
    }
    std::printf("%zu states, %zu transitions\n", states_.size(), transitions_);
    if (failed_ < 0) return 0;
    show(failed_);
    std::printf("VIOLATED: %s\n", why_.c_str());
    return 1;
  }

 private:
  void add(State s) {
    ++transitions_;
    normalize(&s);
    std::string_view bytes(reinterpret_cast<const char*>(&s), sizeof s);
    if (!seen_.insert(hash(bytes)).second) return;
    states_.push_back(s);
    parents_.push_back(at_);
    if (failed_ < 0 && !check(s)) failed_ = static_cast<int64_t>(states_.size()) - 1;
  }
  template <typename... Args>
  void next(const State& s, const char* format, Args... args) {
    if (wanted_ == nullptr) return add(s);
    State normal = s;  // replaying a path: is this the step that led to the wanted state?
    normalize(&normal);
    if (std::memcmp(&normal, wanted_, sizeof normal) != 0 || found_) return;
    found_ = true;
    std::printf("  ");
    std::printf(format, args...);
    std::printf("\n");
  }

  // --- properties ---

  bool fail(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return false;
  }

  bool check(const State& s) {
    for (int lsn = 0; lsn < kLsns; ++lsn) {
      if (s.acked[lsn] == 0) continue;
      if (lsn < s.checkpoint) {
        if (s.trimmed[lsn] != s.acked[lsn])
          return fail("A: an acknowledged entry was trimmed unseen");
        continue;
      }
      bool covered = false;
      for (int g = 0; g < kSegments; ++g) {
        const Segment& seg = s.segments[g];
        if (!seg.listed || lsn < seg.first || (seg.closed && lsn >= seg.end)) continue;
        covered = true;
        bool some = false, all = true;
        for (int d = 0; d < kDevices; ++d) {
          if (!has(seg.replicas, d) || has(s.lost, d)) continue;
          const bool holds = holds_value(s.devices[d][g], lsn - seg.first, s.acked[lsn]);
          some |= holds;
          all &= holds;
        }
        if (!some) return fail("A: no surviving replica holds an acknowledged entry");
        if (!seg.closed && !all) return fail("A: a replica of the open segment lacks one");
      }
      if (!covered) return fail("A: an acknowledged entry is beyond the journal's end");
      for (int other = 0; other < lsn; ++other)
        if (s.acked[other] == s.acked[lsn]) return fail("B: an entry was acknowledged twice");
    }
    return check_list(s);
  }

  static bool holds_value(const Held& h, int index, uint8_t value) {
    return index < h.length && h.values[index] == value;
  }

  bool check_list(const State& s) {  // C and D
    std::array<uint8_t, kLsns> log = s.trimmed;
    int end = s.checkpoint;
    for (int g = 0; g < kSegments; ++g) {
      const Segment& seg = s.segments[g];
      if (!seg.listed) continue;
      if (seg.first != end) return fail("C: segments do not join");
      if (!seg.closed) continue;
      end = seg.end;
      bool readable = false;
      for (int d = 0; d < kDevices; ++d)
        if (has(seg.replicas, d) && s.devices[d][g].length >= seg.end - seg.first) readable = true;
      if (!readable) return fail("D: no surviving replica reaches a recorded end");
      for (int lsn = seg.first; lsn < seg.end; ++lsn)
        for (int d = 0; d < kDevices; ++d)
          if (has(seg.replicas, d) && lsn - seg.first < s.devices[d][g].length)
            log[lsn] = s.devices[d][g].values[lsn - seg.first];
    }
    for (int i = 0; i < end; ++i)
      for (int j = 0; j < i; ++j)
        if (log[i] != 0 && log[i] == log[j]) return fail("C: an entry is in the journal twice");
    return true;
  }

  // --- steps ---

  void expand(const State state) {
    for (int o = 0; o < kOwners; ++o) {
      switch (static_cast<Pc>(state.owners[o].pc)) {
        case kIdle:
          take_over(state, o);
          break;
        case kSealing:
          seal(state, o);
          break;
        case kCopying:
          copy(state, o);
          break;
        case kReady:
          open(state, o);
          trim(state, o);
          break;
        case kServing:
          serve(state, o);
          trim(state, o);
          break;
      }
      if (state.owners[o].pc != kIdle) {
        State s = state;
        s.owners[o] = Owner{};
        next(s, "owner %d crashes", state.owners[o].epoch);
      }
    }
    deliver(state);
    erase(state);
    lose(state);
  }

  // A checkpoint covers the list's first segment: it leaves the list.
  void trim(const State& state, int o) {
    if (!state.owners[o].current || state.trims == kTrims) return;
    for (int g = 0; g < kSegments; ++g) {
      const Segment& seg = state.segments[g];
      if (!seg.listed) continue;
      if (!seg.closed) return;
      State s = state;
      for (int lsn = seg.first; lsn < seg.end; ++lsn)
        for (int d = 0; d < kDevices; ++d)
          if (has(seg.replicas, d) && lsn - seg.first < state.devices[d][g].length)
            s.trimmed[lsn] = state.devices[d][g].values[lsn - seg.first];
      ++s.trims;
      s.checkpoint = seg.end;
      s.segments[g].listed = 0;
      change_value(&s, o);
      next(s, "owner %d trims segment %d", state.owners[o].epoch, g);
      return;
    }
  }

  // What is on the list no more is deleted, device by device, at any time.
  void erase(const State& state) {
    for (int g = 0; g < state.next_segment; ++g) {
      if (state.segments[g].listed) continue;
      for (int d = 0; d < kDevices; ++d) {
        if (state.devices[d][g].promised == 0) continue;
        State s = state;
        s.devices[d][g] = {};
        next(s, "device %d deletes segment %d", d, g);
      }
    }
  }

  void stop(State s, int o, const char* why) {  // fenced: it is nobody any more
    const int epoch = s.owners[o].epoch;
    s.owners[o] = Owner{};
    next(s, "owner %d stops: %s", epoch, why);
  }

  // A successful compare-and-swap: everybody else's knowledge is old now.
  static void change_value(State* s, int o) {
    for (Owner& owner : s->owners) owner.current = 0;
    s->owners[o].current = 1;
  }

  // 1. Read the value, write it with a higher epoch.
  void take_over(const State& state, int o) {
    if (state.epoch == kEpochs) return;
    State s = state;
    Owner& w = s.owners[o];
    w.epoch = ++s.epoch;
    change_value(&s, o);
    const int tail = open_segment(s);
    w.committed = static_cast<uint8_t>(journal_end(s));
    w.pc = tail < 0 ? kReady : kSealing;
    w.segment = static_cast<uint8_t>(tail < 0 ? 0 : tail);
    next(s, "an owner wins epoch %d", w.epoch);
  }

  // 2. Seal replica by replica; go on with any that have answered.
  void seal(const State& state, int o) {
    const Owner& w = state.owners[o];
    const Segment& seg = state.segments[w.segment];
    for (int d = 0; d < kDevices; ++d) {
      if (!has(seg.replicas, d) || has(state.lost, d) || has(w.sealed, d)) continue;
      if (fenced(state, d, w.segment, w.epoch)) {
        stop(state, o, "a replica promised more");
        continue;
      }
      State s = state;
      promise(&s, d, w.segment, w.epoch);
      s.owners[o].held[d] = s.devices[d][w.segment].length;
      put(&s.owners[o].sealed, d);
      next(s, "owner %d seals device %d", state.owners[o].epoch, d);
    }
    if (w.sealed == 0) return;
    // 3. The longest prefix of those that are sealed.
    State s = state;
    Owner& n = s.owners[o];
    n.end = seg.first;
    for (int d = 0; d < kDevices; ++d)
      if (has(n.sealed, d) && seg.first + n.held[d] > n.end)
        n.end = static_cast<uint8_t>(seg.first + n.held[d]);
#ifdef DROP_TAIL
    if (n.end > seg.first) --n.end;
#endif
    for (int d = 0; d < kDevices; ++d)
      if (has(n.sealed, d) && seg.first + n.held[d] >= n.end) put(&n.whole, d);
#ifdef NOT_MADE_WHOLE
    n.whole = seg.replicas;
#endif
    n.pc = kCopying;
    next(s, "owner %d finds the end %d", state.owners[o].epoch, n.end);
  }

  // 4. Bring others up to the end; 5. record it with those that are whole.
  void copy(const State& state, int o) {
    const Owner& w = state.owners[o];
    const Segment& seg = state.segments[w.segment];
    const int length = w.end - seg.first;
    int source = -1;
    for (int d = 0; d < kDevices; ++d)
      if (has(w.whole, d) && has(w.sealed, d) && !has(state.lost, d) &&
          state.devices[d][w.segment].length >= length)
        source = d;
    const bool more = source >= 0 && count(w.whole & ~state.lost) < kReplicas;
    for (int d = 0; d < kDevices && length > 0 && more; ++d) {
      if (has(state.lost, d) || has(w.whole, d)) continue;
      if (fenced(state, d, w.segment, w.epoch)) {
        stop(state, o, "a target promised more");
        continue;
      }
      State s = state;
      Held& t = s.devices[d][w.segment];
      promise(&s, d, w.segment, w.epoch);
      for (int i = t.length; i < length; ++i) t.values[i] = s.devices[source][w.segment].values[i];
      if (t.length < length) t.length = static_cast<uint8_t>(length);
      s.owners[o].whole = static_cast<uint8_t>((w.whole & ~s.lost) | 1 << d);
      next(s, "owner %d copies to device %d", state.owners[o].epoch, d);
    }
    // As many as there can be: a target that fails is lost, and then another is taken.
    const int alive = kDevices - count(state.lost);
    const int wanted = alive < kReplicas ? alive : kReplicas;
    if (length > 0 && count(w.whole & ~state.lost) < wanted) return;
    if (kCompare && !w.current) return stop(state, o, "the value was changed");
    State s = state;
    Owner& n = s.owners[o];
    Segment& g = s.segments[w.segment];
    if (length == 0) {
      g.listed = 0;
    } else {
      g.closed = 1;
      g.end = w.end;
      g.replicas = w.whole;
    }
    change_value(&s, o);
    n.committed = w.end;
    n.pc = kReady;
    n.sealed = n.whole = 0;
    n.held = {};
    n.end = 0;
    next(s, "owner %d records the end %d", state.owners[o].epoch, n.committed);
  }

  // Devices for segment g: those that are up, from g on.
  static uint8_t choose(const State& s, int g) {
    uint8_t mask = 0;
    for (int i = 0; i < kDevices && count(mask) < kReplicas; ++i)
      if (!has(s.lost, (g + i) % kDevices)) put(&mask, (g + i) % kDevices);
    return mask;
  }

  static void list_next(State* s, int o) {
    Owner* w = &s->owners[o];
    Segment& g = s->segments[s->next_segment];
    g.listed = 1;
    g.first = w->committed;
    g.replicas = choose(*s, s->next_segment);
    w->replicas = g.replicas;
    w->segment = s->next_segment++;
    change_value(s, o);
    w->pc = kServing;
  }

  void open(const State& state, int o) {
    if (state.next_segment == kSegments) return;
    if (kCompare && !state.owners[o].current) return stop(state, o, "the value was changed");
    State s = state;
    list_next(&s, o);
    next(s, "owner %d opens segment %d at %d", state.owners[o].epoch, s.owners[o].segment,
         s.owners[o].committed);
  }

  static void send(State* s, const Owner& w) {
    Sent& sent = s->sent[w.segment][w.committed - s->segments[w.segment].first];
    sent = {w.epoch, w.value, w.replicas};
  }

  void serve(const State& state, int o) {
    const Owner& w = state.owners[o];
    if (!w.in_flight) {
      if (state.next_value == kValues) return;
      State s = state;
      Owner& n = s.owners[o];
      n.value = ++s.next_value;
      n.in_flight = 1;
      n.acks = 0;
      send(&s, n);
      next(s, "owner %d appends entry %d at %d", n.epoch, n.value, n.committed);
      return;
    }
    const int needed = count(w.replicas) < kEnough ? count(w.replicas) : kEnough;
    if (count(w.acks) >= needed) {
      State s = state;
      Owner& n = s.owners[o];
      if (s.acked[n.committed] != 0) {
        fail("B: two entries were acknowledged for one LSN");
        if (failed_ < 0) failed_ = at_;
      }
      s.acked[n.committed] = n.value;
      n.committed++;
      n.in_flight = n.acks = n.value = 0;
      next(s, "owner %d acknowledges entry %d", state.owners[o].epoch, w.value);
      return;
    }
    // A replica failed, or its answer was lost: close at what is committed, open the next, send
    // again.
    if (state.next_segment == kSegments) return;
    if (kCompare && !w.current) return stop(state, o, "the value was changed");
    State s = state;
    Owner& n = s.owners[o];
    Segment& g = s.segments[w.segment];
    if (g.first == n.committed) {
      g.listed = 0;
    } else {
      g.closed = 1;
      g.end = n.committed;
#ifdef RETRY_IN_PLACE
      for (int d = 0; d < kDevices; ++d)  // the end is taken to be what some replica has
        if (has(g.replicas, d) && g.first + s.devices[d][w.segment].length > g.end)
          g.end = static_cast<uint8_t>(g.first + s.devices[d][w.segment].length);
      n.committed = g.end;
#endif
    }
    n.acks = 0;
    list_next(&s, o);
    send(&s, n);
    next(s, "owner %d moves entry %d to segment %d", n.epoch, n.value, n.segment);
  }

  // Any append may arrive now, or later, or never. Its answer counts when the sender still waits;
  // that it may get lost needs no step of its own, because a sender may give up with any answers in
  // hand.
  void deliver(const State& state) {
    for (int g = 0; g < kSegments; ++g)
      for (int index = 0; index < kLsns; ++index)
        for (int d = 0; d < kDevices; ++d)
          if (has(state.sent[g][index].under_way, d)) arrive(state, g, index, d);
  }

  void arrive(const State& state, int g, int index, int d) {
    const Sent sent = state.sent[g][index];
    State s = state;
    s.sent[g][index].under_way &= static_cast<uint8_t>(~(1 << d));
    if (has(s.lost, d)) return;
    int sender = -1;
    for (int o = 0; o < kOwners; ++o)
      if (s.owners[o].epoch == sent.epoch && s.owners[o].pc == kServing &&
          s.owners[o].segment == g && s.owners[o].in_flight && s.owners[o].value == sent.value)
        sender = o;
    Held& h = s.devices[d][g];
    if (fenced(s, d, g, sent.epoch)) {
      if (sender >= 0) stop(s, sender, "fenced");
      return;
    }
    // What a device does not know begins with the first run that it gets.
    if (h.promised == 0) h.length = static_cast<uint8_t>(index);
    promise(&s, d, g, sent.epoch);
    if (index > h.length) return;  // does not follow: refused
    if (index < h.length && h.values[index] != sent.value) return;
    if (index == h.length) h.values[h.length++] = sent.value;
    if (sender >= 0) put(&s.owners[sender].acks, d);
    next(s, "device %d has entry %d of segment %d", d, sent.value, g);
  }

  void lose(const State& state) {
    if (state.losses == kLosses) return;
    for (int d = 0; d < kDevices; ++d) {
      if (has(state.lost, d)) continue;
      State s = state;
      ++s.losses;
      put(&s.lost, d);
      s.devices[d] = {};
      for (auto& segment : s.sent)
        for (Sent& sent : segment) sent.under_way &= static_cast<uint8_t>(~(1 << d));
      next(s, "device %d is lost", d);
    }
  }

  // Prints the steps that lead to state i.
  void show(int64_t i) {
    const int64_t parent = parents_[static_cast<size_t>(i)];
    if (parent < 0) return;
    show(parent);
    const State target = states_[static_cast<size_t>(i)];
    wanted_ = &target;
    found_ = false;
    expand(states_[static_cast<size_t>(parent)]);
    wanted_ = nullptr;
  }

  std::deque<State> states_;  // never moved as it grows
  std::vector<int64_t> parents_;
  std::unordered_set<Key, KeyHash> seen_;
  size_t transitions_ = 0;
  int64_t at_ = -1;
  int64_t failed_ = -1;
  const State* wanted_ = nullptr;
  bool found_ = false;
  std::string why_;
};

}  // namespace

int main() {
  return Explorer().run();
}
