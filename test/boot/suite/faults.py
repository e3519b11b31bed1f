# SPDX-License-Identifier: LGPL-2.1-or-later

"""A fault at every system call: SIGKILL before each one, and each errno instead of it.

    faults.py DAEMON [--sample N] [--seed S] [--workers N] [--only TEXT]

One fixed scenario is played again and again, each time with one fault: three containers, some 200
lines with torn ones and one above the limit, execs, a reload, removals, a kill with a restart. The
faults are done by strace, to the process of the first half or to that of the second. Whatever
happens, in the end each line is in the log with its ordinal, a repeat is equal to the first, the
writers have seen no error, no call has stayed without an answer, and the daemon was not busy while
it had nothing to do. It may end, but with a message and not by a signal of its own.

Errors are injected with --seccomp-bpf, which leaves our own filter in place: without it the number
of the call becomes -1, which is not in the policy. Signals are not: at its stops strace can not
send one.
"""

import argparse
import collections
import json
import os
import random
import re
import selectors
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scenario import Failed, play
from standin import Manager

ERRNOS = "EINTR EAGAIN ENOMEM EMFILE ENOSPC EIO".split()
# A call that never works, until the daemon is killed. Not EINTR: to try again is all one can do.
LASTING = "EAGAIN ENOMEM EMFILE ENOSPC EIO".split()
# strace counts the one that starts the daemon as well.
NEVER = {"execve"}
# By their manual pages; the callers do not look. brk answers where the break is, and no errno.
NEVER_FAILS = {"brk", "exit_group", "getegid", "geteuid", "getgid", "getpid", "gettid", "getuid",
               "umask"}
PROCESSES = 2
# The number differs from run to run, by how writes and reads meet.
COUNTING_RUNS = 3

Job = collections.namedtuple("Job", "process call fault when")


def strace(job, log):
    """What is put before the daemon's command line."""
    if job is None:
        return ["strace", "-D", "-q", "-o", log]
    how = "signal=KILL" if job.fault == "KILL" else "error=" + job.fault
    mode = [] if job.fault == "KILL" else ["-f", "--seccomp-bpf"]
    return ["strace", "-D", "-q", "-o", log, *mode, "-e", f"trace={job.call},umask", "-e",
            f"inject={job.call}:{how}:when={job.when}"]


# The kernel takes an fd out of an epoll set whatever happens, and so no caller looks; and a socket
# that epoll says is writable does not say that it is full, for ever.
IMPOSSIBLE = re.compile(r"epoll_ctl\(\d+, EPOLL_CTL_DEL.*INJECTED")


FULL_FOR_EVER = "sendmsg", "EAGAIN", "+"


def was_hit(job, log):
    """Whether the fault was met. None if it is one that cannot be."""
    with open(log, errors="replace") as f:
        text = f.read()
    if IMPOSSIBLE.search(text) or (job.call, job.fault, str(job.when)[-1]) == FULL_FOR_EVER:
        return None
    return "+++ killed by SIGKILL" in text if job.fault == "KILL" else "(INJECTED)" in text


def clear():
    for name in os.listdir("/run"):
        path = "/run/" + name
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    os.makedirs("/run/conlogd/containers", mode=0o700)
    os.chmod("/run/conlogd", 0o711)


def run_job(daemon, job, logs):
    """Plays the scenario once. Returns what went wrong, or None, and whether the fault was met."""
    clear()
    m = Manager(daemon)
    prefixes = [strace(job, logs[i]) if job is None or job.process == i else []
                for i in range(PROCESSES)]
    failure = None
    try:
        play(m, prefixes, is_lasting=job is not None and str(job.when).endswith("+"))
    except Failed as e:
        failure = str(e)
    except Exception as e:
        failure = repr(e)
    m.done()
    failure = failure or m.failure or judge_ends(m, logs[job.process] if job else None)
    if failure:
        failure += "".join(f"\n    process {i}: {e.code}, {e.cpu:.2f} s CPU: {e.said.strip()}"
                           for i, e in enumerate(m.ended))
    is_hit = job is not None and was_hit(job, logs[job.process])
    return (failure, is_hit) if is_hit is not None else (None, False)


def has_begun(log):
    """Whether main() was reached: it begins with umask()."""
    with open(log, errors="replace") as f:
        return "umask(" in f.read()


def judge_ends(m, log):
    for e in m.ended:
        # The C library's loader may have no words for it.
        if e.code < 0 and e.code != -9 and (not log or has_begun(log)):
            return f"a process was killed by signal {-e.code}"
        if e.code >= 0 and not e.said.strip():
            return f"a process ended with {e.code} and no message"
        if e.cpu > 1:
            return f"a process used {e.cpu:.1f} s of CPU time"
    return None


