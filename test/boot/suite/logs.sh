#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# conlogctl logs: every line of a container comes back once, byte for byte and in its place, while
# it is written and when the container is gone; only what conlogd has stored; nothing of a line
# reaches a terminal but text; and it needs no root.

. "$(dirname "$0")/lib.sh"

n_checks=0

# check WHAT WANTED GOT
check() {
        expect "$@"
        n_checks=$((n_checks + 1))
}

# check_logs WANTED ARGUMENT…: what "conlogctl logs" prints on both streams
check_logs() {
        local wanted=$1
        shift
        check "logs $*" "$wanted" "$(conlogctl logs "$@" 2>&1)"
}

# expect_files NAME RECIPE…: what the writer writes, as it comes back: one \r before a newline goes
expect_files() {
        local name=$1
        shift
        "$tools/writer" "$@" >"$name.out" 2>"$name.err"
        LC_ALL=C sed -i 's/\r$//' "$name.out" "$name.err"
}

# same NAME GOT: both streams, to the byte
same() {
        cmp "$1.out" "$2.out" && cmp "$1.err" "$2.err" || fail "$2 is not $1"
        n_checks=$((n_checks + 1))
}

# Two lives, one with an end and one without.
test_options() {
        local began middle

        began=$(date +%s.%N)
        conlogctl run --id options --name opt --label team=b --log-opt labels=team \
                --log-opt tag=mine -- sh -c 'echo one; sleep 0.1; echo two >&2; sleep 0.1
                        head -c 100000 /dev/zero | tr "\0" x; echo; echo; printf "five\r"'
        settle options
        middle=$(date +%s.%N)
        conlogctl run --id options --name opt --log-opt tag=mine -- echo 'Six [2]'
        wait_until 5 is_stored 6 CONTAINER_ID_FULL=options CONTAINER_STREAM=stdout
        journalctl --sync

        check "the lines" $'one\ntwo\n100000\n\nfive\r\nSix [2]' \
                "$(conlogctl logs options 2>&1 | sed 's/^xx*$/100000/')"
        check "of standard error" two "$(conlogctl logs options 2>&1 >/dev/null)"
        check_logs two options --stream=stderr
        check_logs $'\nfive\r\nSix [2]' opt -n 3
        check_logs 'Six [2]' option --lines=1
        check_logs '' options -n 0
        check "all of them" 6 "$(conlogctl logs options -n 100 2>&1 | wc -l)"
        check_logs $'one\nfive\r' options -g '^(o|f)' --stream=stdout
        check_logs two options -n 1 -g 't'
        check_logs 'Six [2]' options --since="@$middle"
        check "until" 5 "$(conlogctl logs options --until="@$middle" 2>&1 | wc -l)"
        check_logs 'five'$'\r' options --until="@$middle" -n 1
        check_logs '' options --since="@$began" --until="@$began"
        check_logs '' options --until=yesterday -n 1
        check_logs 'Six [2]' options --since=1h -n 1
        check_logs $'TEAM=b,tag=mine two' options --details --stream=stderr
        expect_match "with times" "^$(date -u +%Y-%m)-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z Six" \
                "$(conlogctl logs options -t -n 1)"
        expect_match "short" "^[A-Z][a-z]{2} [0-9]{2} [0-9:]{8} $(uname -n) mine: Six" \
                "$(conlogctl logs options -o short -n 1)"
        conlogctl logs options -o json --details 2>&1 | python3 -c '
import json, sys

lines = [json.loads(line) for line in sys.stdin]
assert [(line["stream"], len(line["line"])) for line in lines] == [
    ("stdout", 3), ("stderr", 3), ("stdout", 100000), ("stdout", 0), ("stdout", 5), ("stdout", 7)
], lines
assert [line["ordinal"] for line in lines] == [1, 2, 3, 7, 8, 1], lines
assert lines[0]["epoch"] == lines[4]["epoch"] != lines[5]["epoch"], lines
assert lines[0]["attrs"] == {"TEAM": "b", "tag": "mine"}, lines' || fail "as JSON"
        conlogctl remove options >/dev/null
}

test_refused() {
        refused 'nothing of such a container' conlogctl logs nobody
        refused '--since=x: it must be .*1h 30min ago' conlogctl logs options --since=x
        refused '--lines=-1: it must be a number or "all"' conlogctl logs options -n -1
        refused '--stream=in: it must be stdout or stderr' conlogctl logs options --stream=in
        refused '--output=x: it must be short, json or cat' conlogctl logs options -o x
        refused '--grep=\(: ' conlogctl logs options -g '('
        conlogctl run --id options-2 -- echo other
        settle options-2
        refused 'the ids options(-2)? and options(-2)? begin so' conlogctl logs opti
        check_logs other options-2
        n_checks=$((n_checks + 7))
}

