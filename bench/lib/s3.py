"""GET and PUT through the S3 door beside nginx with static files, by one load generator."""
import dataclasses

from . import disk
from .lines import KIB, MIB, Line, median
from .servers import Atoll, Nginx


@dataclasses.dataclass
class Shape:
    name: str
    size: int
    objects: int        # different keys
    cold_objects: int   # read once each with dropped caches

    def until(self, run, connections):
        """When a run ends: large objects by count, so that it does not end with gigabytes under way."""
        if self.size < 8 * MIB:
            return {"seconds": run.seconds}
        return {"requests": max(8, min(2 * connections, 64))}


SHAPES = {
    "s3-4k": Shape("4 KiB", 4 * KIB, 4096, 4096),
    "s3-1m": Shape("1 MiB", MIB, 256, 256),
    "s3-64m": Shape("64 MiB", 64 * MIB, 16, 16),
}


def cpu_of(outs):
    """Of the server's process, for each request."""
    seconds = median(o["server_cpu_seconds"] / max(1, o["answered"]) for o in outs)
    return f"{seconds * 1e6:.0f} us" if seconds < 0.01 else f"{seconds * 1e3:.0f} ms"


class Matrix:
    def __init__(self, run, shape, atoll, nginx):
        self.run, self.shape, self.atoll, self.nginx = run, shape, atoll, nginx
        self.rates = {}  # (verb, connections) -> Atoll's figure

    def unit(self):
        return "/s" if self.shape.size < MIB else "B/s"

    def figure(self, out):
        return out["requests_per_second"] if self.unit() == "/s" else out["bytes_per_second"]

    def add(self, verb, connections, ours, theirs, reference, need=None):
        notes = [f"p50 {median(o['p50_us'] for o in ours) / 1000:.2f} p99 "
                 f"{median(o['p99_us'] for o in ours) / 1000:.2f} ms"]
        notes.append(f"CPU {cpu_of(ours)}, nginx {cpu_of(theirs)}")
        for who, outs in (("client", ours), ("client beside nginx", theirs)):
            busy = median(o["client_cpu"] for o in outs)
            if busy > 0.9:
                notes.append(f"{who} {busy:.0%} busy")
        value = median(map(self.figure, ours))
        self.rates[verb, connections] = value
        self.run.add(Line(f"{verb} {self.shape.name}, {connections} connections", value, self.unit(),
                          median(map(self.figure, theirs)), reference, need=need, note=", ".join(notes)))

    def fill(self):
        for server in (self.atoll, self.nginx):
            server.load("put", size=self.shape.size, objects=self.shape.objects,
                        requests=self.shape.objects, connections=4)

    def pairs(self, **options):
        """Atoll and nginx in turn, so that both see the same machine."""
        ours, theirs = [], []
        for _ in range(self.run.repeats):
            theirs.append(self.nginx.load(size=self.shape.size, **options))
            ours.append(self.atoll.load(size=self.shape.size, **options))
        return ours, theirs

    def warm(self, connections, need=None):
        # One round first: what is read again and again is in memory on both sides.
        for server in (self.atoll, self.nginx):
            server.load("get", size=self.shape.size, objects=self.shape.objects,
                        requests=self.shape.objects, connections=4)
        ours, theirs = self.pairs(kind="get", objects=self.shape.objects, connections=connections,
                                  **self.shape.until(self.run, connections))
        self.add("GET", connections, ours, theirs, "nginx, warm", need)

    def cold(self, connections):
        ours, theirs = [], []
        for _ in range(self.run.repeats):
            for server, outs in ((self.nginx, theirs), (self.atoll, ours)):
                if not disk.drop_caches():
                    self.run.say("  (dropping caches is not permitted: cold reads are left out)")
                    return
                outs.append(server.load("get", size=self.shape.size, objects=self.shape.cold_objects,
                                        requests=self.shape.cold_objects, connections=connections))
        self.add("GET, dropped caches,", connections, ours, theirs, "nginx, dropped caches")

    def put(self, connections):
        ours, theirs = self.pairs(kind="put", objects=self.shape.objects, connections=connections,
                                  prefix="p", **self.shape.until(self.run, connections))
        self.add("durable PUT", connections, ours, theirs, "nginx PUT, not durable")


def _matrix(run, name, after):
    shape = SHAPES[name]
    with Nginx(run.dir / "nginx") as nginx, Atoll(run.dir / "data", run.device_size) as atoll:
        matrix = Matrix(run, shape, atoll, nginx)
        matrix.fill()
        for connections in run.connections:
            need = {("s3-4k", 16): 0.25, ("s3-64m", 4): 0.5}.get((name, connections))
            matrix.warm(connections, need)
        for connections in run.connections:
            matrix.cold(connections)
        for connections in run.connections:
            matrix.put(connections)
        after(matrix)


def small(run):
    def after(matrix):
        syncs = [disk.synced_appends(run.dir) for _ in range(3)]
        disk.remove_files(run.dir)
        run.add(Line("durable PUT 4 KiB, 16 connections", matrix.rates["durable PUT", 16], "/s",
                     median(syncs), "fio 4 KiB + fdatasync, one at a time", need=0.25))
    _matrix(run, "s3-4k", after)


def medium(run):
    _matrix(run, "s3-1m", lambda matrix: None)


def large(run):
    def after(matrix):
        writes = [disk.direct_write(run.dir) for _ in range(run.repeats)]
        reads = [disk.direct_read(run.dir) for _ in range(run.repeats)]
        hashes = [disk.md5_rate() for _ in range(run.repeats)]
        disk.remove_files(run.dir)
        by_disk, by_hash = median(writes) * 6 / 8, median(hashes)
        name = "MD5, one core" if by_hash < by_disk else "fio direct write x 6/8"
        for connections in (1, 4):
            if ("durable PUT", connections) in matrix.rates:
                run.add(Line(f"durable PUT 64 MiB, {connections} connections",
                             matrix.rates["durable PUT", connections], "B/s", min(by_disk, by_hash), name,
                             need=0.6))
        if ("GET, dropped caches,", 4) in matrix.rates:
            run.add(Line("GET 64 MiB, dropped caches, 4 connections",
                         matrix.rates["GET, dropped caches,", 4], "B/s", median(reads), "fio direct read",
                         need=0.7))
    _matrix(run, "s3-64m", after)
