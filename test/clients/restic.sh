#!/usr/bin/env bash
# A day's work with restic: init, backup, incremental backup, check with data, restore, forget and prune.
set -u
cd "$(dirname "$0")/../.."
. test/lib/cluster.sh
start_cluster
trap stop_cluster EXIT

work=$(mktemp -d)
export RESTIC_REPOSITORY=s3:$ATOLL_ENDPOINT/backup/repo RESTIC_PASSWORD=correct-horse
export RESTIC_CACHE_DIR=$work/cache
mkdir -p "$work/src/sub"
for i in $(seq 1 40); do head -c $((i * 9000)) /dev/urandom >"$work/src/f$i"; done
head -c 30000000 /dev/urandom >"$work/src/sub/large"

t "init" restic init
t "backup" restic backup "$work/src"
t "check all data" restic check --read-data
printf more >>"$work/src/f1"
rm "$work/src/f2"
t "second backup" restic backup "$work/src"
t "two snapshots" grep_out '^2 snapshots' restic snapshots
t "restore" restic restore latest --target "$work/restored"
t "restored is the same" diff -r "$work/src" "$work/restored$work/src"
t "find" grep_out 'f39' restic find f39
t "dump one file" sh -c "restic dump latest '$work/src/sub/large' | cmp - '$work/src/sub/large'"
t "forget and prune" restic forget --keep-last 1 --prune
t "check after prune" restic check --read-data
t "one snapshot" grep_out '^1 snapshots' restic snapshots
t "restore after prune" restic restore latest --target "$work/again"
t "the same after prune" diff -r "$work/src" "$work/again$work/src"
rm -rf "$work"
finish
