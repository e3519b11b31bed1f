#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Containers that are faster than their log. With journald frozen a container in mode=non-blocking
# goes on; what it lost is counted, told, and named by verify. Limits hold, and are told of.

. "$(dirname "$0")/lib.sh"

# An account of a container that dropped lines: each of its lines is logged or told of, none is
# neither. Leaves the number of those that were dropped in $dropped.
account() {
        local id=$1 lines=$2 said
        said=$(conlogctl verify --json=short "$id") && fail "$id: verify says that all is there"
        dropped=$(python3 - "$said" "$lines" "$id" <<-'END'
		import json, sys

		(life,), lines = json.loads(sys.argv[1]), int(sys.argv[2])
		dropped = sum(last - first + 1 for first, last in life["dropped"])
		if life["missing"] or life["altered"] or life["repeated"]:
		    sys.exit(f"{sys.argv[3]}: not all is accounted for: {life}")
		if life["found"] + dropped != lines or life["expected"] != lines:
		    sys.exit(f"{sys.argv[3]}: wrote {lines}: {life}")
		print(dropped)
		END
        ) || fail "$id: $dropped"
        expect "$id: lines dropped" "$dropped" "$(values CONTAINER_LOG_DROPPED_LINES \
                CONTAINER_ID_FULL="$id" MESSAGE_ID=6a1d5f0e8c0b4e0c9f5e6a0d7b1c2f43)"
}

freeze() {
        systemctl kill --signal=STOP --kill-whom=main systemd-journald.service
}

thaw() {
        systemctl kill --signal=CONT --kill-whom=main systemd-journald.service
}

# write_frozen ID OPTION…: a writer of 100,000 lines while journald is frozen and conlogd restarted
write_frozen() {
        local id=$1
        shift
        make_bundle "$id" /bin/writer --seed 9 --lines 100000 --cut line --report /tmp/report
        freeze
        (run_bundle "$id" "$id" --log-opt=mode=non-blocking "$@") &
        writer=$!
        wait_until 10 test -e "/run/conlogd/containers/$id/config"
        sleep 0.3
        systemctl kill --signal=KILL --kill-whom=main conlogd.service
        wait "$writer" || fail "$id: the writer: $? $(cat "$id/rootfs/tmp/report")"
        thaw
        settle "$id"
        report=$(cat "$id/rootfs/tmp/report")
        expect "$id: write errors" none "$(figure error "$report")"
        account "$id" 100000
        stalls="$stalls $id $dropped dropped, longest write $(figure stall_ms "$report") ms;"
        [ "$dropped" -gt 90000 ] || fail "$id: only $dropped lines dropped"
}

# Whoever reads the journal when this has failed needs it to go on.
trap thaw EXIT
stalls=
write_frozen oldest
expect "oldest: the last line" 1 "$(count CONTAINER_ID_FULL=oldest CONTAINER_LOG_ORDINAL=100000)"
# The first ones are in the queue of journald's socket.
expect "oldest: an early line" 0 "$(count CONTAINER_ID_FULL=oldest CONTAINER_LOG_ORDINAL=2000)"
write_frozen newest --log-opt=drop=newest
expect "newest: the first line" 1 "$(count CONTAINER_ID_FULL=newest CONTAINER_LOG_ORDINAL=1)"

# A limit of 500 lines a second, for 3 s at 5,000.
limited() {
        local id=$1 lines=$2
        shift 2
        make_bundle "$id" /bin/writer --seed 3 --lines "$lines" --rate 5000 --report /tmp/report
        (run_bundle "$id" "$id" --log-opt=rate-limit-lines=500 "$@") ||
                fail "$id: the writer: $? $(cat "$id/rootfs/tmp/report")"
}
limited drop 15000 --log-opt=rate-limit-action=drop
# It is quiet now, and told all the same.
wait_until 3 is_stored 3 CONTAINER_ID_FULL=drop MESSAGE_ID=b3c5b2f0a1f94e5c8f0a7c3d2e6b9a10
expect_match "drop: what people read" 'Dropped [0-9]+ lines, [0-9]+ bytes, .*: over the rate limit' \
        "$(values MESSAGE CONTAINER_ID_FULL=drop MESSAGE_ID=b3c5b2f0a1f94e5c8f0a7c3d2e6b9a10)"
settle drop
account drop 15000
told=$(count CONTAINER_ID_FULL=drop MESSAGE_ID=b3c5b2f0a1f94e5c8f0a7c3d2e6b9a10)
[ "$told" -le 12 ] || fail "told $told times"
[ "$dropped" -ge 10000 ] || fail "only $dropped of 15,000 lines were above the limit"

limited wait 1500 --log-opt=rate-limit-burst=2s
settle wait
conlogctl verify wait >/dev/null || fail "wait: $(conlogctl verify wait)"
waited=$("$tools/ledger" --seed 3 --lines 1500 --id wait) || fail "wait: $waited"

# The rules.
refused 'max-buffer-size.*fs.pipe-max-size' conlogctl create --id=big --log-opt=max-buffer-size=64M
refused 'goes with mode=non-blocking only' conlogctl create --id=odd --log-opt=drop=newest
refused 'blocking or non-blocking' conlogctl create --id=odd --log-opt=mode=fast
expect "directories left" "" "$(ls /run/conlogd/containers)"
# What is small is granted even where other pipes of root have used up what there is for all.
expect "bufferSize" 16384 "$(control Create \
        '{"id": "sized", "options": {"max-buffer-size": "9000"}}' |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["container"]["streams"][1]["bufferSize"])')"
conlogctl remove sized >/dev/null

ok "$stalls limit of 500/s: $dropped of 15000 dropped, told $told times; $waited"
