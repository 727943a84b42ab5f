# For test scripts in shell: a cluster on free ports, and cases. Source it, then start_cluster.
#
#   t "name" COMMAND...     a case: passes when the command succeeds; its output is shown when it does not
#   fails COMMAND...        succeeds when the command fails in an orderly way (not by a signal)
#   grep_out RE COMMAND...  succeeds when the command does and its output matches
#   silent COMMAND...       succeeds when the command does and prints nothing

ATOLL_BIN=${ATOLL_BIN:-build/release/bin/atoll}
cases_failed=0

free_port() { PYTHONPATH=$(dirname "${BASH_SOURCE[0]}") python3 -c 'import atoll_cluster; print(atoll_cluster.free_port())'; }

start_cluster() {
  unset AWS_CA_BUNDLE  # some machines set it; rclone refuses to start with it
  export ATOLL_ACCESS_KEY=ATOLLTESTACCESSKEY00 ATOLL_SECRET_KEY=atoll/test+secret/key/0123456789abcdefgh
  export AWS_ACCESS_KEY_ID=$ATOLL_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$ATOLL_SECRET_KEY
  export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
  cluster_dir=$(mktemp -d)
  s3_port=$(free_port)
  admin_port=$(free_port)
  export ATOLL_ENDPOINT=http://127.0.0.1:$s3_port ATOLL_ADMIN=127.0.0.1:$admin_port
  mkfifo "$cluster_dir/out"
  "$ATOLL_BIN" up --data "$cluster_dir/data" --domains 8 --protection 6+2 --device-size 1GiB \
    --s3 "127.0.0.1:$s3_port" --admin "127.0.0.1:$admin_port" \
    >"$cluster_dir/out" 2>"$cluster_dir/log" &
  cluster_pid=$!
  local line
  exec {cluster_out}<"$cluster_dir/out"
  while read -r line <&"$cluster_out"; do
    [ "$line" = ready ] && return 0
  done
  echo "not ok cluster starts"
  cat "$cluster_dir/log"
  exit 1
}

stop_cluster() {
  [ -n "${cluster_pid:-}" ] || return 0
  kill -TERM "$cluster_pid" 2>/dev/null
  wait "$cluster_pid"
  cluster_pid=
  [ "$cases_failed" -eq 0 ] || tail -n 40 "$cluster_dir/log"
  rm -rf "$cluster_dir"
}

t() {
  local name=$1 output status
  shift
  output=$("$@" 2>&1)
  status=$?
  if [ "$status" -eq 0 ]; then
    echo "ok $name"
  else
    printf '%s\n' "$output" | tail -n 20
    echo "not ok $name: status $status"
    cases_failed=$((cases_failed + 1))
  fi
}

fails() {
  local status
  "$@"
  status=$?
  [ "$status" -ne 0 ] && [ "$status" -lt 124 ] || [ "$status" -ge 252 ]
}

grep_out() {
  local pattern=$1 output
  shift
  output=$("$@") || return 1
  printf '%s\n' "$output" | grep -Eq -- "$pattern" || { printf '%s\n' "$output"; return 1; }
}

silent() {
  local output
  output=$("$@") || return 1
  [ -z "$output" ] || { printf '%s\n' "$output"; return 1; }
}

finish() {
  stop_cluster
  trap - EXIT
  [ "$cases_failed" -eq 0 ]
  exit $?
}
