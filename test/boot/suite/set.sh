#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Options of containers that run: changed under load, with conlogd killed in between, no line is
# lost; who waited for a limit or for a frozen journald goes on; what is refused changes nothing,
# and a restarted daemon has what was set.

. "$(dirname "$0")/lib.sh"

# option ID KEY: its value in what the daemon says, or "none"
option() {
        control Describe "{\"id\": \"$1\"}" | python3 -c '
import json, sys

container = json.load(sys.stdin)["container"]
assert container["options"] == container["drivers"][0]["options"]
print(container["options"].get(sys.argv[1], "none"))' "$2"
}

thaw() {
        systemctl kill --signal=CONT --kill-whom=main systemd-journald.service
}

# kill_daemon: and wait for the next one
kill_daemon() {
        systemctl kill --signal=KILL --kill-whom=main conlogd.service
        conlogctl list >/dev/null
}

# Changes under load, every third one with a kill that may come in the middle of it.
recipe=(--seed "$RANDOM" --lines 40000)
make_bundle busy /bin/writer "${recipe[@]}" --rate 8000 --report /tmp/report
run_bundle busy busy &
writer=$!
wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL=busy
changes=0 asked=0
while kill -0 "$writer" 2>/dev/null; do
        asked=$((asked + 1))
        if [ $((asked % 3)) -eq 0 ]; then
                systemctl kill --signal=KILL --kill-whom=main conlogd.service &
        fi
        if conlogctl set busy "tag=t$asked" "max-buffer-size=$((1 << (5 + asked % 5)))K" 2>>said; then
                changes=$((changes + 1))
                conlogctl list >/dev/null
                expect "the tag after change $asked" "t$asked" "$(option busy tag)"
        fi
        sleep 0.05
done
wait "$writer" || fail "the writer: $? $(cat busy/rootfs/tmp/report)"
[ "$changes" -gt 5 ] || slow "only $changes changes of $asked were made: $(cat said)"
settle busy
account=$("$tools/ledger" "${recipe[@]}" --id busy --allow-repeats) || fail "$account"
conlogctl verify busy >/dev/null || fail "conlogctl verify: $(conlogctl verify busy)"
tags=$(values CONTAINER_TAG CONTAINER_ID_FULL=busy CONTAINER_STREAM=stdout | sort -u | wc -l)
[ "$tags" -gt 5 ] || fail "only $tags tags of $changes changes in the journal"

# At once; after a kill and a restart, too; and back to the default.
configure '[journald]\ntag=configured\n'
conlogctl reload
mkfifo go
conlogctl run --id quick --log-opt tag=first -- sh -c \
        'echo "<3>one"; cat go; echo "<3>two"; cat go; echo "<3>three"' &
wait_until 5 is_stored 1 CONTAINER_ID_FULL=quick CONTAINER_TAG=first PRIORITY=3 MESSAGE=one
conlogctl set quick level-prefix=no tag= timestamp=yes
expect "an option at its default" configured "$(option quick tag)"
kill_daemon
expect "an option after a kill" yes "$(option quick timestamp)"
echo >go
wait_until 5 is_stored 1 CONTAINER_ID_FULL=quick CONTAINER_TAG=configured PRIORITY=6 'MESSAGE=<3>two'
conlogctl set quick level-prefix= timestamp=
expect "an option at the driver's default" none "$(option quick timestamp)"
systemctl restart conlogd.service
echo >go
wait_until 5 is_stored 1 CONTAINER_ID_FULL=quick PRIORITY=3 MESSAGE=three
wait %+
conlogctl set quick --json=short tag=shown | grep -q '"tag":"shown"' || fail "set --json"

# Over its limit for an hour, and not any longer.
conlogctl run --id slow --log-opt rate-limit-lines=1 -- seq 1 3600 &
wait_until 5 is_stored 1 CONTAINER_ID_FULL=slow
expect_match "slow waits" 'waiting for rate limit' "$(conlogctl list)"
conlogctl set slow rate-limit-lines=
wait_until 5 is_stored 3600 CONTAINER_ID_FULL=slow
wait %+
conlogctl remove slow >/dev/null

# Waiting for a frozen journald, and not any longer; what it lost then is told.
trap thaw EXIT
systemctl kill --signal=STOP --kill-whom=main systemd-journald.service
conlogctl run --id stuck -- seq 1 200000 &
writer=$!
sleep 0.3
kill -0 $writer 2>/dev/null || fail "seq does not wait"
conlogctl set stuck mode=non-blocking drop=newest
wait $writer || fail "seq: $?"
thaw
conlogctl remove stuck >/dev/null
wait_until 20 is_stored 1 MESSAGE_ID=6a1d5f0e8c0b4e0c9f5e6a0d7b1c2f43 CONTAINER_ID_FULL=stuck
expect_match "stuck: lines dropped" '^[1-9]' "$(values CONTAINER_LOG_DROPPED_LINES \
        CONTAINER_ID_FULL=stuck MESSAGE_ID=6a1d5f0e8c0b4e0c9f5e6a0d7b1c2f43)"

# What is refused changes nothing.
before=$(sha256sum </run/conlogd/containers/quick/config)
refused 'fs.pipe-max-size' conlogctl set quick tag=x max-buffer-size=64M
refused 'goes with mode=non-blocking' conlogctl set quick tag=x drop=newest
refused 'refuses the option colour.*no such option' conlogctl set quick tag=x colour=
refused 'a driver that the container has' conlogctl set quick tag=x --log-driver=none
refused 'only driver' conlogctl set quick --remove-driver=journald
refused 'one of three' conlogctl set quick tag=x --add-driver=none
refused 'KEY=VALUE' conlogctl set quick tag
refused 'nothing to set' conlogctl set quick
refused 'stand behind' conlogctl set quick --log-opt=tag=x
refused 'has files' conlogctl rotate quick
expect "the config after refusals" "$before" "$(sha256sum </run/conlogd/containers/quick/config)"
expect "the tag after refusals" shown "$(option quick tag)"

ok "$changes changes of $asked under load and kills: $account"
