#!/usr/bin/env python3
"""Disk full: a clear error, reads go on, deleting makes room, nothing is lost; and the space of deleted and
overwritten data comes back (ten times the capacity written and deleted)."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import Cluster, case, expect, finish  # noqa: E402
from writers import check_body, make_body  # noqa: E402

from botocore.exceptions import ClientError  # noqa: E402

with Cluster(device_size="64MiB") as c:
    s3 = c.s3()
    s3.create_bucket(Bucket="box")
    stored = {}

    def put(key, attempt, size):
        s3.put_object(Bucket="box", Key=key, Body=make_body(key, attempt, size))
        stored[key] = attempt

    def put_patiently(key, attempt, size, limit_s=60):
        """Space comes back in the background: a full answer right after a delete may be temporary."""
        deadline = time.monotonic() + limit_s
        while True:
            try:
                return put(key, attempt, size)
            except ClientError as e:
                if e.response["Error"]["Code"] != "InsufficientStorage" or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def verify():
        for key, attempt in stored.items():
            seen = check_body(key, s3.get_object(Bucket="box", Key=key)["Body"].read())
            expect(seen == attempt, f"{key}: attempt {seen} instead of {attempt}")

    usable = c.status()["capacity"]["usable_bytes"]
    with case("fills up with a clear error"):
        error = None
        for i in range(2000):
            try:
                put(f"fill/{i}", i, 3_000_000)
            except ClientError as e:
                error = e
                break
        expect(error is not None, "it never fills up")
        expect(error.response["Error"]["Code"] == "InsufficientStorage", error)
        expect(error.response["ResponseMetadata"]["HTTPStatusCode"] == 507, error)
        filled = len(stored) * 3_000_000
        print(f"# {filled} bytes stored of {usable} usable", flush=True)
        expect(usable * 0.8 < filled < usable * 1.05, f"full with {filled} of {usable} bytes")
    with case("reads go on when full"):
        verify()
    with case("small puts end in the same error, not in a crash"):
        for i in range(20_000):
            try:
                put(f"small/{i}", i, 20_000)
            except ClientError as e:
                expect(e.response["Error"]["Code"] == "InsufficientStorage", e)
                break
        verify()
    with case("a full cluster restarts"):
        c.kill()
        c.start()
        verify()
    with case("deleting makes room"):
        for key in list(stored)[: len(stored) // 2]:
            s3.delete_object(Bucket="box", Key=key)
            del stored[key]
        put_patiently("after", 1, 3_000_000)
        verify()
    with case("ten times the capacity, written, overwritten and deleted"):
        for key in list(stored):
            s3.delete_object(Bucket="box", Key=key)
        stored.clear()
        written, i = 0, 0
        while written < 10 * usable:
            i += 1
            size = (6_000_000, 1_500_000, 60_000, 250_000)[i % 4]
            put_patiently(f"churn/{i % 12}", i, size)
            written += size
            if i % 5 == 0:
                key = f"churn/{(i * 7) % 12}"
                s3.delete_object(Bucket="box", Key=key)
                stored.pop(key, None)
        print(f"# {written} bytes written", flush=True)
        verify()
    with case("small objects churn too"):
        written, i = 0, 0
        while written < usable:
            i += 1
            put_patiently(f"tiny/{i % 300}", i, 50_000)
            written += 50_000
        verify()
    with case("restarts with everything"):
        c.stop()
        c.start()
        verify()
        report = c.scrub()["report"]
        expect(report["unrepairable"] + report["deferred"] == 0, report)
    c.stop()
finish()
