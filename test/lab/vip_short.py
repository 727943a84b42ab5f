#!/usr/bin/env python3
"""`atoll lab vip`, a short version: crash and hand-over on both kinds of network, the JSON beside its schema.

Needs root, network namespaces and nftables with egress hooks; without them the laboratory is not run, and it says so. No time is asserted: what must
hold on any machine is that everything comes back, that no two nodes answered for one address, and that what is
printed adds up.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import BIN, ROOT, case, expect, finish  # noqa: E402

SCHEMA = json.loads((ROOT / "docs/formats/lab.schema.json").read_text())
RUN_LIMIT_S = 400
PAIRS = [("gcp-alias", "kill"), ("gcp-alias", "stop"), ("gcp-route", "power"), ("gcp-garp", "controller"),
         ("gcp-lb", "kill"), ("linux-arp", "kill"), ("linux-arp", "drain"),
         ("linux-arp", "cut-clients")]
OVER_S3 = [("linux-arp", "kill"), ("linux-arp", "drain")]


def lab(*words):
    done = subprocess.run([BIN, "lab", "vip", *map(str, words)], text=True, capture_output=True, timeout=RUN_LIMIT_S)
    return done.returncode, done.stdout, done.stderr


def check(value, schema, where="lab"):
    """As much of JSON Schema as docs/formats/lab.schema.json uses."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    if "type" in schema:
        expect(isinstance(value, types[schema["type"]]), f"{where}: {value!r} is no {schema['type']}")
    if "minimum" in schema:
        expect(value >= schema["minimum"], f"{where}: {value!r} is below {schema['minimum']}")
    for name in schema.get("required", []):
        expect(name in value, f"{where}: {name} is missing")
    if isinstance(value, dict):
        for name, inner in value.items():
            expect(name in schema["properties"], f"{where}: {name} is not in the schema")
            check(inner, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list):
        for i, inner in enumerate(value):
            check(inner, schema["items"], f"{where}[{i}]")


def networks_can_be_made():
    rules = "add table netdev t; add chain netdev t c { type filter hook egress device lo priority 0; }"
    return os.geteuid() == 0 and subprocess.run(["unshare", "--net", "nft", rules], capture_output=True).returncode == 0


def parts_add_up(gap):
    parts = sum(gap[name] for name in ("detect", "fence", "remove", "add", "propagate", "reconnect"))
    return abs(parts - gap["total"]) < 0.01


def leftovers():
    return [name for name in os.listdir("/run/netns") if name.startswith("atl")] if os.path.isdir("/run/netns") else []


def one_pair(mover, fault, service="http"):
    code, out, err = lab("--mover", mover, "--fault", fault, "--nodes", 3, "--delays", "zero", "--service", service,
                         "--json")
    expect(out, f"nothing was printed: {err}")
    told = json.loads(out)
    check(told, SCHEMA)
    expect(told["service"] == service, f"another service: {told['service']}")
    row = told["results"][0]
    expect((row["mover"], row["fault"]) == (mover, fault), f"another row: {row['mover']} {row['fault']}")
    expect(row["recovered"] == 1, f"it did not come back: {row['troubles']}")
    expect(row["split_brain_instants"] == 0, f"split brain: {row['split_brain']}")
    expect(row["oracle_sure"] and row["packets_judged"] > 0, "the oracle is not sure")
    expect(row["gaps_ms"], "no gap was measured")
    for gap in row["gaps_ms"]:
        expect(parts_add_up(gap), f"the parts of a gap do not add up: {gap}")
    if fault in ("kill", "power"):
        expect(row["failed_attempts"] > 0, "a node was lost and nobody noticed")
    if fault == "power":
        # It cannot be safe and faster than what is left of the lease, so there is a fence in the gap.
        expect(any(gap["fence"] > 0 for gap in row["gaps_ms"]), "no lease was waited for")
    expect(code == 0 and told["good"], f"exit status {code}: {err}")


def drain_with_the_clouds_delays():
    """The route takes seconds to follow; until then the old holder sends on what arrives."""
    code, out, err = lab("--mover", "gcp-route", "--fault", "drain", "--nodes", 3, "--json")
    expect(out, f"nothing was printed: {err}")
    told = json.loads(out)
    row = told["results"][0]
    expect(code == 0 and told["good"] and row["recovered"] == 1, f"exit status {code}: {row['troubles']} {err}")
    expect(row["failed_requests"] == 0, f"{row['failed_requests']} requests failed")
    connections = row["connections"]
    expect(connections["continued"] > 0 and connections["reset"] + connections["silent"] == 0, f"{connections}")


def main():
    with case("names that do not exist are refused with those that do"):
        code, _, err = lab("--mover", "gcp-magic")
        expect(code == 2 and "gcp-alias" in err, f"{code} {err}")
        code, _, err = lab("--fault", "fire")
        expect(code == 2 and "cut-coordinator" in err, f"{code} {err}")
    with case("a fault that says nothing about a mover is refused with the reason"):
        code, _, err = lab("--mover", "linux-arp", "--fault", "api-lies")
        expect(code == 2 and "no API call" in err, f"{code} {err}")
    with case("a service that is none is refused"):
        code, _, err = lab("--service", "ftp")
        expect(code == 2 and "http or s3" in err, f"{code} {err}")
    if not networks_can_be_made():
        print("# no root, no namespaces, no nft, or no egress hooks here: the laboratory itself was not run")
        finish()
    for mover, fault in PAIRS:
        with case(f"{mover} {fault}"):
            one_pair(mover, fault)
    for mover, fault in OVER_S3:
        with case(f"{mover} {fault}, S3 door"):
            one_pair(mover, fault, "s3")
    with case("gcp-route drain, with the cloud's delays: no request fails"):
        drain_with_the_clouds_delays()
    with case("nothing is left behind"):
        expect(not leftovers(), f"{leftovers()}")
    finish()


if __name__ == "__main__":
    main()
