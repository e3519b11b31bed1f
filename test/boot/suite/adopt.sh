#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Pipes that somebody else made: 200,000 lines through an ordinary pipeline while the daemon is
# killed and restarted, none lost; nothing stays beside the program. What a stop of the service
# costs is told, and no more. See adopt.py for what goes straight over the socket.

. "$(dirname "$0")/lib.sh"

lines=${CONLOG_ADOPT:-200000}
kills=40 restarts=8
recipe=(--seed "$RANDOM" --lines "$lines" --streams 1)

# Between two restarts there is no process to kill.
kill_daemon() {
        local pid
        pid=$(main_pid)
        [ "$pid" -gt 0 ] && kill -KILL "$pid" 2>/dev/null
}

store_size() {
        systemctl show -P NFileDescriptorStore conlogd.service
}

# is_store N: PID 1 takes fds out of its store when it comes to it
is_store() {
        [ "$(store_size)" = "$1" ]
}

# shellcheck disable=SC2317 # wait_until calls it
is_over() {
        [ "$(systemctl is-active "$1")" = inactive ]
}

conlogctl list >/dev/null
wait_until 10 is_store 2 # the scratch pipe's ends

systemd-run --quiet --collect --unit=job.service --setenv=tools="$tools" bash -c "
        \$tools/writer ${recipe[*]} --rate 10000 --report $work/report | conlogctl adopt --id=job"
wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL=job
expect "processes of the pipeline" "bash writer" "$(
        xargs -rn1 ps -o comm= -p <"/sys/fs/cgroup$(
                systemctl show -P ControlGroup job.service)/cgroup.procs" | sort | xargs)"

n_kills=0 n_restarts=0
while [ $((n_kills + n_restarts)) -lt $((kills + restarts)) ]; do
        [ $((RANDOM % 4)) -eq 0 ] || wait_until 10 is_active
        sleep "0.$(printf '%03d' $((RANDOM % 150)))"
        ! is_over job.service || slow "the writer ended after $n_kills kills and $n_restarts \
restarts: $(cat report)"
        if [ $(((n_kills + n_restarts) % 6)) -eq 5 ]; then
                systemctl restart conlogd.service
                n_restarts=$((n_restarts + 1))
        elif kill_daemon; then
                n_kills=$((n_kills + 1))
        fi
done
wait_until 120 is_over job.service
expect "write errors" none "$(figure error "$(cat report)")"
expect "the store while the container is there" 3 "$(store_size)"
[ ! -e /run/conlogd/containers/job/init-stdout ] || fail "a FIFO was made beside the pipe"
settle job
account=$("$tools/ledger" "${recipe[@]}" --id job --allow-repeats) || fail "$account"
conlogctl verify job >/dev/null || fail "conlogctl verify: $(conlogctl verify job)"
is_stored "$lines" OBJECT_SYSTEMD_UNIT=job.service CONTAINER_STREAM=stdout ||
        fail "the lines are not those of the unit that the pipeline runs in"

# A line that nobody ended is there when its writers are gone, before anything is removed.
printf 'one\ntwo\nlast' | conlogctl adopt --id=tail
wait_until 10 is_stored 3 CONTAINER_ID_FULL=tail
expect "the last line" last "$(values MESSAGE -n 1 CONTAINER_ID_FULL=tail)"
expect_match "show" 'stdout, adopted' "$(conlogctl show tail)"
conlogctl remove tail

# By number, both streams; and what is no pipe is refused with the rule.
conlogctl adopt --id=both --stdout=5 --stderr=6 5< <(echo out) 6< <(echo err)
wait_until 10 is_stored 1 CONTAINER_ID_FULL=both CONTAINER_STREAM=stdout MESSAGE=out
wait_until 10 is_stored 1 CONTAINER_ID_FULL=both CONTAINER_STREAM=stderr MESSAGE=err
conlogctl remove both
refused 'stdout: the read end of a pipe' conlogctl adopt --id=x </dev/null
refused 'stdout: the read end of a pipe' conlogctl adopt --id=x </etc/passwd
refused 'stderr: the read end of a pipe' conlogctl adopt --id=x --stderr=7 7> >(:)
refused 'stdout=99.*open file descriptor' conlogctl adopt --id=x --stdout=99
refused 'stdout=-1.*open file descriptor' conlogctl adopt --id=x --stdout=-1
refused 'id is missing' conlogctl adopt
refused 'terminal' conlogctl adopt --id=x --terminal < <(:)
[ ! -e /run/conlogd/containers/x ] || fail "a refused container is there"

figures=$(python3 -B "$suite/adopt.py") || fail "adopt.py"
wait_until 10 is_store 2

# The service manager forgets the pipe when the service is stopped: nobody reads it any more.
(
        trap '' PIPE
        while echo tick 2>/dev/null; do sleep 0.05; done
        echo "ended by $?" >ticker
) | conlogctl adopt --id=lost &
wait_until 10 test -e /run/conlogd/containers/lost/config
conlogctl create --id=stays >/dev/null
wait_until 10 is_stored 3 CONTAINER_ID_FULL=lost
systemctl stop conlogd.service
wait_until 10 test -s ticker
for _ in 1 2; do
        systemctl restart conlogd.service
        expect "containers" "lost stays" "$(conlogctl list --no-legend | awk '{ print $1 }' | sort | xargs)"
done
journalctl --sync
expect "what is said about it" 1 "$(journalctl -q -o cat _SYSTEMD_UNIT=conlogd.service |
        grep -c 'pipe of stdout of container lost is gone')"
settle lost
conlogctl verify lost >/dev/null || fail "conlogctl verify: $(conlogctl verify lost)"
expect "dropped" 0 "$(conlogctl list --json=short | python3 -c '
import json, sys
print(sum(c["bytesDropped"] for c in json.load(sys.stdin)))')"
conlogctl remove stays
wait_until 10 is_store 2

ok "$n_kills kills and $n_restarts restarts; $account; $figures"
