#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A million lines while the daemon is killed 100 times at random moments and restarted 20 times:
# none is lost, the writer sees no error, and what comes twice has an ordinal that was there
# already, and the same bytes.

. "$(dirname "$0")/lib.sh"

lines=${CONLOG_MILLION:-1000000}
kills=100 restarts=20
recipe=(--seed "$RANDOM" --lines "$lines")

is_running() {
        kill -0 "$writer" 2>/dev/null
}

# Between two restarts there is no process to kill.
kill_daemon() {
        local pid
        pid=$(main_pid)
        [ "$pid" -gt 0 ] && kill -KILL "$pid" 2>/dev/null
}

# One time in four the daemon may be on its way up, else it is at work.
pause() {
        [ $((RANDOM % 4)) -eq 0 ] || wait_until 10 is_active
        sleep "0.$(printf '%03d' $((RANDOM % 150)))"
}

make_bundle kill /bin/writer "${recipe[@]}" --report /tmp/report
run_bundle kill kill &
writer=$!
wait_until 10 is_active

n_kills=0 n_restarts=0
while [ $((n_kills + n_restarts)) -lt $((kills + restarts)) ]; do
        pause
        is_running || slow "the writer ended after $n_kills kills and $n_restarts restarts: $(
                cat kill/rootfs/tmp/report)"
        if [ $(((n_kills + n_restarts) % 6)) -eq 5 ]; then
                systemctl restart conlogd.service
                n_restarts=$((n_restarts + 1))
        elif kill_daemon; then
                n_kills=$((n_kills + 1))
        fi
done
killed_until=$SECONDS

wait "$writer" || fail "the writer: $?: $(cat kill/rootfs/tmp/report)"
settle kill
report=$(cat kill/rootfs/tmp/report)
expect "write errors" none "$(figure error "$report")"

account=$("$tools/ledger" "${recipe[@]}" --id kill --allow-repeats) || fail "$account"
expect "last ordinal" "$lines" "$(figure entries "$account")"
expect "end-of-stream entries" 1 "$(figure notes "$account")"
conlogctl verify kill >/dev/null || fail "conlogctl verify: $(conlogctl verify kill)"

ok "$n_kills kills and $n_restarts restarts in $killed_until s; $account; longest write $(
        figure stall_ms "$report") ms, ${recipe[*]}"
