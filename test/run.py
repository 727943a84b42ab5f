#!/usr/bin/env python3
"""Builds what the tests need, runs all of them, and ends with `N passed, N failed`.

A suite is a program. GoogleTest programs are counted by their own totals. Every other suite prints one
line a case, `ok NAME` or `not ok NAME: why` (the Test Anything Protocol's words), and its exit status
must agree: a suite that fails without naming a case, or that names none, counts as one failure.
"""
import argparse
import concurrent.futures
import dataclasses
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "build/release"
# Planted bugs that the simulator was seen to find within a few dozen seeds. The others are looked for by
# `./dev sim --planted-bugs all`, which takes longer; test/README.md says which it has found.
PLANTED_BUGS = ["ack-before-flush", "skip-read-checksum", "forget-fence", "drop-segment-tail", "free-live-zone",
                "two-replicas-are-enough", "trim-before-checkpoint", "free-stripe-still-read",
                "destage-loses-race", "rebuild-wrong-index"]
# Seeds of the failover world: some 10 ms each.
FAILOVER_SEEDS = os.environ.get("ATOLL_FAILOVER_SEEDS", "3000")
SUITE_LIMIT_S = 1200  # a hung suite is a failure, not a hung run


@dataclasses.dataclass
class Suite:
    name: str
    command: list
    gtest: bool = False
    alone: bool = False  # uses both cores or measures: not beside others


@dataclasses.dataclass
class Outcome:
    passed: int
    failed: list
    output: str
    seconds: float


def build(preset, *targets):
    subprocess.run([str(ROOT / "dev"), "build", preset, *targets], check=True)


def unit_suites():
    tests = sorted((RELEASE / "bin/tests").glob("*_test"))
    return [Suite(f"unit/{t.name[len('atoll_'):-len('_test')]}", [str(t), "--gtest_brief=0"], gtest=True)
            for t in tests]


def script_suites(folder, alone=False):
    scripts = sorted(p for p in (ROOT / "test" / folder).glob("*") if p.suffix in (".py", ".sh"))
    return [Suite(f"{folder}/{p.stem}", [sys.executable if p.suffix == ".py" else "bash", str(p)], alone=alone)
            for p in scripts]


def sim_suites():
    sim = str(RELEASE / "bin/atoll-sim")
    failover = str(RELEASE / "bin/atoll-vip-sim")
    return [Suite("sim/seeds", [sim, "--seeds", os.environ.get("ATOLL_SIM_SEEDS", "100"), "--jobs", "2"],
                  alone=True),
            *[Suite(f"sim/planted-{bug}", [sim, "--planted-bugs", bug, "--jobs", "2"], alone=True)
              for bug in PLANTED_BUGS],
            Suite("sim/failover", [failover, "--seeds", FAILOVER_SEEDS, "--jobs", "2"], alone=True),
            Suite("sim/failover-planted", [failover, "--planted-bugs", "all", "--seeds", "2000",
                                           "--jobs", "2"], alone=True)]


def model_suites():
    script = ROOT / "test/models/run.sh"
    return [Suite("models", ["bash", str(script)])] if script.exists() else []


def run_suite(suite):
    started = time.monotonic()
    env = dict(os.environ, ATOLL_BIN=str(RELEASE / "bin/atoll"), PYTHONPATH=str(ROOT / "test/lib"))
    process = subprocess.Popen(suite.command, cwd=ROOT, env=env, text=True, errors="replace",
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=SUITE_LIMIT_S)
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        output += f"\nnot ok finished within {SUITE_LIMIT_S} s\n"
        status = 124
    if suite.gtest:
        passed = int((re.findall(r"\[  PASSED  \] (\d+) test", output) or ["0"])[-1])
        failed = re.findall(r"^\[  FAILED  \] (\S+\.\S+?)(?:,|$)(?! \()", output, re.M)
        failed = sorted({f for f in failed})
    else:
        passed = len(re.findall(r"^ok ", output, re.M))
        failed = re.findall(r"^not ok (.*)$", output, re.M)
    if status != 0 and not failed:
        failed = [f"ended with status {status}"]
    if status == 0 and passed == 0 and not failed:
        failed = ["ran no case"]
    return Outcome(passed, failed, output, time.monotonic() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="only suites whose name contains one of these")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="show the output of passing suites too")
    args = parser.parse_args()

    wants_sim = not args.names or any("sim" in n or "planted" in n or "failover" in n for n in args.names)
    if not args.no_build:
        build("release", "all", *(["atoll-sim", "atoll-vip-sim"] if wants_sim else []))

    suites = unit_suites() + model_suites() + script_suites("clients") + script_suites("faults")
    suites += script_suites("lab", alone=True)
    if wants_sim:
        suites += sim_suites()
    if args.names:
        suites = [s for s in suites if any(n in s.name for n in args.names)]
    if not suites:
        sys.exit(f"no suite matches {args.names}")

    passed, failed = 0, []

    def report(suite, outcome):
        nonlocal passed
        passed += outcome.passed
        failed.extend(f"{suite.name}: {f}" for f in outcome.failed)
        state = "FAILED" if outcome.failed else "ok"
        print(f"{state:6} {suite.name:32} {outcome.passed:5} passed {len(outcome.failed):3} failed"
              f" {outcome.seconds:7.1f} s", flush=True)
        if outcome.failed or args.verbose:
            lines = outcome.output.splitlines()
            if len(lines) > 200 and not args.verbose:
                lines = lines[:60] + ["..."] + lines[-140:]
            print("\n".join("       | " + line for line in lines), flush=True)

    together = [s for s in suites if not s.alone]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        futures = {pool.submit(run_suite, s): s for s in together}
        for future in concurrent.futures.as_completed(futures):
            report(futures[future], future.result())
    for suite in (s for s in suites if s.alone):
        report(suite, run_suite(suite))

    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
