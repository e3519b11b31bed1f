#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# conlogctl rotate while a container writes, and set on one of two drivers: each line is in one of
# the files once, in order. Where somebody else moves the file, as the kubelet does, it is opened
# anew.

. "$(dirname "$0")/lib.sh"

rm -rf /var/log/pods/two
mkdir -p /etc/systemd/system/conlogd.service.d /var/log/pods/two
printf '[Service]\nReadWritePaths=/var/log/pods\n' >/etc/systemd/system/conlogd.service.d/pods.conf
systemctl daemon-reload
own=/var/log/conlogd/two/json-file.log
pods=/var/log/pods/two/0.log

# numbers SCRIPT FILE…: what sed makes of the files
numbers() {
        local script=$1
        shift
        sed -nE "$script" "$@"
}

# shellcheck disable=SC2317 # wait_until calls it
has_last() {
        grep -qs "^{\"log\":\"$n\\\\n\"" "$own"*
}

# it writes until it is told: how long a number of lines takes is the machine's affair
told=$work/told
conlogctl run --id two --log-driver json-file --log-opt compress=no --log-opt max-file=1000 \
        --log-driver k8s-file --log-opt path=$pods --log-opt max-size=unlimited -- \
        bash -c "for ((i = 1; ; i++)); do echo \$i; [ ! -e $told ] || break; done; echo \$i >$told" &
writer=$!
wait_until 10 test -s "$own"
wait_until 10 test -s "$pods"

rotations=10
for ((i = 1; i <= rotations; i++)); do
        mv $pods $pods.$i
        conlogctl rotate two
        conlogctl set two --log-driver=json-file "max-size=$((64 + i))K"
        wait_until 10 test -s $pods
        sleep 0.1
done
touch $told
wait $writer || fail "the writer: $?"
n=$(cat $told)
wait_until 10 has_last
conlogctl rotate --log-driver=json-file two
[ ! -s $own ] || fail "a file that was rotated goes on"
refused 'a driver that the container has' conlogctl rotate --log-driver=none two
conlogctl remove two >/dev/null

# shellcheck disable=SC2012 # their names are numbers
mapfile -t files < <(ls /var/log/conlogd/two/json-file.log.* | sort -t. -k3 -nr)
[ ${#files[@]} -gt $rotations ] || fail "only ${#files[@]} files of $rotations rotations: ${files[*]}"
seq $n | cmp - <(numbers 's/^\{"log":"([0-9]+)\\n".*/\1/p' "${files[@]}") ||
        fail "json-file has other lines: ${files[*]}"
mapfile -t files < <(seq -f "$pods.%.0f" $rotations; ls $pods)
seq $n | cmp - <(numbers 's/^[^ ]* stdout F ([0-9]+)$/\1/p' "${files[@]}") ||
        fail "k8s-file has other lines: ${files[*]}"

ok "$rotations rotations of two drivers while $n lines were written"
