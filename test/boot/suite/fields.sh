#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The fields of an entry: those of the design, the ones that options ask for, and what hostile
# labels cannot do to them. And that journalctl's own ways to ask find the lines.

. "$(dirname "$0")/lib.sh"

n_checks=0

# check FIELD WANTED MATCH…: the values of that field, in the order of the entries
check() {
        local field=$1 wanted=$2
        shift 2
        expect "$field of $*" "$wanted" "$(values "$field" "$@")"
        n_checks=$((n_checks + 1))
}

# check_lines ID FIELD WANTED: the same for the lines of a container, without the note of its end
check_lines() {
        check "$2" "$3" "CONTAINER_ID_FULL=$1" CONTAINER_STREAM=stdout + \
                "CONTAINER_ID_FULL=$1" CONTAINER_STREAM=stderr
}

test_ordinary() {
        local id epoch
        id=$(printf '0123456789abcdef%.0s' 1 2 3 4)

        conlogctl run --id "$id" --name web --image registry/web:1 --image-id sha256:feed \
                --label com.example.tier=front --label com.example.team=a --label other=x \
                --env COLOR=blue --env SECRET=42 --unit web.service \
                --log-opt 'tag={{.ImageName}}/{{.Name}}' --log-opt labels=com.example.tier \
                --log-opt labels-regex='team$' --log-opt env=COLOR \
                -- sh -c 'echo one; sleep 0.2; echo two >&2'
        settle "$id"

        check_lines "$id" MESSAGE $'one\ntwo'
        check_lines "$id" PRIORITY $'6\n3'
        check_lines "$id" CONTAINER_ID $'0123456789ab\n0123456789ab'
        check_lines "$id" CONTAINER_NAME $'web\nweb'
        check_lines "$id" IMAGE_NAME $'registry/web:1\nregistry/web:1'
        check_lines "$id" CONTAINER_TAG $'registry/web:1/web\nregistry/web:1/web'
        check_lines "$id" SYSLOG_IDENTIFIER $'registry/web:1/web\nregistry/web:1/web'
        check_lines "$id" CONTAINER_STREAM $'stdout\nstderr'
        check_lines "$id" CONTAINER_LOG_ORDINAL $'1\n2'
        check_lines "$id" OBJECT_SYSTEMD_UNIT $'web.service\nweb.service'
        check_lines "$id" COM_EXAMPLE_TIER $'front\nfront'
        check_lines "$id" COM_EXAMPLE_TEAM $'a\na'
        check_lines "$id" COLOR $'blue\nblue'
        check_lines "$id" OTHER ''
        check_lines "$id" SECRET ''
        check_lines "$id" SYSLOG_TIMESTAMP ''
        check_lines "$id" CONTAINER_PARTIAL_ID ''
        check_lines "$id" _TRANSPORT $'journal\njournal'

        epoch=$(values CONTAINER_LOG_EPOCH CONTAINER_ID_FULL="$id" | sort -u)
        expect_match "the epoch" '^[0-9a-f]{32}$' "$epoch"

        # The ways people ask.
        expect "journalctl -u" $'one\ntwo' "$(journalctl -q -o cat -u web.service | head -n2)"
        check MESSAGE two -p err CONTAINER_ID_FULL="$id"
        check MESSAGE one CONTAINER_STREAM=stdout CONTAINER_NAME=web
        expect "journalctl -t" $'one\ntwo' \
                "$(journalctl -q -o cat -t registry/web:1/web | head -n2)"
        check MESSAGE two COM_EXAMPLE_TIER=front CONTAINER_STREAM=stderr

        # The end of its streams.
        check CONTAINER_LOG_LINES 2 CONTAINER_LOG_EPOCH="$epoch" PRIORITY=6 CONTAINER_LOG_LINES=2
        check CONTAINER_LOG_BYTES 8 CONTAINER_ID_FULL="$id" CONTAINER_LOG_LINES=2
        check CONTAINER_LOG_DROPPED 0 CONTAINER_ID_FULL="$id" CONTAINER_LOG_LINES=2
        expect_match "MESSAGE_ID of the end" '^[0-9a-f]{32}$' \
                "$(values MESSAGE_ID CONTAINER_ID_FULL="$id")"
}

# A plain id is shown whole, and is the tag unless one is given; the unit is the one we run in.
test_defaults() {
        systemd-run --quiet --wait --unit=around.service conlogctl run --id plain -- echo hello
        settle plain
        check CONTAINER_ID plain CONTAINER_ID_FULL=plain CONTAINER_STREAM=stdout
        check CONTAINER_TAG plain CONTAINER_ID_FULL=plain CONTAINER_STREAM=stdout
        check SYSLOG_IDENTIFIER plain CONTAINER_ID_FULL=plain CONTAINER_STREAM=stdout
        check CONTAINER_NAME '' CONTAINER_ID_FULL=plain CONTAINER_STREAM=stdout
        check OBJECT_SYSTEMD_UNIT around.service CONTAINER_ID_FULL=plain CONTAINER_STREAM=stdout
}

