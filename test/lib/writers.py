"""Clients that write while the cluster is hurt, and remember what was acknowledged.

Every object's body follows from its key and its attempt number, which is its first line, so that a
reader can tell a whole object from a torn one and knows which put it came from.
"""
import hashlib
import random
import threading

from botocore.exceptions import BotoCoreError, ClientError

SIZES = (0, 100, 4096, 30_000, 66_000, 300_000, 2_000_000, 7_000_000)


def make_body(key, attempt, size):
    head = f"{key} {attempt} {size}\n".encode()
    if size <= len(head):
        return head
    block = hashlib.sha256(head).digest() * 512
    return head + (block * ((size - len(head)) // len(block) + 1))[:size - len(head)]


def check_body(key, body):
    """The attempt that this body is, whole; raises when it is no attempt's body."""
    head, _, _ = body.partition(b"\n")
    name, attempt, size = head.decode().rsplit(" ", 2)
    if name != key or body != make_body(key, int(attempt), int(size)):
        raise AssertionError(f"{key}: torn or wrong body (attempt {attempt}, {len(body)} bytes)")
    return int(attempt)


class Writers:
    """`count` threads, each on keys of its own. stop() ends them; verify() compares all with what was said."""

    def __init__(self, cluster, bucket, count=4, keys=10, seed=1, sizes=SIZES):
        self.cluster, self.bucket, self.keys, self.sizes = cluster, bucket, keys, sizes
        self.acknowledged = {}   # key -> attempt, or None when a delete was acknowledged
        self.possible = {}       # key -> attempts and None whose outcome is unknown, since then
        self.errors = []
        self.done = 0
        self.attempt = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(i, seed * 1000 + i), daemon=True)
                        for i in range(count)]

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        self.stopping.set()
        for t in self.threads:
            t.join(timeout=300)
            if t.is_alive():
                raise AssertionError("a client hangs")

    def work(self, index, seed):
        rng = random.Random(seed)
        s3 = self.cluster.s3(connect_timeout=5, read_timeout=60)
        while not self.stopping.is_set():
            key = f"w{index}/k{rng.randrange(self.keys)}"
            with self.lock:
                self.attempt += 1
                attempt = self.attempt
            outcome = attempt if rng.random() < 0.85 else None
            with self.lock:
                self.possible.setdefault(key, set()).add(outcome)
            try:
                if outcome is None:
                    s3.delete_object(Bucket=self.bucket, Key=key)
                else:
                    s3.put_object(Bucket=self.bucket, Key=key,
                                  Body=make_body(key, attempt, rng.choice(self.sizes)))
                with self.lock:
                    self.acknowledged[key] = outcome
                    self.possible[key] = set()
                    self.done += 1
            except (BotoCoreError, ClientError, OSError) as e:
                with self.lock:
                    self.errors.append(f"{key}: {e}")
                self.stopping.wait(0.05)

    def verify(self):
        s3 = self.cluster.s3()
        listed = {}
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix="w"):
            for o in page.get("Contents", []):
                listed[o["Key"]] = o["Size"]
        for key in sorted(set(self.acknowledged) | set(self.possible)):
            allowed = {self.acknowledged.get(key)} | self.possible.get(key, set())
            try:
                body = s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
                seen = check_body(key, body)
            except ClientError as e:
                if e.response["Error"]["Code"] != "NoSuchKey":
                    raise
                seen, body = None, b""
            if seen not in allowed:
                raise AssertionError(f"{key}: attempt {seen} is there, allowed: {allowed}")
            if (key in listed) != (seen is not None):
                raise AssertionError(f"{key}: listing and object disagree")
            if seen is not None and listed[key] != len(body):
                raise AssertionError(f"{key}: listed with {listed[key]} bytes, has {len(body)}")
            self.acknowledged[key] = seen   # what was open is settled now
            self.possible[key] = set()
        return len(self.acknowledged)
