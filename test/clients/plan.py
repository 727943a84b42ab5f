#!/usr/bin/env python3
"""`atoll plan` as scripts use it: the examples, the JSON beside its schema, exit codes."""
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import BIN, ROOT, case, expect, finish  # noqa: E402

EXAMPLES = sorted((ROOT / "examples/plan").glob("*.toml"))
SUFFIX = re.compile(r"(_dollars|_bytes|_operations|_seconds)?(_per_byte|_per_operation)?(_per_second)?$")


def plan(*words):
    done = subprocess.run([BIN, "plan", *map(str, words)], text=True, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def schema_of(name):
    schema = json.loads((ROOT / f"docs/formats/{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check(document, validator):
    for wrong in validator.iter_errors(document):
        expect(False, f"{wrong.json_path}: {wrong.message[:300]}")


def no_nan(word):
    raise ValueError(f"{word} is no JSON")


def output(*words):
    status, out, err = plan(*words, "--json")
    expect(status == 0 and err == "", err)
    return json.loads(out, parse_constant=no_nan)


SCHEMA = schema_of("plan")
expect(len(EXAMPLES) >= 6, "examples")
for example in EXAMPLES:
    with case(f"{example.name}: one screen"):
        status, out, err = plan(example)
        expect(status == 0 and err == "", err)
        for word in ("CAPACITY", "SPEED", "REBUILD", "DURABILITY", "MONEY", "bound by"):
            expect(word in out, f"no {word} in:\n{out}")
        expect(len(out.splitlines()) <= 50, "more than a screen")
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
    fee += (0.025 + (512 - 5) * 0.01) * 730  # a forwarding rule for each of 512 addresses
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
with case("a page is written when all went well, and never over what is read"), \
        tempfile.TemporaryDirectory() as folder:
    mine, page = Path(folder) / "mine.toml", Path(folder) / "plan.html"
    mine.write_text(EXAMPLES[0].read_text())
    status, out, err = plan(mine, "--html", page, "--explain", "capacity.usabel")
    expect(status == 1 and not page.exists() and "did you mean capacity.usable?" in err, err)
    os.link(mine, Path(folder) / "same.html")
    for target in (mine, Path(folder) / "same.html"):
        status, out, err = plan(mine, "--html", target)
        expect(status == 1 and out == "" and "which is read" in err, err)
    expect(mine.read_text() == EXAMPLES[0].read_text(), "the scenario is as it was")
    status, out, err = plan("compare", EXAMPLES[1], mine, "--html", mine)
    expect(status == 1 and "which is read" in err, err)
    with open("/dev/full", "w") as full:
        done = subprocess.run([BIN, "plan", mine], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    expect(done.returncode == 1 and "standard output: cannot be written" in done.stderr, done.stderr)
    status, out, err = plan(mine, "--json", "--explain")
    expect(status == 1 and out == "" and "exclude each other" in err, err)
with case("the chain's durability has a simulated interval beside it"):
    figures = output(ROOT / "examples/plan/training-cache.toml")["figures"]
    low, high = (figures[f"durability.simulated_{end}"]["value"] for end in ("low", "high"))
    expect(0 < low < figures["durability.annual_loss"]["value"] < high < 1.5 * low, (low, high))
    status, out, err = plan(ROOT / "examples/plan/training-cache.toml", "--explain", "durability.annual_loss")
    expect("simulated: " in out and "(99%)" in out, out)
with case("--delays asks for failover of both sides of a comparison"), tempfile.TemporaryDirectory() as folder:
    delays = Path(folder) / "delays.toml"
    delays.write_text("[alias_operation]\nconstant_ms = 900\nsource = \"measured\"\n")
    lake, cache = ROOT / "examples/plan/lake.toml", ROOT / "examples/plan/training-cache.toml"
    found = output("compare", lake, cache, "--delays", delays)
    expect("failover.node_gap_seconds" in [row["figure"] for row in found["figures"]], found["figures"])
    expect(not any(line.startswith("failover.mover") for line in found["asked"]), found["asked"])
    expect("cluster.protection: 13+3 | 6+2" in found["asked"], found["asked"])
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
    beta = found["phases"][2]
    expect(beta["more_nodes"] == 34 and beta["committed_until"] == "2028-06-01" and beta["owed_dollars"] > 0, beta)
    expect("cost_dollars" in beta["assumed"], beta)
    expect(abs(sum(p["cost_dollars"] for p in found["phases"]) / found["cost_dollars"] - 1) < 1e-9, found)
with case("the cheapest cluster for what is needed"):
    need = ROOT / "examples/plan/need/one-petabyte.toml"
    status, out, err = plan("cheapest", need)
    expect(status == 0 and "The cheapest of" in out and "CAPACITY" in out, out + err)
    found = json.loads(plan("cheapest", need, "--json")[1])
    months = [choice["figures"]["money.month_dollars"] for choice in found["choices"]]
    expect(months == sorted(months) and found["space"] > 10000, found)
    best = found["choices"][0]["figures"]
    expect("money.month_dollars" in found["choices"][0]["assumed"], found["choices"][0])
    expect(best["capacity.usable_bytes"] >= 2**50 and best["speed.read_bytes_per_second"] >= 100e9, best)
with case("failover: every mover, the chosen one marked, limits named, own delays win"), \
        tempfile.TemporaryDirectory() as folder:
    direct = ROOT / "examples/plan/serving-direct.toml"
    status, out, err = plan(direct)
    expect("> gcp-alias" in out and "cannot: 513 routes are needed, a network has 250" in out, out + err)
    found = json.loads(plan(direct, "--json")[1])
    movers = {row["mover"]: row for row in found["failover"]["movers"]}
    expect(len(movers) == 6 and movers["gcp-alias"]["chosen"] and "refused" in movers["gcp-garp"], movers)
    before = found["figures"]["failover.gcp-alias.node_gap_seconds"]["value"]
    expect(math.isclose(before, movers["gcp-alias"]["node"]["median_seconds"]), before)
    sizes = [row for row in found["failover"]["at_scale"] if row["mover"] == "gcp-alias"]
    expect([row["nodes"] for row in sizes] == [10, 30, 100, 300, 1000], sizes)
    last = [row["domain"]["last_seconds"] for row in sizes]
    expect(last == sorted(last), last)
    delays = Path(folder) / "delays.toml"
    delays.write_text("[alias_operation]\nconstant_ms = 900\nsource = \"measured\"\n")
    figures = json.loads(plan(direct, "--delays", delays, "--json")[1])["figures"]
    expect(figures["failover.gcp-alias.node_gap_seconds"]["value"] < before - 6, figures)
    datum = figures["data.delay.alias_operation.median_seconds"]
    expect(datum["value"] == 0.9 and datum["origin"].endswith("delays.toml:2"), datum)
    status, out, err = plan(ROOT / "examples/plan/lake.toml", "--delays", delays)
    expect(status == 0 and "FAILOVER" in out, err)
    delays.write_text("[alias_operatio]\nconstant_ms = 900\nassumed = true\n")
    status, out, err = plan(direct, "--delays", delays)
    expect(status == 1 and out == "" and "delays.toml:2" in err and "did you mean alias_operation?" in err, err)
with case("hibernation and locality"):
    burst = ROOT / "examples/plan/inference-burst.toml"
    status, out, err = plan(burst)
    expect("HIBERNATION" in out and "LOCALITY" in out and "is the cheapest" in out, out + err)
    figures = {k: v["value"] for k, v in json.loads(plan(burst, "--json")[1])["figures"].items()}
    expect(0 < figures["hibernate.use"] < 1 and figures["hibernate.saved_dollars"] > 0, figures)
    expect(figures["locality.cache_dollars"] < figures["locality.across_dollars"], figures)
LB, DIRECT = ROOT / "examples/plan/serving-lb.toml", ROOT / "examples/plan/serving-direct.toml"
NEED, YEAR = ROOT / "examples/plan/need/one-petabyte.toml", ROOT / "examples/plan/growth/first-year.toml"
VARIED = ("cluster.domains=15..17", "cluster.protection=6+2,14+2,500+2")
WHAT_IFS = {"compare": (LB, DIRECT), "sweep": (DIRECT, "--vary", VARIED[0], "--vary", VARIED[1]),
            "growth": (YEAR,), "cheapest": (NEED,), "sensitivity": (DIRECT,)}
for command, words in WHAT_IFS.items():
    with case(f"{command}: JSON as its schema says"):
        validator = schema_of(f"plan-{command}")
        document = output(command, *words)
        check(document, validator)
        # The schema is not one that takes anything.
        for name in validator.schema["required"]:
            expect(not validator.is_valid({k: v for k, v in document.items() if k != name}), f"without {name}")
        expect(not validator.is_valid({**document, "more": 1}), "with more")
    with case(f"{command}: a page that needs nothing else"), tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        status, out, err = plan(command, *words, "--html", page)
        expect(status == 0 and out, err)
        html = page.read_text()
        expect("<svg" in html and "prefers-color-scheme:dark" in html and "width=device-width" in html, html[:300])
        for none in ("<script", "http:", "https:", "url(", '"nan', '"inf', "{}"):
            expect(none not in html, none)
        expect(html.count("<svg") == html.count("</svg>") and html.count("<div") == html.count("</div>"), "tags")
    with case(f"{command}: explained"):
        status, out, err = plan(command, *words, "--explain", "capacity.usable")
        expect(status == 0 and "--- " in out and "capacity.usable =" in out and "gcp.toml:" in out, out[:300] + err)
        status, out, err = plan(command, *words, "--explain")
        expect(status == 0 and "durability.annual_loss =" in out and "ASSUMED" in out, out[:300] + err)
        status, out, err = plan(command, *words, "--explain", "capacity.usabel")
        expect(status == 1 and out == "" and "did you mean capacity.usable?" in err, err)
with case("sweep of two keys: every pair, those that cannot be with the reason"):
    points = output("sweep", *WHAT_IFS["sweep"])["points"]
    expect([(p["also"], p["value"]) for p in points] ==
           [(a, v) for a in ("6+2", "14+2", "500+2") for v in ("15", "16", "17")], points)
    expect([("refused" in p) for p in points] == [False] * 6 + [True] * 3, points)
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
    for text, message in (("", "are missing; a scenario has at least"), ("[cluster", "bad.toml:1: this is not TOML"),
                          ("x" * (1 << 20) + "yz", "larger than")):
        bad.write_text(text)
        status, out, err = plan(bad)
        expect(status == 1 and out == "" and message in err, f"{status} {out!r} {err[:300]!r}")
    status, out, err = plan(Path(folder) / "absent.toml")
    expect(status == 1 and out == "" and "absent.toml" in err, err)
finish()
