#!/bin/bash
# Explores the models, and sees that each known mistake in them is found. Prints one line a case.
# ATOLL_MODEL_DEEP=1 explores larger worlds (some 15 GB of memory and half an hour).
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# build NAME FLAGS...: journal-... is journal_takeover.cc, vip-... is vip_fence.cc
build() {
  local source=journal_takeover.cc
  case $1 in vip-*) source=vip_fence.cc ;; esac
  "${CXX:-g++}" -O2 -std=c++20 -Wall -Wextra -Werror "${@:2}" -o "$work/$1" "$here/$source"
}

holds() {
  if build "$@" && "$work/$1" >"$work/$1.out" 2>&1; then
    echo "ok $1 ($(head -1 "$work/$1.out"))"
  else
    tail -40 "$work/$1.out" 2>/dev/null
    echo "not ok $1: a property does not hold"
    failed=1
  fi
}

# A world with a mistake in it: exit status 1 and a path are wanted.
finds() {
  local status=0
  build "$1" "-D$2" && { "$work/$1" >"$work/$1.out" 2>&1; status=$?; }
  if [ "$status" = 1 ] && grep -q '^VIOLATED' "$work/$1.out"; then
    echo "ok $1 ($(tail -1 "$work/$1.out"))"
  else
    tail -5 "$work/$1.out" 2>/dev/null
    echo "not ok $1: the mistake was not found"
    failed=1
  fi
}

holds journal-takeover -DLOSSES=0
holds journal-takeover-one-loss -DSEGMENTS=2
if [ -n "${ATOLL_MODEL_DEEP:-}" ]; then
  holds journal-takeover-deep
  holds journal-takeover-two-losses -DLOSSES=2
  holds journal-takeover-trims -DTRIMS=1
  holds journal-takeover-four-segments -DSEGMENTS=4
  holds vip-fence-two-late -DTWO_LATE -DCHANGES=1
fi
finds journal-no-fence NO_FENCE
finds journal-fence-dies-with-segment FENCE_DIES_WITH_SEGMENT
finds journal-two-are-enough TWO_ARE_ENOUGH
finds journal-drop-tail DROP_TAIL
finds journal-not-made-whole NOT_MADE_WHOLE
finds journal-no-compare NO_COMPARE
finds journal-retry-in-place RETRY_IN_PLACE
holds vip-fence -DCHANGES=8
finds vip-no-claim NO_CLAIM
finds vip-probe-before-read PROBE_BEFORE_READ
finds vip-take-early TAKE_EARLY
finds vip-look-before-arm LOOK_BEFORE_ARM
finds vip-hold-revives HOLD_REVIVES
finds vip-count-from-answer COUNT_FROM_ANSWER
finds vip-no-compare NO_COMPARE
finds vip-revives-tenure REVIVES_TENURE
exit $failed
