#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A fault at every system call of a fixed scenario, done by strace: nothing is lost, nothing hangs,
# nothing spins. A sample by chance; with CONLOG_WHOLE set all of them.

. "$(dirname "$0")/lib.sh"

mkdir -p /etc/conlogd
options=(--sample 60 --workers 4)
[ -z "${CONLOG_WHOLE-}" ] || options=(--workers 8)
python3 -B "$suite/faults.py" "${options[@]}" /usr/local/lib/conlogd/conlogd >faults 2>&3 || {
        grep -v '^failed: [0-9]' faults || :
        fail "$(sed -n 's/^failed: \([0-9]\)/\1/p' faults)"
}
ok "$(sed -n 's/^ok: //p' faults)"
