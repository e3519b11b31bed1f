#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Somebody who may write in the run directory puts something else in the place of each of our files,
# while the daemon runs, before it starts again, and as fast as he can while containers are made and
# removed: what lies outside is neither opened nor changed, and another container loses nothing. Then
# a container that does to its own FIFO what it can. See rundir.py.

. "$(dirname "$0")/lib.sh"

recipe=(--seed "$RANDOM" --lines 2000)

# One bystander after the other, until there is a file "over". The daemon may be killed while it is
# asked to make one.
write_beside() {
        local n=0 report
        while [ ! -e over ]; do
                n=$((n + 1))
                rm -f report
                if ! conlogctl run --id "bystander-$n" -- "$tools/writer" "${recipe[@]}" \
                        --rate 400 --report "$work/report" 2>said; then
                        cat said >&2
                        [ ! -e report ] && grep -q 'hung up' said || exit
                        continue
                fi
                report=$(cat report)
                [ "$(figure error "$report")" = none ] || exit
                echo "$n" >>bystanders
        done
}

rm -f over bystanders
write_beside &
bystander=$!
wait_until 10 is_stored 1 -n 1 CONTAINER_ID_FULL=bystander-1

figures=$(python3 -B "$suite/rundir.py") || fail "rundir.py: $figures"

kill -0 "$bystander" 2>/dev/null || fail "the bystander: $(cat said report 2>&1)"
touch over
wait "$bystander" || fail "the bystander: $(cat said report 2>&1)"
n=$(wc -l <bystanders)
for i in $(cat bystanders); do
        settle "bystander-$i"
        account=$("$tools/ledger" "${recipe[@]}" --id "bystander-$i" --allow-repeats) ||
                fail "bystander $i: $account"
done
ok "$figures; beside it $n times 2000 lines, 0 lost"