# What is done to a line: a level, also one torn over two writes, and one carriage return.
test_text() {
        conlogctl run --id text -- sh -c 'printf "<"; sleep 0.2; printf "4"; sleep 0.2
                printf ">torn\n<8>eight\n<3 >space\n<0>\n\n\r\nreturn\r\nreturns\r\r\n"
                printf "\tblank \033[1mbold\n\000\377\n"; printf "no end"'
        settle text
        check_lines text PRIORITY $'4\n6\n6\n0\n6\n6\n6\n6\n6\n6\n6'
        expect "texts" 'torn|<8>eight|<3 >space||||return|returns.| blank .[1mbold|..|no end|' \
                "$(journalctl -q -o json CONTAINER_ID_FULL=text CONTAINER_STREAM=stdout |
                        python3 -c '
import json, sys

for line in sys.stdin:
    text = json.loads(line)["MESSAGE"]
    text = text.encode() if isinstance(text, str) else bytes(text)
    assert text[:1] != b"\t" or text == b"\tblank \x1b[1mbold"
    assert len(text) != 2 or text == b"\x00\xff"
    text = text.decode("latin1").replace("\t", " ")
    print("".join(c if " " <= c <= "~" else "." for c in text), end="|")')"

        conlogctl run --id raw --log-opt level-prefix=no \
                -- sh -c 'echo "<4>kept"; sleep 0.2; echo "<2>this" >&2'
        settle raw
        check_lines raw PRIORITY $'6\n3'
        check_lines raw MESSAGE $'<4>kept\n<2>this'
}

test_timestamp() {
        local stamp
        conlogctl run --id stamp --log-opt timestamp=yes -- echo now
        settle stamp
        stamp=$(values SYSLOG_TIMESTAMP CONTAINER_ID_FULL=stamp CONTAINER_STREAM=stdout)
        expect_match SYSLOG_TIMESTAMP \
                '^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}\.[0-9]{9}Z$' "$stamp"
        [ $(($(date +%s) - $(date -d "$stamp" +%s))) -le 5 ] || fail "the time is wrong: $stamp"
        n_checks=$((n_checks + 1))
}

# 100,000 bytes without a newline: parts that join to the line.
test_parts() {
        local id
        conlogctl run --id parts -- sh -c 'printf "<5>"
                head -c 100000 /dev/zero | tr "\0" x; echo; echo short'
        settle parts
        check_lines parts PRIORITY $'5\n5\n5\n5\n6'
        check_lines parts CONTAINER_PARTIAL_ORDINAL $'1\n2\n3\n4'
        check_lines parts CONTAINER_PARTIAL_LAST $'false\nfalse\nfalse\ntrue'
        check_lines parts CONTAINER_LOG_ORDINAL $'1\n2\n3\n4\n5'
        expect "joined" 100000 "$(values MESSAGE CONTAINER_ID_FULL=parts CONTAINER_STREAM=stdout |
                head -n4 | tr -d '\n' | wc -c)"
        id=$(values CONTAINER_PARTIAL_ID CONTAINER_ID_FULL=parts | sort -u)
        expect_match "the line's id" '^[0-9a-f]+$' "$id"
        check MESSAGE short CONTAINER_ID_FULL=parts CONTAINER_LOG_ORDINAL=5
}

# Long lines with every kind of byte, in cuts of all sizes.
test_long_lines() {
        local account recipe=(--seed 5 --lines 50 --min 20000 --max 200000)
        conlogctl run --id long -- "$tools/writer" "${recipe[@]}"
        settle long
        account=$("$tools/ledger" "${recipe[@]}" --id long) || fail "$account"
        n_checks=$((n_checks + 1))
}

