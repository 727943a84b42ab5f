"""The two servers that the load generator drives: Atoll (test/lib/atoll_cluster.py) and nginx.

Placement on two cores (shared/facts: unpinned, two talking processes often share one core and TCP
turns bimodal): the thread that talks to clients on core 0, in Atoll its reactor and in nginx its one worker; the
load generator on core 1. Atoll's other threads (hashes, flushes, RocksDB) may use both, as they would
in use; nginx has none. With fewer than two cores nothing is pinned.
"""
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "test/lib"))
import atoll_cluster  # noqa: E402

LOAD = ROOT / "build/release/bin/atoll-bench-load"
SERVER_CORE, CLIENT_CORE = 0, 1
PIN = len(os.sched_getaffinity(0)) >= 2 and {0, 1} <= os.sched_getaffinity(0)
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

NGINX_CONF = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 600s;
  client_max_body_size 0; client_body_temp_path {dir}/tmp; default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port}; root {dir}/files;
    location / {{ dav_methods PUT DELETE; create_full_put_path on; }}
  }}
}}
"""


def pinned(core, command):
    return ["taskset", "-c", str(core), *map(str, command)] if PIN else list(map(str, command))


def pin_thread(tid, core):
    if PIN:
        os.sched_setaffinity(tid, {core})


class Server:
    """What the load generator needs to know: address, how to sign, under which path."""
    address = ""
    sign = ()

    def pids(self):
        """The processes whose time is counted."""
        raise NotImplementedError

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # user and system time of all its threads
        return ticks / os.sysconf("SC_CLK_TCK")

    def load(self, kind, check=True, **options):
        command = [LOAD, "--kind", kind, "--address", self.address, *self.sign]
        for name, value in options.items():
            command += [f"--{name}", value]
        before = self.cpu_seconds()
        done = subprocess.run(pinned(CLIENT_CORE, command), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        if done.returncode == 2 or not done.stdout:
            raise RuntimeError(f"load generator: {done.stderr.strip()}")
        out = json.loads(done.stdout)
        out["server_cpu_seconds"] = self.cpu_seconds() - before
        if check and out["errors"]:
            raise RuntimeError(f"{out['errors']} errors of {kind} on {type(self).__name__}: "
                               f"{out['first_error'][:300]}")
        return out


class Nginx(Server):
    def __init__(self, folder):
        self.dir = Path(folder)
        self.port = atoll_cluster.free_port()
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        for name in ("files", "tmp"):
            (self.dir / name).mkdir(parents=True, exist_ok=True)
        # The worker runs as nobody when nginx is started by root.
        for path in (self.dir, self.dir / "files", self.dir / "tmp"):
            path.chmod(0o777)
        conf = self.dir / "nginx.conf"
        user = "user root;\n" if os.geteuid() == 0 else ""
        conf.write_text(user + NGINX_CONF.format(dir=self.dir, port=self.port))
        self.process = subprocess.Popen(
            pinned(SERVER_CORE, [NGINX, "-p", self.dir, "-c", conf, "-e", self.dir / "error.log"]))
        wait_for_port(self.port, self.process)
        return self

    def pids(self):
        own = self.process.pid
        return [own, *map(int, Path(f"/proc/{own}/task/{own}/children").read_text().split())]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Atoll(Server):
    def __init__(self, folder, device_size="2GiB"):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.cluster = atoll_cluster.Cluster(data=folder, device_size=device_size)
        self.address = f"127.0.0.1:{self.cluster.s3_port}"
        self.sign = ("--credentials", f"{atoll_cluster.ACCESS_KEY}:{atoll_cluster.SECRET_KEY}")
        self.start_seconds = 0.0

    def __enter__(self):
        self.start()
        self.make_bucket()
        return self

    def start(self):
        began = time.monotonic()
        self.cluster.start()
        self.start_seconds = time.monotonic() - began
        pin_thread(self.cluster.process.pid, SERVER_CORE)
        return self

    def pids(self):
        return [self.cluster.process.pid]

    def make_bucket(self):
        self.load("bucket")

    def __exit__(self, kind, value, trace):
        self.cluster.__exit__(kind, value, trace)
        shutil.rmtree(self.cluster.data, ignore_errors=True)
        self.cluster.log_path.unlink(missing_ok=True)

    def rss_bytes(self):
        for line in Path(f"/proc/{self.cluster.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def peak_rss_bytes(self):
        for line in Path(f"/proc/{self.cluster.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmHWM")


def wait_for_port(port, process):
    import socket
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server does not listen")
