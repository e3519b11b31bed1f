# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lib.sh: what the tests of this directory share. They run as root inside a booted system (see
# ../boot), where conlogd is installed from a staged tree. Each test is a script of its own; it
# ends with `ok FIGURES…`, or with a failed check.
#
#     CONLOG_STAGE   what `meson install --destdir` made
#     CONLOG_TOOLS   the directory of writer, ledger, probe, sendloop
# shellcheck shell=bash

set -euo pipefail

suite=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
tools=${CONLOG_TOOLS:?}
work=${CONLOG_WORK:-/tmp/conlog-suite}
mkdir -p "$work"
cd "$work"

ok() {
        echo "ok: $*"
        exit 0
}

fail() {
        echo "failed: $*" >&2
        exit 1
}

# All is right but a time, and the machine may have been away: run-all tries it again.
too_slow=75
slow() {
        echo "failed: $*" >&2
        exit $too_slow
}

# fail_as STATUS TEXT: what a script of the test's said by its status
fail_as() {
        local status=$1
        shift
        [ "$status" -ne $too_slow ] || slow "$*"
        fail "$*"
}

skip() {
        echo "skip: $*"
        exit 77
}

# expect WHAT WANTED GOT
expect() {
        [ "$2" = "$3" ] || fail "$1: wanted \"$2\", got \"$3\""
}

# expect_match WHAT REGEX GOT
expect_match() {
        [[ $3 =~ $2 ]] || fail "$1: \"$3\" does not match \"$2\""
}

# refused REGEX COMMAND…: the command must fail, and say something that matches.
refused() {
        local regex=$1 said
        shift
        if said=$("$@" 2>&1); then
                fail "not refused: $*: $said"
        fi
        [[ $said =~ $regex ]] || fail "refused, but not with \"$regex\": $*: $said"
}

# wait_until SECONDS COMMAND…
wait_until() {
        local end=$((SECONDS + $1 + 1))
        shift
        until "$@"; do
                [ "$SECONDS" -lt "$end" ] || fail "still not after ${SECONDS}s: $*"
                sleep 0.05
        done
}

install_conlogd() {
        # Not cp: /lib may be a symlink here.
        tar -C "${CONLOG_STAGE:?}" -cf - . | tar -C / --keep-directory-symlink -xf -
        systemctl daemon-reload
        systemd-tmpfiles --create conlogd.conf
        systemctl enable --quiet --now conlogd.socket
}

# Nothing of an earlier test is left: containers, settings, drop-ins, entries, log files.
reset_conlogd() {
        systemctl stop --quiet conlogd.socket conlogd.service 2>/dev/null || :
        rm -rf /run/conlogd/containers/* /etc/conlogd /etc/systemd/system/conlogd.service.d \
                /var/log/conlogd/*
        rm -f /etc/systemd/system/conlogd-probe*.service
        systemctl daemon-reload
        systemctl reset-failed
        systemd-tmpfiles --create conlogd.conf
        journalctl --quiet --rotate --vacuum-size=1
        systemctl stop --quiet 'systemd-journald@*'
        rm -rf /run/log/journal/*.* /var/log/journal/*.*
        systemctl start conlogd.socket
}

is_active() {
        systemctl is-active --quiet conlogd.service
}

is_inactive() {
        [ "$(systemctl is-active conlogd.service)" = inactive ]
}

main_pid() {
        systemctl show --property=MainPID --value conlogd.service
}

# configure TEXT: conlogd.conf with that content
configure() {
        mkdir -p /etc/conlogd
        printf '%b' "$1" >/etc/conlogd/conlogd.conf
}

# show_namespace NAME: a namespace of journald, the way the manual says
show_namespace() {
        mkdir -p /etc/systemd/system/conlogd.service.d
        cat >"/etc/systemd/system/conlogd.service.d/namespace-$1.conf" <<-END
		[Unit]
		Wants=systemd-journald@$1.socket
		After=systemd-journald@$1.socket

		[Service]
		BindReadOnlyPaths=-/run/systemd/journal.$1
	END
        systemctl daemon-reload
        systemctl restart conlogd.service
}

# make_bundle DIR COMMAND…: an OCI bundle with busybox and writer, for crun. Its root is writable.
make_bundle() {
        local bundle=$1 applet
        shift
        mkdir -p "$bundle"/rootfs/{bin,dev,proc,sys,tmp,etc}
        cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
        # The demo has no tools.
        [ ! -e "$tools/writer" ] || cp "$tools/writer" "$bundle/rootfs/bin/writer"
        for applet in sh echo cat sleep printf head tr seq; do
                ln -sf busybox "$bundle/rootfs/bin/$applet"
        done
        rm -f "$bundle/config.json"
        (cd "$bundle" && crun spec)
        python3 - "$bundle/config.json" "$@" <<-'END'
		import json, sys

		path, *command = sys.argv[1:]
		with open(path) as f:
		    spec = json.load(f)
		spec["process"]["terminal"] = False
		spec["process"]["args"] = command
		spec["root"]["readonly"] = False
		with open(path, "w") as f:
		    json.dump(spec, f)
		END
}

# run_bundle ID BUNDLE [OPTION…]: becomes the container's runtime; for a subshell
run_bundle() {
        local id=$1 bundle=$2
        shift 2
        exec conlogctl run --id "$id" "$@" -- \
                crun --cgroup-manager=disabled run --bundle "$bundle" "$id"
}

# control METHOD [PARAMETERS]: calls a method of the daemon, prints the answer
control() {
        python3 -B "$suite/control.py" "$@"
}

# settle ID: everything the container has written is in the journal, its streams are ended
settle() {
        conlogctl remove "$1" >/dev/null
        # The last entry of all: what was sent before it is stored when it is.
        wait_until 20 is_stored 1 MESSAGE_ID=6a1d5f0e8c0b4e0c9f5e6a0d7b1c2f43 \
                CONTAINER_ID_FULL="$1"
        journalctl --sync
}

# values FIELD MATCH…: that field of the entries that match, one a line
values() {
        local field=$1
        shift
        journalctl --quiet --all --output=cat --output-fields="$field" "$@"
}

# count MATCH…: how many entries match
count() {
        journalctl --quiet --output=json --output-fields=PRIORITY "$@" | wc -l
}

# is_stored N MATCH…
is_stored() {
        local n=$1
        shift
        [ "$(count "$@")" -ge "$n" ]
}

# CPU time in µs that a unit has used so far
cpu_usec() {
        sed -n 's/^usage_usec //p' "/sys/fs/cgroup$(
                systemctl show --property=ControlGroup --value "$1")/cpu.stat"
}

# figure KEY TEXT: the value of KEY=VALUE in what a tool printed
figure() {
        sed -n "s/.*\\b$1=\\([^ ]*\\).*/\\1/p" <<<"$2"
}
