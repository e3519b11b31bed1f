#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The drivers that write files, while the daemon is killed at random moments and a new file is begun
# every 64 KiB: no line is lost, none comes twice, none is torn or split over two files, and no file
# is above its size. 20 kills; with CONLOG_WHOLE set 500, in rounds, because no more than 1,000
# files are kept. Half of them while each write takes two milliseconds (tools/sick-disk), or hardly
# one would come between a record and the note that it is taken.

. "$(dirname "$0")/lib.sh"

rounds=1 kills=20 lines=33000 rate=6000
[ -z "${CONLOG_WHOLE-}" ] || rounds=25
drivers=(json-file k8s-file local)
n_kills=0 n_records=0 n_files=0

is_running() {
        kill -0 "${writers[@]}" 2>/dev/null
}

# Between two processes there is none to kill.
kill_daemon() {
        local pid
        pid=$(main_pid)
        [ "$pid" -gt 0 ] && kill -KILL "$pid" 2>/dev/null
}

# start ROUND: a container for each driver; one of them does not compress
start() {
        local driver options
        writers=()
        for driver in "${drivers[@]}"; do
                options=(--log-opt max-size=64K --log-opt max-file=1000)
                [ "$driver" != local ] || options+=(--log-opt compress=no)
                make_bundle "$driver" /bin/writer --seed "$seed" --lines "$lines" \
                        --rate "$rate" --report /tmp/report
                run_bundle "$driver-$1" "$driver" --log-driver "$driver" "${options[@]}" &
                writers+=($!)
        done
        wait_until 10 is_active
}

# check ROUND
check() {
        local driver writer said
        for writer in "${writers[@]}"; do
                wait "$writer" || fail "a writer: $?"
        done
        for driver in "${drivers[@]}"; do
                expect "$driver, write errors" none \
                        "$(figure error "$(cat "$driver/rootfs/tmp/report")")"
                conlogctl remove "$driver-$1" >/dev/null
                said=$("$tools/filecheck" --seed "$seed" --lines "$lines" --size 64K \
                        "/var/log/conlogd/$driver-$1" "$driver") || fail "round $1: $said"
                # The group comes from the directory above: conlogd itself could not give it.
                expect "$driver, modes" "2750 systemd-journal 640 systemd-journal" \
                        "$(echo "$(stat -c '%a %G' "/var/log/conlogd/$driver-$1")" \
                                "$(stat -c '%a %G' "/var/log/conlogd/$driver-$1/$driver.log")")"
                n_records=$((n_records + $(figure records "$said")))
                n_files=$((n_files + $(figure files "$said")))
                # The last ones may be compressed still.
                until rm -rf "/var/log/conlogd/$driver-$1" 2>/dev/null; do :; done
        done
}

cp "$tools/libsick-disk.so" /usr/lib/
mkdir -p /etc/systemd/system/conlogd.service.d
printf '[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libsick-disk.so\n' \
        >/etc/systemd/system/conlogd.service.d/sick-disk.conf
systemctl daemon-reload
trap 'rm -f /run/conlogd/sick' EXIT

for ((round = 1; round <= rounds; round++)); do
        seed=$RANDOM
        start "$round"
        for ((n = 0; n < kills; )); do
                if [ $((RANDOM % 2)) -eq 0 ]; then
                        echo -1 >/run/conlogd/sick
                else
                        rm -f /run/conlogd/sick
                fi
                # One time in four the daemon may be on its way up, else it is at work.
                [ $((RANDOM % 4)) -eq 0 ] || wait_until 10 is_active
                sleep "0.$(printf '%03d' $((RANDOM % 120)))"
                is_running || break
                ! kill_daemon || n=$((n + 1))
        done
        rm -f /run/conlogd/sick
        n_kills=$((n_kills + n))
        check "$round"
        echo "     round $round of $rounds: $n kills" >&3
done
[ "$n_kills" -ge $((rounds * kills / 2)) ] || fail "there were $n_kills kills only"

ok "$n_kills kills; $n_records records in $n_files files of three drivers, none lost, torn or twice"
