#!/usr/bin/env python3
"""Malformed and hostile requests: S3's error or a closed connection, bounded memory, nothing stored."""
import datetime
import hashlib
import hmac
import os
import random
import resource
import socket
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import ACCESS_KEY, SECRET_KEY, Cluster, case, expect, finish  # noqa: E402

REGION = "us-east-1"


def sign_key(date):
    key = ("AWS4" + SECRET_KEY).encode()
    for part in (date, REGION, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def signed(method, path, host, sha="UNSIGNED-PAYLOAD", when=None, extra=(), secret_date=None):
    """Header lines of a signed request, the signature and the time stamp."""
    when = when or datetime.datetime.now(datetime.timezone.utc)
    stamp, date = when.strftime("%Y%m%dT%H%M%SZ"), when.strftime("%Y%m%d")
    headers = {"host": host, "x-amz-content-sha256": sha, "x-amz-date": stamp, **dict(extra)}
    names = ";".join(sorted(headers))
    canonical = "\n".join([method, path, "", *[f"{n}:{headers[n]}" for n in sorted(headers)], "", names, sha])
    scope = f"{date}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(sign_key(secret_date or date), text.encode(), hashlib.sha256).hexdigest()
    lines = [f"{n}: {v}" for n, v in headers.items()]
    lines.append(f"authorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, "
                 f"Signature={signature}")
    return lines, signature, stamp, scope


def exchange(c, data, timeout=30, half_close=False):
    """Sends bytes, returns everything that comes back until the peer closes or is silent for a while."""
    with socket.create_connection(("127.0.0.1", c.s3_port), timeout=timeout) as s:
        s.settimeout(timeout)
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        out = b""
        s.settimeout(3)
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                out += piece
        except (TimeoutError, ConnectionError):
            pass
        return out


def request(method, path, lines, body=b""):
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + body


def rss_bytes(c):
    with open(f"/proc/{c.process.pid}/status") as f:
        return int([line for line in f if line.startswith("VmRSS")][0].split()[1]) * 1024


def refused(answer, *codes):
    if not answer:
        return
    status = answer.split(b" ", 2)[1]
    expect(status.startswith((b"4", b"5")), answer[:200])
    if codes:
        expect(any(f"<Code>{code}</Code>".encode() in answer for code in codes), answer[:600])


with Cluster() as c:
    s3 = c.s3()
    s3.create_bucket(Bucket="box")
    s3.put_object(Bucket="box", Key="there", Body=b"untouched")
    host = f"127.0.0.1:{c.s3_port}"

    with case("anonymous is refused"):
        for method, path in (("GET", "/"), ("GET", "/box/there"), ("PUT", "/box/x"), ("DELETE", "/box/there")):
            refused(exchange(c, request(method, path, [f"host: {host}", "content-length: 0"])), "AccessDenied")
    with case("malformed request lines and headers"):
        lines, *_ = signed("GET", "/box/there", host)
        good = request("GET", "/box/there", lines)
        for bad in (b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G\x00T / HTTP/1.1\r\n\r\n",
                    good.replace(b"host:", b"ho st:"), good.replace(b"\r\nhost", b"\r\n host"),
                    good.replace(b"\r\n\r\n", b"\r\nx: \x00\r\n\r\n"),
                    good.replace(b"\r\n\r\n", b"\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"),
                    good.replace(b"\r\n\r\n", b"\r\ncontent-length: -1\r\n\r\n"),
                    good.replace(b"\r\n\r\n", b"\r\ncontent-length: 99999999999999999999\r\n\r\n"),
                    good.replace(b"\r\n\r\n", b"\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n"),
                    good.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: gzip\r\n\r\n"),
                    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
                    good.replace(b"\r\n\r\n", b"\r\nx-big: " + b"a" * 200_000 + b"\r\n\r\n"),
                    good.replace(b"\r\n\r\n", b"".join(b"\r\nx-%d: y" % i for i in range(5000)) + b"\r\n\r\n")):
            refused(exchange(c, bad))
    with case("every truncation of a good request"):
        lines, *_ = signed("PUT", "/box/cut", host, extra=[("content-length", "5")])
        good = request("PUT", "/box/cut", lines, b"hello")
        for n in range(0, len(good), 7):
            answer = exchange(c, good[:n], half_close=True)
            expect(b" 200 " not in answer[:20], f"accepted {n} of {len(good)} bytes")
    with case("random bytes"):
        rng = random.Random(5)
        for i in range(200):
            refused(exchange(c, rng.randbytes(rng.randrange(1, 4000)), half_close=True))
    with case("wrong signatures"):
        lines, signature, *_ = signed("GET", "/box/there", host)
        refused(exchange(c, request("GET", "/box/other", lines)), "SignatureDoesNotMatch")
        refused(exchange(c, request("DELETE", "/box/there", lines)), "SignatureDoesNotMatch")
        refused(exchange(c, request("GET", "/box/there?acl", lines)), "SignatureDoesNotMatch")
        flipped = [line.replace(signature, signature[::-1]) for line in lines]
        refused(exchange(c, request("GET", "/box/there", flipped)), "SignatureDoesNotMatch")
        old = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=30)
        for when in (old, old + datetime.timedelta(hours=1)):
            lines, *_ = signed("GET", "/box/there", host, when=when)
            refused(exchange(c, request("GET", "/box/there", lines)), "RequestTimeTooSkewed")
        lines, *_ = signed("GET", "/box/there", host, secret_date="20200101")
        refused(exchange(c, request("GET", "/box/there", lines)), "SignatureDoesNotMatch")
        refused(exchange(c, request("GET", "/box/there", [f"host: {host}", "authorization: AWS x:y"])))
        refused(exchange(c, request("GET", "/box/there", [f"host: {host}", "authorization: AWS4-HMAC-SHA256 "])))
    with case("a payload that is not the signed one"):
        sha = hashlib.sha256(b"hello").hexdigest()
        lines, *_ = signed("PUT", "/box/payload", host, sha=sha, extra=[("content-length", "5")])
        refused(exchange(c, request("PUT", "/box/payload", lines, b"jello")), "XAmzContentSHA256Mismatch")
    with case("signed chunks: wrong, replayed, reordered, cut"):
        def chunked(bodies, mangle, declared=None):
            size = sum(len(b) for b in bodies) if declared is None else declared
            lines, seed, stamp, scope = signed(
                "PUT", "/box/chunked", host, sha="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                extra=[("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", str(size))])
            chunks, previous = [], seed
            for body in [*bodies, b""]:
                text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", stamp, scope, previous,
                                  hashlib.sha256(b"").hexdigest(), hashlib.sha256(body).hexdigest()])
                previous = hmac.new(sign_key(stamp[:8]), text.encode(), hashlib.sha256).hexdigest()
                chunks.append(f"{len(body):x};chunk-signature={previous}\r\n".encode() + body + b"\r\n")
            payload = b"".join(mangle(chunks))
            return exchange(c, request("PUT", "/box/chunked", [*lines, f"content-length: {len(payload)}"], payload))

        parts = [os.urandom(8192), os.urandom(8192), os.urandom(100)]
        for mangle in (lambda x: [x[0], x[0], x[1], x[2], x[3]], lambda x: [x[1], x[0], x[2], x[3]],
                       lambda x: x[:2] + x[3:], lambda x: x[:3], lambda x: [x[0][:-10]],
                       lambda x: [x[0].replace(b"2000;", b"1fff;"), *x[1:]],
                       lambda x: [x[0][:200] + b"?" + x[0][201:], *x[1:]],
                       lambda x: [b"fffffffffffffffff;chunk-signature=0\r\n", *x[1:]]):
            refused(chunked(parts, mangle))
        refused(chunked(parts, lambda x: x, declared=5))
        try:
            s3.head_object(Bucket="box", Key="chunked")
            raise AssertionError("something was stored")
        except s3.exceptions.ClientError as e:
            expect(e.response["Error"]["Code"] == "404", e)
        good = chunked(parts, lambda x: x)
        expect(b" 200 " in good[:20], good[:300])
        expect(s3.get_object(Bucket="box", Key="chunked")["Body"].read() == b"".join(parts), "the good one")
        s3.delete_object(Bucket="box", Key="chunked")
    with case("presigned: expired, tampered, too long"):
        for seconds in (1, 60):
            url = s3.generate_presigned_url("get_object", {"Bucket": "box", "Key": "there"}, ExpiresIn=seconds)
            bad = url if seconds == 1 else url.replace("/there", "/other")
            if seconds == 1:
                time.sleep(2.2)
            try:
                urllib.request.urlopen(bad)
                raise AssertionError("accepted")
            except urllib.error.HTTPError as e:
                expect(e.code == 403, e.code)
        url = s3.generate_presigned_url("get_object", {"Bucket": "box", "Key": "there"}, ExpiresIn=604801)
        try:
            urllib.request.urlopen(url)
            raise AssertionError("accepted")
        except urllib.error.HTTPError as e:
            expect(e.code in (400, 403), e.code)
    with case("slow-loris: many half requests do not stop others, and end"):
        before = rss_bytes(c)
        slow = [socket.create_connection(("127.0.0.1", c.s3_port)) for _ in range(500)]
        for i, s in enumerate(slow):
            s.sendall(b"PUT /box/slow%d HTTP/1.1\r\nhost: x\r\nx-" % i)
        for round_ in range(3):
            for s in slow[:200]:
                try:
                    s.sendall(b"a")
                except OSError:
                    pass
            expect(s3.get_object(Bucket="box", Key="there")["Body"].read() == b"untouched", "served meanwhile")
        for s in slow:
            s.close()
        expect(rss_bytes(c) - before < 64 << 20, f"500 slow clients cost {rss_bytes(c) - before} bytes")
    with case("10,000 idle connections"):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        want = min(10_000, (hard if hard != resource.RLIM_INFINITY else 20_000) - 500)
        resource.setrlimit(resource.RLIMIT_NOFILE, (want + 400, hard))
        before = rss_bytes(c)
        idle = []
        for i in range(want):
            source = f"127.0.{i // 5000 + 1}.1"
            s = socket.socket()
            s.bind((source, 0))
            s.connect(("127.0.0.1", c.s3_port))
            idle.append(s)
        time.sleep(1)
        grown = rss_bytes(c) - before
        print(f"# {want} idle connections cost {grown >> 10} KiB", flush=True)
        expect(grown < 200 << 20, f"{want} idle connections cost {grown} bytes")
        expect(s3.get_object(Bucket="box", Key="there")["Body"].read() == b"untouched", "served meanwhile")
        for s in idle:
            s.close()
    with case("nothing was stored, nothing was harmed"):
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket="box").get("Contents", [])]
        expect(keys == ["there"], keys)
        expect(s3.get_object(Bucket="box", Key="there")["Body"].read() == b"untouched", "body")
        expect(c.running(), "the server is gone")
    c.stop()
finish()
