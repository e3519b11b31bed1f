#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One container floods, 199 write ten lines a second each: of theirs none is lost, and 99 of 100 are
# in the journal within 500 ms. Ten seconds; with CONLOG_WHOLE set a minute.

. "$(dirname "$0")/lib.sh"

quiet=199 lines=100
[ -z "${CONLOG_WHOLE-}" ] || lines=600
configure '[journald]\ntag={{.Name}}\n'

conlogctl run --id flood --name flood -- "$tools/writer" --lines 1000000000 --max 200 &
flood=$!
wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL=flood
flooded=$(python3 -B "$suite/quiet.py" $quiet $lines) || fail "quiet.py: $flooded"
kill -0 "$flood" || fail "the flood has ended"
kill "$flood"
wait "$flood" || :
settle flood
conlogctl verify flood >/dev/null || fail "the flood: $(conlogctl verify flood)"

# From the time in the line to the time journald stored it.
figures=$(journalctl --quiet --output=json CONTAINER_TAG=quiet CONTAINER_STREAM=stdout \
        --output-fields=MESSAGE,CONTAINER_ID_FULL | python3 -c '
import collections, json, sys

n_containers, n_lines, too_slow = map(int, sys.argv[1:])
found = collections.defaultdict(list)
usec = []
for line in sys.stdin:
    entry = json.loads(line)
    number, written = map(int, entry["MESSAGE"].split())
    found[entry["CONTAINER_ID_FULL"]].append(number)
    usec.append(int(entry["__REALTIME_TIMESTAMP"]) - written)
wanted = list(range(1, n_lines + 1))
wrong = {name: numbers for name, numbers in found.items() if numbers != wanted}
if len(found) != n_containers or wrong:
    sys.exit(f"{len(found)} containers, and lines are not all there, or not in order: {wrong}")
usec.sort()
p99 = usec[len(usec) * 99 // 100]
print(f"{len(usec)} quiet lines: median {usec[len(usec) // 2] / 1000:.1f} ms, "
      f"p99 {p99 / 1000:.1f} ms, worst {usec[-1] / 1000:.1f} ms")
if p99 > 500000:
    sys.exit(too_slow)' $quiet $lines $too_slow) || fail_as $? "$figures"

[ "$flooded" -gt $((lines * 100)) ] || fail "there was no flood: $flooded lines"
ok "$figures; beside $flooded lines of flood"
