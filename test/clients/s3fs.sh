#!/usr/bin/env bash
# A day's work through a mount by s3fs: files, folders, renames, modes, a git-like tree, rsync-like copies.
set -u
cd "$(dirname "$0")/../.."
. test/lib/cluster.sh
if [ ! -e /dev/fuse ]; then
  echo "ok s3fs # skipped: this machine has no /dev/fuse"
  exit 0
fi
start_cluster
work=$(mktemp -d)
mount=$work/mount
cleanup() { fusermount3 -u "$mount" 2>/dev/null || fusermount -u "$mount" 2>/dev/null; stop_cluster; }
trap cleanup EXIT

mkdir "$mount"
echo "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" >"$work/passwd"
chmod 600 "$work/passwd"
aws --endpoint-url "$ATOLL_ENDPOINT" s3 mb s3://disk >/dev/null
t "mount" s3fs disk "$mount" -o passwd_file="$work/passwd" -o url="$ATOLL_ENDPOINT" \
  -o use_path_request_style -o endpoint=us-east-1 -o multipart_size=5 -o retries=2
mounted() { grep -q " $mount fuse.s3fs" /proc/mounts; }
t "is mounted" mounted

head -c 12000000 /dev/urandom >"$work/large"
t "write a file" sh -c "echo hello >'$mount/hello'"
t "read it" grep_out '^hello$' cat "$mount/hello"
t "append" sh -c "echo more >>'$mount/hello'"
t "both lines" sh -c "test \"\$(wc -l <'$mount/hello')\" = 2"
t "large file" cp "$work/large" "$mount/large"
t "large file is the same" cmp "$work/large" "$mount/large"
t "make folders" mkdir -p "$mount/a/b/c"
t "copy a tree" cp -r src/base "$mount/a/b/c/"
t "the tree is the same" diff -r src/base "$mount/a/b/c/base"
t "rename a file" mv "$mount/large" "$mount/a/renamed"
t "renamed is the same" cmp "$work/large" "$mount/a/renamed"
t "rename a folder" mv "$mount/a/b" "$mount/a/z"
t "renamed tree is the same" diff -r src/base "$mount/a/z/c/base"
t "mode" chmod 640 "$mount/hello"
t "mode is kept" test "$(stat -c %a "$mount/hello")" = 640
t "overwrite in the middle" sh -c "printf XYZ | dd of='$mount/a/renamed' bs=1 seek=5000000 conv=notrunc status=none && printf XYZ | dd of='$work/large' bs=1 seek=5000000 conv=notrunc status=none"
t "the overwrite is right" cmp "$work/large" "$mount/a/renamed"
t "truncate" sh -c "truncate -s 1000 '$mount/a/renamed' && test \$(stat -c %s '$mount/a/renamed') = 1000"
t "symbolic link" ln -s hello "$mount/link"
t "read through it" grep_out '^hello$' cat "$mount/link"
t "what the mount wrote, S3 reads" sh -c "aws --endpoint-url '$ATOLL_ENDPOINT' s3 cp s3://disk/hello - | grep -q more"
t "what S3 wrote, the mount reads" sh -c "echo from-s3 | aws --endpoint-url '$ATOLL_ENDPOINT' s3 cp - s3://disk/other && grep -q from-s3 '$mount/other'"
t "remove everything" sh -c "rm -r '$mount'/*"
t "it is empty" test -z "$(ls -A "$mount")"
t "unmount" umount "$mount"
rm -rf "$work"
stop_cluster
trap - EXIT
[ "$cases_failed" -eq 0 ]
