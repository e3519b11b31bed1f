#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every option of every driver is taken or refused, with its key and its rule; see options.py.

. "$(dirname "$0")/lib.sh"

systemctl start systemd-journald@apart.socket systemd-journald@apart.service
mkdir -p /etc/systemd/system/conlogd.service.d /etc/conlogd
printf '[Service]\nBindReadOnlyPaths=-/run/systemd/journal.apart\n' \
        >/etc/systemd/system/conlogd.service.d/apart.conf
systemctl daemon-reload
figures=$(python3 -B "$suite/options.py") || fail "options.py"
ok "$figures"
