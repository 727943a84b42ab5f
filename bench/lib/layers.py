"""Single layers beside their bare twins: the code beside ISA-L, one device beside fio."""
import json
import subprocess

from . import disk
from .lines import Line, median
from .servers import ROOT, SERVER_CORE, pinned

BIN = ROOT / "build/release/bin"


def ec(run):
    shapes = ["6/2/64"] if run.quick else ["6/2/64", "6/2/1024", "12/4/64", "28/4/64"]
    pattern = f"^(encode|decode|reconstruct)_(code|bare)/({'|'.join(shapes)})$"
    done = subprocess.run(
        pinned(SERVER_CORE, [BIN / "bench/atoll_ec_bench", f"--benchmark_filter={pattern}",
                             "--benchmark_repetitions=9", "--benchmark_min_time=0.05",
                             "--benchmark_enable_random_interleaving=true",
                             "--benchmark_report_aggregates_only=true", "--benchmark_format=json"]),
        text=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    rates = {b["run_name"]: b["bytes_per_second"] for b in json.loads(done.stdout)["benchmarks"]
             if b["aggregate_name"] == "median"}
    for shape in shapes:
        k, m, kib = shape.split("/")
        for verb in ("encode", "decode", "reconstruct"):
            run.add(Line(f"EC {verb} {k}+{m}, {kib} KiB shards", rates[f"{verb}_code/{shape}"], "B/s",
                         rates[f"{verb}_bare/{shape}"], "bare ISA-L", need=0.9))


def device(run):
    ours, writes, reads, syncs = [], [], [], []
    for _ in range(run.repeats):
        done = subprocess.run([BIN / "atoll-bench-device", run.dir], text=True, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        ours.append(json.loads(done.stdout))
        writes.append(disk.direct_write(run.dir))
        reads.append(disk.direct_read(run.dir))
        syncs.append(disk.synced_appends(run.dir))
    disk.remove_files(run.dir)

    def mine(name):
        return median(o[name] for o in ours)

    run.add(Line("device: durable 1 MiB shards, 8 at a time", mine("shard_write_bytes_per_second"), "B/s",
                 median(writes), "fio direct write"))
    run.add(Line("device: read 1 MiB shards, 8 at a time, checked", mine("shard_read_bytes_per_second"),
                 "B/s", median(reads), "fio direct read"))
    run.add(Line("device: 4 KiB journal runs, one at a time", mine("run_append_per_second_1"), "/s",
                 median(syncs), "fio 4 KiB + fdatasync"))
    run.add(Line("device: 4 KiB journal runs, 16 at a time", mine("run_append_per_second_16"), "/s",
                 median(syncs), "fio 4 KiB + fdatasync"))
