#!/usr/bin/env bash
# A day's work with the AWS command line: buckets, single and multipart copies, sync, presigned URLs, and the
# s3api calls that scripts use. Unmodified awscli; every step is a case.
set -u
cd "$(dirname "$0")/../.."
. test/lib/cluster.sh
start_cluster
trap stop_cluster EXIT

work=$(mktemp -d)
# Older versions of awscli presign with signature version 2 unless told otherwise.
printf '[default]\ns3 =\n  signature_version = s3v4\n' >"$work/config"
export AWS_CONFIG_FILE=$work/config
aws() { command aws --endpoint-url "$ATOLL_ENDPOINT" "$@"; }

head -c 20000000 /dev/urandom >"$work/large"
head -c 3000 /dev/urandom >"$work/small"
: >"$work/empty"
mkdir -p "$work/tree/a/b" "$work/tree/c d"
for i in $(seq 1 25); do head -c $((i * 777)) /dev/urandom >"$work/tree/a/file-$i"; done
cp "$work/small" "$work/tree/a/b/ünïcode ✓.txt"
cp "$work/small" "$work/tree/c d/plus+and%percent"

stream_in() { aws s3 cp - s3://day/streamed --no-progress <"$work/large"; }
stream_out() { aws s3 cp s3://day/streamed - --no-progress | cmp - "$work/large"; }
same_object() { aws s3 cp "s3://day/$1" "$work/same" --no-progress && cmp "$work/same" "$2"; }
range_is() {
  aws s3api get-object --bucket day --key meta --range bytes=100-199 "$work/range" &&
    cmp "$work/range" <(tail -c +101 "$work/small" | head -c 100)
}
pages() {
  local n
  n=$(aws s3api list-objects-v2 --bucket day --prefix tree/ --page-size 4 --query 'length(Contents)') &&
    [ "$n" -eq 27 ]
}
presigned() {
  local url
  url=$(aws s3 presign s3://day/moved --expires-in 300) && curl -sSf "$url" | cmp - "$work/large"
}
presigned_tampered() {
  local url
  url=$(aws s3 presign s3://day/moved --expires-in 300) &&
    [ "$(curl -s -o /dev/null -w '%{http_code}' "${url/moved/small}")" = 403 ]
}
upload_and_abort() {
  local id
  id=$(aws s3api create-multipart-upload --bucket day --key parts --query UploadId --output text) &&
    aws s3api upload-part --bucket day --key parts --upload-id "$id" --part-number 2 --body "$work/small" &&
    grep_out '"PartNumber": 2' aws s3api list-parts --bucket day --key parts --upload-id "$id" &&
    grep_out "$id" aws s3api list-multipart-uploads --bucket day &&
    aws s3api abort-multipart-upload --bucket day --key parts --upload-id "$id" &&
    fails aws s3api list-parts --bucket day --key parts --upload-id "$id"
}

t "make a bucket" aws s3 mb s3://day
t "a bad bucket name is refused" fails aws s3api create-bucket --bucket "Bad_Name"
t "list buckets" grep_out ' day$' aws s3 ls
t "put a small file" aws s3 cp "$work/small" s3://day/small --no-progress
t "put an empty file" aws s3 cp "$work/empty" s3://day/empty --no-progress
t "put a large file in parts" aws s3 cp "$work/large" s3://day/dir/large --no-progress
t "get the large file" aws s3 cp s3://day/dir/large "$work/large.back" --no-progress
t "it is the same" cmp "$work/large" "$work/large.back"
t "get the empty file" aws s3 cp s3://day/empty "$work/empty.back" --no-progress
t "it is empty" test ! -s "$work/empty.back"
t "stream in" stream_in
t "stream out" stream_out
t "sync up" aws s3 sync "$work/tree" s3://day/tree --no-progress
t "a second sync moves nothing" silent aws s3 sync "$work/tree" s3://day/tree --no-progress
t "sync down" aws s3 sync s3://day/tree "$work/tree.back" --no-progress
t "the trees are the same" diff -r "$work/tree" "$work/tree.back"
t "list with a prefix" grep_out 'file-7$' aws s3 ls s3://day/tree/a/
t "recursive list counts" grep_out 'Total Objects: 27' aws s3 ls s3://day/tree/ --recursive --summarize
t "copy on the server" aws s3 cp s3://day/dir/large s3://day/dir/copy --no-progress
t "the copy is the same" same_object dir/copy "$work/large"
t "move" aws s3 mv s3://day/dir/copy s3://day/moved --no-progress
t "the moved one is the same" same_object moved "$work/large"
t "the old name is gone" fails aws s3api head-object --bucket day --key dir/copy
t "head shows the size" grep_out '"ContentLength": 20000000' aws s3api head-object --bucket day --key moved
t "metadata and content type" aws s3api put-object --bucket day --key meta --body "$work/small" \
  --metadata color=blue,Shape=round --content-type text/x-test --cache-control no-cache
t "metadata comes back" grep_out '"color": "blue"' aws s3api head-object --bucket day --key meta
t "content type comes back" grep_out 'text/x-test' aws s3api head-object --bucket day --key meta
t "a range" range_is
t "checksum is kept" aws s3api put-object --bucket day --key sum --body "$work/small" --checksum-algorithm SHA256
t "checksum is shown" grep_out ChecksumSHA256 aws s3api head-object --bucket day --key sum --checksum-mode ENABLED
t "object attributes" grep_out '"ObjectSize": 3000' aws s3api get-object-attributes --bucket day --key sum --object-attributes ObjectSize ETag Checksum
t "tag an object" aws s3api put-object-tagging --bucket day --key sum --tagging 'TagSet=[{Key=team,Value=ml}]'
t "tags come back" grep_out '"Value": "ml"' aws s3api get-object-tagging --bucket day --key sum
t "bucket location" aws s3api get-bucket-location --bucket day
t "pages with a token" pages
t "presigned GET" presigned
t "presigned GET with another key is refused" presigned_tampered
t "list parts of an upload, abort it" upload_and_abort
t "delete many" grep_out Deleted aws s3api delete-objects --bucket day --delete 'Objects=[{Key=meta},{Key=sum},{Key=no-such}]'
t "a full bucket is not deleted" fails aws s3 rb s3://day
t "remove all" aws s3 rm s3://day --recursive --quiet
t "remove the bucket" aws s3 rb s3://day
t "it is gone" fails aws s3api head-bucket --bucket day
rm -rf "$work"
finish
