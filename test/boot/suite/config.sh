#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# conlogd.conf and its drop-ins: what they set, which one wins, and that a bad one is refused with
# its file and line while the old settings stay.

. "$(dirname "$0")/lib.sh"

conf=/etc/conlogd/conlogd.conf
n_refused=0

# default_of KEY: the journald driver's default, as the daemon tells it
default_of() {
        conlogctl drivers --json | python3 -c '
import json, sys

answer = json.load(sys.stdin)
drivers = answer["drivers"] if isinstance(answer, dict) else answer
journald = next(d for d in drivers if d["name"] == "journald")
print(next(o for o in journald["options"] if o["key"] == sys.argv[1]).get("default", "none"))' "$1"
}

# refuse FILE LINE REGEX: as FILE now is, a reload must fail and say where and why
refuse() {
        expect_match "Status tells what is wrong with $1" "\"line\": $2," "$(control Status)"
        refused "$1:$2: .*$3" conlogctl reload
        if systemctl reload conlogd.service 2>/dev/null; then
                fail "systemctl reload took $1: $(cat "$1")"
        fi
        is_active || fail "the daemon is gone after a refused reload of $1"
        expect "the old tag after a refused reload" '{{.Name}}' "$(default_of tag)"
        n_refused=$((n_refused + 1))
}

# What is set.
configure '# a comment\n[Conlogd]\nContainersMax=3\n\n[journald]\ntag={{.Name}}\nlabels=team\n'
conlogctl run --id one --name first --label team=blue -- echo hello
settle one
expect "tag" first "$(values CONTAINER_TAG CONTAINER_ID_FULL=one CONTAINER_STREAM=stdout)"
expect "label" blue "$(values TEAM CONTAINER_ID_FULL=one CONTAINER_STREAM=stdout)"
conlogctl run --id two --name second --log-opt tag=mine -- echo hello
settle two
expect "an option goes first" mine \
        "$(values CONTAINER_TAG CONTAINER_ID_FULL=two CONTAINER_STREAM=stdout)"

# The cap.
for id in a b c; do
        conlogctl create --id $id >/dev/null
done
refused 'limit.*3' conlogctl create --id d
conlogctl remove c >/dev/null
conlogctl create --id d >/dev/null

# What is refused: each with the number of its line.
good='[Conlogd]\nIdleSec=30s\n[journald]\ntag={{.Name}}\n'
while IFS='|' read -r line regex; do
        configure "$good$line\n"
        refuse $conf 5 "$regex"
done <<'END'
colour=blue|colour
level-prefix=perhaps|yes or no
tag={{.Nope}}|tag
labels-regex=(|labels-regex
no equals sign|Key=value
 tag=x|white space
[unclosed|Section
END
configure '[journald]\ntag={{.Name}}\n[syslog]\n'
refuse $conf 3 'section'
configure '[Conlogd]\nDefaultDriver=journal\n'
refuse $conf 2 DefaultDriver
configure '[Conlogd]\nContainersMax=0\n'
refuse $conf 2 ContainersMax
configure '[Conlogd]\nContainersMax=many\n'
refuse $conf 2 ContainersMax
configure '[Conlogd]\nIdleSec=-1\n'
refuse $conf 2 IdleSec
configure '[Conlogd]\nIdleSec=0\n'
refuse $conf 2 IdleSec
configure '[Conlogd]\nColour=blue\n'
refuse $conf 2 'Conlogd'
configure 'Key=before-any-section\n'
refuse $conf 1 ''
configure "[journald]\ntag=$(head -c 5000 /dev/zero | tr '\0' x)\n"
refuse $conf 2 'bytes'

# Drop-ins: in the order of their names, after the file.
configure '[Conlogd]\nDefaultDriver=none\n[journald]\ntag=file\n'
mkdir -p $conf.d
printf '[journald]\ntag=ten\n' >$conf.d/10-tag.conf
printf '[Conlogd]\nDefaultDriver=journald\n[journald]\ntag=twenty\n' >$conf.d/20-tag.conf
printf '[journald]\ntag=not-read\n' >$conf.d/30-tag.conf.bak
systemctl reload conlogd.service
expect "tag with drop-ins" twenty "$(default_of tag)"
conlogctl run --id three -- echo hello
settle three
expect "tag with drop-ins" twenty \
        "$(values CONTAINER_TAG CONTAINER_ID_FULL=three CONTAINER_STREAM=stdout)"
printf '[journald]\n\ntag=ten\nbad=1\n' >$conf.d/10-tag.conf
refused "$conf.d/10-tag.conf:4: .*bad" conlogctl reload
rm -r $conf.d

# The driver none reads and stores nothing.
systemctl reload conlogd.service
conlogctl run --id four -- echo "nobody reads this"
expect "lines of driver none" 1 "$(conlogctl show four --json | python3 -c '
import json, sys

print(json.load(sys.stdin)["lines"])')"
conlogctl remove four >/dev/null
expect "entries of driver none" 0 "$(count CONTAINER_ID_FULL=four)"

# Started with a bad file: the containers that are there are served, new ones are refused.
configure '[Conlogd]\nDefaultDriver=journald\n'
systemctl reload conlogd.service
conlogctl run --id lives -- sh -c 'while ! [ -e go ]; do sleep 0.1; done; echo served' &
wait_until 5 test -e /run/conlogd/containers/lives
configure '[Conlogd]\nBad=1\n'
systemctl restart conlogd.service
refused "$conf:2:" conlogctl create --id new
expect_match "Status without a configuration" '"containers": 4,' "$(control Status)"
expect_match "Status without a configuration" '"line": 2,' "$(control Status)"
[[ $(control Status) != *containersMax* ]] || fail "a cap without a configuration"
touch go
wait
wait_until 5 is_stored 1 CONTAINER_ID_FULL=lives
configure ''
systemctl reload conlogd.service
conlogctl create --id new >/dev/null
expect_match "Status once more" '"containersMax": 2048' "$(control Status)"
[[ $(control Status) != *badConfiguration* ]] || fail "a mended configuration is still bad"

ok "$n_refused bad files refused by their line"
