#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every option of every driver is taken or refused, with its key and its rule; see options.py.

. "$(dirname "$0")/lib.sh"

mkdir -p /etc/conlogd
show_namespace apart
figures=$(python3 -B "$suite/options.py") || fail "options.py"
ok "$figures"
