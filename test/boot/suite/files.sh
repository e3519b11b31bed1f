#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Log files in the hands of others: a directory of the kubelet's, files that are renamed, deleted and
# truncated, a directory that is not there, and who may read them.

. "$(dirname "$0")/lib.sh"

logs=/var/log/conlogd
checks=0

# say ID TEXT: the container writes a line
say() {
        echo "$2" >"/run/conlogd/containers/$1/init-stdout"
}

# holds FILE REGEX
holds() {
        grep -qE "$2" "$1" 2>/dev/null
}

# written FILE TEXT
written() {
        wait_until 5 holds "$1" "$2"
        checks=$((checks + 1))
}

# The kubelet: it names the file, renames it, and says so.
pods=/var/log/pods/web
mkdir -p $pods /etc/systemd/system/conlogd.service.d
printf '[Service]\nReadWritePaths=-%s\n' /var/log/pods \
        >/etc/systemd/system/conlogd.service.d/pods.conf
systemctl daemon-reload
conlogctl create --id pod --log-driver k8s-file --log-opt path=$pods/0.log >/dev/null
say pod one
written $pods/0.log ' stdout F one$'
mv $pods/0.log $pods/0.log.20261122-000000
conlogctl rotate pod >/dev/null
[ -e $pods/0.log ] || fail "rotate made no file"
say pod two
written $pods/0.log ' stdout F two$'
expect "in the old one" 1 "$(wc -l <$pods/0.log.20261122-000000)"
expect_match "info" "\"path\":\"$pods/0.log\"" "$(cat $logs/pod/info)"
refused 'another container logs to this file' \
        conlogctl create --id pod2 --log-driver k8s-file --log-opt path=$pods/0.log
# A place that nobody has shown to the service: the container starts, waits, and it is told.
conlogctl create --id astray --log-driver k8s-file --log-opt path=/var/log/0.log >/dev/null
say astray one
is_astray() {
        [[ $(conlogctl list) =~ astray\ .*waiting\ for\ the\ file\ of\ path= ]]
}
wait_until 5 is_astray

# Somebody renames, deletes, or copies and truncates.
conlogctl create --id web --name w --log-driver json-file --log-opt compress=no >/dev/null
say web one
written $logs/web/json-file.log '"one'
mv $logs/web/json-file.log $logs/web/json-file.log-20261122
sleep 1.1
say web two
written $logs/web/json-file.log '"two'
rm -r $logs/web
say web three
written $logs/web/json-file.log '"three'
expect_match "info is there again" '"name":"w"' "$(cat $logs/web/info)"
: >$logs/web/json-file.log
say web four
written $logs/web/json-file.log '^."log":"four'
conlogctl rotate web >/dev/null
expect "a rotated file" 1 "$(wc -l <$logs/web/json-file.log.1)"

expect "the rule for age" "d $logs 2750 root systemd-journal 30d" \
        "$(grep "^d $logs " /usr/lib/tmpfiles.d/conlogd.conf)"

# Who may read: members of systemd-journal, and nobody else.
setpriv --reuid=nobody --regid=nogroup --groups=systemd-journal \
        grep -q four $logs/web/json-file.log.1 || fail "a member of the group may not read"
refused 'Permission denied' setpriv --reuid=nobody --regid=nogroup --clear-groups \
        cat $logs/web/json-file.log.1
refused 'Permission denied' setpriv --reuid=nobody --regid=nogroup --groups=systemd-journal \
        touch $logs/web/x

# Not there when the service starts: it starts all the same, and a later start finds it.
systemctl kill --signal=STOP conlogd.service
mv $logs $logs.away
systemctl kill --signal=KILL conlogd.service
wait_until 10 is_active
say web five
waits_for_logs() {
        [[ $(conlogctl list) =~ web\ .*waiting\ for\ $logs ]]
}
wait_until 5 waits_for_logs
mv $logs.away $logs
systemctl restart conlogd.service
written $logs/web/json-file.log '"five'

# A life that ends is said so, and the next one goes on in the same file.
conlogctl remove web >/dev/null
expect_match "info" '"endedUSec":\{"json-file":' "$(cat $logs/web/info)"
conlogctl create --id web --log-driver json-file --log-opt compress=no >/dev/null
say web six
written $logs/web/json-file.log '"six'
holds $logs/web/json-file.log '"five' || fail "the file was begun anew"

ok "$checks lines found where they belong"
