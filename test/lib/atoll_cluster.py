"""A cluster for tests: starts `atoll up` on free ports and a folder of its own, and stops it.

    with Cluster() as c:
        c.s3().put_object(Bucket="b", Key="k", Body=b"...")
        c.kill()            # kill -9
        c.start()           # again, on the same data
        c.remove_domain(3)
        c.admin("device", "replace")

Cases are reported with case("name"): `ok name`, or `not ok name: why` and a non-zero exit at the end.
"""
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = os.environ.get("ATOLL_BIN", str(ROOT / "build/release/bin/atoll"))
ACCESS_KEY = "ATOLLTESTACCESSKEY00"
SECRET_KEY = "atoll/test+secret/key/0123456789abcdefgh"
START_LIMIT_S = 120
STOP_LIMIT_S = 120
PORTS = (10240, 32000)

os.environ.pop("AWS_CA_BUNDLE", None)  # some machines set it, and it concerns no cluster of ours
_failed = []


@contextlib.contextmanager
def case(name):
    try:
        yield
        print(f"ok {name}", flush=True)
    except Exception as e:  # a test case reports whatever went wrong in it
        traceback.print_exc()
        reason = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        print(f"not ok {name}: {reason}", flush=True)
        _failed.append(name)


def finish():
    sys.exit(1 if _failed else 0)


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def free_port():
    """Below the kernel's ephemeral ports: while a cluster is down, no client's own end may take its port."""
    while True:
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", random.randrange(*PORTS)))
            return s.getsockname()[1]


class Cluster:
    def __init__(self, domains=8, protection="6+2", device_size="1GiB", data=None, extra=()):
        self._own = data is None
        self.data = Path(data or tempfile.mkdtemp(prefix="atoll-test-"))
        self.domains = domains
        self.protection = protection
        self.device_size = device_size
        self.extra = list(extra)
        self.s3_port = free_port()
        self.admin_port = free_port()
        self.process = None
        self.log_path = self.data.with_name(self.data.name + ".log")

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.s3_port}"

    @property
    def admin_address(self):
        return f"127.0.0.1:{self.admin_port}"

    def env(self):
        return dict(os.environ, ATOLL_ACCESS_KEY=ACCESS_KEY, ATOLL_SECRET_KEY=SECRET_KEY,
                    ATOLL_ADMIN=self.admin_address, AWS_ACCESS_KEY_ID=ACCESS_KEY,
                    AWS_SECRET_ACCESS_KEY=SECRET_KEY, AWS_DEFAULT_REGION="us-east-1",
                    AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null",
                    AWS_SHARED_CREDENTIALS_FILE="/dev/null")

    def command(self):
        return [BIN, "up", "--data", str(self.data), "--domains", str(self.domains),
                "--protection", self.protection, "--device-size", self.device_size,
                "--s3", f"127.0.0.1:{self.s3_port}", "--admin", self.admin_address, *self.extra]

    def start(self, wait=True):
        expect(self.process is None, "already running")
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.command(), env=self.env(), stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            line = self.process.stdout.readline()
            if line.strip() == "ready":
                return
            if line == "":
                status = self.process.wait()
                self.process = None
                last = self.log_tail(1).strip()
                raise AssertionError(f"atoll up ended with status {status}: {last}\n{self.log_tail()}")
        raise AssertionError("atoll up was not ready in time")

    def log_tail(self, lines=30):
        with open(self.log_path, errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def log_text(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def stop(self):
        """Orderly, by SIGTERM; the exit status must be 0."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=STOP_LIMIT_S)
        self.process = None
        expect(status == 0, f"SIGTERM ended it with status {status}: {self.log_tail()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def running(self):
        return self.process is not None and self.process.poll() is None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        if kind is not None:
            sys.stderr.write(self.log_tail(80))
        if self._own:
            shutil.rmtree(self.data, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)

    # --- clients ---

    def s3(self, **config):
        import boto3
        from botocore.config import Config
        options = {"s3": {"addressing_style": "path"}, "signature_version": "s3v4", "retries": {"max_attempts": 0},
                   "connect_timeout": 20, "read_timeout": 120, "max_pool_connections": 50}
        options.update(config)
        return boto3.client("s3", endpoint_url=self.endpoint, aws_access_key_id=ACCESS_KEY,
                            aws_secret_access_key=SECRET_KEY, region_name="us-east-1",
                            config=Config(**options))

    def run(self, *command, check=True, **kwargs):
        """Runs a client with this cluster's credentials; returns its standard output."""
        done = subprocess.run([str(c) for c in command], env=dict(self.env(), **kwargs.pop("env", {})),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=kwargs.pop("timeout", 600), **kwargs)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command[:4]))} ... ended with {done.returncode}: "
                                 f"{(done.stderr or done.stdout)[-1500:]}")
        return done.stdout if check else done

    def admin(self, *words, check=True):
        return self.run(BIN, *words, "--admin", self.admin_address, check=check)

    def status(self):
        return json.loads(self.admin("status", "--json"))

    def scrub(self):
        return json.loads(self.admin("scrub", "--wait", "--json"))

    def wait_protected(self, limit_s=300):
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            status = self.status()
            if status["fully_protected"]:
                return status
            time.sleep(0.3)
        raise AssertionError(f"not fully protected after {limit_s} s: {status['reasons']}")

    # --- faults ---

    def domain(self, number):
        return self.data / f"domain-{number}"

    def remove_domain(self, number):
        shutil.rmtree(self.domain(number))

    def blank_domain(self, number):
        """Zeros over every file, length kept: a VM that came back with blank disks."""
        for path in self.domain(number).iterdir():
            size = path.stat().st_size
            with open(path, "r+b") as f:
                f.truncate(0)
                f.truncate(size)

    def swap_domains(self, a, b):
        aside = self.data / "aside"
        self.domain(a).rename(aside)
        self.domain(b).rename(self.domain(a))
        aside.rename(self.domain(b))

    def view(self):
        return self.data / "view"


def extents(path):
    """(offset, length) of the written parts of a sparse or preallocated file, by SEEK_DATA."""
    out = []
    with open(path, "rb") as f:
        end = os.fstat(f.fileno()).st_size
        at = 0
        while at < end:
            try:
                start = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(f.fileno(), start, os.SEEK_HOLE)
            out.append((start, at - start))
    return out


def flip_bit(path, offset, bit=0):
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)
        f.seek(offset)
        f.write(bytes([byte[0] ^ (1 << bit)]))
        f.flush()
        os.fsync(f.fileno())
