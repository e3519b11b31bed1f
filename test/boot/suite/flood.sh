#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# 60,000 lines in two seconds are all stored, and nothing is suppressed; a quiet container's lines
# reach the journal within 500 ms while another one floods.

. "$(dirname "$0")/lib.sh"

# A burst such as the journal's own limit would cut to a half.
recipe=(--seed "$RANDOM" --lines 60000)
make_bundle burst /bin/writer "${recipe[@]}" --rate 30000 --report /tmp/report
(run_bundle burst burst) || fail "the writer: $?"
settle burst
account=$("$tools/ledger" "${recipe[@]}" --id burst) || fail "$account"
burst_ms=$(figure ms "$(cat burst/rootfs/tmp/report)")

# Then a flood without end, and a quiet container beside it.
make_bundle flood /bin/writer --seed 2 --lines 4000000 --report /tmp/report
make_bundle quiet /bin/writer --stamp --lines 200 --rate 20 --cut line
run_bundle flood flood &
flood=$!
wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL=flood
before=$(conlogctl show flood --json)
(run_bundle quiet quiet) || fail "the quiet writer: $?"
after=$(conlogctl show flood --json)
crun kill flood KILL
wait "$flood" || :
settle quiet
conlogctl remove flood >/dev/null

# From the time in the line to the time journald stored it.
latency=$(journalctl --quiet --output=json CONTAINER_ID_FULL=quiet \
        --output-fields=MESSAGE,__REALTIME_TIMESTAMP,CONTAINER_LOG_ORDINAL | python3 -c '
import json, sys

entries = [json.loads(line) for line in sys.stdin]
lines = [e for e in entries if "CONTAINER_LOG_ORDINAL" in e]
usec = sorted(int(e["__REALTIME_TIMESTAMP"]) - int(e["MESSAGE"].split()[1]) for e in lines)
print(f"n={len(usec)} median_ms={usec[len(usec) // 2] / 1000:.1f} max_ms={usec[-1] / 1000:.1f}")
')
expect "quiet lines" 200 "$(figure n "$latency")"
[ "$(printf '%.0f' "$(figure max_ms "$latency")")" -le 500 ] || fail "a quiet line took $latency"

flooded=$(python3 -c '
import json, sys

before, after = (json.loads(text) for text in sys.argv[1:])
print(after["lines"] - before["lines"])' "$before" "$after")
[ "$flooded" -gt 10000 ] || fail "there was no flood: $flooded lines"

suppressed=$(journalctl --quiet --output=cat --grep=Suppressed _COMM=systemd-journal || :)
expect "suppressed" "" "$suppressed"

ok "burst of 60000 in $burst_ms ms: $account; beside $flooded lines of flood: $latency"
