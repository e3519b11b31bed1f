#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Output that no program should make: an endless line, one byte a write, empty lines, NUL only,
# lines around each limit. Put together again, the entries are the bytes that were written, and the
# daemon's memory stays what it was.
#
# With CONLOG_WHOLE set: a gigabyte, a million writes, a million lines.

. "$(dirname "$0")/lib.sh"

# The most memory that the daemon may take beside what it had, in KiB.
growth_max=1024

hwm_kib() {
        sed -n 's/^VmHWM:[ \t]*\([0-9]*\).*/\1/p' "/proc/$(main_pid)/status"
}

conlogctl run --id first -- echo first
settle first
pid=$(main_pid)
figures=
for kind in endless bytes empty nul limits tail returns; do
        echo 5 >"/proc/$pid/clear_refs" # HWM begins anew
        before=$(hwm_kib)
        conlogctl run --id "odd-$kind" --log-opt level-prefix=no -- \
                python3 -B "$suite/odd.py" write "$kind" "$work/written" || fail "$kind: writer: $?"
        settle "odd-$kind"
        grown=$(($(hwm_kib) - before))
        [ "$grown" -le "$growth_max" ] || fail "$kind: the daemon took $grown KiB more"
        expect "$kind: the daemon" "$pid" "$(main_pid)"

        journalctl --quiet --all --output=export CONTAINER_ID_FULL="odd-$kind" \
                CONTAINER_STREAM=stdout \
                --output-fields=MESSAGE,CONTAINER_LOG_ORDINAL,CONTAINER_PARTIAL_ID,CONTAINER_PARTIAL_ORDINAL,CONTAINER_PARTIAL_LAST |
                python3 -B "$suite/odd.py" read >stored || fail "$kind: $(cat stored)"
        expect "$kind: bytes and SHA-256" "$(cat written)" "$(head -n1 stored)"
        figures+="$kind: $(cut -d ' ' -f 1 written) bytes, $(tail -n1 stored), +$grown KiB; "
done
conlogctl list --json >/dev/null

ok "${figures%; }"
