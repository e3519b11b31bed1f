#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The socket starts the service, which ends itself when it has nothing to do, and is started again.

. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2317 # wait_until calls it
has_status() {
        [[ $(systemctl show -P StatusText conlogd.service) =~ ^1\ containers?,\ 2\ lines ]]
}

# Whether a process runs one of our programs, the daemon aside.
is_ours_running() {
        local exe
        for exe in /proc/[0-9]*/exe; do
                case $(readlink "$exe" || :) in
                */conlogctl | */writer) return 0 ;;
                esac
        done
        return 1
}

configure '[Conlogd]\nIdleSec=1\n'

expect "before the first call" inactive "$(systemctl is-active conlogd.service || :)"
expect "the socket" active "$(systemctl is-active conlogd.socket || :)"
expect "mode of the socket" "600 root" "$(stat -c '%a %U' /run/conlogd/io.conlogd)"

# A real container by a real runtime.
make_bundle web /bin/sh -c 'echo "out of the box"; echo "something is wrong" >&2; sleep 5'
run_bundle web web --name web1 --image busybox &
pid=$!
wait_until 5 is_active
expect "started by" conlogd.socket "$(systemctl show -P TriggeredBy conlogd.service)"
wait_until 5 is_stored 2 CONTAINER_NAME=web1
expect "lines" $'out of the box\nsomething is wrong' "$(values MESSAGE CONTAINER_NAME=web1)"

expect "what is left of conlogctl run" crun "$(cat "/proc/$pid/comm")"
if is_ours_running; then
        fail "a process of ours stays beside the container"
fi
wait_until 3 has_status
wait "$pid" || fail "crun: $?"

# With a container it stays, without one it goes.
sleep 1.5
is_active || fail "gone idle with a container that is not removed"
settle web
removed=${EPOCHREALTIME/./}
wait_until 6 is_inactive
idle_ms=$(((${EPOCHREALTIME/./} - removed) / 1000))
expect "the way it ended" success "$(systemctl show -P Result conlogd.service)"
[ ! -e /run/conlogd/containers/web ] || fail "the container's directory is still there"

conlogctl run --id again -- echo "once more"
is_active || fail "not started again"
settle again
expect "lines after idling" "once more" "$(values MESSAGE CONTAINER_ID_FULL=again \
        CONTAINER_STREAM=stdout)"

ok "started by the socket, idle after ${idle_ms} ms (IdleSec=1), started again"
