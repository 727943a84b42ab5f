#!/usr/bin/env python3
"""Measures Atoll, each line beside a reference taken in the same run, and prints one table.

    ./dev bench                       all (about 20 minutes)
    ./dev bench --quick               fewer shapes, one run each (about 2 minutes)
    ./dev bench --only s3-4k          one part; repeatable; --list names them
    ./dev bench --json results.json   the same as JSON ("-": on standard output)
    ./dev bench --write-docs          also writes docs/bench.md

bench/README.md says what each line is and why that is its reference.
"""
import argparse
import json
import sys
import time
import traceback
from pathlib import Path

from lib import layers, s3, whole
from lib.lines import GIB, HEADINGS, Line, amount, machine, markdown_table, text_table
from lib.servers import LOAD, PIN, ROOT

PARTS = {
    "ec": layers.ec,
    "device": layers.device,
    "idle": whole.idle,
    "s3-4k": s3.small,
    "s3-1m": s3.medium,
    "s3-64m": s3.large,
    "million": whole.million,
    "rebuild": whole.rebuild,
}
# Eight devices of 2 GiB, what nginx keeps, and fio's file.
SCRATCH_BYTES = 24 * GIB


class Run:
    """What the parts are told, and where their lines go."""

    def __init__(self, options):
        self.quick = options.quick
        self.dir = Path(options.dir).resolve()
        self.dir.mkdir(parents=True, exist_ok=True)
        self.repeats = 1 if options.quick else 3
        self.seconds = 1 if options.quick else 2
        self.connections = [4, 16] if options.quick else [1, 4, 16, 64]
        self.objects = 50_000 if options.quick else 1_000_000
        self.device_size = "2GiB"
        self.quiet = options.json == "-"
        self.lines = []

    def say(self, text):
        print(text, file=sys.stderr if self.quiet else sys.stdout, flush=True)

    def add(self, line: Line):
        self.lines.append(line)
        cells = [c for c in line.cells() if c]
        self.say("  " + " · ".join(cells))


def write_docs(run, facts, command, failed):
    head = f"""# What was measured

{facts['date']}, commit {facts['commit']}, `{command}`. {facts['cpu']}, {facts['cores']} virtual cores,
{amount(facts['memory_bytes'], 'B')} of memory, Linux {facts['kernel']}; load average {facts['load_average']:.1f}
when it began. One machine serves, and drives the load, and all eight domains share its one disk: read the ratios rather than the figures.
What each line is, and why that is its reference: [bench/README.md](../bench/README.md).

"""
    tail = "".join(f"\n`{name}` could not be measured.\n" for name in failed)
    (ROOT / "docs/bench.md").write_text(head + markdown_table(run.lines) + "\n" + tail)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer shapes, one short run each")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help="repeatable")
    parser.add_argument("--list", action="store_true", help="print the names of the parts")
    parser.add_argument("--json", metavar="FILE", help="write the results as JSON")
    parser.add_argument("--write-docs", action="store_true", help="write docs/bench.md")
    parser.add_argument("--dir", default=ROOT / "build/bench", help="scratch, on the disk to measure")
    options = parser.parse_args()
    if options.list:
        print("\n".join(PARTS))
        return 0
    if not LOAD.exists():
        sys.exit(f"{LOAD} is not built: ./dev bench builds it")
    run = Run(options)
    if whole.scratch_free(run.dir) < SCRATCH_BYTES:
        sys.exit(f"{run.dir} has less than {amount(SCRATCH_BYTES, 'B')} free")
    if not PIN:
        run.say("fewer than two cores: processes are not pinned")
    facts, failed, began = machine(), [], time.monotonic()
    for name in options.only or PARTS:
        run.say(f"{name}:")
        try:
            PARTS[name](run)
        except Exception:  # one part that cannot be measured must not cost the others
            traceback.print_exc()
            failed.append(name)
    if run.lines:
        run.say("\n" + text_table(run.lines))
    missed = [line for line in run.lines if line.verdict not in ("", "ok")]
    run.say(f"\n{len(run.lines)} lines, {len(missed)} short of what is wanted, {len(failed)} parts failed, "
            f"{time.monotonic() - began:.0f} s")
    if options.json:
        document = json.dumps({"machine": facts, "failed": failed, "headings": HEADINGS,
                               "lines": [line.as_dict() for line in run.lines]}, indent=2)
        print(document) if run.quiet else Path(options.json).write_text(document + "\n")
    if options.write_docs:
        write_docs(run, facts, "./dev bench " + " ".join(a for a in sys.argv[1:]), failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
