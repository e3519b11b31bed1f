#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One container floods, 199 write ten lines a second each: of theirs none is lost, and 99 of 100 are
# in the journal within 500 ms. Beside them it says how late those of another service are that sends
# them to journald itself. Ten seconds; with CONLOG_WHOLE set a minute.

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
journalctl --sync
figures=$(journalctl --quiet --output=json CONTAINER_TAG=quiet CONTAINER_STREAM=stdout + \
        CONTAINER_TAG=beside --output-fields=MESSAGE,CONTAINER_ID_FULL | python3 -c '
import collections, json, sys

n_containers, n_lines, too_slow = map(int, sys.argv[1:])
found = collections.defaultdict(list)
quiet, beside = [], []
for line in sys.stdin:
    entry = json.loads(line)
    number, written = map(int, entry["MESSAGE"].split())
    id = entry.get("CONTAINER_ID_FULL")
    (quiet if id else beside).append((int(entry["__REALTIME_TIMESTAMP"]) - written) / 1000)
    if id:
        found[id].append(number)
wanted = list(range(1, n_lines + 1))
wrong = {id: numbers for id, numbers in found.items() if numbers != wanted}
if len(found) != n_containers or wrong:
    sys.exit(f"{len(found)} containers, and lines are not all there, or not in order: {wrong}")


def at(times, percent):
    return sorted(times)[(len(times) - 1) * percent // 100]


print(f"{len(quiet)} quiet lines: median {at(quiet, 50):.1f} ms, p99 {at(quiet, 99):.1f} ms, "
      f"worst {max(quiet):.1f} ms; {len(beside)} of another service: {at(beside, 50):.1f}, "
      f"{at(beside, 99):.1f}, {max(beside):.1f}")
if at(quiet, 99) > 500:
    sys.exit(too_slow)' $quiet $lines $too_slow) || fail_as $? "$figures"

[ "$flooded" -gt $((lines * 100)) ] || fail "there was no flood: $flooded lines"
ok "$figures; beside $flooded lines of flood"
