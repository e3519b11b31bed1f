# SPDX-License-Identifier: LGPL-2.1-or-later

"""Attacks on the run directory. Run by rundir.sh."""

import contextlib
import ctypes
import fcntl
import multiprocessing
import os
import shutil
import signal
import socket
import stat
import struct
import sys
import time

from control import Client, daemon_pid

CONTAINERS = "/run/conlogd/containers"
# Outside, but on the same file system: else there would be no hard links and no exchange.
OUTSIDE = "/run/outside"
SWAP = "/run/outside-swap"
RACE = CONTAINERS + "/race"
AT_FDCWD = -100
RENAME_EXCHANGE = 2
IN_OPEN = 0x20
RACE_SECONDS = 1.0

libc = ctypes.CDLL(None, use_errno=True)


def exchange(a, b):
    return libc.renameat2(AT_FDCWD, a.encode(), AT_FDCWD, b.encode(), RENAME_EXCHANGE) == 0


def remove(path):
    """Whatever it is."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


class Watch:
    """Tells which of the files were opened, by whatever name."""

    def __init__(self, paths):
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.paths = {}
        for path in paths:
            number = libc.inotify_add_watch(self.fd, path.encode(), IN_OPEN)
            assert number >= 0, path
            self.paths[number] = path

    def opened(self):
        seen = set()
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return seen
            at = 0
            while at < len(data):
                number, _, _, size = struct.unpack_from("iIII", data, at)
                seen.add(self.paths.get(number, "queue"))
                at += 16 + size


def make_outside(state):
    """Files such as the daemon might take for its own, and one of each other kind."""
    shutil.rmtree(OUTSIDE, ignore_errors=True)
    os.makedirs(OUTSIDE + "/directory/inner")
    for name, content in [("text", b"alive\n"), ("config", b"{}"), ("state", state),
                          ("directory/config", b"{}"), ("directory/canary", b"alive\n"),
                          ("directory/state", state)]:
        with open(f"{OUTSIDE}/{name}", "wb") as f:
            f.write(content)
    os.mkfifo(OUTSIDE + "/fifo", 0o622)
    os.mkfifo(OUTSIDE + "/directory/init-stdout", 0o622)
    os.mknod(OUTSIDE + "/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    socket.socket(socket.AF_UNIX).bind(OUTSIDE + "/socket")


def outside_paths():
    return [os.path.join(d, name) for d, dirs, files in os.walk(OUTSIDE) for name in dirs + files]


def look_outside():
    """All that may be changed. A second name and its removal change the ctime, so that is not in."""
    seen = {}
    for path in sorted(outside_paths()):
        st = os.lstat(path)
        content = b""
        if stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                content = f.read()
        seen[path] = (st.st_ino, st.st_mode, st.st_uid, st.st_gid, st.st_size, st.st_mtime_ns,
                      content)
    return seen


# What may be put in the place of a file. Links lead to each kind of thing that is outside.
def put_symlink(target):
    return lambda path: os.symlink(target, path)


def put_link(target):
    return lambda path: os.link(target, path)


def put_file(content):
    def put(path):
        with open(path, "wb") as f:
            f.write(content)
    return put


def put_full_directory(path):
    os.mkdir(path)
    put_file(b"alive\n")(path + "/canary")


def put_socket(path):
    place = os.open(os.path.dirname(path), os.O_PATH)
    socket.socket(socket.AF_UNIX).bind(f"/proc/self/fd/{place}/{os.path.basename(path)}")
    os.close(place)


def put_filled_fifo(path):
    os.mkfifo(path, 0o622)


KINDS = {
    "nothing": lambda path: None,
    "symlink-text": put_symlink(OUTSIDE + "/text"),
    "symlink-config": put_symlink(OUTSIDE + "/config"),
    "symlink-state": put_symlink(OUTSIDE + "/state"),
    "symlink-fifo": put_symlink(OUTSIDE + "/fifo"),
    "symlink-directory": put_symlink(OUTSIDE + "/directory"),
    "symlink-null": put_symlink(OUTSIDE + "/null"),
    "symlink-nowhere": put_symlink(OUTSIDE + "/made-by-the-daemon"),
    "symlink-loop": put_symlink("."),
    "link-text": put_link(OUTSIDE + "/text"),
    "link-config": put_link(OUTSIDE + "/config"),
    "link-state": put_link(OUTSIDE + "/state"),
    "link-fifo": put_link(OUTSIDE + "/fifo"),
    "link-null": put_link(OUTSIDE + "/null"),
    "link-socket": put_link(OUTSIDE + "/socket"),
    "empty-file": put_file(b""),
    "file": put_file(b"x" * 4096),
    "directory": os.mkdir,
    "full-directory": put_full_directory,
    "fifo": put_filled_fifo,
    "device": lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7)),
    "socket": put_socket,
}

PLACES = ["", "config", "state", "init-stdin", "init-stdout", "init-stderr", "e-stdin", "e-stdout",
          "e-stderr", "e-config", ".#config", ".#f-config", "f-stdin", "f-stdout", "init-stdout-kept"]


def call(method, parameters):
    """Any answer will do: no answer would not."""
    client = Client()
    reply = client.call(method, parameters)
    client.close()
    return reply


class Victim:
    """A container, and what was put in the place of one of its files."""

    def __init__(self, number, place, kind):
        self.id = f"v{number}-{kind}"
        self.where = os.path.join(CONTAINERS, self.id)
        self.path = os.path.join(self.where, place) if place else self.where
        self.name = f"{kind} as {place or 'its directory'}"
        options = {"tag": "victim"}
        if place.endswith("kept"):
            options |= {"mode": "non-blocking", "rate-limit-lines": "1", "rate-limit-action": "drop"}
        client = Client()
        client.must("Create", {"id": self.id, "options": options})
        client.must("Exec", {"id": self.id, "exec": "e", "log": True})
        client.close()
        self.writer = os.open(self.where + "/init-stdout", os.O_RDWR | os.O_NONBLOCK)
        os.write(self.writer, b"before\n")
        if os.path.lexists(self.path):
            os.rename(self.path, f"/run/aside-{self.id}")
        KINDS[kind](self.path)

    def use(self):
        with contextlib.suppress(BlockingIOError):
            os.write(self.writer, b"after\n" * 100)
        call("Describe", {"id": self.id})
        call("Exec", {"id": self.id, "exec": "f", "log": True})
        call("Remove", {"id": self.id, "exec": "f"})

    def remove(self):
        call("Remove", {"id": self.id, "exec": "e"})
        call("Remove", {"id": self.id})

    def clear(self):
        os.close(self.writer)
        for path in self.where, f"/run/aside-{self.id}":
            remove(path)


def wait_until_up():
    """The socket starts it, or systemd is about to."""
    client = Client()
    client.must("List")
    client.close()


def restart():
    os.kill(daemon_pid(), signal.SIGKILL)
    wait_until_up()


def check_outside(watch, before, what):
    opened = watch.opened()
    assert not opened, f"{what}: opened: {opened}"
    now = look_outside()
    watch.opened()
    changed = {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}
    assert not changed, f"{what}: changed: {changed}"


def replace(watch, before):
    """Each kind in each place, first under a running daemon, then in front of one that starts."""
    n = 0
    for place in PLACES:
        for moment in "running", "starting":
            victims = [Victim(i, place, kind) for i, kind in enumerate(KINDS)]
            if moment == "starting":
                restart()
            for victim in victims:
                victim.use()
                victim.remove()
            check_outside(watch, before, f"{moment}, {place or 'directory'}")
            n += len(victims)
            for victim in victims:
                victim.clear()
            # What could not be restored is forgotten.
            restart()
            left = [c["id"] for c in Client().must("List")["containers"]]
            for name in left:
                if not name.startswith("bystander"):
                    call("Remove", {"id": name})
    return n


def swap_main(stop, pairs, counts):
    """Exchanges them as fast as it can, while they are there."""
    n = 0
    while not stop.is_set():
        for a, b in pairs:
            n += exchange(a, b)
    counts.put(n)


def make_swap():
    """What is put in the place of ours: links to what is outside, and a directory. That one may be
    opened, for under the name it is what it should be, but stays as it is."""
    remove(SWAP)
    os.makedirs(SWAP + "/moved/inner")
    put_file(b"alive\n")(SWAP + "/moved/canary")
    put_file(b"{}")(SWAP + "/moved/state")
    for name in "directory", "fifo", "state", "config":
        os.symlink(f"{OUTSIDE}/{name}", f"{SWAP}/{name}")
    os.link(OUTSIDE + "/state", SWAP + "/link-state")


def check_moved(what):
    moved = next(path for path in (SWAP + "/moved", RACE) if os.path.exists(path + "/canary"))
    names = sorted(name for _, dirs, files in os.walk(moved) for name in dirs + files)
    assert names == ["canary", "inner", "state"], f"{what}: the directory has {names}"


def race(watch, before):
    """The same by chance: somebody swaps all the while."""
    n_calls = n_swaps = n_restarts = 0
    for pairs in [
        [("", "directory")],
        [("", "moved")],
        [("/init-stdout", "fifo"), ("/e-stdout", "fifo")],
        [("/state", "state"), ("/config", "config")],
        [("/state", "link-state"), ("/.#state", "state"), ("/.#config", "config")],
    ]:
        what = " and ".join(b for _, b in pairs)
        make_swap()
        stop, counts = multiprocessing.Event(), multiprocessing.Queue()
        swapper = multiprocessing.Process(
            target=swap_main, args=(stop, [(RACE + a, f"{SWAP}/{b}") for a, b in pairs], counts))
        swapper.start()
        end = time.monotonic() + RACE_SECONDS
        while time.monotonic() < end:
            call("Create", {"id": "race"})
            for _ in range(5):
                call("Exec", {"id": "race", "exec": "e", "log": True})
                call("Describe", {"id": "race"})
                call("Remove", {"id": "race", "exec": "e"})
            n_calls += 17
            if n_calls % 5 == 0:
                restart()
                n_restarts += 1
            call("Remove", {"id": "race"})
        stop.set()
        n_swaps += counts.get()
        swapper.join()
        check_outside(watch, before, what)
        check_moved(what)

        remove(RACE)
        restart()
        call("Remove", {"id": "race"})
        remove(RACE)
    remove(SWAP)
    assert n_swaps > 1000, f"only {n_swaps} swaps"
    return f"{n_swaps} swaps beside {n_calls} calls and {n_restarts} kills"


def lines_of(id):
    return call("Describe", {"id": id})[1]["container"]["lines"]


def wait_for_line(id, lines):
    end = time.monotonic() + 10
    while lines_of(id) < lines and time.monotonic() < end:
        time.sleep(0.05)
    assert lines_of(id) >= lines, f"{id} has {lines_of(id)} lines, not {lines}"


def own_fifo():
    """A container opens its stdout again, for reading; makes it small; steals from itself."""
    streams = Client().must("Create", {"id": "thief"})["container"]["streams"]
    path = next(s["path"] for s in streams if s["name"] == "stdout")
    writer = os.open(path, os.O_RDWR)
    reader = os.open(f"/proc/self/fd/{writer}", os.O_RDONLY | os.O_NONBLOCK)
    n_stolen = 0
    end = time.monotonic() + RACE_SECONDS
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    i = 0
    while time.monotonic() < end:
        i += 1
        with contextlib.suppress(BlockingIOError):
            os.write(writer, b"mine %d\n" % i * (i % 300))
        with contextlib.suppress(BlockingIOError):
            n_stolen += len(os.read(reader, 1 + i % 5000))
        if i % 100 == 0:
            with contextlib.suppress(OSError):
                fcntl.fcntl(writer, 1031, [4096, 65536, 8192][i // 100 % 3])
    with contextlib.suppress(BlockingIOError):
        while True:
            n_stolen += len(os.read(reader, 65536))
    os.close(reader)
    assert n_stolen > 0

    # What it writes from now on is logged.
    fcntl.fcntl(writer, fcntl.F_SETFL, 0)
    os.write(writer, b"\n")
    time.sleep(0.3)
    lines = lines_of("thief")
    os.write(writer, b"and on\n" * 10)
    wait_for_line("thief", lines + 10)
    os.close(writer)
    said = Client().must("Remove", {"id": "thief"})
    return f"{n_stolen} bytes stolen from itself, {said['lines']} lines left"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    Client().must("Create", {"id": "model"})
    with open(CONTAINERS + "/model/state", "rb") as f:
        state = f.read()
    Client().must("Remove", {"id": "model"})
    make_outside(state)
    watch = Watch(outside_paths())

    # The watch does tell.
    with open(OUTSIDE + "/text"):
        pass
    os.close(os.open(OUTSIDE + "/fifo", os.O_RDWR))
    assert watch.opened() == {OUTSIDE + "/text", OUTSIDE + "/fifo"}
    before = look_outside()
    watch.opened()

    n = replace(watch, before)
    raced = race(watch, before)
    stolen = own_fifo()
    check_outside(watch, before, "own FIFO")

    # Nothing is left to go round and round.
    pid = daemon_pid()
    begin = cpu_seconds(pid)
    time.sleep(1)
    spent = cpu_seconds(pid) - begin
    assert spent < 0.5, f"{spent} s of processor time in a second"
    print(f"{n} files replaced; {raced}; {stolen}")


sys.exit(main())
