#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# demo.sh: the part of ../demo that runs inside the booted system.

CONLOG_TOOLS=none
. "$(dirname "$0")/suite/lib.sh"

show() {
        echo
        echo "# $*"
        "$@" 2>&1
}

has_status() {
        [ -n "$(systemctl show --property=StatusText --value conlogd.service)" ]
}

install_conlogd
echo "conlogd.service is $(systemctl is-active conlogd.service || :)," \
        "conlogd.socket is $(systemctl is-active conlogd.socket)"

make_bundle web /bin/sh -c '
        echo "listening on port 80"
        echo "<4>no configuration file, using defaults"
        echo "GET / 200"
        echo "cannot open /srv/www: No such file or directory" >&2'
show conlogctl run --id web --name web1 --image busybox:latest -- \
        crun --cgroup-manager=disabled run --bundle "$work/web" web
is_active || fail "conlogd.service was not started by its socket"
wait_until 5 is_stored 4 CONTAINER_NAME=web1

show journalctl --no-pager CONTAINER_NAME=web1
show journalctl --no-pager --priority=err CONTAINER_NAME=web1
show journalctl --no-pager --output=verbose --output-fields=MESSAGE,PRIORITY,CONTAINER_ID,CONTAINER_NAME,CONTAINER_STREAM,CONTAINER_LOG_EPOCH,CONTAINER_LOG_ORDINAL,IMAGE_NAME --lines=1 CONTAINER_NAME=web1
wait_until 5 has_status
show systemctl --no-pager --lines=0 status conlogd.service
show conlogctl list
show conlogctl remove web
show conlogctl verify web
