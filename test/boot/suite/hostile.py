# SPDX-License-Identifier: LGPL-2.1-or-later

"""Hostile control peers beside an honest one, which is a process of its own. Run by hostile.sh.

    hostile.py [ATTACK…]
"""

import array
import contextlib
import json
import multiprocessing
import os
import random
import resource
import socket
import sys
import time

from control import ADDRESS, SERVICE, TOO_SLOW, Client, Closed, daemon_pid, n_fds, rss_kib

RUN = "/run/conlogd"
MIB = 1 << 20
N_CONTAINERS = 500

# What an honest client may wait for an answer, from its connect(2) on.
ANSWER_MAX_SECONDS = 0.1
# Held by an attack at least, so that 1 % of the honest calls are several.
ATTACK_MIN_SECONDS = 2.0
# What the allocator may have kept for itself, a second after the last connection is closed.
GROWTH_MAX_KIB = 1024
GROWTH_SECONDS = 5.0


def honest_main(stop, pipe):
    """Asks as conlogctl does, by a connection for each call."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    times = []
    trouble = None
    try:
        while not stop.is_set():
            begin = time.monotonic()
            client = Client()
            assert client.must("Describe", {"id": "live"})["container"]["id"] == "live"
            times.append(time.monotonic() - begin)
            client.close()
            time.sleep(0.005)
    except Exception as e:
        trouble = f"{type(e).__name__}: {e} after {time.monotonic() - begin:.3f} s"
    pipe.send((times, trouble))


class Honest:
    """with Honest(…): the honest client asks all the while."""

    def __enter__(self):
        self.stop = multiprocessing.Event()
        self.pipe, child = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=honest_main, args=(self.stop, child))
        self.process.start()
        self.begin = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        if not kind:
            time.sleep(max(0, self.begin + ATTACK_MIN_SECONDS - time.monotonic()))
        self.stop.set()
        self.times, self.trouble = self.pipe.recv()
        self.process.join()
        self.times.sort()

    def check(self, attack):
        assert self.trouble is None, f"{attack}: the honest client: {self.trouble}"
        if len(self.times) < 100:
            print(f"{attack}: only {len(self.times)} honest calls")
            sys.exit(TOO_SLOW)
        p99 = self.times[len(self.times) * 99 // 100]
        if p99 > ANSWER_MAX_SECONDS:
            print(f"{attack}: the honest client waited {p99:.3f} s (p99)")
            sys.exit(TOO_SLOW)
        return f"{p99 * 1000:.1f}/{self.times[-1] * 1000:.1f}"


def message(method, parameters=None):
    return json.dumps({"method": "io.conlogd." + method, "parameters": parameters or {}},
                      ensure_ascii=False).encode() + b"\0"


def send_some(client, data):
    """As much as it takes at once."""
    client.socket.setblocking(False)
    try:
        return client.socket.send(data)
    except BlockingIOError:
        return 0
    except (BrokenPipeError, ConnectionResetError):
        return -1


@contextlib.contextmanager
def crowd(n):
    clients = [Client() for _ in range(n)]
    yield clients
    for client in clients:
        client.close()


def half_open(n):
    """More than there may be; half of them have begun a request."""
    n_closed = 0
    with crowd(n) as clients:
        for client in clients[::2]:
            send_some(client, b'{"method":')
        time.sleep(ATTACK_MIN_SECONDS)
        for client in clients:
            client.socket.setblocking(False)
            try:
                n_closed += client.socket.recv(1) == b""
            except ConnectionResetError:
                n_closed += 1
            except BlockingIOError:
                pass
    assert n_closed >= n - 128, f"{n_closed} of {n} connections were closed"
    return f"{n} half-open"


def slow(n):
    """As many as there may be, a byte at a time each, and none ever complete."""
    data = message("Describe", {"id": "live", "exec": "x" * 5000})
    n_bytes = 0
    with crowd(min(n, 120)) as clients:
        end = time.monotonic() + 2 * ATTACK_MIN_SECONDS
        while time.monotonic() < end:
            for client in clients:
                n_bytes += max(0, send_some(client, data[n_bytes % 40:][:1]))
            time.sleep(0.001)
    return f"{n_bytes} single bytes"


def large(n):
    """64 MiB without an end, and as one string, several at a time."""
    piece = b"x" * MIB
    n_refused = 0
    with crowd(min(n, 40)) as clients:
        left = {client: 64 for client in clients}
        for i, client in enumerate(clients):
            send_some(client, [b"", b'{"method":"', b"[" * 1000, b"\0" * 1000][i % 4])
        end = time.monotonic() + 60
        while left and time.monotonic() < end:
            for client in list(left):
                sent = send_some(client, piece)
                left[client] -= sent / MIB if sent >= 0 else 64
                if left[client] <= 0:
                    client.socket.settimeout(10)
                    with contextlib.suppress(Closed, OSError):
                        client.socket.shutdown(socket.SHUT_WR)
                        while True:
                            assert client.receive()["error"].startswith(SERVICE)
                    n_refused += 1
                    del left[client]
            time.sleep(0.001)
    assert not left, f"{len(left)} large requests are neither taken nor refused"
    return f"{n_refused} of 64 MiB"


def stray_fds(n):
    """253 with each message, whole or in pieces, to a method that takes none."""
    fds = array.array("i", [os.open("/dev/null", os.O_RDONLY)] * 253)
    request = message("Describe", {"id": "live"})
    client = Client()
    for i in range(n):
        cut = i % 7
        if cut:
            client.socket.sendmsg([request[:cut]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        client.socket.sendmsg([request[cut:]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        try:
            client.receive()
        except Closed:
            client = Client()
    client.close()
    os.close(fds[0])
    return f"{n} times 253 fds"


def bad_ids(n):
    """Each breaks the rule of an id."""
    fixed = ["", "/", "..", ".", "../", "../..", "/etc", "//", "./a", "a/..", "a/b", "a/", "-a", "--",
             ".a", "_a", " ", " a", "a ", "a\n", "\n", "a\tb", "\x7f", "\x1ba", "a\x1b[2J", "é", "名",
             "\u202ea", "a\u202e", "\ufeffa", "ａ", "a\u0301", "a" * 129, "a" * 300, "a" * 4096,
             "a" * 70000, "%s%n", "a%00b", "a\\0b", "$(id)", "`id`", "a;b", "a|b", "*", "?", "~root",
             "a:b", "a@b", "a=b", "a,b", "a\"b", "a'b", "a\\b", "../io.conlogd",
             "live/", "live/.", "live/../live", "live/config", "../containers/live", "/run/conlogd"]
    alphabet = [chr(c) for c in (*range(1, 0x100), 0x202e, 0x2028, 0xfeff, 0x10ffff, 0x1f4a9)]
    rng = random.Random(n)
    good = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
    while len(fixed) < n:
        size = rng.choice((1, 2, 3, 12, 64, 128, 129, 300))
        text = "".join(rng.choices(alphabet, k=size))
        if not set(text) <= good or len(text) > 128 or text[0] in "_.-":
            fixed.append(text)
    return fixed[:n]


def call_all(requests, errors):
    """Sends them in one go, a piece at a time, and wants one of these errors for each."""
    client = Client()
    for at in range(0, len(requests), 20):
        some = requests[at:at + 20]
        client.send(b"".join(some))
        for request in some:
            reply = client.receive()
            assert reply.get("error") in errors, (request[:200], reply)
    client.close()


def malformed_ids(n):
    ids = bad_ids(n)
    invalid = ("io.conlogd.InvalidValue", )
    unknown = ("io.conlogd.NoSuchContainer", )
    n_calls = 0
    for method, make, errors in [
        ("Create", lambda i: {"id": i}, invalid),
        ("Exec", lambda i: {"id": "live", "exec": i}, invalid),
        ("Exec", lambda i: {"id": i, "exec": "x"}, unknown),
        ("Remove", lambda i: {"id": i}, unknown),
        ("Remove", lambda i: {"id": "live", "exec": i}, ("io.conlogd.NoSuchExec", )),
        ("Describe", lambda i: {"id": i}, unknown),
    ]:
        call_all([message(method, make(i)) for i in ids], errors)
        n_calls += len(ids)

    # What is no JSON string ends the connection, with the reason.
    for method in "Create", "Exec", "Remove", "Describe":
        for bad in (b"a\0b", b"a\\u0000b", b"\\u0000", b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf",
                    b"..\xc0\xaf", b"\\ud800", b"a\nb", b"a\x01", b'a"'):
            for key in b'"id":"%s"', b'"id":"live","exec":"%s"':
                client = Client()
                client.send(b'{"method":"io.conlogd.%s","parameters":{%s}}\0'
                            % (method.encode(), key % bad))
                reply = client.receive()
                assert reply["error"] == SERVICE + "InvalidParameter", (method, bad, reply)
                client.close()
                n_calls += 1
    return f"{len(ids)} malformed ids in {n_calls} calls"


def not_root(n):
    """Others find the socket closed, and opened by somebody they are refused by the daemon."""
    read, write = os.pipe()
    os.chmod(ADDRESS, 0o666)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        n_refused = 0
        for i in range(n):
            client = Client()
            try:
                client.send(message("List") * 100)
            except (BrokenPipeError, ConnectionResetError):
                pass
            try:
                n_refused += client.receive()["error"] == SERVICE + "PermissionDenied"
            except Closed:
                n_refused += 1
            if i % 10:
                client.close()
        os.write(write, b"%d" % n_refused)
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as f:
        said = f.read()
    os.chmod(ADDRESS, 0o600)
    assert said == str(n), f"{said} of {n} calls of another user were refused"
    return f"{n} of another user"


def unread(n):
    """Long replies that nobody reads, all asked for at once, and again."""
    request = message("List")
    n_asked = 0
    for _ in range(max(1, n // 100)):
        with crowd(min(n, 120)) as clients:
            for client in clients:
                n_asked += send_some(client, request * 50) > 0
            time.sleep(0.5)
    return f"{n_asked} with replies unread"


def greedy(n):
    """Long replies, read as fast as they come, by as many as there may be."""
    n_replies = 0
    with crowd(min(n, 120)) as clients:
        for client in clients:
            client.send(message("List"))
            client.socket.setblocking(False)
        end = time.monotonic() + 2 * ATTACK_MIN_SECONDS
        while time.monotonic() < end:
            for client in clients:
                try:
                    data = client.socket.recv(1 << 18)
                except BlockingIOError:
                    continue
                assert data, "a reader was thrown out"
                if data.endswith(b"\0"):
                    n_replies += 1
                    client.socket.send(message("List"))
    return f"{n_replies} long replies"


ATTACKS = {
    "half-open": (half_open, 1000),
    "slow": (slow, 120),
    "large": (large, 40),
    "fds": (stray_fds, 1000),
    "ids": (malformed_ids, 10000),
    "user": (not_root, 1000),
    "unread": (unread, 300),
    "greedy": (greedy, 120),
}


def tree():
    """What there is in the run directory."""
    return sorted(os.path.join(d, name) for d, dirs, files in os.walk(RUN) for name in dirs + files)


def settle(pid, fds):
    """Waits until what has hung up is closed."""
    for _ in range(100):
        if n_fds(pid) <= fds:
            break
        time.sleep(0.05)
    return n_fds(pid)


def grown_kib(pid, before):
    """How much larger it is, once it has given back what it does not need."""
    end = time.monotonic() + GROWTH_SECONDS
    while rss_kib(pid) - before > GROWTH_MAX_KIB and time.monotonic() < end:
        time.sleep(0.05)
    return rss_kib(pid) - before


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    names = sys.argv[1:] or ATTACKS
    client = Client()
    client.must("Create", {"id": "live"})
    for i in range(N_CONTAINERS):
        client.must("Create", {"id": f"c{i}", "name": "n" * 200, "image": "i" * 300})
    client.close()
    pid = daemon_pid()

    # What the daemon allocates once is there before it is measured.
    for name in names:
        attack, n = ATTACKS[name]
        attack(n if name == "unread" else n // 10)
    time.sleep(1.5)
    before = tree()
    fds, kib = n_fds(pid), rss_kib(pid)

    said = []
    for name in names:
        attack, n = ATTACKS[name]
        with Honest() as honest:
            figure = attack(n)
        said.append(f"{figure} {honest.check(name)}")
        print(said[-1], file=sys.stderr)
        assert daemon_pid() == pid, f"{name}: the daemon is another one"
        now = settle(pid, fds)
        assert now <= fds, f"{name}: {now} fds, {fds} before"
        grown = grown_kib(pid, kib)
        assert grown <= GROWTH_MAX_KIB, f"{name}: {grown} KiB more than before"
        assert tree() == before, f"{name}: {set(tree()) ^ set(before)} in the run directory"

    print(f"{'; '.join(said)}: ms, p99/worst, of the honest client; {n_fds(pid) - fds:+} fds, "
          f"{rss_kib(pid) - kib:+} KiB")


sys.exit(main())
