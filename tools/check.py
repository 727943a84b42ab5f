#!/usr/bin/env python3
"""Lint as a test: prints `ok NAME` or `not ok NAME: why` for each check, then `N passed, N failed`.

    ./dev check                 all
    ./dev check layers words    some
    ./dev check --list

Slow checks (headers, tidy) remember what passed in build/check-cache.json and only look again at
files that changed, or that include a file that did.
"""
import argparse
import sys
import time
import traceback
from pathlib import Path

from checks import compilers, docs, selftest, sources
from checks.tree import Tree

SHOWN_MAX = 40  # findings printed of one check; the rest is counted

CHECKS = {
    "self-test": selftest.selftest,
    "layers": sources.layers_check,
    "coroutine-lambdas": sources.coroutine_lambdas_check,
    "length": sources.length_check,
    "words": sources.words_check,
    "links": docs.links_check,
    "named-files": docs.named_files_check,
    "readmes": docs.readmes_check,
    "format": compilers.format_check,
    "headers": compilers.headers_check,
    "tidy": compilers.tidy_check,
}


def run(name, tree):
    started = time.monotonic()
    try:
        findings = CHECKS[name](tree)
    except Exception as error:  # a check that cannot run has failed, and the others still run
        traceback.print_exc()
        findings = [f"could not run: {error}"]
    for finding in findings[:SHOWN_MAX]:
        print(f"  {finding}")
    if len(findings) > SHOWN_MAX:
        print(f"  ... and {len(findings) - SHOWN_MAX} more")
    seconds = f"({time.monotonic() - started:.1f} s)"
    print(f"not ok {name}: {len(findings)} finding(s) {seconds}" if findings else f"ok {name} {seconds}",
          flush=True)
    return not findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="CHECK", help="which (default: all)")
    parser.add_argument("--list", action="store_true", help="print the names of the checks")
    parser.add_argument("--root", default=Path(__file__).resolve().parent.parent, help="the tree to look at")
    options = parser.parse_args()
    if options.list:
        print("\n".join(CHECKS))
        return 0
    if unknown := [n for n in options.names if n not in CHECKS]:
        parser.error(f"no check named {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    tree = Tree(options.root)
    outcomes = [run(name, tree) for name in options.names or CHECKS]
    print(f"{outcomes.count(True)} passed, {outcomes.count(False)} failed")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
