#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Stack traces as Java, Python and Go print them, numbered, on one stream, while each container
# writes other lines to its other stream and a third one writes without joining: each trace is one
# entry, by the regular expressions that the manual recommends. conlogd is killed at random moments
# meanwhile: none is lost, none is cut, and what comes twice has its ordinal and its bytes.
#
# And lines that are JSON objects, on one line or on several, become fields.

. "$(dirname "$0")/lib.sh"

kills=10 seconds=5
[ -z "${CONLOG_WHOLE-}" ] || kills=100 seconds=50
manual=$suite/../../../man/io.conlogd.7.scd

# recommended NAME: the manual's regular expression
recommended() {
        local regex
        regex=$(sed -n "s/^$1  *^/^/p" "$manual")
        [ -n "$regex" ] || fail "the manual has no expression for $1"
        echo "$regex"
}

# run_traces LANGUAGE EXPRESSION SECONDS: a container of that name
run_traces() {
        local options=()
        [ "$2" = none ] || options=(--log-opt "multiline-start=$(recommended "$2")"
                --log-opt multiline-timeout=1min)
        conlogctl run --id "$1" "${options[@]}" -- python3 -B "$suite/traces.py" write "$1" "$3"
}

test_kills() {
        local pids=() pid language account n_kills=0

        run_traces java java "$seconds" & pids+=($!)
        run_traces python python "$seconds" & pids+=($!)
        run_traces go go "$seconds" & pids+=($!)
        run_traces plain none "$seconds" & pids+=($!)
        wait_until 10 is_active
        while [ "$n_kills" -lt "$kills" ]; do
                sleep "0.$((RANDOM % 7 + 1))"
                pid=$(main_pid)
                [ "$pid" -gt 0 ] && kill -KILL "$pid" 2>/dev/null && n_kills=$((n_kills + 1))
                kill -0 "${pids[0]}" 2>/dev/null || break
        done
        [ "$n_kills" -ge $((kills / 2)) ] || slow "only $n_kills kills before the end"
        for pid in "${pids[@]}"; do
                wait "$pid" || fail "a writer: $?"
        done
        for language in java python go plain; do
                settle "$language"
                account=$(journalctl -q --all -o json "CONTAINER_ID_FULL=$language" |
                        python3 -B "$suite/traces.py" check "$language") || fail "$account"
                conlogctl verify "$language" >/dev/null || fail "$(conlogctl verify "$language")"
                figures+="${figures:+, }$language: $account"
        done
        figures="$n_kills kills, $figures"
}

# Those of the manual that are by the form of a line, without a kill.
test_forms() {
        conlogctl run --id dated --log-opt "multiline-start=$(recommended dated)" \
                -- printf '2024-01-02 10:00 a\nTraceback\n b\nError\n2024-01-02 10:01 c\n'
        settle dated
        expect dated $'2024-01-02 10:00 a\nTraceback\n b\nError\n2024-01-02 10:01 c' \
                "$(values MESSAGE CONTAINER_ID_FULL=dated CONTAINER_STREAM=stdout)"
        expect "entries of dated" 2 "$(count CONTAINER_ID_FULL=dated CONTAINER_STREAM=stdout)"
}

# The last one of a container that goes on and says nothing more.
test_timeout() {
        conlogctl run --id quiet --log-opt "multiline-start=$(recommended indented)" \
                --log-opt multiline-timeout=200ms -- sh -c 'echo one; echo " two"; sleep 30' &
        wait_until 10 is_stored 1 CONTAINER_ID_FULL=quiet
        kill $!
        settle quiet
        expect "after its time" $'one\n two' \
                "$(values MESSAGE CONTAINER_ID_FULL=quiet CONTAINER_STREAM=stdout)"
}

test_json() {
        local match=(CONTAINER_ID_FULL=json CONTAINER_STREAM=stdout)
        conlogctl run --id json --log-opt parse=json --log-opt 'multiline-start=^([^[:space:]}]|$)' -- \
                printf '%s\n' '{"level":"warn","msg":"one","http":{"status":503},"priority":0}' '{' \
                '  "level": 50,' '  "message": "two\nlines"' '}' '{"msg":"three"' 'four'
        settle json
        expect messages $'one\ntwo\nlines\n{"msg":"three"\nfour' "$(values MESSAGE "${match[@]}")"
        expect priorities $'4\n3\n6\n6' "$(values PRIORITY "${match[@]}")"
        expect status 1 "$(count "${match[@]}" JSON_HTTP_STATUS=503 JSON_PRIORITY=0)"
}

figures=
test_forms
test_timeout
test_json
test_kills
ok "$figures"
