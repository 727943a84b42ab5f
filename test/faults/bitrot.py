#!/usr/bin/env python3
"""One bit flipped in any file of a domain: no wrong byte is returned, scrub finds and repairs it, and the
counter and the log say so. And all RocksDB folders deleted, or damaged, while stopped."""
import mmap
import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import Cluster, case, expect, extents, finish, flip_bit  # noqa: E402
from writers import Writers  # noqa: E402

rng = random.Random(int(os.environ.get("ATOLL_SEED", "3")))


def some_written_byte(path):
    parts = extents(path)
    # Holes of preallocated files read as data on some file systems: look for bytes that are not zero.
    with open(path, "rb") as f:
        for _ in range(2000):
            start, length = rng.choice(parts)
            offset = start + rng.randrange(length)
            f.seek(offset)
            if f.read(1) not in (b"", b"\0"):
                return offset
    return parts[0][0]


def find_on_devices(c, needle):
    """The file and place of these bytes: shards hold a body as it is."""
    for d in range(1, 9):
        path = c.domain(d) / "device.dat"
        with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as bytes_:
            at = bytes_.find(needle)
            if at >= 0:
                return path, at
    raise AssertionError("the bytes are on no device")


def corrupt_shards(c):
    metrics = c.run("curl", "-sf", f"http://{c.admin_address}/metrics")
    return sum(float(line.split()[-1]) for line in metrics.splitlines()
               if line.startswith("atoll_") and "corrupt" in line.split()[0])


with Cluster(device_size="256MiB") as c:
    c.s3().create_bucket(Bucket="box")
    w = Writers(c, "box").start()
    time.sleep(4)
    w.stop()

    for running in (False, True):
        where = "running" if running else "stopped"
        for d in range(1, 9):
            with case(f"a bit flipped in each file of domain {d}, {where}"):
                if not running:
                    c.stop()
                files = sorted(p for p in c.domain(d).iterdir() if p.is_file())
                expect(files, "no files")
                for path in files:
                    for _ in range(6):
                        flip_bit(path, some_written_byte(path), rng.randrange(8))
                if not running:
                    c.start()
                w.verify()
                report = c.scrub()["report"]
                expect(report["unrepairable"] + report["deferred"] == 0, report)
                w.verify()
                again = c.scrub()["report"]
                found = again["bad_shards"] + again["bad_segments"] + again["bad_metadata"] \
                    + again["missing_shards"] + again["unrepairable"] + again["deferred"]
                expect(found == 0, f"a second scrub still finds: {again}")
    with case("a flipped bit in a shard is found, counted, logged and repaired"):
        body = rng.randbytes(6 << 20)
        c.s3().put_object(Bucket="box", Key="marked", Body=body)
        before = corrupt_shards(c)
        path, offset = find_on_devices(c, body[1 << 20 : (1 << 20) + 64])
        flip_bit(path, offset, rng.randrange(8))
        expect(c.s3().get_object(Bucket="box", Key="marked")["Body"].read() == body, "a wrong byte was returned")
        report = c.scrub()["report"]
        # The read may have found and queued it for repair already.
        expect(report["bad_shards"] + corrupt_shards(c) - before > 0, f"nobody counted it: {report}")
        expect(report["unrepairable"] + report["deferred"] == 0, report)
        expect("corrupt shard" in c.log_text(), "the log says so")
        expect(c.scrub()["report"]["bad_shards"] == 0, "it was not repaired")
        find_on_devices(c, body[1 << 20 : (1 << 20) + 64])  # whole again

    with case("the view deleted while stopped"):
        c.stop()
        shutil.rmtree(c.view())
        c.start()
        w.verify()
    with case("the view damaged while stopped"):
        c.stop()
        files = [p for p in c.view().rglob("*") if p.is_file() and p.stat().st_size > 0]
        for path in files:
            flip_bit(path, rng.randrange(path.stat().st_size), rng.randrange(8))
        c.start()
        w.verify()
        c.scrub()
        w.verify()
    c.stop()
finish()
