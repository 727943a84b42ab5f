#!/usr/bin/env python3
"""What a newcomer does: start, put, get, list, status, users, Ctrl-C, start again; TLS; and wrong calls, which get
a message that says what would be right."""
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import BIN, Cluster, case, expect, finish, free_port  # noqa: E402

work = Path(tempfile.mkdtemp(prefix="atoll-newcomer-"))


def start(data, *extra):
    """`atoll up` as README shows it, without credentials in the environment; returns process and banner."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("ATOLL_")}
    ports = [free_port(), free_port()]
    process = subprocess.Popen([BIN, "up", "--data", str(data), "--device-size", "256MiB",
                                "--s3", f"127.0.0.1:{ports[0]}", "--admin", f"127.0.0.1:{ports[1]}", *extra],
                               env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    banner = ""
    for line in process.stdout:
        banner += line
        if line.strip() == "ready":
            return process, banner
    raise AssertionError(process.stderr.read()[-2000:])


def atoll(*words, status=0, env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ATOLL_")}
    done = subprocess.run([BIN, *words], env=dict(clean, **(env or {})), text=True, capture_output=True, timeout=120)
    expect(done.returncode == status, f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


data = work / "data"
with case("start, and the lines it suggests work"):
    process, banner = start(data)
    expect("any 2 domain(s) can be lost" in banner, banner)
    lines = [line.strip() for line in banner.splitlines()]
    suggested = [line for line in lines if " put " in line]
    expect(suggested, banner)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ATOLL_")}
    done = subprocess.run(suggested[0], shell=True, env=clean, text=True, capture_output=True)
    expect(done.returncode == 0 and "Debian" in done.stdout, done.stdout + done.stderr)
with case("put, list, get"):
    at = ["--data", str(data)]
    (work / "file").write_bytes(os.urandom(500_000))
    atoll("put", str(work / "file"), "box/dir/file", *at)
    expect("dir/" in atoll("ls", "box", *at), "ls")
    expect("488.3 KiB" in atoll("ls", "box/dir/", *at), atoll("ls", "box/dir/", *at))
    atoll("get", "s3://box/dir/file", str(work / "back"), *at)
    expect((work / "back").read_bytes() == (work / "file").read_bytes(), "the same bytes")
    expect("NoSuchKey" in atoll("get", "box/none", *at, status=1), "a clear error")
with case("status for people and for scripts"):
    text = atoll("status", *at)
    expect("healthy" in text and "2 more domain(s) can be lost now" in text, text)
    status = json.loads(atoll("status", "--json", *at))
    schema = json.loads((Path(__file__).parents[2] / "docs/formats/status.schema.json").read_text())

    def check(value, rule, where):
        for key in rule.get("required", []):
            expect(key in value, f"{where}: {key} is missing")
        if isinstance(value, dict) and "properties" in rule:
            for key, inner in value.items():
                expect(key in rule["properties"], f"{where}: {key} is not in the schema")
                check(inner, rule["properties"][key], f"{where}.{key}")
        if isinstance(value, list) and "items" in rule:
            for inner in value:
                check(inner, rule["items"], f"{where}[]")
        if "enum" in rule:
            expect(value in rule["enum"], f"{where}: {value}")
        types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
                 "boolean": bool, "null": type(None)}
        wanted = rule.get("type")
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if wanted:
            expect(any(isinstance(value, types[t]) for t in wanted), f"{where}: {value!r} is not {wanted}")

    check(status, schema, "status")
with case("metrics"):
    run = json.loads((data / "run.json").read_text())
    text = subprocess.run(["curl", "-sf", f"http://{run['admin']}/metrics"], text=True, capture_output=True).stdout
    for name in ("atoll_can_lose_domains 2", "atoll_fully_protected 1", "# TYPE"):
        expect(name in text, f"{name} is not in /metrics")
with case("the file with the secret is private"):
    expect(stat.S_IMODE((data / "run.json").stat().st_mode) == 0o600, "mode of run.json")
with case("users: create, use, rotate, delete"):
    made = json.loads(atoll("user", "create", "ann", "--json", *at))
    keys = {"ATOLL_ACCESS_KEY": made["access_key"], "ATOLL_SECRET_KEY": made["secret_key"]}
    atoll("ls", *at, env=keys)
    rotated = json.loads(atoll("user", "rotate", made["access_key"], "--json", *at))
    expect("SignatureDoesNotMatch" in atoll("ls", *at, env=keys, status=1), "the old secret ended")
    atoll("ls", *at, env={**keys, "ATOLL_SECRET_KEY": rotated["secret_key"]})
    expect("ann" in atoll("user", "list", *at), "list")
    atoll("user", "delete", made["access_key"], *at)
    expect("InvalidAccessKeyId" in atoll("ls", *at, env=keys, status=1), "deleted")
    expect("already" in atoll("user", "create", "root", *at, status=1), "a second root")
with case("root's own secret: rotated, in use at once and after a restart"):
    old = {"ATOLL_ACCESS_KEY": run["access_key"], "ATOLL_SECRET_KEY": run["secret_key"]}
    (data / "run.json.new").mkdir()  # the file cannot be written: who asked still learns the new secret
    rotated = json.loads(atoll("user", "rotate", run["access_key"], "--json", *at))
    atoll("ls", *at, env={**old, "ATOLL_SECRET_KEY": rotated["secret_key"]})
    (data / "run.json.new").rmdir()
    rotated = json.loads(atoll("user", "rotate", run["access_key"], "--json", *at))
    expect("SignatureDoesNotMatch" in atoll("ls", *at, env=old, status=1), "the old secret ended")
    atoll("ls", *at)
    run = json.loads((data / "run.json").read_text())
    expect(run["secret_key"] == rotated["secret_key"], "run.json has the new one")
with case("the admin API refuses what a web page could send"):
    def code(*words):
        return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *words,
                               f"http://{run['admin']}/v1/domains/1/fail"], text=True, capture_output=True).stdout
    expect(code("-X", "POST") == "403", "without the header")
    expect(code("-X", "POST", "-H", "X-Atoll-Admin: 1", "-H", "Host: evil.example") == "403", "foreign host")
with case("a second one on the same data is refused"):
    done = subprocess.run([BIN, "up", "--data", str(data), "--s3", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
                          text=True, capture_output=True, timeout=60)
    expect(done.returncode == 1 and done.stderr.strip(), done.stderr)
with case("Ctrl-C stops it cleanly, and the data is there again"):
    process.send_signal(signal.SIGINT)
    expect(process.wait(timeout=60) == 0, "exit status")
    process, banner = start(data)
    expect(rotated["secret_key"] in banner, "root's rotated secret")
    atoll("get", "box/dir/file", str(work / "back2"), *at)
    expect((work / "back2").read_bytes() == (work / "file").read_bytes(), "the same bytes")
    process.send_signal(signal.SIGTERM)
    expect(process.wait(timeout=60) == 0, "exit status")
with case("another shape on the same data is refused with the reason"):
    done = subprocess.run([BIN, "up", "--data", str(data), "--protection", "5+3", "--s3", "127.0.0.1:0",
                           "--admin", "127.0.0.1:0"], text=True, capture_output=True, timeout=60)
    expect(done.returncode == 1 and "cannot be changed" in done.stderr, done.stderr)
with case("a device can be dumped"):
    text = atoll("device", "dump", str(data / "domain-1/device.dat"))
    expect("zone" in text, text[:200])
with case("TLS"):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(work / "key.pem"),
                    "-out", str(work / "cert.pem")], check=True, capture_output=True)
    with Cluster(extra=["--tls-cert", str(work / "cert.pem"), "--tls-key", str(work / "key.pem")]) as c:
        import boto3
        from atoll_cluster import ACCESS_KEY, SECRET_KEY
        s3 = boto3.client("s3", endpoint_url=f"https://127.0.0.1:{c.s3_port}", aws_access_key_id=ACCESS_KEY,
                          aws_secret_access_key=SECRET_KEY, region_name="us-east-1", verify=str(work / "cert.pem"))
        s3.create_bucket(Bucket="tls")
        body = os.urandom(3_000_000)
        s3.put_object(Bucket="tls", Key="k", Body=body)
        expect(s3.get_object(Bucket="tls", Key="k")["Body"].read() == body, "the same bytes")
        # This cluster's root secret comes from outside: rotating it would last until the next start.
        expect("ATOLL_SECRET_KEY" in atoll("user", "rotate", ACCESS_KEY, "--data", str(c.data), status=1), "refused")
        c.stop()
with case("other shapes: 2+1 over 3, 4+2 over 6, 1 domain, 10+4 over 14"):
    for domains, protection, survives in ((3, "2+1", 1), (6, "4+2", 2), (1, "1+0", 0), (14, "10+4", 4)):
        with Cluster(domains=domains, protection=protection, device_size="128MiB") as c:
            s3 = c.s3()
            s3.create_bucket(Bucket="box")
            body = os.urandom(2_000_000)
            s3.put_object(Bucket="box", Key="k", Body=body)
            status = c.status()
            expect(status["can_lose"]["domains_by_design"] == survives, f"{protection}: {status['can_lose']}")
            c.stop()
            for d in range(domains, domains - survives, -1):
                c.remove_domain(d)
            c.start()
            expect(c.s3().get_object(Bucket="box", Key="k")["Body"].read() == body, protection)
            c.stop()
with case("wrong calls say what would be right"):
    for words, hint in ((["up", "--protection", "banana"], "6+2"), (["up", "--domains", "0"], "domains"),
                        (["up", "--s3", "nowhere"], "HOST:PORT"), (["up", "--admin", "0.0.0.0:9"], "loopback"),
                        (["up", "--device-size", "1MiB"], "small"), (["up", "--tls-cert", "x"], "--tls-key"),
                        (["status", "--admin", "127.0.0.1:1"], "127.0.0.1:1"), (["frobnicate"], ""),
                        (["status", "--data", "/nonexistent"], "atoll up")):
        extra = ["--data", str(work / "wrong")] if words[0] == "up" else []
        done = subprocess.run([BIN, *words, *extra], text=True, capture_output=True, timeout=60,
                              env={k: v for k, v in os.environ.items() if not k.startswith("ATOLL_")})
        expect(done.returncode not in (0, -6, -11), f"{words}: {done.returncode}")
        expect(hint in done.stderr + done.stdout, f"{words}: {done.stderr}{done.stdout}")
subprocess.run(["rm", "-rf", str(work)], check=False)
finish()