def count_calls(daemon, logs):
    """How often each process makes each call; {(process, call): n}."""
    counts = collections.Counter()
    for _ in range(COUNTING_RUNS):
        failure, _ = run_job(daemon, None, logs)
        if failure:
            sys.exit("failed: without a fault: " + failure)
        for process, log in enumerate(logs):
            with open(log, errors="replace") as f:
                calls = collections.Counter(re.findall(r"^(\w+)\(", f.read(), re.M))
            for call, n in calls.items():
                counts[process, call] = max(counts[process, call], n)
    return counts


def make_jobs(counts):
    for (process, call), n in sorted(counts.items()):
        if call in NEVER:
            continue
        for when in range(1, n + 1):
            yield Job(process, call, "KILL", when)
        if call in NEVER_FAILS:
            continue
        for errno in ERRNOS:
            for when in range(1, n + 1):
                yield Job(process, call, errno, when)
        for errno in LASTING:
            for when in sorted({1, 1 + n // 2}):
                yield Job(process, call, errno, f"{when}+")


def work(daemon):
    """A worker: a job a line comes in, what became of it goes out."""
    logs = [f"/tmp/conlog-strace.{os.getpid()}.{i}" for i in range(PROCESSES)]
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for path in "/run", "/etc/conlogd":
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", path], check=True)
    for line in sys.stdin:
        text = json.loads(line)
        if text is None:
            counts = count_calls(daemon, logs)
            answer = [[*key, n] for key, n in counts.items()]
        else:
            begin = time.monotonic()
            failure, is_hit = run_job(daemon, Job(*text), logs)
            answer = [failure, is_hit, time.monotonic() - begin]
        print(json.dumps(answer), flush=True)


class Worker:
    def __init__(self, daemon):
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", __file__,
             daemon, "--work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def give(self, job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def take(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("failed: a worker has ended")
        return json.loads(line)


def run_all(daemon, jobs, n_workers):
    """Yields each job with its result."""
    selector = selectors.DefaultSelector()
    rest = iter(jobs)
    n_busy = 0
    for _ in range(n_workers):
        worker = Worker(daemon)
        job = next(rest, None)
        if job:
            worker.give(job)
            selector.register(worker.process.stdout, selectors.EVENT_READ, (worker, job))
            n_busy += 1
    while n_busy > 0:
        for key, _ in selector.select():
            worker, job = key.data
            yield job, *worker.take()
            selector.unregister(worker.process.stdout)
            job = next(rest, None)
            if job:
                worker.give(job)
                selector.register(worker.process.stdout, selectors.EVENT_READ, (worker, job))
            else:
                n_busy -= 1
                worker.process.stdin.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("daemon")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(100000))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--work", action="store_true")
    a = parser.parse_args()
    if a.work:
        work(a.daemon)
        return

    counter = Worker(a.daemon)
    counter.give(None)
    counts = {(process, call): n for process, call, n in counter.take()}
    counter.process.stdin.close()
    jobs = [j for j in make_jobs(counts) if re.search(a.only, " ".join(map(str, j)))]
    n_calls = sum(counts.values())
    random.Random(a.seed).shuffle(jobs)
    if a.sample:
        jobs = jobs[:a.sample]

    n_failed = n_hits = 0
    longest = 0
    begin = time.monotonic()
    for n, (job, failure, is_hit, seconds) in enumerate(run_all(a.daemon, jobs, a.workers), 1):
        n_hits += is_hit
        longest = max(longest, seconds)
        if failure:
            n_failed += 1
            print(f"failed: process {job.process}, {job.call}, {job.fault}, {job.when}"
                  f"{'' if is_hit else ' (not met)'}: {failure}", flush=True)
        if n % 500 == 0:
            print(f"     {n} faults in {time.monotonic() - begin:.0f} s, {n_failed} did harm",
                  file=sys.stderr, flush=True)
    if n_failed or n_hits < len(jobs) * 0.8:
        print(f"failed: {n_failed} of {len(jobs)} faults did harm, {n_hits} were met, "
              f"seed {a.seed}")
        sys.exit(1)
    print(f"ok: {len(jobs)} faults, {n_hits} met, at {n_calls} calls of "
          f"{len({call for _, call in counts})} kinds: none did harm; the longest run took "
          f"{longest:.1f} s, seed {a.seed}")


if __name__ == "__main__":
    main()
