#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# journald is restarted and frozen under load: nothing is lost, the container waits, the daemon
# answers. journald is killed: what it had in its hands is gone, and `conlogctl verify` names it.

. "$(dirname "$0")/lib.sh"

# The test kills it more often than its unit would stand.
mkdir -p /run/systemd/system/systemd-journald.service.d
printf '[Unit]\nStartLimitIntervalSec=0\n' >/run/systemd/system/systemd-journald.service.d/test.conf
systemctl daemon-reload

journald_pid() {
        systemctl show -P MainPID systemd-journald.service
}

# start ID LINES: a writer at 5,000 lines a second
start() {
        make_bundle "$1" /bin/writer --seed 7 --lines "$2" --rate 5000 --report /tmp/report
        run_bundle "$1" "$1" &
        writer=$!
        wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL="$1"
}

finish() {
        wait "$writer" || fail "the writer: $?: $(cat "$1/rootfs/tmp/report")"
        settle "$1"
}

start restarts 40000
for _ in 1 2 3 4 5 6 7 8; do
        sleep 0.5
        systemctl restart systemd-journald.service
done
systemctl kill --signal=STOP --kill-whom=main systemd-journald.service
sleep 3
began=${EPOCHREALTIME/./}
conlogctl list >/dev/null
answer_ms=$(((${EPOCHREALTIME/./} - began) / 1000))
[ "$answer_ms" -lt 500 ] || fail "an answer took $answer_ms ms while journald was frozen"
systemctl kill --signal=CONT --kill-whom=main systemd-journald.service
finish restarts
restarts=$("$tools/ledger" --seed 7 --lines 40000 --id restarts) || fail "restarts: $restarts"
conlogctl verify restarts >/dev/null || fail "verify finds gaps: $(conlogctl verify restarts)"

start kills 30000
for _ in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.3
        kill -KILL "$(journald_pid)"
        wait_until 5 systemctl is-active --quiet systemd-journald.service
done
finish kills
kills=$("$tools/ledger" --seed 7 --lines 30000 --id kills 2>/dev/null) || :
lost=$(figure gaps "$kills")
[ "$lost" -le 10 ] || fail "10 kills of journald lost $lost entries: $kills"
if [ "$lost" -gt 0 ]; then
        ! said=$(conlogctl verify kills) || fail "the ledger says $kills, verify says $said"
fi

ok "8 restarts and 3 s frozen: $restarts; 10 kills of journald: $lost entries lost, all named"
