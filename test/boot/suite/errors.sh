#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What must be refused is refused with an error that says what the rule is; a peer that does not
# keep to the protocol harms nobody but itself. See errors.py; here is what people see of it.

. "$(dirname "$0")/lib.sh"

figures=$(python3 -B "$suite/errors.py") || fail_as $? "errors.py: $figures"

conlogctl create --id twice >/dev/null
refused 'twice.*exists' conlogctl create --id twice
refused 'letter or digit' conlogctl create --id ../x
refused 'letter or digit' conlogctl run --id '' -- true
refused 'colour' conlogctl create --id x --log-opt colour=blue
refused 'timestamp.*yes or no' conlogctl create --id x --log-opt timestamp=5
refused 'syslog.*journald' conlogctl create --id x --log-driver syslog
refused 'no container gone' conlogctl remove gone
[ ! -e /run/conlogd/containers/x ] || fail "a refused container is there"

# What could not be started leaves no container behind, and says what systemd's tools say.
status=0
conlogctl run --id x -- /no/such/program 2>said || status=$?
expect "status of a program that is not there" 127 "$status"
[ ! -e /run/conlogd/containers/x ] || fail "the container of a program that is not there stays"

ok "$figures"
