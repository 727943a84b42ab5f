#!/usr/bin/env python3
"""What comes back from a crash or a copy with more or less than it had: space, shards, coordinator copies."""
import os
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import Cluster, case, expect, finish  # noqa: E402

BODY = os.urandom(1 << 20) * 4


def fill(c, count, prefix):
    for i in range(count):
        c.s3().put_object(Bucket="box", Key=f"{prefix}{i}", Body=BODY[i:])


def verify(c, count, prefix):
    for i in range(count):
        got = c.s3().get_object(Bucket="box", Key=f"{prefix}{i}")["Body"].read()
        expect(got == BODY[i:], f"{prefix}{i} is not what was stored")


def settle(c, limit_s=60):
    """Waits until all of the start's own checks are done and nothing is missing."""
    end = time.monotonic() + limit_s
    while True:
        status = c.status()
        if status["fully_protected"] and status["health"] == "healthy":
            return status
        expect(time.monotonic() < end, f"not healthy again: {status['health']} {status['reasons']}")
        time.sleep(0.2)


with Cluster(device_size="256MiB") as c:
    c.s3().create_bucket(Bucket="box")
    fill(c, 4, "o")
    settled = settle(c)
    with case("overwriting and kill -9, again and again: no space is lost"):
        import threading
        for _ in range(6):
            stop = threading.Event()

            def overwrite(n):
                try:
                    while not stop.is_set():
                        c.s3().put_object(Bucket="box", Key=f"o{n}", Body=BODY[n:])
                except Exception:  # the kill
                    pass
            threads = [threading.Thread(target=overwrite, args=(n,)) for n in range(4)]
            for t in threads:
                t.start()
            time.sleep(1.5)
            c.kill()
            stop.set()
            for t in threads:
                t.join()
            c.start()
        verify(c, 4, "o")
        settle(c)
        live = c.status()["capacity"]["live_raw_bytes"]
        expect(live < 4 * 4 * (1 << 20) * 8 / 6 * 3 + (64 << 20), f"{live >> 20} MiB are live for 16 MiB of objects")
    with case("two devices that lost their contents and kept a superblock are noticed, and made whole"):
        fill(c, 10, "p")
        c.stop()
        for d in (6, 7):
            with open(c.domain(d) / "device.dat", "r+b") as f:
                f.write(bytes(32 << 20))
        c.start()
        settle(c)
        c.stop()
        for d in (1, 8):
            c.remove_domain(d)
        c.start()
        verify(c, 10, "p")
        verify(c, 4, "o")
        c.admin("device", "replace", "--wait")
        settle(c)
    with case("two domains that come back as a copy of a running cluster are noticed, and made whole"):
        copies = {d: Path(str(c.domain(d)) + ".old") for d in (2, 3)}
        for d, copy in copies.items():
            shutil.copytree(c.domain(d), copy)
        fill(c, 10, "q")
        c.kill()
        for d, copy in copies.items():
            shutil.rmtree(c.domain(d))
            copy.rename(c.domain(d))
        c.start()
        if c.status()["health"] != "healthy":
            c.admin("device", "replace", "--wait", check=False)
        settle(c)
        c.stop()
        for d in (4, 5):
            c.remove_domain(d)
        c.start()
        verify(c, 10, "q")
        verify(c, 10, "p")
        c.admin("device", "replace", "--wait")
        settle(c)
    with case("coordinator copies that were deleted come back by themselves"):
        c.stop()
        for d in (1, 2):
            (c.domain(d) / "coord.dat").unlink()
        c.start()
        status = settle(c)
        expect([copy["health"] for copy in status["coordinator"]["copies"]] == ["ok"] * 5, status["coordinator"])
        (c.domain(3) / "coord.dat").unlink()  # and while it runs
        c.s3().create_bucket(Bucket="another")
        c.admin("domain", "drain", "8")
        c.admin("domain", "return", "8")
        settle(c)
        c.stop()
        for d in (4, 5):
            c.remove_domain(d)
        c.start()
        verify(c, 10, "q")
        c.admin("device", "replace", "--wait")
        settle(c)
    with case("two folders of another cluster: replaced with --force, coordinator copies and all"), \
            Cluster(device_size="256MiB") as other:
        other.stop()
        c.stop()
        for d in (4, 5):
            shutil.rmtree(c.domain(d))
            shutil.copytree(other.domain(d), c.domain(d))
        c.start()
        verify(c, 10, "q")
        status = c.status()
        expect(status["health"] != "healthy" and status["can_lose"]["domains_now"] == 0, status["can_lose"])
        c.admin("device", "replace", "--force", "--wait")
        settle(c)
        c.stop()
        for d in (1, 2):
            c.remove_domain(d)
        c.start()
        verify(c, 10, "q")
        verify(c, 10, "p")
        c.admin("device", "replace", "--wait")
        settle(c)
    c.stop()
finish()
