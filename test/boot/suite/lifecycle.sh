#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What an administrator does to a service while containers write: reload and re-execute the service
# manager, end the daemon by a signal, stop it and let the socket start it, let it hang until the
# watchdog ends it. Nothing is lost, the writer sees no error.

. "$(dirname "$0")/lib.sh"

recipe=(--seed "$RANDOM" --lines 40000)

mkdir -p /etc/systemd/system/conlogd.service.d
printf '[Service]\nWatchdogSec=2s\n' >/etc/systemd/system/conlogd.service.d/watchdog.conf
systemctl daemon-reload

# is_other PID: the daemon runs, and is not that process
# shellcheck disable=SC2317 # wait_until calls it
is_other() {
        is_active && [ "$(main_pid)" != "$1" ]
}

make_bundle life /bin/writer "${recipe[@]}" --rate 3000 --report /tmp/report
run_bundle life life &
writer=$!
wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL=life

pid=$(main_pid)
systemctl daemon-reload
systemctl daemon-reexec
expect "after a re-execution" "$pid" "$(main_pid)"

for signal in TERM HUP INT USR1; do
        pid=$(main_pid)
        kill "-$signal" "$pid"
        wait_until 5 is_other "$pid"
done

# The service manager forgets what it kept for us; the writer has the FIFO open, and its path stays.
systemctl stop conlogd.service
expect "the socket of a stopped service" active "$(systemctl is-active conlogd.socket)"
sleep 0.5
conlogctl list >/dev/null
is_active || fail "the socket does not start a stopped service"

pid=$(main_pid)
kill -STOP "$pid"
wait_until 10 is_other "$pid"
expect "who ended it" watchdog "$(journalctl -q -o json UNIT=conlogd.service -n 200 | python3 -c '
import json, sys

print("watchdog" if any("watchdog" in json.loads(line)["MESSAGE"].lower() for line in sys.stdin)
      else "somebody else")')"

kill -0 "$writer" 2>/dev/null || slow "the writer was done before us: $(cat life/rootfs/tmp/report)"
wait "$writer" || fail "the writer: $?: $(cat life/rootfs/tmp/report)"
settle life
expect "write errors" none "$(figure error "$(cat life/rootfs/tmp/report)")"
account=$("$tools/ledger" "${recipe[@]}" --id life --allow-repeats) || fail "$account"
conlogctl verify life >/dev/null || fail "conlogctl verify: $(conlogctl verify life)"

# Who asks while it is killed has an answer from the next one.
conlogctl create --id asked >/dev/null
mapfile -t words < <(printf 'asked\n%.0s' {1..60})
ask() {
        while [ ! -e enough ]; do
                conlogctl list >/dev/null || return
                conlogctl show "${words[@]}" >/dev/null || return
        done
}
pids=()
for _ in 1 2 3 4; do
        ask &
        pids+=($!)
done
for _ in {1..20}; do
        sleep "0.$((RANDOM % 3 + 1))"
        systemctl kill --signal=KILL --kill-whom=main conlogd.service || :
done
touch enough
for pid in "${pids[@]}"; do
        wait "$pid" || fail "a question has no answer while conlogd is killed"
done

# Its end by the watchdog is meant: no crash.
journalctl --quiet --rotate --vacuum-size=1
ok "$account"
