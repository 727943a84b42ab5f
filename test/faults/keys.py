#!/usr/bin/env python3
"""Keys that cannot be paths, and every UTF-8 oddity: stored, listed in S3's byte order with and without a
delimiter over page borders, read back, and still there after the view was deleted."""
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import Cluster, case, expect, finish  # noqa: E402

KEYS = ["a//b", "/a", "/", "//", "a/", "a", "a/b", "a/b/", "a/b/c", "../x", "./y", "..", ".", "a/../b", "a/./b",
        "a-", "a0", "a.", "a+", "a b", " a", "a ", "a\tb", "x" * 1024, "y" * 300, "s/" + "z" * 300 + "/t",
        "/".join(["d"] * 512), "é", "e\u0301", "\u2603/snow", "\U0001F600", "\U0010FFFF", "\uFFFD", "\u200b",
        "\u202eabc", "ß", "ẞ", "İ", "ı", "\u00a0", "%", "%2F", "%zz", "a%2Fb", "a?b", "a#b", "a&b=c", "a;b", "a:b",
        "a\\b", "a\"b", "a'b", "a<b>c", "a&amp;b", "*", "[x]", "{x}", "|", "~", "^", "`", "$HOME", "CON", "nul.txt",
        "dir/sub//deep", "dir/sub/", "dir/sub", "dir/sub/a", "dir-sub", "dir0sub", "\u007f", "a\u0080b", "日本/語"]


def rolled(keys, prefix, delimiter):
    """What a listing must show: keys and common prefixes in byte order."""
    out = set()
    for key in keys:
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        out.add((key[: at + len(delimiter)], True) if at >= 0 else (key, False))
    return sorted(out, key=lambda e: e[0].encode())


def listing(s3, prefix, delimiter, size, version):
    out = []
    args = dict(Bucket="box", Prefix=prefix)
    if delimiter:
        args["Delimiter"] = delimiter
    name = "list_objects_v2" if version == 2 else "list_objects"
    for page in s3.get_paginator(name).paginate(**args, PaginationConfig={"PageSize": size}):
        entries = [(o["Key"], False) for o in page.get("Contents", [])]
        entries += [(p["Prefix"], True) for p in page.get("CommonPrefixes", [])]
        expect(len(entries) <= size, "page too large")
        out += sorted(entries, key=lambda e: e[0].encode())
    return out


def check_all(c, s3, keys):
    for key in keys:
        body = s3.get_object(Bucket="box", Key=key)["Body"].read()
        expect(body == f"body of {key}".encode(), f"body of {key!r}")
    for delimiter in ("", "/", "b", "//"):
        for prefix in ("", "a", "a/", "dir", "dir/", "/", "no-such"):
            want = rolled(keys, prefix, delimiter)
            for version, size in ((2, 1000), (1, 1000), (2, 1), (1, 3), (2, 7)):
                got = listing(s3, prefix, delimiter, size, version)
                if got != want:
                    missing = [e for e in want if e not in got][:5]
                    extra = [e for e in got if e not in want][:5]
                    raise AssertionError(f"v{version} prefix {prefix!r} delimiter {delimiter!r} pages of "
                                         f"{size}: missing {missing}, extra {extra}, order "
                                         f"{'right' if sorted(got) == got else 'differs'}")


with Cluster() as c:
    s3 = c.s3()
    s3.create_bucket(Bucket="box")
    keys = list(dict.fromkeys(KEYS))
    with case("stored in any order"):
        shuffled = keys[:]
        random.Random(4).shuffle(shuffled)
        for key in shuffled:
            s3.put_object(Bucket="box", Key=key, Body=f"body of {key}".encode())
    with case("read back and listed in byte order over page borders"):
        check_all(c, s3, keys)
    with case("too long a key is refused"):
        try:
            s3.put_object(Bucket="box", Key="k" * 1025, Body=b"")
            raise AssertionError("accepted")
        except s3.exceptions.ClientError as e:
            expect(e.response["Error"]["Code"] == "KeyTooLongError", e)
    with case("start-after in the middle of anything"):
        for after in keys:
            got = [o["Key"] for o in s3.list_objects_v2(Bucket="box", StartAfter=after).get("Contents", [])]
            want = sorted((k for k in keys if k.encode() > after.encode()), key=str.encode)
            expect(got == want, f"after {after!r}: {got[:3]} instead of {want[:3]}")
    with case("half of them deleted, the rest as they were"):
        for key in keys[::2]:
            s3.delete_object(Bucket="box", Key=key)
        keys = keys[1::2]
        check_all(c, s3, keys)
    with case("still there after kill -9 and a deleted view"):
        c.kill()
        shutil.rmtree(c.view())
        c.start()
        s3 = c.s3()
        check_all(c, s3, keys)
    with case("all deleted: nothing is left, not even folders"):
        for key in keys:
            s3.delete_object(Bucket="box", Key=key)
        expect("Contents" not in s3.list_objects_v2(Bucket="box"), "objects left")
        expect("CommonPrefixes" not in s3.list_objects_v2(Bucket="box", Delimiter="/"), "folders left")
        s3.delete_bucket(Bucket="box")
    c.stop()
finish()
