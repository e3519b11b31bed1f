#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A newer daemon takes over from an older one under load, and the other way round: no line is lost.
# What the older one does not understand, it leaves as it is, to the byte, until a newer one is back.

. "$(dirname "$0")/lib.sh"

daemon=$(systemctl show -P ExecStart conlogd.service | sed 's/.*path=\([^ ;]*\).*/\1/')
cp "$daemon" newer

# The package manager's way: a new file under the old name, then a restart.
become() {
        cp "$1" "$daemon.new"
        mv "$daemon.new" "$daemon"
        systemctl restart conlogd.service
}

is_running() {
        kill -0 "$writer" 2>/dev/null
}

trap 'mv newer "$daemon"' EXIT
become "$tools/conlogd-older"
recipe=(--seed 5 --lines 60000)
make_bundle plain /bin/writer "${recipe[@]}" --rate 5000 --report /tmp/report
run_bundle plain plain &
writer=$!
wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL=plain

# One that has dropped lines, and has more in its FIFO.
mkfifo hold
newer_than_older() {
        systemctl kill --signal=STOP --kill-whom=main systemd-journald.service
        conlogctl run --id=drops --log-opt=mode=non-blocking -- \
                bash -c 'seq 1 40000; read -r < hold; seq 40001 40010'  &
        drops=$!
        wait_until 20 has_dropped
        systemctl kill --signal=CONT --kill-whom=main systemd-journald.service
        wait_until 10 is_stored 1 CONTAINER_ID_FULL=drops CONTAINER_LOG_ORDINAL=40000
}
has_dropped() {
        [ "$(control Describe '{"id": "drops"}' 2>/dev/null | python3 -c \
                'import json, sys; print(json.load(sys.stdin)["container"]["linesDropped"])')" -gt 1000 ]
}

# One over a pipe that only the service manager holds while the older one is there.
pipe_of_newer() {
        mkfifo go
        (echo one; cat go) | conlogctl adopt --id=piped &
        wait_until 10 is_stored 1 CONTAINER_ID_FULL=piped
}

# One with two drivers.
two_of_newer() {
        mkfifo more
        conlogctl run --id=two --log-driver=journald --log-driver=json-file -- \
                bash -c 'echo one; cat more' &
        wait_until 10 is_stored 1 CONTAINER_ID_FULL=two
        wait_until 10 grep -q one /var/log/conlogd/two/json-file.log
}

# What is on disk of the containers that only the newer one understands.
sum_of_newer() {
        find /run/conlogd/containers/{drops,piped,two} -type f | sort | xargs cat | sha256sum
}

changes=0
for _ in 1 2 3 4 5 6; do
        sleep 0.3
        become newer
        sleep 0.3
        is_running || slow "the writer has ended too soon"
        become "$tools/conlogd-older"
        changes=$((changes + 2))
done
become newer
newer_than_older
pipe_of_newer
two_of_newer
become "$tools/conlogd-older"
before=$(sum_of_newer)
for id in drops two; do
        expect_match "what the older one says" "Failed to restore container $id, left as it is" \
                "$(journalctl --quiet --output=cat -u conlogd.service)"
done
echo >hold
echo two >go
echo two >more
wait "$drops" || fail "the container saw an error: $?"
refused 'NoSuchContainer|no container' conlogctl show drops
refused 'NoSuchContainer|no container' conlogctl show piped
systemctl kill --signal=KILL --kill-whom=main conlogd.service
conlogctl list >/dev/null
refused 'NoSuchContainer|no container' conlogctl show two
expect "the bytes of drops, piped and two" "$before" "$(sum_of_newer)"
become newer
wait_until 10 is_stored 1 CONTAINER_ID_FULL=drops CONTAINER_LOG_ORDINAL=40010
settle drops
wait_until 10 is_stored 2 CONTAINER_ID_FULL=piped
settle piped
wait_until 10 is_stored 2 CONTAINER_ID_FULL=two
settle two
expect "lines of two in its file" 2 \
        "$(grep -cE '"log":"(one|two)\\n"' /var/log/conlogd/two/json-file.log)"
expect "all lines of two in its file" 2 "$(wc -l </var/log/conlogd/two/json-file.log)"
conlogctl verify piped >/dev/null || fail "conlogctl verify: $(conlogctl verify piped)"
said=$(conlogctl verify --json=short drops) || :
expect_match "drops" '"missing":\[\].*"expected":40010|"expected":40010.*"missing":\[\]' "$said"

wait "$writer" || fail "the writer: $? $(cat plain/rootfs/tmp/report)"
settle plain
plain=$("$tools/ledger" "${recipe[@]}" --id plain --allow-repeats) || fail "$plain"
ok "$changes changes of version under load: $plain; a newer page left alone by an older daemon"
