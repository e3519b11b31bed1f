#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# No writer waits longer than the driver needs, however its lines are torn: a write that does not
# fit beside an unfinished line, lines longer than a pipe, one byte at a time.

. "$(dirname "$0")/lib.sh"

# The kernel wakes nobody when a write begins behind held bytes and then has no room: see
# pipe_write() in fs/pipe.c. The write must not stand still for that.
longest=$(conlogctl run --id held -- python3 -c '
import os, time

longest = 0
for i in range(10):
    os.write(1, b"unfinished ")
    time.sleep(0.1)
    begin = time.monotonic()
    os.write(1, (b"x" * 99 + b"\n") * 1000)
    longest = max(longest, time.monotonic() - begin)
with open("longest", "w") as f:
    print(round(longest * 1000), file=f)'
        cat longest)
settle held
expect "lines behind held bytes" 10000 "$(count CONTAINER_ID_FULL=held CONTAINER_STREAM=stdout)"
[ "$longest" -le 400 ] || slow "a write behind held bytes took $longest ms"

# What a container waits for is told.
conlogctl run --id limited --log-driver none --log-opt rate-limit-lines=1 -- seq 100 &
is_limited() {
        [[ $(conlogctl list) =~ limited\ .*\ waiting\ for\ rate\ limit\  ]]
}
wait_until 10 is_limited
wait $!
conlogctl remove limited >/dev/null

# Each way to cut, without a driver that could make it wait.
figures=
for cut in 1 line 2049 4096 4097 65536 100000 random; do
        id=cut-$cut
        lines=20000
        [ $cut != 1 ] || lines=2000
        conlogctl run --id $id --log-driver none -- \
                "$tools/writer" --lines $lines --cut $cut --report "$work/report"
        stall=$(figure stall_ms "$(cat report)")
        figures+=" $cut: $stall"
        [ "$stall" -le 400 ] || slow "cut $cut: a write took $stall ms: $(cat report)"
        # Not lines: with very many pipes on the machine this one is small, and lines go in parts.
        expect "bytes with cut $cut" "$(figure bytes "$(cat report)")" \
                "$(control Remove "{\"id\": \"$id\"}" | sed 's/.*"bytes": \([0-9]*\).*/\1/')"
done

# The smallest pipe the kernel makes by itself: two slots, which each such write fills.
recipe=(--seed 6 --lines 20000 --cut 4097)
conlogctl run --id tight --log-opt max-buffer-size=8K -- \
        "$tools/writer" "${recipe[@]}" --report "$work/report"
stall=$(figure stall_ms "$(cat report)")
figures+=" 4097 into 8K: $stall"
[ "$stall" -le 400 ] || slow "8K: a write took $stall ms: $(cat report)"
settle tight
account=$("$tools/ledger" "${recipe[@]}" --id tight) || fail "8K: $account"

# Lines of up to 200,000 bytes, into the journal. A hold that has lasted is looked at less often, so
# a single write may stand still for a second, but not one after the other.
recipe=(--seed 5 --lines 200 --min 20000 --max 200000)
conlogctl run --id long -- "$tools/writer" "${recipe[@]}" --report "$work/report"
settle long
account=$("$tools/ledger" "${recipe[@]}" --id long) || fail "$account"
ms=$(figure ms "$(cat report)")
[ "$ms" -le 8000 ] || slow "long lines: $(cat report)"

ok "longest write behind held bytes $longest ms; by cut, ms:$figures; 22 MB of long lines in $ms ms"
