#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# conlogctl doctor: all is well on a healthy host; then one thing after the other is made bad, doctor
# names that and nothing else, and after the commands it prints all is well again.

. "$(dirname "$0")/lib.sh"

drop_ins=/etc/systemd/system/conlogd.service.d
journald=/etc/systemd/journald.conf.d
n_mended=0

# examine: what is not well, as "level name" lines; sets the exit status of doctor
examine() {
        local status=0
        conlogctl doctor --json=short >findings || status=$?
        python3 -c '
import json

for finding in json.load(open("findings")):
    if finding["level"] not in ("ok", "note"):
        print(finding["level"], finding["check"])'
        return $status
}

# finding NAME MEMBER
finding() {
        python3 -c '
import json, sys

print(next(f for f in json.load(open("findings")) if f["check"] == sys.argv[1]).get(sys.argv[2]))' \
                "$@"
}

expect_well() {
        local found status=0
        found=$(examine) || status=$?
        expect "what is not well $1" "0:" "$status:$found"
}

# expect_ill LEVEL NAME REGEX: doctor names this, with a cause that matches, and nothing else
expect_ill() {
        local found status=0
        found=$(examine) || status=$?
        found=$(grep -v '^unknown ' <<<"$found" || :)
        expect "doctor's exit status with $2" 1 "$status"
        expect "what doctor names" "$1 $2" "$found"
        expect_match "the cause of $2" "$3" "$(finding "$2" cause)"
}

# mended LEVEL NAME REGEX: the same, and what doctor prints mends it
mended() {
        expect_ill "$@"
        finding "$2" remedy >remedy
        bash -eu remedy >log 2>&1 || fail "the remedy of $2 fails: $(cat remedy log)"
        expect_well "after the remedy of $2"
        n_mended=$((n_mended + 1))
}

# unit SECTION SETTING: conlogd's unit with that drop-in
unit() {
        mkdir -p $drop_ins
        printf '[%s]\n%s\n' "$@" >$drop_ins/bad.conf
        systemctl daemon-reload
        systemctl restart conlogd.service
}

# create ID: a container whose FIFOs are as they should be, even if other systems on this kernel have
# used up the pages for pipes
create() {
        conlogctl create --id "$1" --log-opt=max-buffer-size=8K >/dev/null
}

# sysctl_bad KEY VALUE: /proc/sys is the host's, and read-only: a file in its place
sysctl_bad() {
        echo "$2" >"sysctl-$1"
        mount --bind "sysctl-$1" "/proc/sys/${1//.//}"
}

sysctl_good() {
        umount "/proc/sys/${1//.//}"
        rm -f "/etc/sysctl.d/zz-$1.conf"
}

# journald_bad SETTING
journald_bad() {
        printf '[Journal]\n%s\n' "$1" >$journald/made-bad.conf
}

# How often is not what is tested here.
journald_restart() {
        systemctl reset-failed systemd-journald.service
        systemctl restart systemd-journald.service
        systemctl reset-failed systemd-journald.service
}

journald_good() {
        rm -f $journald/made-bad.conf $journald/zz-*.conf
        journald_restart
}

# The kernel's default of 16,384 pages is for 320 containers.
sysctl_bad fs.pipe-user-pages-soft 16384
configure '[Conlogd]\nContainersMax=320\n'
expect_well "at first"
configure '[Conlogd]\nContainersMax=321\n'
systemctl reload conlogd.service
mended warning fs.pipe-user-pages-soft '8 KiB'
expect "pages" 16432 "$(cat /proc/sys/fs/pipe-user-pages-soft)"
sysctl_good fs.pipe-user-pages-soft
sysctl_bad fs.pipe-user-pages-soft 0
create web
stored() {
        [ "$(systemctl show --property=NFileDescriptorStore --value conlogd.service)" = "$1" ]
}
wait_until 20 stored 5
expect_well "with a container"
expect "fds in the store" "5 of 32000 places for 1 container" "$(finding 'FIFOs in the store' found)"

# The kernel.
while read -r level key bad regex; do
        sysctl_bad "$key" "$bad"
        mended "$level" "$key" "$regex"
        sysctl_good "$key"
done <<'END'
problem fs.pipe-user-pages-hard 16000 refused
warning fs.pipe-max-size 65536 max-buffer-size
problem fs.nr_open 1000 FIFOs
problem fs.file-max 1000 refused
problem fs.epoll.max_user_watches 600 refused
warning net.unix.max_dgram_qlen 10 queue
END

# The unit.
while read -r section name value regex; do
        unit "$section" "$name$value"
        mended problem "$name" "$regex"
        expect_match "the drop-ins" "changed by $drop_ins/bad.conf $drop_ins/zz-${name%=}.conf\$" \
                "$(finding conlogd.service found)"
        rm -r $drop_ins
        systemctl daemon-reload
        systemctl restart conlogd.service
done <<'END'
Service LogRateLimitIntervalSec= 0 0.for.either.setting
Service LogRateLimitIntervalSec= 1s drops
Service LimitNOFILE= 64 three.FIFOs
Service FileDescriptorStoreMax= 10 lost
Service Restart= no dies
Service Restart= on-failure dies
Unit StartLimitIntervalSec= 10s gives.it.up
Service TasksMax= 1 started
Service MemoryMax= 50M killed
END
expect_well "without drop-ins"
unit Service LimitNOFILE=65000
printf '[Service]\nLimitNOFILE=64000\n' >$drop_ins/bad.conf
mended warning conlogd.service 'not in force'
expect "the limit after that" 64000 "$(systemctl show --property=LimitNOFILE --value conlogd)"
rm -r $drop_ins
systemctl daemon-reload

