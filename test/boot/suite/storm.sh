#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# SIGKILL of the daemon at random moments, also while it starts, under steady load on many streams:
# no container loses a line or sees a write error, and what comes twice has the ordinal and the
# bytes of the first time; and none is starved by the others. With CONLOG_WHOLE set it is 1,000
# kills under 5,000 lines a second.

. "$(dirname "$0")/lib.sh"

kills=20 containers=10 rate=200
[ -z "${CONLOG_WHOLE-}" ] || kills=1000 containers=25
seed=$RANDOM
writers=()

recipe() {
        echo --seed $((seed + $1)) --rate $rate
}

for ((i = 0; i < containers; i++)); do
        # shellcheck disable=SC2046
        conlogctl run --id "storm-$i" -- "$tools/writer" $(recipe "$i") --lines 4000000000 \
                --report "$work/report-$i" &
        writers+=($!)
done
wait_until 20 is_stored "$containers" CONTAINER_LOG_ORDINAL=1

python3 -B - "$suite" "$kills" "$seed" 2>&3 <<'END' || fail "the killer ended"
import os, random, signal, sys, time

sys.path.insert(0, sys.argv[1])
from control import Client, Closed

CGROUP = "/sys/fs/cgroup/system.slice/conlogd.service/cgroup.procs"


def find_daemon():
    """The process, as soon as it is conlogd and not a fork of the service manager."""
    try:
        with open(CGROUP) as f:
            pids = f.read().split()
        return next((int(p) for p in pids if os.readlink(f"/proc/{p}/exe").endswith("/conlogd")),
                    None)
    except OSError:
        return None


def wait_until_served():
    try:
        Client().call("org.varlink.service.GetInfo")
    except (Closed, OSError):
        pass


n_kills = int(sys.argv[2])
random.seed(int(sys.argv[3]))
begin = last = time.monotonic()
killed = None
away = 0.2  # seconds, the last time
for n in range(1, n_kills + 1):
    # One time in four it may be on its way up, else it is at work, for as long as it was away: a
    # machine that is slow to start it is slow to log, too.
    if random.randrange(4):
        wait_until_served()
        away = max(time.monotonic() - last, 0.2)
    while (pid := find_daemon()) in (None, killed):
        if time.monotonic() - last > 30:
            sys.exit(f"the daemon does not come back after {n - 1} kills")
        time.sleep(0.001)
    time.sleep(random.uniform(0, 1.5 * away))
    os.kill(pid, signal.SIGKILL)
    killed = pid
    last = time.monotonic()
    if n % 100 == 0:
        print(f"     {n} kills in {last - begin:.0f} s", file=sys.stderr, flush=True)
END

lines=0 repeated=0 stall=0 ms=1
for ((i = 0; i < containers; i++)); do
        kill -0 "${writers[i]}" || fail "writer $i has ended: $(cat "report-$i")"
        kill -TERM "${writers[i]}"
done
for ((i = 0; i < containers; i++)); do
        wait "${writers[i]}" || fail "writer $i: $?: $(cat "report-$i")"
        report=$(cat "report-$i")
        expect "write errors" none "$(figure error "$report")"
        n=$(($(figure stdout "$report") + $(figure stderr "$report")))
        settle "storm-$i"
        # shellcheck disable=SC2046
        account=$("$tools/ledger" $(recipe "$i") --lines "$n" --id "storm-$i" --allow-repeats) ||
                fail "storm-$i: $account"
        conlogctl verify "storm-$i" >/dev/null ||
                fail "conlogctl verify: $(conlogctl verify "storm-$i")"
        lines=$((lines + n))
        repeated=$((repeated + $(figure repeated "$account")))
        [ "$(figure stall_ms "$report")" -le $stall ] || stall=$(figure stall_ms "$report")
        [ "$(figure ms "$report")" -le $ms ] || ms=$(figure ms "$report")
done
# On a machine too slow for this load the containers have to wait, but by turns.
[ $stall -le 60000 ] || fail "a write took $stall ms"
# Else it was no storm.
[ $((lines * 1000 / ms)) -ge $((containers * rate / 4)) ] || fail "only $lines lines in $ms ms"

ok "$kills kills in $((ms / 1000)) s, $((2 * containers)) streams, $lines lines, lost 0," \
        "repeated $repeated, longest write $stall ms, seed $seed"
