# SPDX-License-Identifier: LGPL-2.1-or-later

"""What faults.py plays: containers that write while everything is done to them that can be, and the
account of what they wrote."""

import os
import select
import time

from control import Client, Closed

PATIENCE = 8  # seconds, for what a fault may delay: trying again each second
LASTING_PATIENCE = 0.7  # when the fault lasts until the daemon is killed
QUIET = 0.06
DIR = "/run/conlogd/containers/"


# It could not do it now; an earlier try is under way; it could not read a file, or who we are.
RETRIED = ("io.conlogd.SystemError", "io.conlogd.ContainerRemoving",
           "io.conlogd.BadConfiguration", "org.varlink.service.PermissionDenied")


class Failed(Exception):
    pass


class Stream:
    """Our end of a FIFO, and all that was written."""

    def __init__(self, play, container, name, flags, exec_id=None):
        self.play = play
        self.key = container, exec_id, name
        self.written = b""
        path = f"{DIR}{container}/{exec_id or 'init'}-{name}"
        self.fd = os.open(path, flags | os.O_NONBLOCK)

    def write(self, data):
        self.written += data
        while data:
            try:
                data = data[os.write(self.fd, data):]
            except BlockingIOError:
                self.play.until(f"a writer of {self.key} can go on", self.is_writable)
            except OSError as e:
                raise Failed(f"a writer of {self.key} got {e}")

    def is_writable(self):
        p = select.poll()
        p.register(self.fd, select.POLLOUT)
        return bool(p.poll(20))

    def lines(self, n, size=30):
        for i in range(n):
            text = b"%d %s " % (len(self.written), self.key[0].encode())
            self.write(text + b"\x00\xff x"[:i % 5] * (i % size) + b"\n" * (1 + (i % 7 == 3)))

    def close(self):
        os.close(self.fd)


class Play:
    def __init__(self, manager, is_lasting):
        self.m = manager
        self.is_lasting = is_lasting
        self.streams = []
        self.removed = set()

    def until(self, what, condition):
        """Tries until it is so. A fault that lasts ends with the process that has it."""
        begin = time.monotonic()
        while not condition():
            if self.m.failure:
                raise Failed(self.m.failure)
            if time.monotonic() - begin < self.patience():
                time.sleep(0.002)
                continue
            if self.m.is_ready:
                self.expect_quiet("waiting until " + what)
            if not self.is_lasting:
                raise Failed(f"not within {PATIENCE} s: {what} {self.missing()}")
            self.end_fault()

    def patience(self):
        return LASTING_PATIENCE if self.is_lasting else PATIENCE

    def end_fault(self):
        self.is_lasting = False
        self.m.kill()

    def expect_quiet(self, when):
        for _ in range(4):
            pid = self.m.pid
            begin, before = time.monotonic(), self.m.runnable()
            time.sleep(QUIET)
            used, took = self.m.runnable() - before, time.monotonic() - begin
            if self.m.pid != pid or not pid or used < took * 0.5e9:
                return
        raise Failed(f"a busy loop {when}: {used / 1e6:.0f} ms of {took * 1000:.0f}")

    def call(self, method, parameters=None, done=()):
        """Calls until there is an answer, or an error that says that an earlier try did it."""
        answer = []

        def attempt():
            client = None
            try:
                client = Client(timeout=self.patience())
                error, reply = client.call(method, parameters)
            except TimeoutError:
                return False
            except (Closed, OSError):
                return False
            finally:
                if client:
                    client.close()
            answer[:] = [error, reply]
            if error in RETRIED:
                return False
            if error and error.split(".")[-1] not in done:
                raise Failed(f"{method} {parameters}: {error} {reply}")
            return True

        self.until(f"{method} {parameters} is answered (last: {answer})", attempt)
        return answer[1] if not answer[0] else None

    def create(self, container, **more):
        if not self.call("Create", {"id": container, **more}, done=["ContainerExists"]):
            self.call("Describe", {"id": container})

    def remove(self, container):
        self.call("Remove", {"id": container}, done=["NoSuchContainer"])
        self.removed.add(container)

    def open(self, *key, flags=os.O_RDWR, exec_id=None):
        stream = Stream(self, *key, flags, exec_id)
        self.streams.append(stream)
        return stream

    def until_ready(self):
        self.until("the daemon is ready", lambda: self.m.is_ready)

    def until_stored(self):
        """Until each finished line is in the log, and then quiet."""
        self.until("each line is in the log", lambda: not self.missing())
        self.expect_quiet("with nothing to do")

    def missing(self):
        logs = self.read_log()
        for s in self.streams:
            want = s.written if s.key[0] in self.removed else \
                s.written[:s.written.rfind(b"\n") + 1]
            if not logs.get(s.key, b"").startswith(want):
                return f"{s.key} has {len(logs.get(s.key, b''))} of {len(want)} bytes"
        return ""

    def read_log(self):
        """The bytes of each stream. A repeat must be equal to the first."""
        with self.m.lock:
            entries = list(self.m.entries)
        seen = {}
        for e in entries:
            if "CONTAINER_LOG_ORDINAL" not in e:
                continue
            key = (e["CONTAINER_ID_FULL"], e["CONTAINER_LOG_EPOCH"],
                   int(e["CONTAINER_LOG_ORDINAL"]))
            if seen.setdefault(key, e) != e:
                raise Failed(f"ordinal {key} twice: {e} and {seen[key]}")
        logs = {}
        for (container, _, _), e in sorted(seen.items(), key=lambda item: item[0][2]):
            exec_id = e.get("CONTAINER_EXEC_ID")
            key = (container, exec_id and exec_id.decode() or None,
                   e["CONTAINER_STREAM"].decode())
            key = (key[0].decode(), *key[1:])
            end = b"" if e.get("CONTAINER_PARTIAL_LAST") == b"false" else b"\n"
            logs[key] = logs.get(key, b"") + e["MESSAGE"] + end
        self.ordinals = {}
        for container, epoch, ordinal in seen:
            self.ordinals.setdefault((container.decode(), epoch), set()).add(ordinal)
        return logs

    def judge(self):
        logs = self.read_log()
        for s in self.streams:
            got = logs.pop(s.key, b"")
            if got not in (s.written, s.written + b"\n"):
                at = len(os.path.commonprefix([got, s.written]))
                raise Failed(f"{s.key}: {len(got)} bytes instead of {len(s.written)}, "
                             f"different from {at} on: {got[at:at + 40]} {s.written[at:at + 40]}")
        if logs:
            raise Failed(f"from nobody: {logs}")
        for (container, epoch), ordinals in self.ordinals.items():
            if len(ordinals) != max(ordinals):
                raise Failed(f"{container}: {len(ordinals)} ordinals, the last {max(ordinals)}")
            ends = {(e["CONTAINER_LOG_LINES"], e["CONTAINER_LOG_DROPPED"])
                    for e in self.m.entries
                    if "CONTAINER_LOG_LINES" in e and e["CONTAINER_LOG_EPOCH"] == epoch}
            if ends != {(b"%d" % len(ordinals), b"0")}:
                raise Failed(f"{container}: {len(ordinals)} ordinals, but it ends with {ends}")
        if len(self.ordinals) != len({container for container, _ in self.ordinals}):
            raise Failed(f"a container lives twice: {self.ordinals.keys()}")
        if os.listdir(DIR):
            raise Failed(f"left in the run directory: {os.listdir(DIR)}")
        if self.leftovers():
            raise Failed(f"left in the fd store: {self.leftovers()}")

    def leftovers(self):
        return {name for name, _ in self.m.store} - {"scratch"}


