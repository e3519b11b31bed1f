#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What TAB offers in bash, zsh and fish: verbs, options, containers, drivers and their options, from
# the files that are installed. A verb, an option or a driver that is added later has to be there.

. "$(dirname "$0")/lib.sh"

conlogctl create --id web --name web-name --log-driver journald --log-driver none >/dev/null
# What a shell would expand is not offered, and not run.
conlogctl create --id other --name '$(touch /tmp/ran) `touch /tmp/ran` "id":"x"' >/dev/null
figures=$(python3 -B "$suite/completion.py") || fail "completion.py"
CONLOG_SOCKET=/nowhere python3 -B "$suite/completion.py" none || fail "without conlogd"
[ ! -e /tmp/ran ] || fail "a name was run as a command"
conlogctl remove web other >/dev/null
ok "$figures"
