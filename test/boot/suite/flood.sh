#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 60,000 lines in two seconds are all stored, and nothing is suppressed.

. "$(dirname "$0")/lib.sh"

# A burst such as the journal's own limit would cut to a half.
recipe=(--seed "$RANDOM" --lines 60000)
make_bundle burst /bin/writer "${recipe[@]}" --rate 30000 --report /tmp/report
(run_bundle burst burst) || fail "the writer: $?"
settle burst
account=$("$tools/ledger" "${recipe[@]}" --id burst) || fail "$account"
burst_ms=$(figure ms "$(cat burst/rootfs/tmp/report)")

suppressed=$(journalctl --quiet --output=cat --grep=Suppressed _COMM=systemd-journal || :)
expect "suppressed" "" "$suppressed"

ok "burst of 60000 in $burst_ms ms: $account"
