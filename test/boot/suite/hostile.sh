#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Control peers that want to do harm, one kind after the other, with an honest client beside them:
# what they ask for is refused, the honest one is answered within 100 ms, and afterwards the daemon
# has as many fds and as much memory as before. See hostile.py.

. "$(dirname "$0")/lib.sh"

# What is measured is what the daemon does first, not who else wants the processor: it and the honest
# client get that at once.
mkdir -p /etc/systemd/system/conlogd.service.d
printf '[Service]\nCPUSchedulingPolicy=rr\nCPUSchedulingPriority=1\n' \
        >/etc/systemd/system/conlogd.service.d/processor.conf
systemctl daemon-reload

configure '[journald]\ntag=hostile\n'
figures=$(python3 -B "$suite/hostile.py") || fail_as $? "hostile.py: $figures"
ok "$figures"
