#!/usr/bin/env python3
"""kill -9 at random moments under writing clients: after each restart every acknowledged object is whole,
and every other is wholly there or wholly absent. ATOLL_KILLS sets how often (default 12; release: 200)."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import Cluster, case, expect, finish  # noqa: E402
from writers import Writers  # noqa: E402

kills = int(os.environ.get("ATOLL_KILLS", "12"))
rng = random.Random(int(os.environ.get("ATOLL_SEED", "1")))

with Cluster() as c:
    c.s3().create_bucket(Bucket="box")
    writers = None
    acknowledged = {}
    with case(f"{kills} kills under load lose nothing"):
        for i in range(kills):
            w = Writers(c, "box", count=4, seed=i)
            w.acknowledged = acknowledged
            w.attempt = i * 1_000_000
            w.start()
            time.sleep(rng.uniform(0.05, 1.5))
            c.kill()
            w.stop()
            if rng.random() < 0.2:  # and again while it starts
                c.start(wait=False)
                time.sleep(rng.uniform(0.0, 0.8))
                c.kill()
            c.start()
            count = w.verify()
            acknowledged = w.acknowledged
            print(f"# kill {i + 1}: {w.done} acknowledged, {count} keys verified", flush=True)
    with case("a scrub finds nothing wrong"):
        report = c.scrub()["report"]
        expect(report["bad_shards"] == 0 and report["unrepairable"] + report["deferred"] == 0, report)
    c.stop()
finish()