def configure(text):
    with open("/etc/conlogd/conlogd.conf", "w") as f:
        f.write(text)


def play_first(p):
    p.until_ready()
    p.create("web", name="web-1", image="nginx", labels={"a": "b"}, options={"labels": "a"})
    p.create("db", unit="db.service")
    p.create("job")
    out, err = p.open("web", "stdout"), p.open("web", "stderr")
    db = p.open("db", "stdout", flags=os.O_WRONLY)
    job = p.open("job", "stdout", flags=os.O_WRONLY)

    out.lines(20)
    err.lines(10)
    out.write(b"torn ")
    db.lines(20)
    p.call("Exec", {"id": "db", "exec": "dump", "log": True}, done=["ExecExists"])
    dump = p.open("db", "stdout", exec_id="dump", flags=os.O_WRONLY)
    dump.lines(15)
    configure("[Conlogd]\nContainersMax=90\n")
    p.call("Reload")
    out.write(b"line\n")
    # Two thirds of a pipe, behind which a writer would have to wait.
    err.write(b"y" * 50000 + b" and its end\n")
    dump.write(b"unfinished")
    dump.close()
    p.call("Exec", {"id": "db", "exec": "shell"}, done=["ExecExists"])
    p.call("Remove", {"id": "db", "exec": "shell"}, done=["NoSuchExec"])
    job.lines(20)
    job.write(b"never finished")
    job.close()
    p.remove("job")
    p.call("List")
    p.until_stored()
    out.lines(5)
    err.write(b"over the restart, ")
    return out, err, db


def play_second(p, out, err, db):
    p.until_ready()
    err.write(b"and done\n")
    db.lines(20)
    out.lines(10)
    err.lines(10)
    p.call("Describe", {"id": "web"})
    p.create("new")
    new = p.open("new", "stdout", flags=os.O_WRONLY)
    new.lines(10)
    p.until_stored()
    db.write(b"x" * 40000)
    db.lines(5)
    db.close()
    p.remove("db")
    err.write(b"last words")
    p.remove("web")
    new.lines(5)
    new.close()
    p.remove("new")
    p.until_stored()


def play(manager, prefixes, is_lasting):
    p = Play(manager, is_lasting)
    configure("[Conlogd]\nContainersMax=100\n")
    manager.start(prefixes[0])
    out, err, db = play_first(p)
    manager.stop()
    out.lines(10)
    db.lines(10)
    manager.start(prefixes[1])
    play_second(p, out, err, db)
    manager.stop()
    if p.leftovers():
        # What it could not say to the service manager any more, the next one says.
        manager.start()
        p.until_ready()
        manager.stop()
    p.judge()
    for s in out, err:
        s.close()
