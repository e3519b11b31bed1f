#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A million lines of 0 to 400 random bytes, in random cuts over both streams of a real container:
# each one is in the journal once, with its bytes, its ordinal and its place.

. "$(dirname "$0")/lib.sh"

lines=${CONLOG_MILLION:-1000000}
recipe=(--seed "$RANDOM" --lines "$lines")

make_bundle million /bin/writer "${recipe[@]}" --report /tmp/report
began=${EPOCHREALTIME/./}
(run_bundle million million) || fail "the writer: $?: $(cat million/rootfs/tmp/report)"
settle million
ms=$(((${EPOCHREALTIME/./} - began) / 1000))

report=$(cat million/rootfs/tmp/report)
expect "write errors" none "$(figure error "$report")"

account=$("$tools/ledger" "${recipe[@]}" --id million) || fail "$account"
expect "last ordinal" "$lines" "$(figure entries "$account")"
expect "end-of-stream entries" 1 "$(figure notes "$account")"

ok "$account; $((lines * 1000 / ms)) lines/s, ${recipe[*]}"
