#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A container with four drivers, while the daemon is killed: each of them has every line, none torn,
# the files none twice. Then journald is frozen: a driver that does not wait for it costs the others
# nothing, and is told what it missed; one that waits makes the container wait in the end, until it
# is taken away. And a driver that comes later has all lines from then on.

. "$(dirname "$0")/lib.sh"

kills=20 lines=40000 rate=8000 seed=$RANDOM
files=(json-file k8s-file local)

is_running() {
        kill -0 "$writer" 2>/dev/null
}

kill_daemon() {
        local pid
        pid=$(main_pid)
        [ "$pid" -gt 0 ] && kill -KILL "$pid" 2>/dev/null
}

# lines_of ID DRIVER: how many lines that driver says it has logged
lines_of() {
        conlogctl --json=short show "$1" | python3 -c '
import json, sys
for driver in json.load(sys.stdin)["drivers"]:
    if driver["driver"] == sys.argv[1]:
        print(driver["lines"])' "$2"
}

has_lines() {
        [ "$(lines_of "$1" "$2")" = "$3" ]
}

# has_all ID DRIVER SIZE: its files have each line once, and none is larger
has_all() {
        local said
        said=$("$tools/filecheck" --seed "$seed" --lines "$lines" --size "$3" \
                "/var/log/conlogd/$1" "$2") || fail "$2 of $1: $said"
}

has_ended() {
        ! is_running
}

# Kills.
make_bundle four /bin/writer --seed "$seed" --lines "$lines" --rate "$rate" --report /tmp/report
drivers=(--log-driver journald)
for driver in "${files[@]}"; do
        drivers+=(--log-driver "$driver" --log-opt max-size=256K --log-opt max-file=1000)
done
run_bundle four four "${drivers[@]}" &
writer=$!
wait_until 10 is_active
for ((n = 0; n < kills; )); do
        [ $((RANDOM % 4)) -eq 0 ] || wait_until 10 is_active
        sleep "0.$(printf '%03d' $((RANDOM % 200)))"
        is_running || break
        ! kill_daemon || n=$((n + 1))
done
wait "$writer" || fail "the writer: $?: $(cat four/rootfs/tmp/report)"
expect "write errors" none "$(figure error "$(cat four/rootfs/tmp/report)")"
[ "$n" -ge $((kills / 2)) ] || slow "there were $n kills only"
wait_until 10 is_active
settle four
account=$("$tools/ledger" --seed "$seed" --lines "$lines" --id four --allow-repeats) ||
        fail "$account"
for driver in "${files[@]}"; do
        has_all four "$driver" 256K
done
conlogctl verify four >/dev/null || fail "verify: $(conlogctl verify four)"
figures="$n kills, four drivers, $account"

# journald away, and nobody waits for it.
freeze=(systemctl kill --signal=STOP systemd-journald.service)
thaw=(systemctl kill --signal=CONT systemd-journald.service)
trap '"${thaw[@]}"' EXIT
make_bundle apart /bin/writer --seed "$seed" --lines "$lines" --report /tmp/report
conlogctl list >/dev/null
"${freeze[@]}"
run_bundle apart apart --log-driver journald --log-opt mode=non-blocking --log-driver json-file \
        --log-opt compress=no &
writer=$!
wait_until 30 has_ended
wait "$writer" || fail "the writer: $?: $(cat apart/rootfs/tmp/report)"
wait_until 10 has_lines apart json-file "$lines"
[ "$(lines_of apart journald)" -lt "$lines" ] || fail "journald was not frozen"
"${thaw[@]}"
conlogctl remove apart >/dev/null
has_all apart json-file 20M
dropped=$(journalctl --quiet -o json CONTAINER_ID=apart | python3 -c '
import json, sys
logged, told = 0, 0
for line in sys.stdin:
    e = json.loads(line)
    if "CONTAINER_LOG_DROPPED_FIRST" in e:
        told += int(e["CONTAINER_LOG_DROPPED_LAST"]) - int(e["CONTAINER_LOG_DROPPED_FIRST"]) + 1
    elif "CONTAINER_LOG_ORDINAL" in e:
        logged += 1
assert logged + told == int(sys.argv[1]), f"{logged} logged, {told} told"
assert told > 0
print(told)' "$lines") || fail "what journald missed is not told"

# The container waits for it, until an operator says otherwise.
make_bundle waits /bin/writer --seed "$seed" --lines "$lines" --report /tmp/report
"${freeze[@]}"
run_bundle waits waits --log-driver journald --log-driver json-file --log-opt compress=no &
writer=$!
sleep 2
is_running || fail "nobody waited for a frozen journald"
conlogctl list | grep -q 'waiting.*journald\|journald.*waiting' || fail "$(conlogctl list)"
conlogctl set waits --remove-driver=journald >/dev/null
wait_until 30 has_ended
wait "$writer" || fail "the writer: $?: $(cat waits/rootfs/tmp/report)"
"${thaw[@]}"
conlogctl remove waits >/dev/null
has_all waits json-file 20M

# One more while it runs: each line is in one of the two parts.
make_bundle later /bin/writer --seed "$seed" --lines "$lines" --rate 20000 --report /tmp/report
run_bundle later later --log-driver json-file &
writer=$!
sleep 0.5
conlogctl set later --add-driver=journald --log-opt level-prefix=no >/dev/null
kill_daemon || :
wait "$writer" || fail "the writer: $?: $(cat later/rootfs/tmp/report)"
wait_until 10 is_active
conlogctl remove later >/dev/null
has_all later json-file 20M
journalctl --sync
conlogctl logs --driver=journald later >new 2>/dev/null
last=$(wc -l <new)
[ "$last" -gt 1000 ] || slow "the driver that came later has $last lines"
conlogctl logs --driver=json-file later 2>/dev/null | tail -n "$last" | cmp - new ||
        fail "the last $last lines are not those of json-file"

ok "$figures; beside a frozen journald $lines of $lines lines, and $dropped told; $last lines of a" \
        "driver that came later"
