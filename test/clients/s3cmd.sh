#!/usr/bin/env bash
# A day's work with s3cmd.
set -u
cd "$(dirname "$0")/../.."
. test/lib/cluster.sh
start_cluster
trap stop_cluster EXIT

work=$(mktemp -d)
cat >"$work/config" <<EOF
[default]
access_key = $AWS_ACCESS_KEY_ID
secret_key = $AWS_SECRET_ACCESS_KEY
host_base = 127.0.0.1:$s3_port
host_bucket = 127.0.0.1:$s3_port
use_https = False
signature_v2 = False
multipart_chunk_size_mb = 5
EOF
s3() { s3cmd -c "$work/config" --no-progress "$@"; }

head -c 13000000 /dev/urandom >"$work/large"
mkdir -p "$work/tree/sub dir"
for i in 1 2 3 4 5 6 7; do head -c $((i * 5000)) /dev/urandom >"$work/tree/sub dir/f$i"; done
echo hello >"$work/tree/ünï"

t "make a bucket" s3 mb s3://box
t "list buckets" grep_out 's3://box' s3 ls
t "put in parts" s3 put "$work/large" s3://box/large
t "get" s3 get s3://box/large "$work/large.back"
t "the same" cmp "$work/large" "$work/large.back"
t "info" grep_out 'File size: 13000000' s3 info s3://box/large
t "sync up" s3 sync "$work/tree/" s3://box/tree/
t "list recursively" grep_out 'f7$' s3 ls -r s3://box/tree/
t "sync down" s3 sync s3://box/tree/ "$work/tree.back/"
t "the trees are the same" diff -r "$work/tree" "$work/tree.back"
t "copy" s3 cp s3://box/large s3://box/copy
t "move" s3 mv s3://box/copy s3://box/moved
t "get the moved" s3 get s3://box/moved "$work/moved.back"
t "the same after copy and move" cmp "$work/large" "$work/moved.back"
t "change metadata in place" s3 modify --add-header='x-amz-meta-colour:green' s3://box/moved
t "metadata is there" grep_out 'colour' s3 info s3://box/moved
t "disk use" grep_out 's3://box' s3 du s3://box
t "delete the source of a sync" rm "$work/tree/sub dir/f1"
t "sync with delete" s3 sync --delete-removed "$work/tree/" s3://box/tree/
t "the deleted one is gone" fails s3 info "s3://box/tree/sub dir/f1"
t "remove all" s3 rm -r -f s3://box/
t "remove the bucket" s3 rb s3://box
rm -rf "$work"
finish