# Output of an exec stays out of the log unless asked for.
test_exec() {
        local fifos line

        conlogctl create --id execs >/dev/null
        control Exec '{"id": "execs", "exec": "quiet"}' >/dev/null
        fifos=/run/conlogd/containers/execs
        for name in init-stdin init-stdout init-stderr quiet-stdin quiet-stdout quiet-stderr; do
                expect "$name" "fifo 622 root" "$(stat -c '%F %a %U' "$fifos/$name")"
        done
        expect "the directory" "700 root" "$(stat -c '%a %U' "$fifos")"

        exec 7<>"$fifos/quiet-stdout"
        echo "not for the log" >&7
        sleep 0.3
        read -r -t 5 -u 7 line || fail "the exec's output is gone"
        exec 7>&-
        expect "read by whoever asked" "not for the log" "$line"

        conlogctl exec --exec=loud --log execs \
                -- sh -c 'echo from the exec; sleep 0.2; echo and its error >&2'
        wait_until 5 is_stored 2 CONTAINER_EXEC_ID=loud
        check MESSAGE $'from the exec\nand its error' CONTAINER_EXEC_ID=loud
        check CONTAINER_ID_FULL $'execs\nexecs' CONTAINER_EXEC_ID=loud
        expect "carried here" "and out again" \
                "$(echo "and out again" | conlogctl exec --exec=carried execs -- cat)"
        settle execs
        check MESSAGE '' CONTAINER_ID_FULL=execs CONTAINER_EXEC_ID=carried
        check MESSAGE '' CONTAINER_ID_FULL=execs CONTAINER_EXEC_ID=quiet
}

test_terminal() {
        conlogctl create --id tty --terminal >/dev/null
        [ ! -e /run/conlogd/containers/tty/init-stderr ] || fail "a terminal has no stderr"
        conlogctl remove tty >/dev/null
        n_checks=$((n_checks + 1))
}

# Labels and variables never take the place of a field that means something.
test_spoofing() {
        conlogctl run --id honest --name honest --log-opt labels-regex=. --log-opt env-regex=. \
                --label MESSAGE=fake --label message_id=fake --label container_id=fake \
                --unit honest.service --label CONTAINER_ID_FULL=fake \
                --label PRIORITY=0 --label _UID=65534 \
                --label _SYSTEMD_UNIT=fake --label container.log.ordinal=0 --label 9lives=cat \
                --label OBJECT_SYSTEMD_UNIT=fake.service --label syslog_identifier=fake \
                --label "multi=line"$'\n'"PRIORITY=0"$'\n\n'"MESSAGE=fake" \
                --label "$(head -c 200 /dev/zero | tr '\0' k)=long" --label 'ünï=cödé' \
                --env CONTAINER_NAME=fake --env PATH=/bin \
                -- echo true
        settle honest
        # A field that is there twice is a list in JSON.
        journalctl -q -o json CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout | python3 -c '
import json, sys

entry, = (json.loads(line) for line in sys.stdin)
for name, value in entry.items():
    assert isinstance(value, str) or name == "MULTI", (name, value)
assert "fake" not in (entry[name] for name in entry if name[0] == "_"), entry' ||
                fail "the entry of honest"
        check MESSAGE true CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check CONTAINER_NAME honest CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check PRIORITY 6 CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check _UID 0 CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check OBJECT_SYSTEMD_UNIT honest.service CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check LABEL_MESSAGE fake CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check LABEL_CONTAINER_LOG_ORDINAL 0 CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check ENV_CONTAINER_NAME fake CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check PATH /bin CONTAINER_ID_FULL=honest CONTAINER_STREAM=stdout
        check_lines honest MULTI $'line\nPRIORITY=0\n\nMESSAGE=fake'
}

apart_is_away() {
        [ "$(systemctl is-active systemd-journald@apart.service)" = inactive ]
}

# A namespace that the sandbox does not show is refused with the way to show it.
test_namespace() {
        refused 'Wants=.*BindReadOnlyPaths=-?/run/systemd/journal\.apart' \
                conlogctl run --id apart --log-opt journal-namespace=apart -- echo no

        show_namespace apart
        conlogctl run --id apart --log-opt journal-namespace=apart -- echo "over here"
        conlogctl remove apart >/dev/null
        journalctl --namespace=apart --sync
        check MESSAGE "over here" --namespace=apart CONTAINER_ID_FULL=apart CONTAINER_STREAM=stdout
        check MESSAGE '' CONTAINER_ID_FULL=apart
        expect "logs, which looks into all of them" "over here" "$(conlogctl logs apart)"

        # It exits when it was idle for 30 s. The next line has it started again.
        systemctl kill --signal=TERM --kill-whom=main systemd-journald@apart.service
        wait_until 10 apart_is_away
        timeout 10 conlogctl run --id back --log-opt journal-namespace=apart -- echo "here again" ||
                fail "a container of a namespace that was idle: $?"
        timeout 10 conlogctl remove back >/dev/null || fail "Remove beside a journald that was idle"
        journalctl --namespace=apart --sync
        check MESSAGE "here again" --namespace=apart CONTAINER_ID_FULL=back CONTAINER_STREAM=stdout
}

test_ordinary
test_defaults
test_text
test_timestamp
test_parts
test_long_lines
test_exec
test_terminal
test_spoofing
test_namespace

ok "$n_checks checks"