# The socket: off after the next boot, off now, masked.
systemctl disable --quiet conlogd.socket
mended warning conlogd.socket 'next boot'
systemctl stop --quiet conlogd.socket conlogd.service
mended problem conlogd.socket reach
systemctl stop --quiet conlogd.socket conlogd.service
systemctl mask --quiet conlogd.socket
mended problem conlogd.socket reach

# journald: what it is told to do, and when nobody can reach it.
while read -r level setting regex; do
        journald_bad "$setting"
        mended "$level" "journald ${setting%=*}=" "$regex"
        journald_good
done <<'END'
problem Storage=none throws
problem MaxLevelStore=err standard.output
warning MaxLevelStore=info debug
END
journald_bad Storage=volatile
journald_restart
expect_well "with a journal in memory"
expect "the level of that" note "$(finding 'journald Storage=' level)"
journald_good
journald_bad SystemMaxUse=1M
mended warning 'journal size' deletes
journald_good
journald_bad SystemKeepFree=1024G
expect_ill warning 'journal space' early
expect_match "what mends it" SystemKeepFree "$(finding 'journal space' remedy)"
journald_good
systemctl stop --quiet 'systemd-journald*.socket' systemd-journald.service
mended problem 'journald socket' 'no line is logged'

# The run directory.
chmod 0777 /run/conlogd
mended problem 'run directory' 'not root'
chown 65534 /run/conlogd
mended problem 'run directory' 'not root'
chmod 0700 /run/conlogd
mended warning 'run directory' mode
mount -o remount,nr_inodes=$(($(df --output=iused /run | tail -n1) + 319 * 6 - 50)) /run
mended warning 'run directory inodes' files
mount -o remount,size=$(($(df --output=used /run | tail -n1) + 2000))K /run
mended warning 'run directory bytes' room
mount -o remount,nr_inodes=819200,size=1G /run

# The directory of the log files: what mends it lets conlogd write there again.
logs=/var/log/conlogd
chmod 0777 $logs
mended problem 'log directory' 'not root'
chown 65534 $logs
mended problem 'log directory' 'not root'
rm -r $logs
systemctl restart conlogd.service
mended problem 'log directory' 'No log file'
conlogctl run --id=filed --log-driver=json-file -- echo written
wait_until 5 grep -q written $logs/filed/json-file.log
conlogctl remove filed >/dev/null
mount --bind $logs $logs
mount -o remount,bind,ro $logs
mended problem 'log directory' 'No log file'
umount $logs
mount -t tmpfs -o size=10M,mode=2750,gid=systemd-journal logs $logs
expect_well "with a small file system for log files"
head -c 9900K /dev/zero >$logs/large
expect_ill warning 'log directory bytes' full
umount $logs

# conlogd itself: a bad configuration that is not in force, one that was started with.
configure '[Conlogd]\nContainersMax=320\nBad=1\n'
expect_ill warning conlogd.conf 'still is'
expect_match "what is wrong" '^/etc/conlogd/conlogd.conf:3: ' "$(finding conlogd.conf found)"
systemctl restart conlogd.service
expect_ill problem conlogd.conf 'new containers are refused'
configure '[Conlogd]\nContainersMax=320\n'
mended problem conlogd.conf 'new containers are refused'

# A container that it cannot take up, as many as there may be, one that hangs.
create torn
cp /run/conlogd/containers/torn/config config
echo '{' >/run/conlogd/containers/torn/config
systemctl restart conlogd.service
expect_ill problem 'containers not restored' 'take up'
cp config /run/conlogd/containers/torn/config
mended problem 'containers not restored' 'take up'
configure '[Conlogd]\nContainersMax=2\n'
systemctl reload conlogd.service
expect_ill warning containers refused
conlogctl remove torn >/dev/null
python3 -c '
import fcntl, os

fd = os.open("/run/conlogd/containers/web/init-stderr", os.O_RDWR)
fcntl.fcntl(fd, 1031, 4096) # F_SETPIPE_SZ'
expect_ill warning 'containers, small FIFOs' 'in parts'
conlogctl remove web >/dev/null
configure '[Conlogd]\nContainersMax=320\n'
systemctl reload conlogd.service
kill -STOP "$(main_pid)"
mended problem conlogd hangs

# What cannot be looked at is said, and is no finding.
status=0
setpriv --reuid=65534 --regid=65534 --clear-groups conlogctl doctor >text || status=$?
expect "the exit status of nobody" 2 $status
expect_match "what nobody is told" 'conlogd +could not be looked at: Permission denied' "$(<text)"
expect_match "the legend" ' 0 problems, 0 warnings, [0-9]+ could not .* Root sees more' "$(<text)"
conlogctl doctor --no-legend >text
sysctl_good fs.pipe-user-pages-soft
! grep -qv '^ok ' text || fail "not ok: $(<text)"

ok "$n_mended times ill, named and mended as printed, $(wc -l <text) checks"
