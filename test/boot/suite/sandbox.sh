#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What somebody who took the daemon over could do: the score of the unit, and every probe of
# test/tools/probe, first free, then with the unit's settings, then with the daemon's own filter
# on top.

. "$(dirname "$0")/lib.sh"

score_max=0.5

# What each probe must be refused by the settings of the unit alone.
by_unit=(manager bus other-service shadow gshadow root-home manager-root manager-environment
        manager-memory kernel-log memory write-root write-etc write-usr write-var write-var-lib
        write-var-log write-var-tmp write-tmp write-dev-shm write-run write-run-systemd
        write-run-journal inet inet6 netlink packet
        device block-device setuid-file setuid hostname clock reboot realtime unshare-user
        map-writable-executable)

# What kills the process.
by_death=(exec fork vfork clone ptrace mount bpf io-uring inet inet6 netlink packet vsock
        map-executable map-writable-executable protect-executable device block-device keyring
        setuid chroot setns unshare-user bind init-module)

# What is allowed outside, or the probe proves nothing.
outside=(manager bus other-service shadow root-home write-root write-etc write-run write-tmp exec
        fork inet device setuid ptrace map-executable signal-manager)

# result NAME: how that probe ended, in the file "results"
result() {
        sed -n "s/^$1 //p" results
}

# listen PATH: a service that takes whoever comes
listen() {
        [ -S "$1" ] || python3 -c '
import socket, sys, time

s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
time.sleep(60)' "$1" &
}

# run_probe [--with-filter]: with the unit of the daemon, where only the program is another one
run_probe() {
        sed -e "s|^ExecStart=.*|ExecStart=/usr/lib/conlogd-probe $*|" \
                -e 's/^Type=.*/Type=oneshot/' \
                -e '/^Restart/d' -e '/^ExecReload=/d' -e '/^WatchdogSec=/d' -e '/^Requires=/d' \
                "$(systemctl show -P FragmentPath conlogd.service)" \
                >/etc/systemd/system/conlogd-probe.service
        sed -i '/^\[Service\]/a RemainAfterExit=yes' /etc/systemd/system/conlogd-probe.service
        systemctl daemon-reload
        systemctl restart conlogd-probe.service || fail "the probe: $(
                systemctl status -l --no-pager conlogd-probe.service)"
        journalctl --sync
        journalctl -q -o cat _SYSTEMD_INVOCATION_ID="$(
                systemctl show -P InvocationID conlogd-probe.service)" _TRANSPORT=stdout >results
        systemctl stop conlogd-probe.service
        grep -q '^x32 ' results || fail "the probe did not come to its end: $(cat results)"
}

cp "$tools/probe" /usr/lib/conlogd-probe
mkdir -p /run/dbus
listen /run/dbus/system_bus_socket
listen /run/conlogd-probe.socket
wait_until 5 test -S /run/conlogd-probe.socket
chmod 0600 /etc/shadow

score=$(systemd-analyze security --no-pager conlogd.service | sed -n 's/.*: \([0-9.]*\) .*/\1/p' |
        tail -n1)
python3 -c 'import sys; sys.exit(float(sys.argv[1]) > float(sys.argv[2]))' "$score" "$score_max" ||
        fail "systemd-analyze security says $score"

/usr/lib/conlogd-probe >results
for name in "${outside[@]}"; do
        expect "outside, $name" allowed "$(result "$name")"
done

run_probe
cp results results.unit
for name in "${by_unit[@]}"; do
        [[ $(result "$name") =~ ^(E[A-Z]+|killed)$ ]] || fail "the unit: $name $(result "$name")"
done

run_probe --with-filter
refused=$(grep -cE ' (E[A-Z]+|killed)$' results)
if grep -vE ' (E[A-Z]+|killed)$' results >allowed; then
        fail "not refused: $(tr '\n' ' ' <allowed)"
fi
for name in "${by_death[@]}"; do
        expect "filter, $name" killed "$(result "$name")"
done

# The daemon itself has what the probe had.
conlogctl create --id caged >/dev/null
status=$(cat "/proc/$(main_pid)/status")
expect_match "no new privileges" $'\nNoNewPrivs:\t1\n' "$status"
expect_match "no capability" $'\nCapEff:\t0000000000000000\n' "$status"
expect_match "no capability to get" $'\nCapBnd:\t0000000000000000\n' "$status"
expect_match "filters" $'\nSeccomp:\t2\n' "$status"
filters=$(sed -n 's/^Seccomp_filters:\t//p' <<<"$status")
[ "$filters" -gt 1 ] || fail "the daemon has $filters filters"

ok "exposure $score; $refused of $refused probes refused, ${#by_death[@]} of them by death;" \
        "$filters filters"