# Random bytes of all lengths, followed over rotations of the journal and kills of conlogd, and read
# once more afterwards.
test_whole() {
        local lines=30000 kills=5 follower writer recipe
        [ -z "${CONLOG_WHOLE-}" ] || lines=500000 kills=50
        recipe=(--seed "$RANDOM" --lines "$lines" --max 400)

        expect_files wanted "${recipe[@]}"
        conlogctl create --id whole --log-opt level-prefix=no >/dev/null
        conlogctl run --id first --log-opt level-prefix=no -- true
        exec 8<>/run/conlogd/containers/whole/init-stdout 9<>/run/conlogd/containers/whole/init-stderr
        "$tools/writer" "${recipe[@]}" >&8 2>&9 &
        writer=$!
        wait_until 5 is_stored 1 CONTAINER_ID_FULL=whole
        conlogctl logs -f whole >live.out 2>live.err &
        follower=$!
        for ((; kills > 0; kills--)); do
                sleep 0.2
                systemctl kill --signal=KILL conlogd.service 2>/dev/null || :
                journalctl --quiet --rotate
        done
        wait $writer
        exec 8>&- 9>&-
        kill -0 $follower || fail "logs -f has ended before the container"
        settle whole
        wait_until 5 is_gone $follower
        wait $follower || fail "logs -f: $?"
        conlogctl logs whole >late.out 2>late.err
        same wanted live
        same wanted late
        repeats=$(($(count CONTAINER_ID_FULL=whole) - 1))
        check "the last 100" "$(conlogctl logs whole -o json | tail -n 100 | md5sum)" \
                "$(conlogctl logs whole -o json -n 100 | md5sum)"
        conlogctl remove first >/dev/null
}

# The same of log files, which are rotated and compressed all the time: followed, from the end, and
# when the container is gone.
test_files() {
        local driver follower id
        local lines=10000 size=64K recipe options
        [ -z "${CONLOG_WHOLE-}" ] || lines=100000 size=512K
        options=(--log-opt level-prefix=no --log-opt "max-size=$size" --log-opt max-file=500)
        recipe=(--seed "$RANDOM" --lines "$lines" --max 400)

        expect_files files "${recipe[@]}"
        conlogctl create --id files --name names --label team=b \
                --log-driver json-file "${options[@]}" --log-opt labels=team \
                --log-driver local "${options[@]}" --log-driver k8s-file "${options[@]}" >/dev/null
        exec 8<>/run/conlogd/containers/files/init-stdout 9<>/run/conlogd/containers/files/init-stderr
        echo first >&8
        for driver in json-file local k8s-file; do
                wait_until 5 test -s "/var/log/conlogd/files/$driver.log"
                conlogctl logs -f files -n 1 --driver=$driver >$driver.out 2>$driver.err &
                follower+=" $!"
        done
        for driver in json-file local k8s-file; do
                wait_until 5 grep -q first $driver.out
        done
        check_logs first names
        "$tools/writer" "${recipe[@]}" >&8 2>&9
        exec 8>&- 9>&-
        for id in $follower; do
                kill -0 "$id" || fail "logs -f has ended before the container"
        done
        conlogctl remove files >/dev/null
        for id in $follower; do
                wait_until 5 is_gone "$id"
                wait "$id" || fail "logs -f: $?"
        done
        for driver in json-file local k8s-file; do
                sed -i 1d $driver.out
                same files $driver
                conlogctl logs files --driver=$driver 2>$driver-late.err | tail -n +2 >$driver-late.out
                same files $driver-late
                check "the last 300 of $driver" \
                        "$(conlogctl logs files --driver=$driver -o json | tail -n 300 | md5sum)" \
                        "$(conlogctl logs fil --driver=$driver -o json -n 300 | md5sum)"
        done
        check_logs "team=b first" names --details --until="$(conlogctl logs files -t |
                sed -n '1s/ .*//p')"
        refused 'it must be journald, json-file, local or k8s-file' \
                conlogctl logs files --driver=syslog
        refused 'nothing of such a container' conlogctl logs files --driver=journald
        check "a member of systemd-journal" first \
                "$(runuser -u reader -- conlogctl logs files 2>/dev/null | head -n 1)"
        refused 'you may not read' runuser -u stranger -- conlogctl logs files
        check "rotated files" yes "$(compgen -G '/var/log/conlogd/files/json-file.log.*.gz' \
                >/dev/null && echo yes)"
        n_checks=$((n_checks + 3))
}

is_gone() {
        ! kill -0 "$1" 2>/dev/null
}

