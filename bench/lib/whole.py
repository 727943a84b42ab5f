"""The whole cluster: memory when idle, a million objects, listing, restart, rebuild."""
import os
import time
import urllib.request
from pathlib import Path

from . import disk
from .lines import GIB, KIB, MIB, Line, median
from .servers import Atoll

BATCH = 100_000  # objects a prefix: keys stay in order, signatures stay fresh


def idle(run):
    with Atoll(run.dir / "data", run.device_size) as atoll:
        time.sleep(3)
        run.add(Line("memory of an idle cluster, 8 domains", atoll.rss_bytes(), "B", at_most=100 * MIB))


def _tree_bytes(folder):
    return sum(p.stat().st_blocks * 512 for p in Path(folder).rglob("*") if p.is_file())


def _admin_post(atoll, path):
    request = urllib.request.Request(f"http://{atoll.cluster.admin_address}{path}", data=b"{}",
                                     method="POST", headers={"X-Atoll-Admin": "1"})
    with urllib.request.urlopen(request, timeout=600) as reply:
        reply.read()


def _disk_line(run, atoll, objects, when):
    status = atoll.cluster.status()
    live = status["capacity"]["live_raw_bytes"]
    view = _tree_bytes(atoll.cluster.data / "view")
    run.add(Line(f"disk an object of 1 KiB, {when}", (live + view) / objects, "B",
                 note=f"devices {live / objects:.0f} B (the ideal for 6+2 is 1365), view {view / objects:.0f} B"))


def _listing(run, atoll, objects, when):
    rates = []
    for _ in range(run.repeats):
        out = atoll.load("list")
        if out["keys"] != objects:
            raise RuntimeError(f"listed {out['keys']} keys of {objects}")
        rates.append(out["keys_per_second"])
    run.add(Line(f"list {objects:,} keys, 1,000 a page{when}", median(rates), "/s", at_least=100_000))


def million(run):
    objects = run.objects
    of_all = {} if objects == 1_000_000 else {"note": f"{objects:,} objects only"}
    with Atoll(run.dir / "data", run.device_size) as atoll:
        began = time.monotonic()
        for first in range(0, objects, BATCH):
            count = min(BATCH, objects - first)
            atoll.load("put", size=KIB, objects=count, requests=count, connections=64,
                       prefix=f"k{first // BATCH:03d}-")
        run.add(Line(f"durable PUT 1 KiB, 64 connections, {objects:,} in a row",
                     objects / (time.monotonic() - began), "/s"))
        run.add(Line(f"memory with {objects:,} objects of 1 KiB", atoll.rss_bytes(), "B",
                     at_most=GIB, **of_all))
        run.add(Line("its peak while they came", atoll.peak_rss_bytes(), "B"))
        _listing(run, atoll, objects, "")
        _disk_line(run, atoll, objects, "as it came")
        _admin_post(atoll, "/v1/destage")
        _admin_post(atoll, "/v1/checkpoint")
        _disk_line(run, atoll, objects, "packed into stripes")
        _restarts(run, atoll, objects, of_all)
        # Of packed objects, after a restart: names and places must come from the view's tables.
        outs = [atoll.load("get", size=KIB, objects=min(BATCH, objects), connections=16, prefix="k000-",
                           seconds=run.seconds) for _ in range(run.repeats)]
        run.add(Line(f"GET 1 KiB, 16 connections, {objects:,} objects, packed",
                     median(o["requests_per_second"] for o in outs), "/s",
                     note=f"p50 {median(o['p50_us'] for o in outs) / 1000:.2f} ms"))
        _listing(run, atoll, objects, ", after a restart")


def _restarts(run, atoll, objects, of_all):
    atoll.cluster.stop()
    disk.drop_caches()
    atoll.start()
    run.add(Line(f"restart with {objects:,} objects, after SIGTERM", atoll.start_seconds, "s", at_most=10,
                 **of_all))
    # A few changes, so that a crash leaves something to replay.
    atoll.load("put", size=KIB, objects=1000, requests=1000, connections=16, prefix="k000-")
    atoll.cluster.kill()
    disk.drop_caches()
    atoll.start()
    run.add(Line(f"restart with {objects:,} objects, after kill -9", atoll.start_seconds, "s", at_most=10,
                 **of_all))
    run.add(Line("memory after the restart", atoll.rss_bytes(), "B", at_most=GIB, **of_all))


def rebuild(run):
    """One of eight domains is lost and replaced. All domains share one disk here, so the ceiling is that of
    reading six shards and writing one."""
    with Atoll(run.dir / "data", run.device_size) as atoll:
        count = 16 if run.quick else 64
        atoll.load("put", size=64 * MIB, objects=count, requests=count, connections=4)
        write, read = disk.direct_write(run.dir), disk.direct_read(run.dir)
        disk.remove_files(run.dir)
        cluster = atoll.cluster
        cluster.remove_domain(3)
        while not any(d["state"] == "failed" for d in _devices(cluster, 3)):
            time.sleep(0.1)
        began = time.monotonic()
        cluster.admin("device", "replace")
        cluster.wait_protected(1200)
        seconds = time.monotonic() - began
        rebuilt = sum(d["live_bytes"] for d in _devices(cluster, 3))
        run.add(Line("rebuild of one domain of 8, bytes written", rebuilt / seconds, "B/s",
                     1 / (6 / read + 1 / write), "fio: read 6, write 1, one disk",
                     note=f"{rebuilt / GIB:.2f} GiB in {seconds:.1f} s"))


def _devices(cluster, domain):
    return next(d["devices"] for d in cluster.status()["domains"] if d["id"] == domain)


def scratch_free(folder):
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize
