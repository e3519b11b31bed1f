#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A disk for log files that is full, read-only, broken (EIO) or over its quota (EDQUOT), and then is
# not: who waits loses nothing, who does not wait is told what it lost, nothing half written stays,
# the daemon goes on within 5 s, also if it was killed meanwhile, and a container that logs to the
# journal notices nothing.
#
# The first two are done to a tmpfs. A kernel without device mapper and quota cannot do the others:
# there tools/sick-disk stands between the daemon and the kernel; it does half of each write first.

. "$(dirname "$0")/lib.sh"

logs=/var/log/conlogd
lines=8000 rate=8000
figures=
trap 'umount -l $logs' EXIT

set_up() {
        mount -t tmpfs -o "size=96M,mode=2750,gid=$(stat -c %g $logs)" tmpfs $logs
        mkdir -p /etc/systemd/system/conlogd.service.d
        cp "$tools/libsick-disk.so" /usr/lib/
        printf '[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libsick-disk.so\n' \
                >/etc/systemd/system/conlogd.service.d/sick-disk.conf
        systemctl daemon-reload
}

# Room for the first records only.
begin_full() {
        head -c 200M /dev/zero >$logs/filler 2>/dev/null || :
        truncate -s -200K $logs/filler
}

cure_full() {
        rm $logs/filler
}

# Possible when nobody writes: a file may be compressed still.
begin_read-only() {
        wait_until 10 mount -o remount,ro $logs 2>/dev/null
}

cure_read-only() {
        mount -o remount,rw $logs
}

begin_broken() {
        echo 5 >/run/conlogd/sick
}

begin_over-quota() {
        echo 122 >/run/conlogd/sick
}

cure_broken() {
        rm /run/conlogd/sick
}

cure_over-quota() {
        rm /run/conlogd/sick
}

# start ID OPTION…: a container that writes
start() {
        local id=$1
        shift
        conlogctl run --id "$id" "$@" -- "$tools/writer" --seed 5 --lines $lines --rate $rate \
                --report "$work/$id.report" &
        pids[$id]=$!
}

# ends ID: its writer was never refused a write
ends() {
        wait "${pids[$1]}" || fail "the writer of $1: $?"
        expect "$1: write errors" none "$(figure error "$(cat "$1.report")")"
}

is_waiting() {
        [[ $(conlogctl list) =~ $1\ .*waiting\ for\ $logs ]]
}

size() {
        du -sb "$logs/$1" 2>/dev/null | cut -f1
}

has_grown() {
        [ "0$(size "$1")" -gt "0$2" ]
}

# check ID DRIVER OPTION…
check() {
        local said id=$1
        conlogctl remove "$id" >/dev/null
        said=$("$tools/filecheck" --seed 5 --lines $lines --size 20M "${@:3}" "$logs/$id" "$2") ||
                fail "$what: $said"
        dropped=$(figure dropped "$said")
}

# suffer WHAT DRIVER DRIVER
suffer() {
        local before began id
        what=$1
        declare -gA pids=()
        case $what in
        broken | over-quota) start "waits-$what" --log-driver "$2" ;;
        esac
        "begin_$what"
        [ -n "${pids[waits-$what]-}" ] || start "waits-$what" --log-driver "$2"
        start "drops-$what" --log-driver "$3" --log-opt mode=non-blocking
        start "other-$what"
        wait_until 10 is_waiting "waits-$what"

        ends "other-$what"
        settle "other-$what"
        expect "$what: lines in the journal" $lines \
                "$(count CONTAINER_ID_FULL="other-$what" _TRANSPORT=journal CONTAINER_LOG_ORDINAL=1 + \
                        CONTAINER_ID_FULL="other-$what" CONTAINER_STREAM=stdout + \
                        CONTAINER_ID_FULL="other-$what" CONTAINER_STREAM=stderr)"
        ends "drops-$what"
        kill -0 "${pids[waits-$what]}" || fail "$what: the one that should wait has ended"
        # One that is started while the mount is read-only keeps it so: its mounts are its own.
        [ "$what" = read-only ] ||
                systemctl kill --signal=KILL --kill-whom=main conlogd.service
        wait_until 10 is_waiting "waits-$what"

        before=$(size "waits-$what") || :
        "cure_$what"
        began=$(date +%s%N)
        wait_until 5 has_grown "waits-$what" "$before"
        figures+="$what: on after $((($(date +%s%N) - began) / 1000000)) ms,"
        ends "waits-$what"
        check "waits-$what" "$2"
        check "drops-$what" "$3" --drops
        [ "$dropped" -gt 1000 ] || fail "$what: $dropped lines dropped only"
        figures+=" $dropped of $lines dropped by the one that does not wait; "
}

set_up
suffer full json-file k8s-file
suffer read-only k8s-file local
suffer broken local json-file
suffer over-quota json-file local

journalctl --sync
began=$(journalctl -q -u conlogd -o cat | grep -c 'Failed to write .*, trying again: ') || :
ended=$(journalctl -q -u conlogd -o cat | grep -c 'All log files can be written again') || :
# Before the kill and after it.
expect_match "messages that it has begun" '^([4-9]|1[0-2])$' "$began"
expect "messages that it has ended" 4 "$ended"

ok "${figures%; }"