# Following what has ended, what has not begun, and what nobody reads.
test_follow() {
        local follower early

        conlogctl run --id ended -- echo it
        settle ended
        check_logs it -f ended
        check_logs '' -f ended -n 0
        check_logs '' -f ended --since="now"

        conlogctl create --id going >/dev/null
        check_logs '' going
        conlogctl logs -f going -t >early &
        early=$!
        sleep 0.3
        echo first >/run/conlogd/containers/going/init-stdout
        wait_until 5 is_stored 1 CONTAINER_ID_FULL=going
        conlogctl logs -f going -n 0 >going &
        follower=$!
        check_logs first -f going --until=+1s
        conlogctl logs -f going | head -n 1 >/dev/null || fail "head"
        conlogctl exec --log going -- echo second
        wait_until 5 grep -q second going
        conlogctl remove going >/dev/null
        wait_until 5 is_gone $follower
        check "what came later" second "$(cat going)"
        wait_until 5 is_gone $early
        check "from the very first line on" "first second " "$(sed 's/.* //' early | tr '\n' ' ')"
}

# Whoever is not root can send entries with all of our fields, root can from another unit.
test_forged() {
        local epoch

        conlogctl run --id honest --name honest -- echo true
        wait_until 5 is_stored 1 CONTAINER_ID_FULL=honest
        epoch=$(values CONTAINER_LOG_EPOCH CONTAINER_ID_FULL=honest | head -n1)
        cat >forge.py <<-'END'
		import socket, subprocess, sys

		fields = {
		    "MESSAGE": "forged", "PRIORITY": "6", "CONTAINER_ID": "honest",
		    "CONTAINER_ID_FULL": sys.argv[2], "CONTAINER_NAME": sys.argv[2],
		    "CONTAINER_STREAM": "stdout", "CONTAINER_LOG_EPOCH": sys.argv[1],
		    "CONTAINER_LOG_ORDINAL": "1000", "_UID": "0", "_SYSTEMD_UNIT": "conlogd.service",
		}
		if len(sys.argv) > 3:
		    fields["MESSAGE_ID"] = sys.argv[3]
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.connect("/run/systemd/journal/socket")
		s.send("".join(f"{k}={v}\n" for k, v in fields.items()).encode())
		# journald looks up the unit when it reads: a sender that is gone by then has none.
		subprocess.run(["journalctl", "--sync"], stderr=subprocess.DEVNULL)
		END
        chmod 644 forge.py
        for id in honest hones forged; do
                for message_id in '' 6a1d5f0e8c0b4e0c9f5e6a0d7b1c2f43; do
                        # shellcheck disable=SC2086
                        runuser -u nobody -- python3 "$PWD/forge.py" "$epoch" $id $message_id
                        # shellcheck disable=SC2086
                        systemd-run --quiet --wait python3 "$PWD/forge.py" "$epoch" $id $message_id
                done
        done
        wait_until 5 is_stored 13 CONTAINER_ID=honest
        journalctl --sync
        check_logs true honest
        check_logs true hones
        check_logs true -n 5 honest
        refused 'nothing of such a container' conlogctl logs forged
        # A forged end is none.
        check_logs true -f honest --until=+1s
        settle honest
}

# What a line does to a terminal.
test_terminal() {
        conlogctl run --id wild -- printf 'a\033[31mred\a\tb\302\23331m\n'
        settle wild
        check "on a terminal" 'a\x1b[31mred\x07'$'\t''b\xc2\x9b31m'$'\r' \
                "$(script -qec 'conlogctl logs wild' /dev/null)"
        check "into a file" $'a\033[31mred\a\tb\302\23331m' "$(conlogctl logs wild)"
}

test_users() {
        useradd --system --groups systemd-journal reader
        useradd --system stranger
        check "a member of systemd-journal" true \
                "$(runuser -u reader -- conlogctl logs honest)"
        refused 'you may not read the journal .* Root may, and the members of group systemd-journal' \
                runuser -u stranger -- conlogctl logs honest
        n_checks=$((n_checks + 1))
}

# Lines that were dropped are told in their place.
test_dropped() {
        conlogctl run --id drops --log-opt rate-limit-lines=5 --log-opt rate-limit-action=drop \
                -- seq 1 50
        settle drops
        expect_match "the note" '^conlogd: Dropped [0-9]+ lines, .*: over the rate limit$' \
                "$(conlogctl logs drops 2>&1 >/dev/null)"
        n_checks=$((n_checks + 1))
}

test_options
test_refused
test_whole
test_follow
test_forged
test_terminal
test_users
test_dropped
test_files

ok "$n_checks checks; $(wc -l <late.out) and $(wc -l <late.err) lines over kills and rotations," \
        "$repeats entries, lost, repeated, reordered, altered: 0"
