#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# journald is restarted, killed, frozen and made to fail while a container writes 5,000 lines a
# second. Restarted or frozen: no line is lost. Killed: at most one each. Failed: at most its queue.
# `conlogctl verify` names exactly the ordinals that the ledger misses. Meanwhile the daemon answers,
# does not grow, and says what is going on, once.
#
# Ten restarts, ten kills, five seconds frozen; with CONLOG_WHOLE set 50, 50 and 30.

. "$(dirname "$0")/lib.sh"

rounds=10 frozen=5
[ -z "${CONLOG_WHOLE-}" ] || rounds=50 frozen=30
drop_in=/run/systemd/system/systemd-journald.service.d/test.conf

journald_pid() {
        systemctl show -P MainPID systemd-journald.service
}

# is_new_pid OLD: whether journald runs again
is_new_pid() {
        local pid
        pid=$(journald_pid)
        [ "$pid" -ne 0 ] && [ "$pid" -ne "$1" ]
}

# set_start_limit SETTINGS: how often journald may be started
set_start_limit() {
        mkdir -p "$(dirname "$drop_in")"
        printf '[Unit]\n%b' "$1" >"$drop_in"
        systemctl daemon-reload
}

# start ID LINES
start() {
        make_bundle "$1" /bin/writer --seed 7 --lines "$2" --rate 5000 --report /tmp/report
        run_bundle "$1" "$1" &
        writer=$!
        wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL="$1"
}

is_writing() {
        kill -0 "$writer" 2>/dev/null
}

finish() {
        wait "$writer" || fail "the writer: $?: $(cat "$1/rootfs/tmp/report")"
        settle "$1"
}

# audit ID LINES MAX: sets account and lost; at most MAX entries are missing, and nothing else is
# wrong: verify names just these.
audit() {
        local status=0
        account=$("$tools/ledger" --seed 7 --lines "$2" --id "$1" --missing missing 2>told) || :
        lost=$(wc -l <missing)
        [ "$lost" -le "$3" ] || fail "$1: $lost entries are missing, not at most $3: $account"
        expect_match "$1, beside what is missing" \
                "lost=$lost repeated=0 doubled=0 reordered=0 altered=0 foreign=0" "$account"
        conlogctl verify "$1" --json >verified || status=$?
        expect "$1: exit status of verify" "$((lost > 0))" "$status"
        python3 - verified >named <<-'END'
		import json, sys

		with open(sys.argv[1]) as f:
		    [life] = json.load(f)
		assert not life["repeated"] and not life["altered"], life
		for first, last in life["missing"]:
		    print(*range(first, last + 1), sep="\n")
		END
        cmp missing named || fail "$1: verify does not name what is missing: $(diff missing named)"
}

# said SECONDS WORDS: how many messages of conlogd since then have these words
said() {
        journalctl --quiet --output=cat --since="@$1" --grep="$2" SYSLOG_IDENTIFIER=conlogd | wc -l
}

# is_told JOURNALD: whether STATUS= says that it is away
is_told() {
        local words="^1 container, [0-9]+ lines; $1 has taken nothing for [0-9]+ s: lines wait"
        [[ $(systemctl show -P StatusText conlogd.service) =~ $words ]]
}

# check_visible ID JOURNALD: what people see while that one is away
check_visible() {
        wait_until 10 is_told "$2"
        expect_match "conlogctl list" "$1 .* waiting for $2 " "$(conlogctl list)"
}

trap 'systemctl kill --signal=CONT "systemd-journald*.service"' EXIT

# The test starts it more often than its unit would stand.
set_start_limit 'StartLimitIntervalSec=0\n'

lines=$((rounds * 5000))
start restarts $lines
for ((i = 0; i < rounds; i++)); do
        sleep 0.3
        systemctl restart systemd-journald.service
done
is_writing || slow "the writer ended before the last restart"
finish restarts
audit restarts $lines 0
figures="$rounds restarts: $account"

start kills $lines
for ((i = 0; i < rounds; i++)); do
        sleep 0.3
        pid=$(journald_pid)
        kill -KILL "$pid"
        wait_until 10 is_new_pid "$pid"
done
is_writing || slow "the writer ended before the last kill"
finish kills
audit kills $lines "$rounds"
figures+="; $rounds kills: $lost missing, all named"

began=$EPOCHSECONDS
lines=$(((frozen + 3) * 5000))
start frozen $lines
pid=$(journald_pid)
kill -STOP "$pid"
answers=$(python3 -B "$suite/frozen.py" "$(main_pid)" "$frozen") || fail_as $? "frozen: $answers"
check_visible frozen journald
# The next process, which knows nothing of it, finds the same.
systemctl restart conlogd.service
check_visible frozen journald
kill -CONT "$pid"
finish frozen
audit frozen $lines 0
expect "entries of another service" 100 "$(count SYSLOG_IDENTIFIER=another)"
expect "messages that it is away" 2 "$(said "$began" 'journald has taken nothing for')"
expect "messages that it is back" 1 "$(said "$began" 'journald takes entries again')"
figures+="; frozen for $frozen s: $answers, nothing missing"

# One of two is frozen: nobody waits for it but those who log there.
show_namespace apart
conlogctl run --id remote --log-opt journal-namespace=apart -- \
        "$tools/writer" --seed 7 --lines 20000 --rate 5000 &
remote=$!
wait_until 10 is_stored 1 -n 1 --namespace=apart CONTAINER_ID_FULL=remote
systemctl kill --signal=STOP --kill-whom=main systemd-journald@apart.service
start beside 10000
finish beside
audit beside 10000 0
check_visible remote journald@apart
systemctl kill --signal=CONT --kill-whom=main systemd-journald@apart.service
wait "$remote" || fail "the writer remote: $?"
conlogctl remove remote >/dev/null
journalctl --namespace=apart --sync
account=$("$tools/ledger" --seed 7 --lines 20000 --id remote --namespace apart) || fail "$account"

# It hits its start limit: PID 1 closes its socket, with what is in the queue. Then the path goes.
began=$EPOCHSECONDS
set_start_limit 'StartLimitIntervalSec=10s\nStartLimitBurst=3\n'
start failed 30000
for ((i = 0; i < 50; i++)); do
        pid=$(journald_pid)
        [ "$pid" -eq 0 ] || kill -KILL "$pid" 2>/dev/null || :
        ! systemctl is-failed --quiet systemd-journald.socket || break
        sleep 0.1
done
systemctl is-failed --quiet systemd-journald.socket || fail "journald's socket did not fail"
check_visible failed journald
rm -f /run/systemd/journal/socket
sleep 1
check_visible failed journald
set_start_limit 'StartLimitIntervalSec=0\n'
systemctl reset-failed 'systemd-journald*'
systemctl start systemd-journald{,-dev-log}.socket systemd-journald.service
repaired=$(systemctl show -P ActiveEnterTimestampMonotonic systemd-journald.socket)
finish failed
# One for each kill, and its queue.
audit failed 30000 $((i + 512))
back=$(journalctl --quiet --output=json --output-fields=PRIORITY CONTAINER_ID_FULL=failed |
        python3 -c '
import json, sys

repaired = int(sys.argv[1])
times = (int(json.loads(line)["__MONOTONIC_TIMESTAMP"]) for line in sys.stdin)
print(min(usec for usec in times if usec >= repaired) - repaired)' "$repaired")
[ "$back" -le 1000000 ] || fail "the first line came $back µs after the repair"
expect "messages that it is back" 1 "$(said "$began" 'journald takes entries again')"
figures+="; failed: $lost missing, all named, back after $((back / 1000)) ms"

ok "$figures"
