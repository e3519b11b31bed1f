# SPDX-License-Identifier: LGPL-2.1-or-later

"""Stand-ins for the service manager and journald, for a daemon that is started thousands of times
and made to fail: a boot each time would take days. They do for conlogd what systemd does: hand over
the socket and what is in the fd store, start it again whenever it ends, take entries.

For a process in a mount namespace of its own, in which /run is empty.
"""

import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import threading
import time

ADDRESS = "/run/conlogd/io.conlogd"
LIMIT_STARTS = 8
KCMP = {"x86_64": 312, "aarch64": 272}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)


def parse_entry(data):
    """An entry of journald's native protocol, without lists of values."""
    fields = {}
    while data:
        end = data.index(b"\n")
        name, equals, value = data[:end].partition(b"=")
        data = data[end + 1:]
        if not equals:
            size = int.from_bytes(data[:8], "little")
            value = data[8:8 + size]
            assert data[8 + size:9 + size] == b"\n", "a field without an end"
            data = data[9 + size:]
        fields[name.decode()] = value
    return fields


def bind(kind, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(path)
    s.setblocking(False)
    return s


def receive(s):
    data, fds, _, _ = socket.recv_fds(s, 1 << 20, 8)
    return data, fds


class Ended:
    """How a process of the daemon ended."""

    def __init__(self, status, said, cpu):
        self.code = os.waitstatus_to_exitcode(status)
        self.said = said
        self.cpu = cpu


class Manager:
    def __init__(self, daemon):
        self.daemon = daemon
        self.lock = threading.Condition()
        self.listen = bind(socket.SOCK_STREAM, ADDRESS)
        self.listen.listen(64)
        self.notify = bind(socket.SOCK_DGRAM, "/run/systemd/notify")
        self.journal = bind(socket.SOCK_DGRAM, "/run/systemd/journal/socket")
        self.said, self.stderr = socket.socketpair()
        self.wake, self.wake_write = os.pipe()
        self.text = b""
        self.store = []  # (name, fd)
        self.entries = []
        self.ended = []
        self.pid = self.pidfd = None
        self.is_ready = False
        self.is_held = True  # nobody is started again
        self.n_starts = 0
        self.failure = None
        self.pinged = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # What the process does between fork and exec; prefix is what comes before the daemon's name.
    def become(self, prefix, environment):
        fds = [self.listen.fileno()] + [fd for _, fd in self.store]
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 300) for fd in fds]
        err = fcntl.fcntl(self.stderr.fileno(), fcntl.F_DUPFD, 300)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in 0, 1:
            os.dup2(null, fd)
        os.dup2(err, 2)
        os.closerange(3, 300)
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
        os.closerange(300, 1024)
        names = ["varlink"] + [name for name, _ in self.store]
        environment |= {
            "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(fds)),
            "LISTEN_FDNAMES": ":".join(names), "NOTIFY_SOCKET": "/run/systemd/notify",
            "JOURNAL_STREAM": "1:1", "WATCHDOG_USEC": "1000000", "PATH": os.environ["PATH"],
        }
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execvpe((prefix + [self.daemon])[0], prefix + [self.daemon], environment)

    def start(self, prefix=()):
        with self.lock:
            self.is_held = False
            self.start_locked(list(prefix))

    def start_locked(self, prefix=()):
        self.n_starts += 1
        self.is_ready = False
        self.pinged = time.monotonic()
        pid = os.fork()
        if pid == 0:
            try:
                self.become(list(prefix), {})
            finally:
                os._exit(99)
        self.pid, self.pidfd = pid, os.pidfd_open(pid)
        os.write(self.wake_write, b"x")

    def stop(self):
        """Kills the daemon, which stays away then."""
        with self.lock:
            self.is_held = True
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
            self.lock.wait_for(lambda: not self.pid, 10)

    def kill(self):
        with self.lock:
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)

    def done(self):
        self.stop()
        self.is_held = None
        os.write(self.wake_write, b"x")
        self.thread.join()
        for s in self.listen, self.notify, self.journal, self.said, self.stderr:
            s.close()
        for fd in [self.wake, self.wake_write] + [fd for _, fd in self.store]:
            os.close(fd)

    def is_stored(self, fd):
        pid = os.getpid()
        return any(libc.syscall(KCMP, pid, pid, 0, fd, other) == 0 for _, other in self.store)

    def take_notification(self, data, fds):
        said = dict(line.split("=", 1) for line in data.decode().splitlines())
        name = said.get("FDNAME", "stored")
        if "FDSTORE" in said:
            for fd in fds:
                if self.is_stored(fd):
                    os.close(fd)
                else:
                    self.store.append((name, fd))
            fds = []
        if "FDSTOREREMOVE" in said:
            for _, fd in [s for s in self.store if s[0] == name]:
                os.close(fd)
            self.store = [s for s in self.store if s[0] != name]
        if "READY" in said:
            self.is_ready = True
        if "WATCHDOG" in said:
            self.pinged = time.monotonic()
        for fd in fds:
            os.close(fd)

    def take_entry(self, data, fds):
        for fd in fds:
            data = os.pread(fd, os.fstat(fd).st_size, 0)
            os.close(fd)
        self.entries.append(parse_entry(data))

    def drain(self, s, take):
        while True:
            try:
                take(*receive(s))
            except BlockingIOError:
                return

    def hear(self):
        try:
            self.text += self.said.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass

    def reap(self):
        # Like PID 1: first what it has said.
        self.drain(self.notify, self.take_notification)
        self.drain(self.journal, self.take_entry)
        self.hear()
        _, status, usage = os.wait4(self.pid, 0)
        os.close(self.pidfd)
        self.pid = self.pidfd = None
        self.ended.append(Ended(status, self.text.decode(errors="replace"),
                                usage.ru_utime + usage.ru_stime))
        self.text = b""
        if self.is_held:
            return
        if self.n_starts >= LIMIT_STARTS:
            self.failure = "started again and again"
            return
        self.start_locked()

    def run(self):
        while self.is_held is not None:
            fds = [self.notify, self.journal, self.said, self.wake]
            with self.lock:
                if self.pidfd:
                    fds.append(self.pidfd)
            ready = select.select(fds, [], [])[0]
            with self.lock:
                try:
                    self.dispatch(ready)
                except Exception as e:
                    self.failure = f"the stand-in: {e!r}"
                self.lock.notify_all()

    def dispatch(self, ready):
        if self.wake in ready:
            os.read(self.wake, 1024)
        if self.notify in ready:
            self.drain(self.notify, self.take_notification)
        if self.journal in ready:
            self.drain(self.journal, self.take_entry)
        if self.said in ready:
            self.hear()
        if self.pidfd in ready:
            self.reap()

    def wait(self, condition, seconds):
        """Whether it came to be in time."""
        with self.lock:
            return self.lock.wait_for(lambda: self.failure or condition(), seconds)

    def runnable(self):
        """Nanoseconds that the daemon has run or wanted to."""
        try:
            with open(f"/proc/{self.pid}/schedstat") as f:
                run, delay, _ = map(int, f.read().split())
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return run + delay
