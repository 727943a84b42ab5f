#!/usr/bin/env python3
"""`atoll plan` as scripts use it: the examples, the JSON beside its schema, exit codes."""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import BIN, ROOT, case, expect, finish  # noqa: E402

EXAMPLES = sorted((ROOT / "examples/plan").glob("*.toml"))
SUFFIX = re.compile(r"(_dollars|_bytes|_operations|_seconds)?(_per_byte|_per_operation)?(_per_second)?$")


def plan(*words):
    done = subprocess.run([BIN, "plan", *map(str, words)], text=True, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def check(value, schema, where="plan"):
    """As much of JSON Schema as docs/formats/plan.schema.json uses."""
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
    if "type" in schema:
        expect(isinstance(value, types[schema["type"]]), f"{where}: {value!r} is no {schema['type']}")
    if "enum" in schema:
        expect(value in schema["enum"], f"{where}: {value!r} is not in {schema['enum']}")
    for name in schema.get("required", []):
        expect(name in value, f"{where}: {name} is missing")
    if isinstance(value, dict):
        for name, inner in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            expect(known, f"{where}: {name} is not in the schema")
            check(inner, known, f"{where}.{name}")
    if isinstance(value, list):
        for i, inner in enumerate(value):
            check(inner, schema["items"], f"{where}[{i}]")


SCHEMA = json.loads((ROOT / "docs/formats/plan.schema.json").read_text())
expect(len(EXAMPLES) >= 6, "examples")
for example in EXAMPLES:
    with case(f"{example.name}: one screen"):
        status, out, err = plan(example)
        expect(status == 0 and err == "", err)
        for word in ("CAPACITY", "SPEED", "REBUILD", "DURABILITY", "MONEY", "bound by"):
            expect(word in out, f"no {word} in:\n{out}")
        expect(len(out.splitlines()) <= 40, "more than a screen")
    with case(f"{example.name}: JSON"):
        status, out, err = plan(example, "--json")
        expect(status == 0, err)
        document = json.loads(out)
        check(document, SCHEMA)
        figures = document["figures"]
        for key, figure in figures.items():
            for name in figure["inputs"]:
                expect(name in figures, f"{key} is made of {name}, which is not there")
            expect(figure["inputs"] or "origin" in figure, f"{key} comes from nowhere")
            made_of_assumed = any(figures[name]["assumed"] for name in figure["inputs"])
            expect(figure["assumed"] or not made_of_assumed, f"{key} hides that it is assumed")
        expect(figures["capacity.usable_bytes"]["value"] < figures["capacity.raw_bytes"]["value"], "usable < raw")

with case("the load balancer is the difference between the two serving tiers"):
    month = {}
    for name in ("serving-lb", "serving-direct"):
        _, out, _ = plan(ROOT / f"examples/plan/{name}.toml", "--json")
        month[name] = {k: v["value"] for k, v in json.loads(out)["figures"].items()}
    fee = 5e12 / 2**30 * 0.008 * 730 * 3600  # 5 TB/s at 0.008 USD/GiB
    difference = month["serving-lb"]["money.month_dollars"] - month["serving-direct"]["money.month_dollars"]
    expect(abs(difference / fee - 1) < 1e-9, f"{difference} is not {fee}")
with case("every figure is explained down to data"):
    status, out, _ = plan(EXAMPLES[0], "--explain")
    expect(status == 0 and "ASSUMED" in out and "gcp.toml:" in out, out[:500])
    status, out, _ = plan(EXAMPLES[0], "--explain", "speed.read")
    expect(status == 0 and out.startswith("speed.read ="), out[:200])
with case("a page with plots"), tempfile.TemporaryDirectory() as folder:
    page = Path(folder) / "plan.html"
    status, out, err = plan(EXAMPLES[0], "--html", page)
    expect(status == 0 and "CAPACITY" in out, err)
    expect(page.read_text().count("<svg") > 5, "plots")
    status, out, err = plan(EXAMPLES[0], "--html", Path(folder) / "none/plan.html")
    expect(status == 1 and out == "" and "cannot be written" in err, err)
with case("compare, sweep, sensitivity"):
    lb, direct = ROOT / "examples/plan/serving-lb.toml", ROOT / "examples/plan/serving-direct.toml"
    status, out, err = plan("compare", lb, direct)
    expect(status == 0 and "money a month" in out and "DIFFERENTLY" in out, out + err)
    rows = {row["figure"]: row for row in json.loads(plan("compare", lb, direct, "--json")[1])["figures"]}
    expect(rows["money.month_dollars"]["a"] == month["serving-lb"]["money.month_dollars"], rows)
    status, out, err = plan("sweep", direct, "--vary", "cluster.domains=3..32", "--json")
    points = json.loads(out)["points"]
    expect(status == 0 and [p["value"] for p in points] == [str(d) for d in range(3, 33)], err)
    expect(all(("figures" in p) != ("refused" in p) for p in points), points)
    status, out, err = plan("sweep", direct, "--vary", "cluster.domain=3")
    expect(status == 1 and out == "" and "did you mean cluster.domains?" in err, err)
    status, out, err = plan("sensitivity", direct, "--json")
    expect(status == 0 and json.loads(out)["sensitivity"], err)
with case("growth"), tempfile.TemporaryDirectory() as folder:
    file, page = ROOT / "examples/plan/growth/first-year.toml", Path(folder) / "growth.html"
    status, out, err = plan("growth", file, "--html", page)
    expect(status == 0 and "Together $" in out and "<svg" in page.read_text(), out + err)
    found = json.loads(plan("growth", file, "--json")[1])
    expect(abs(sum(p["cost_dollars"] for p in found["phases"]) / found["cost_dollars"] - 1) < 1e-9, found)
with case("the cheapest cluster for what is needed"):
    need = ROOT / "examples/plan/need/one-petabyte.toml"
    status, out, err = plan("cheapest", need)
    expect(status == 0 and "The cheapest of" in out and "CAPACITY" in out, out + err)
    found = json.loads(plan("cheapest", need, "--json")[1])
    months = [choice["figures"]["money.month_dollars"] for choice in found["choices"]]
    expect(months == sorted(months) and found["space"] > 10000, found)
    best = found["choices"][0]["figures"]
    expect(best["capacity.usable_bytes"] >= 2**50 and best["speed.read_bytes_per_second"] >= 100e9, best)
with case("one's own catalogue wins"), tempfile.TemporaryDirectory() as folder:
    own = Path(folder) / "own.toml"
    own.write_text('[shape.z3-highmem-88-highlssd]\nprice = { is = "1 USD/h", source = "a contract" }\n')
    status, out, err = plan(ROOT / "examples/plan/training-cache.toml", "--catalogue", own, "--json")
    expect(status == 0, err)
    price = json.loads(out)["figures"]["data.shape.z3-highmem-88-highlssd.price_dollars_per_second"]
    expect(abs(price["value"] * 3600 - 1) < 1e-12 and price["source"] == "a contract", price)
with case("bad input: the reason on standard error, nothing on standard output, status 1"), \
        tempfile.TemporaryDirectory() as folder:
    bad = Path(folder) / "bad.toml"
    for text, message in (("", "cluster.shape is missing"), ("[cluster", "bad.toml:1: this is not TOML"),
                          ("x" * (1 << 20) + "yz", "larger than")):
        bad.write_text(text)
        status, out, err = plan(bad)
        expect(status == 1 and out == "" and message in err, f"{status} {out!r} {err[:300]!r}")
    status, out, err = plan(Path(folder) / "absent.toml")
    expect(status == 1 and out == "" and "absent.toml" in err, err)
finish()
