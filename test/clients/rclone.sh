#!/usr/bin/env bash
# A day's work with rclone: sync, check, multipart with a chunk size, server-side copy and move, purge.
set -u
cd "$(dirname "$0")/../.."
. test/lib/cluster.sh
start_cluster
trap stop_cluster EXIT

work=$(mktemp -d)
export RCLONE_CONFIG="$work/none" RCLONE_CONFIG_A_TYPE=s3 RCLONE_CONFIG_A_PROVIDER=Other
export RCLONE_CONFIG_A_ENDPOINT=$ATOLL_ENDPOINT RCLONE_CONFIG_A_ENV_AUTH=true RCLONE_CONFIG_A_REGION=us-east-1
: >"$work/none"
r() { rclone --retries 1 "$@"; }

mkdir -p "$work/tree/deep/er/and er"
for i in $(seq 1 60); do head -c $((i * 1500)) /dev/urandom >"$work/tree/f$i"; done
head -c 23000000 /dev/urandom >"$work/tree/deep/large"
echo x >"$work/tree/deep/er/and er/ñandú + ✓"
: >"$work/tree/empty"

t "make a bucket" r mkdir a:box
t "sync up" r sync "$work/tree" a:box/tree --s3-chunk-size 5M --s3-upload-cutoff 8M
t "check" r check "$work/tree" a:box/tree
t "check by downloading" r check --download "$work/tree" a:box/tree
second_sync() { r sync "$work/tree" a:box/tree -v 2>&1; }
t "second sync moves nothing" grep_out "nothing to transfer" second_sync
size() { grep_out 'Total objects: 63' r size a:box; }
t "size" size
t "sync down" r sync a:box/tree "$work/back"
t "the trees are the same" diff -r "$work/tree" "$work/back"
t "modification times are kept" test "$(stat -c %Y "$work/tree/f1")" = "$(stat -c %Y "$work/back/f1")"
t "copy on the server" r copy a:box/tree a:box/copy
t "check the copy" r check --download a:box/tree a:box/copy
t "move on the server" r move a:box/copy a:box/moved
t "check the moved" r check a:box/tree a:box/moved
t "stream in" sh -c "rclone rcat a:box/stream --s3-chunk-size 5M <'$work/tree/deep/large'"
t "stream out" sh -c "rclone cat a:box/stream | cmp - '$work/tree/deep/large'"
range_is() { cmp <(rclone cat a:box/stream --offset 1000000 --count 500) <(tail -c +1000001 "$work/tree/deep/large" | head -c 500); }
t "a range" range_is
t "change and delete locally" sh -c "rm '$work/tree/f3'; echo changed >'$work/tree/f4'"
t "sync the change" r sync "$work/tree" a:box/tree
t "check after the change" r check --download "$work/tree" a:box/tree
t "list as JSON" grep_out '"Path":"deep/large"' r lsjson -R a:box/tree
t "touch" r touch a:box/tree/f5
t "purge" r purge a:box
t "the bucket is gone" fails r lsf a:box
rm -rf "$work"
finish
