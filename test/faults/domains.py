#!/usr/bin/env python3
"""Any two of eight domains lost, at rest and under load, by removal, blanking and swapping: all reads right,
writes go on, `atoll device replace` brings full protection back, and then two other domains can go."""
import itertools
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import Cluster, case, expect, finish  # noqa: E402
from writers import Writers  # noqa: E402

rng = random.Random(int(os.environ.get("ATOLL_SEED", "2")))
rounds = int(os.environ.get("ATOLL_ROUNDS", "3"))


def hurt(c, how, pair):
    if how == "removed":
        for d in pair:
            c.remove_domain(d)
    elif how == "blanked":
        for d in pair:
            c.blank_domain(d)
    else:
        c.swap_domains(*pair)


with Cluster() as c:
    c.s3().create_bucket(Bucket="box")
    w = Writers(c, "box").start()
    time.sleep(3)
    w.stop()
    state = w
    expect(not w.errors, w.errors[:1])

    def more_writes(c, seconds, seed):
        """Clients go on for a while; every write must succeed once the loss was noticed."""
        global state
        fresh = Writers(c, "box", seed=seed)
        fresh.acknowledged, fresh.possible, fresh.attempt = state.acknowledged, state.possible, state.attempt
        fresh.start()
        state = fresh
        time.sleep(seconds)
        return fresh

    ways = ["removed", "blanked", "swapped"]
    pairs = list(itertools.combinations(range(1, 9), 2))
    for i in range(rounds):
        pair, how = rng.choice(pairs), ways[i % 3]
        with case(f"round {i + 1}: domains {pair[0]} and {pair[1]} {how} at rest: reads right, writes go on"):
            c.stop()
            hurt(c, how, pair)
            c.start()
            state.verify()
            status = c.status()
            expect(status["can_lose"]["domains_by_design"] == 2, status["can_lose"])
            expect(status["can_lose"]["domains_now"] == 0, status["can_lose"])
            before = more_writes(c, 2, 100 + i)
            before.stop()
            expect(before.done > 0 and not before.errors, before.errors[:2])
            state.verify()
        with case(f"round {i + 1}: replaced, rebuilt, fully protected"):
            c.admin("device", "replace")
            status = c.wait_protected()
            expect(status["health"] == "healthy", status["reasons"])
            expect(status["can_lose"]["domains_now"] == 2, status["can_lose"])

        others = rng.sample([d for d in range(1, 9) if d not in pair], 2)
        how = ways[(i + 1) % 3]
        with case(f"round {i + 1}: then the others {others[0]} and {others[1]} {how} under load"):
            writers = more_writes(c, 1, 200 + i)
            hurt(c, how, others)
            time.sleep(3)  # they are noticed
            done = writers.done
            time.sleep(2)
            expect(writers.done > done, "writes go on with two domains gone")
            writers.stop()
            state.verify()
            c.kill()
            c.start()
            state.verify()
        with case(f"round {i + 1}: replaced under load"):
            writers = more_writes(c, 0.5, 300 + i)
            c.admin("device", "replace")
            c.wait_protected()
            writers.stop()
            state.verify()
            report = c.scrub()["report"]
            expect(report["unrepairable"] + report["deferred"] == 0, report)

    with case("a domain drained takes no new data, and returns"):
        c.admin("domain", "drain", "4")
        writers = more_writes(c, 1, 400)
        writers.stop()
        expect(not writers.errors, writers.errors[:2])
        expect([d for d in c.status()["domains"] if d["id"] == 4][0]["state"] == "draining", "state")
        c.admin("domain", "return", "4")
        c.wait_protected()
        state.verify()
    with case("a domain failed by hand and returned gets what it missed"):
        c.admin("domain", "fail", "5")
        writers = more_writes(c, 1, 401)
        writers.stop()
        c.admin("domain", "return", "5")
        c.wait_protected()
        c.stop()
        c.remove_domain(1)
        c.remove_domain(2)
        c.start()
        state.verify()
    with case("three domains gone: it says so, and does not pretend"):
        c.stop()
        c.remove_domain(7)
        try:
            c.start()
            status = c.status()
            expect(status["health"] == "unreadable", status["health"])
        except AssertionError as e:
            expect("ended with status" in str(e), e)
    if c.running():
        c.kill()
finish()
