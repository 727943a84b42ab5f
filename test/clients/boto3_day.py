#!/usr/bin/env python3
"""A day's work with boto3: every operation that is offered, its conditionals, checksums and errors.

Runs under the interpreter that runs it, and again under Debian's (an older boto3) where that is another.
"""
import base64
import concurrent.futures
import hashlib
import io
import os
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from atoll_cluster import Cluster, case, expect, finish  # noqa: E402

import boto3  # noqa: E402
from boto3.s3.transfer import TransferConfig  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402


def refused(code, call, **kwargs):
    try:
        call(**kwargs)
    except ClientError as e:
        got = e.response["Error"]["Code"]
        expect(got == code, f"expected {code}, got {got}")
        return e
    raise AssertionError(f"expected {code}, but it succeeded")


def new_enough(major, minor):
    return tuple(int(x) for x in boto3.__version__.split(".")[:2]) >= (major, minor)


def run(c):
    s3 = c.s3()
    body = os.urandom(200_000)

    with case("buckets"):
        s3.create_bucket(Bucket="day")
        names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
        expect(names == ["day"], names)
        s3.head_bucket(Bucket="day")
        refused("404", s3.head_bucket, Bucket="no-such-bucket")
        expect(s3.get_bucket_location(Bucket="day")["LocationConstraint"] in (None, "us-east-1"), "location")
        s3.put_bucket_tagging(Bucket="day", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        expect(s3.get_bucket_tagging(Bucket="day")["TagSet"] == [{"Key": "a", "Value": "b"}], "tags")
        s3.delete_bucket_tagging(Bucket="day")
        refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket="day")

    with case("put, head, get"):
        etag = s3.put_object(Bucket="day", Key="k", Body=body, ContentType="x/y",
                             Metadata={"one": "1"}, CacheControl="max-age=3")["ETag"]
        expect(etag == f'"{hashlib.md5(body).hexdigest()}"', "the ETag is the MD5")
        head = s3.head_object(Bucket="day", Key="k")
        expect(head["ContentLength"] == len(body) and head["ContentType"] == "x/y", head)
        expect(head["Metadata"] == {"one": "1"} and head["CacheControl"] == "max-age=3", head)
        expect(s3.get_object(Bucket="day", Key="k")["Body"].read() == body, "body")
        refused("NoSuchKey", s3.get_object, Bucket="day", Key="none")
        refused("NoSuchBucket", s3.get_object, Bucket="nobucket", Key="none")

    with case("ranges"):
        for spec, part in (("bytes=0-9", body[:10]), ("bytes=5-", body[5:]), ("bytes=-7", body[-7:]),
                           ("bytes=199990-300000", body[199990:])):
            got = s3.get_object(Bucket="day", Key="k", Range=spec)
            expect(got["Body"].read() == part, spec)
            expect(got["ResponseMetadata"]["HTTPStatusCode"] == 206, spec)
        refused("InvalidRange", s3.get_object, Bucket="day", Key="k", Range="bytes=200000-")

    with case("conditionals"):
        s3.get_object(Bucket="day", Key="k", IfMatch=etag)
        refused("PreconditionFailed", s3.get_object, Bucket="day", Key="k", IfMatch='"x"')
        refused("304", s3.get_object, Bucket="day", Key="k", IfNoneMatch=etag)
        modified = s3.head_object(Bucket="day", Key="k")["LastModified"]
        refused("304", s3.get_object, Bucket="day", Key="k", IfModifiedSince=modified)
        s3.get_object(Bucket="day", Key="k", IfUnmodifiedSince=modified)
        if new_enough(1, 35):
            refused("PreconditionFailed", s3.put_object, Bucket="day", Key="k", Body=b"", IfNoneMatch="*")
            s3.put_object(Bucket="day", Key="fresh", Body=b"1", IfNoneMatch="*")

    with case("checksums"):
        for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256"):
            try:
                put = s3.put_object(Bucket="day", Key="sum", Body=body, ChecksumAlgorithm=algorithm)
            except Exception as e:
                if "awscrt" in str(e).lower() or "crt" in str(e).lower():
                    continue  # this boto3 has no code for the algorithm
                raise
            got = s3.get_object(Bucket="day", Key="sum", ChecksumMode="ENABLED")
            expect(got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"], algorithm)
            expect(got["Body"].read() == body, "verified body")
        wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
        refused("BadDigest", s3.put_object, Bucket="day", Key="bad", Body=body, ChecksumSHA256=wrong)
        refused("BadDigest", s3.put_object, Bucket="day", Key="bad", Body=body,
                ContentMD5=base64.b64encode(hashlib.md5(b"other").digest()).decode())
        refused("InvalidDigest", s3.put_object, Bucket="day", Key="bad", Body=body, ContentMD5="xx")
        refused("404", s3.head_object, Bucket="day", Key="bad")

    with case("copy"):
        s3.copy_object(Bucket="day", Key="copy", CopySource="day/k")
        expect(s3.get_object(Bucket="day", Key="copy")["Body"].read() == body, "copied body")
        expect(s3.head_object(Bucket="day", Key="copy")["Metadata"] == {"one": "1"}, "copied metadata")
        s3.copy_object(Bucket="day", Key="copy", CopySource="day/copy", MetadataDirective="REPLACE",
                       Metadata={"two": "2"})
        expect(s3.head_object(Bucket="day", Key="copy")["Metadata"] == {"two": "2"}, "new metadata")
        refused("InvalidRequest", s3.copy_object, Bucket="day", Key="copy", CopySource="day/copy")
        refused("PreconditionFailed", s3.copy_object, Bucket="day", Key="c2", CopySource="day/k",
                CopySourceIfMatch='"x"')
        refused("NoSuchKey", s3.copy_object, Bucket="day", Key="c2", CopySource="day/none")

    with case("multipart by the transfer manager"):
        large = os.urandom(17_000_000)
        config = TransferConfig(multipart_threshold=6_000_000, multipart_chunksize=5 << 20, max_concurrency=4)
        s3.upload_fileobj(io.BytesIO(large), "day", "large", Config=config)
        out = io.BytesIO()
        s3.download_fileobj("day", "large", out, Config=config)
        expect(out.getvalue() == large, "the same bytes")
        expect(s3.head_object(Bucket="day", Key="large")["ETag"].endswith('-4"'), "ETag of 4 parts")
        part = s3.get_object(Bucket="day", Key="large", PartNumber=2)
        expect(part["Body"].read() == large[5 << 20:10 << 20], "part 2")

    with case("multipart by hand"):
        up = s3.create_multipart_upload(Bucket="day", Key="hand", Metadata={"m": "v"})["UploadId"]
        ids = dict(Bucket="day", Key="hand", UploadId=up)
        p1 = s3.upload_part(PartNumber=1, Body=large[:5 << 20], **ids)["ETag"]
        p2 = s3.upload_part_copy(PartNumber=2, CopySource="day/large", CopySourceRange="bytes=100-299",
                                 **ids)["CopyPartResult"]["ETag"]
        listed = s3.list_parts(**ids)["Parts"]
        expect([p["PartNumber"] for p in listed] == [1, 2], listed)
        uploads = s3.list_multipart_uploads(Bucket="day")["Uploads"]
        expect([u["Key"] for u in uploads] == ["hand"], uploads)
        parts = [{"PartNumber": 1, "ETag": p1}, {"PartNumber": 2, "ETag": p2}]
        refused("InvalidPartOrder", s3.complete_multipart_upload,
                MultipartUpload={"Parts": parts[::-1]}, **ids)
        refused("InvalidPart", s3.complete_multipart_upload,
                MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0123"'}]}, **ids)
        s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **ids)
        expect(s3.get_object(Bucket="day", Key="hand")["Body"].read() == large[:5 << 20] + large[100:300],
               "joined body")
        expect(s3.head_object(Bucket="day", Key="hand")["Metadata"] == {"m": "v"}, "metadata")
        refused("NoSuchUpload", s3.list_parts, **ids)
        up = s3.create_multipart_upload(Bucket="day", Key="small")["UploadId"]
        ids = dict(Bucket="day", Key="small", UploadId=up)
        tags = [s3.upload_part(PartNumber=n, Body=b"x", **ids)["ETag"] for n in (1, 2)]
        refused("EntityTooSmall", s3.complete_multipart_upload, MultipartUpload={
            "Parts": [{"PartNumber": n + 1, "ETag": t} for n, t in enumerate(tags)]}, **ids)
        s3.abort_multipart_upload(**ids)
        refused("NoSuchUpload", s3.abort_multipart_upload, **ids)

    with case("listing"):
        keys = sorted([f"list/{i:03}" for i in range(50)] + [f"list/dir{i}/x" for i in range(7)])
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda k: s3.put_object(Bucket="day", Key=k, Body=b"x"), keys))
        for size in (1, 7, 1000):
            seen = []
            for page in s3.get_paginator("list_objects_v2").paginate(
                    Bucket="day", Prefix="list/", PaginationConfig={"PageSize": size}):
                seen += [o["Key"] for o in page.get("Contents", [])]
            expect(seen == keys, f"page size {size}")
            both = []
            for page in s3.get_paginator("list_objects").paginate(
                    Bucket="day", Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": size}):
                both += [o["Key"] for o in page.get("Contents", [])]
                both += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
            expect(sorted(both) == sorted([k for k in keys if k.count("/") == 1] +
                                          [f"list/dir{i}/" for i in range(7)]), f"delimiter, {size}")
        after = s3.list_objects_v2(Bucket="day", Prefix="list/", StartAfter="list/048")
        expect(after["KeyCount"] == 8, after["KeyCount"])

    with case("tags of objects"):
        s3.put_object_tagging(Bucket="day", Key="k", Tagging={"TagSet": [{"Key": "x", "Value": "y"}]})
        expect(s3.get_object_tagging(Bucket="day", Key="k")["TagSet"] == [{"Key": "x", "Value": "y"}], "tags")
        expect(s3.get_object(Bucket="day", Key="k").get("TagCount", 1) == 1, "count")
        s3.delete_object_tagging(Bucket="day", Key="k")
        expect(s3.get_object_tagging(Bucket="day", Key="k")["TagSet"] == [], "no tags")

    with case("presigned URLs"):
        url = s3.generate_presigned_url("get_object", {"Bucket": "day", "Key": "k"}, ExpiresIn=60)
        expect(urllib.request.urlopen(url).read() == body, "presigned GET")
        url = s3.generate_presigned_url("put_object", {"Bucket": "day", "Key": "via"}, ExpiresIn=60)
        urllib.request.urlopen(urllib.request.Request(url, data=b"presigned", method="PUT"))
        expect(s3.get_object(Bucket="day", Key="via")["Body"].read() == b"presigned", "presigned PUT")

    with case("what is not offered says so"):
        refused("NotImplemented", s3.put_bucket_versioning, Bucket="day",
                VersioningConfiguration={"Status": "Enabled"})
        refused("NotImplemented", s3.put_object, Bucket="day", Key="k", Body=b"",
                ServerSideEncryption="AES256")
        refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket="day")
        expect(s3.get_object(Bucket="day", Key="k")["Body"].read() == body, "untouched")

    with case("wrong credentials"):
        def client(key, secret):
            return boto3.client("s3", endpoint_url=c.endpoint, aws_access_key_id=key,
                                aws_secret_access_key=secret, region_name="us-east-1")
        refused("InvalidAccessKeyId", client("NOSUCHKEY", "x").list_buckets)
        from atoll_cluster import ACCESS_KEY
        refused("SignatureDoesNotMatch", client(ACCESS_KEY, "wrong").list_buckets)

    with case("delete"):
        refused("BucketNotEmpty", s3.delete_bucket, Bucket="day")
        while True:
            page = s3.list_objects_v2(Bucket="day")
            if not page.get("Contents"):
                break
            gone = s3.delete_objects(Bucket="day", Delete={
                "Objects": [{"Key": o["Key"]} for o in page["Contents"]]})
            expect("Errors" not in gone, gone.get("Errors"))
        s3.delete_object(Bucket="day", Key="never-was")
        s3.delete_bucket(Bucket="day")
        refused("NoSuchBucket", s3.delete_bucket, Bucket="day")


with Cluster() as cluster:
    run(cluster)
    cluster.stop()
system_python = "/usr/bin/python3"
if os.path.realpath(sys.executable) != os.path.realpath(system_python) and os.path.exists(system_python) \
        and "ATOLL_BOTO3_SECOND" not in os.environ:
    second = subprocess.run([system_python, __file__], env=dict(os.environ, ATOLL_BOTO3_SECOND="1"),
                            text=True, stdout=subprocess.PIPE)
    print(second.stdout.replace("ok ", "ok older boto3: "), flush=True)
    if second.returncode != 0:
        sys.exit(1)
finish()
