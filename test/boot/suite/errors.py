# SPDX-License-Identifier: LGPL-2.1-or-later

"""Every request that must be refused, with the error's name and what it must say; then peers that
do not even speak varlink, while an honest one is served. Run by errors.sh."""

import array
import json
import os
import re
import resource
import socket
import sys
import threading
import time

from control import ADDRESS, SERVICE, TOO_SLOW, Client, Closed, daemon_pid, n_fds, rss_kib

CONTAINERS = "/run/conlogd/containers"
n_refused = 0
n_peers = 0


def refused(client, error, says, method, parameters=None):
    global n_refused

    got, reply = client.call(method, parameters)
    said = json.dumps(reply, ensure_ascii=False)
    wanted = error if "." in error else "io.conlogd." + error
    assert got == wanted, (method, parameters, got, said)
    assert re.search(says, said), (method, parameters, said, "does not say", says)
    n_refused += 1


def refuse_ids(client):
    ids = ["", ".", "..", "../x", "a/b", "/", ".x", "-x", "_x", "a b", "a\n", "é", "a" * 129,
           "x" * 5000]
    for bad in ids:
        refused(client, "InvalidValue", '"parameter": "id".*letter or digit', "Create", {"id": bad})
        refused(client, "InvalidValue", '"parameter": "exec".*letter or digit', "Exec",
                {"id": "live", "exec": bad})
    for method in "Describe", "Remove":
        refused(client, "NoSuchContainer", '"id": "../x"', method, {"id": "../x"})

    # A NUL does not get as far as the rule.
    stray = Client()
    error, _ = stray.call("Create", {"id": "a\0b"})
    assert error in ("io.conlogd.InvalidValue", SERVICE + "InvalidParameter"), error
    stray.close()


def refuse_values(client):
    def create(error, says, **parameters):
        refused(client, error, says, "Create", {"id": "never", **parameters})

    create("InvalidValue", "name.*255 bytes", name="n" * 256)
    create("InvalidValue", "name.*control", name="a\nb")
    create("InvalidValue", "image.*1024 bytes", image="i" * 1025)
    create("InvalidValue", "unit", unit="web")
    create("InvalidValue", "unit", unit="../web.service")
    create("InvalidValue", "unit", unit="u" * 300 + ".service")
    create("InvalidValue", "labels.*256", labels={f"k{i}": "" for i in range(257)})
    create("InvalidValue", "labels.*256 bytes", labels={"k" * 257: ""})
    create("InvalidValue", "labels", labels={"": "x"})
    create("InvalidValue", "labels.*4096 bytes", labels={"k": "v" * 4097})
    create("InvalidValue", "labels", labels={"k": 5})
    create("InvalidValue", "env.*1024", env=["A=b"] * 1025)
    create("InvalidValue", "env.*NAME=value", env=["A"])
    create("InvalidValue", "env.*NAME=value", env=["=b"])
    create("InvalidValue", "env", env=[7])
    create("InvalidValue", "options.*64", options={f"k{i}": "" for i in range(65)})
    create("InvalidValue", "options", options={"tag": 5})
    create("InvalidValue", "moreDrivers.*4 drivers", moreDrivers=[{}] * 4)
    create("InvalidValue", "moreDrivers.*object", moreDrivers=["none"])
    create("InvalidValue", "moreDrivers.*colour", moreDrivers=[{"driver": "none", "colour": 1}])
    create("InvalidValue", "moreDrivers.*options", moreDrivers=[{"driver": "none", "options": 1}])
    create("InvalidValue", "moreDrivers.*journald is twice", moreDrivers=[{"driver": "journald"}])
    create("InvalidValue", "options.*string",
           moreDrivers=[{"driver": "none", "options": {"mode": None}}])
    create("InvalidValue", "options.*64",
           moreDrivers=[{"driver": "none", "options": {f"k{i}": "" for i in range(65)}}])
    create("NoSuchDriver", "syslog.*journald", moreDrivers=[{"driver": "syslog"}])
    create("NoSuchDriver", "journald", moreDrivers=[{"options": {}}])
    create("InvalidOption", '"driver": "none".*"key": "tag"',
           moreDrivers=[{"driver": "none", "options": {"tag": "x"}}])
    create("NoSuchDriver", "syslog.*journald", driver="syslog")
    create("NoSuchDriver", "journald", driver="")


def refuse_options(client):
    def create(says, driver="journald", **options):
        options = {key.replace("_", "-"): value for key, value in options.items()}
        refused(client, "InvalidOption", says, "Create",
                {"id": "never", "driver": driver, "options": options})

    create('"key": "colour"', colour="blue")
    create('"key": "tag"', driver="none", tag="x")
    create('"key": "level-prefix".*yes or no', level_prefix="perhaps")
    create('"key": "level-prefix".*yes or no', driver="none", level_prefix="")
    create('"key": "timestamp".*yes or no', timestamp="5")
    create('"key": "tag"', tag="{{.Nope}}")
    create('"key": "tag"', tag="{{.ID")
    create('"key": "labels"', labels="a,,b")
    create('"key": "labels-regex"', labels_regex="(")
    create('"key": "env-regex"', env_regex="[")
    create('"key": "journal-namespace"', journal_namespace="../journal")
    create('"key": "journal-namespace".*BindReadOnlyPaths=-?/run/systemd/journal.nowhere',
           journal_namespace="nowhere")
    refused(client, "InvalidOption", "16384", "Create",
            {"id": "never", "options": {"labels-regex": "."},
             "labels": {f"k{i}": "v" * 4096 for i in range(5)}})


def refuse_changes(client):
    def change(error, says, **parameters):
        refused(client, error, says, "Set", {"id": "live", **parameters})

    before = client.must("Describe", {"id": "live"})["container"]["drivers"]
    change("InvalidValue", '"parameter": "driver".*has', driver="none")
    change("InvalidValue", '"parameter": "driver".*has', driver="syslog")
    change("InvalidValue", '"parameter": "remove".*has', remove="none")
    change("InvalidValue", '"parameter": "remove".*only', remove="journald")
    change("InvalidValue", '"parameter": "add".*not yet', add={"driver": "journald"})
    change("InvalidValue", '"parameter": "add".*colour', add={"driver": "none", "colour": "blue"})
    change("InvalidValue", '"parameter": "add".*options', add={"driver": "none", "options": []})
    change("InvalidValue", "options.*string", options={"tag": 5})
    change("NoSuchDriver", "syslog.*journald", add={"driver": "syslog"})
    change("NoSuchDriver", "journald", add={})
    change("InvalidOption", '"driver": "none".*"key": "tag"',
           add={"driver": "none", "options": {"tag": "x"}})
    change("InvalidOption", '"key": "colour"', options={"tag": "x", "colour": "blue"})
    change("InvalidOption", '"key": "colour".*no such option', options={"colour": None})
    change("InvalidOption", '"key": "tag"', options={"tag": "{{"})
    change("InvalidOption", '"key": "drop".*mode=non-blocking', options={"drop": "newest"})
    change("InvalidOption", '"key": "max-buffer-size".*fs.pipe-max-size',
           options={"max-buffer-size": "64M"})
    refused(client, "NoSuchContainer", '"id": "gone"', "Set", {"id": "gone"})
    refused(client, "NoSuchContainer", '"id": "gone"', "Rotate", {"id": "gone"})
    refused(client, "NoFiles", '"id": "live"', "Rotate", {"id": "live"})
    refused(client, "InvalidValue", '"parameter": "driver".*has', "Rotate",
            {"id": "live", "driver": "none"})
    assert client.must("Describe", {"id": "live"})["container"]["drivers"] == before


def refuse_by_state(client):
    refused(client, "ContainerExists", '"id": "live"', "Create", {"id": "live"})
    refused(client, "NoSuchContainer", '"id": "gone"', "Remove", {"id": "gone"})
    refused(client, "NoSuchContainer", '"id": "gone"', "Exec", {"id": "gone", "exec": "e"})

    client.must("Exec", {"id": "live", "exec": "e"})
    refused(client, "ExecExists", '"exec": "e"', "Exec", {"id": "live", "exec": "e"})
    refused(client, "NoSuchExec", '"exec": "f"', "Remove", {"id": "live", "exec": "f"})
    client.must("Remove", {"id": "live", "exec": "e"})

    client.must("Create", {"id": "live2", "name": "live-name"})
    refused(client, "AmbiguousId", '"id": "li"', "Describe", {"id": "li"})
    assert client.must("Describe", {"id": "live2"})["container"]["id"] == "live2"
    assert client.must("Describe", {"id": "live-name"})["container"]["id"] == "live2"
    client.must("Remove", {"id": "live2"})
    # Now the beginning is unique.
    assert client.must("Describe", {"id": "li"})["container"]["id"] == "live"

    for i in range(16):
        client.must("Exec", {"id": "live", "exec": f"logged{i}", "log": True})
    refused(client, "LimitReached", "16", "Exec", {"id": "live", "exec": "logged16", "log": True})
    for i in range(64 - 16):
        client.must("Exec", {"id": "live", "exec": f"plain{i}"})
    refused(client, "LimitReached", "64", "Exec", {"id": "live", "exec": "plain64"})
    for i in range(16):
        client.must("Remove", {"id": "live", "exec": f"logged{i}"})
    for i in range(64 - 16):
        client.must("Remove", {"id": "live", "exec": f"plain{i}"})


def refuse_calls(client):
    invalid = SERVICE + "InvalidParameter"
    refused(client, invalid, '"parameter": "id"', "Create", {})
    refused(client, invalid, '"parameter": "id"', "Create", {"id": 5})
    refused(client, invalid, '"parameter": "id"', "Create", {"id": None})
    refused(client, invalid, '"parameter": "terminal"', "Create",
            {"id": "never", "terminal": "yes"})
    refused(client, invalid, '"parameter": "labels"', "Create", {"id": "never", "labels": []})
    refused(client, invalid, '"parameter": "colour"', "Create", {"id": "never", "colour": "blue"})
    refused(client, invalid, '"parameter": "x"', "List", {"x": 1})
    refused(client, SERVICE + "MethodNotFound", "Destroy", "io.conlogd.Destroy")
    refused(client, SERVICE + "MethodNotFound", "Reboot", SERVICE + "Reboot")
    refused(client, SERVICE + "InterfaceNotFound", "io.systemd", "io.systemd.Manager.Describe")
    refused(client, SERVICE + "InterfaceNotFound", "", SERVICE + "GetInterfaceDescription",
            {"interface": "io.systemd"})


def check_description(client):
    """What the service says of itself is true: each method that it describes is there."""
    info = client.must(SERVICE + "GetInfo")
    assert info["product"] == "conlogd" and info["vendor"] and info["version"], info
    assert set(info["interfaces"]) == {"org.varlink.service", "io.conlogd"}, info
    text = client.must(SERVICE + "GetInterfaceDescription",
                       {"interface": "io.conlogd"})["description"]
    methods = re.findall(r"^method (\w+)\(([^)]*)\)", text, re.M)
    assert len(methods) >= 7, methods
    for method, parameters in methods:
        error, reply = client.call(method, {"no-such-parameter": 1})
        assert error == SERVICE + "InvalidParameter", (method, error)
        for name in re.findall(r"(\w+):", parameters):
            error, reply = client.call(method, {name: {"no": ["such", "type"]}, "colour": 1})
            assert reply["parameter"] in (name, "colour"), (method, name, reply)
    for error in re.findall(r"^error (\w+)", text, re.M):
        assert error[0].isupper()
    return len(methods)


class Honest(threading.Thread):
    """Asks again and again, as conlogctl does, and remembers the longest wait."""

    def __init__(self):
        super().__init__(daemon=True)
        self.is_over = False
        self.longest = 0.0
        self.n = 0
        self.trouble = None

    def run(self):
        try:
            while not self.is_over:
                begin = time.monotonic()
                client = Client()
                assert client.must("Describe", {"id": "live"})["container"]["id"] == "live"
                client.close()
                self.longest = max(self.longest, time.monotonic() - begin)
                self.n += 1
                time.sleep(0.01)
        except Exception as e:
            self.trouble = e


def peer(data, expect_answer=True):
    """Sends that, and wants a varlink error or a closed connection, soon."""
    global n_peers

    client = Client(timeout=40)
    try:
        client.send(data)
    except (BrokenPipeError, ConnectionResetError):
        pass
    client.socket.shutdown(socket.SHUT_WR)
    try:
        reply = client.receive()
        assert reply.get("error", "").startswith(SERVICE), (data[:60], reply)
    except Closed:
        pass
    client.close()
    n_peers += 1


def malformed_peers():
    mib = 1 << 20
    for data in [
        b"\0", b"\0\0\0", b"{\0", b"null\0", b"[]\0", b"5\0", b'"x"\0', b"{}\0", b"\xff\xfe\0",
        b'{"method":5}\0', b'{"method":""}\0', b'{"method":"x"}\0', b'{"method":"."}\0',
        b'{"method":"io.conlogd."}\0', b'{"method":"io.conlogd.List","parameters":[]}\0',
        b'{"method":"io.conlogd.List","parameters":5}\0',
        b'{"method":"io.conlogd.List","method":"io.conlogd.List"}\0',
        b'{"method":"io.conlogd.List"} trailing\0', b"GET / HTTP/1.1\r\n\r\n\0",
        b'{"method":"io.conlogd.List","upgrade":true}\0',
        b'{"method":"io.conlogd.Describe","parameters":{"id":"\xc3\x28"}}\0',
        b'{"method":"io.conlogd.Describe","parameters":{"id":"\\ud800"}}\0',
        b"[" * 100000 + b"\0", b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"\0",
        b"x" * (2 * mib), b"x" * (mib + 1) + b"\0", b'{"method":"' + b"x" * (3 * mib) + b'"}\0',
        b'{"method":"io.conlogd.Create","parameters":{"id":"' + b"y" * mib + b'"}}\0',
        b"\0" * (2 * mib), b"1" * 500000 + b"\0",
    ]:
        peer(data)

    # A request of almost 1 MiB is none of them.
    client = Client()
    error, _ = client.call("Create", {"id": "never", "name": "n" * ((1 << 20) - 200)})
    assert error == "io.conlogd.InvalidValue", error
    client.close()


def silent_peers():
    """Half-open ones, ones that leave in the middle, more than there may be, one byte at a time."""
    global n_peers

    for cut in range(1, 60):
        client = Client()
        client.send(b'{"method":"io.conlogd.Describe","parameters":{"id":"live"}}\0'[:cut])
        if cut % 2:
            client.socket.shutdown(socket.SHUT_WR)
            try:
                client.receive()
            except Closed:
                pass
        client.close()
        n_peers += 1

    crowd = []
    for i in range(300):
        crowd.append(Client())
        if i % 3 == 0:
            crowd[-1].send(b'{"method":')
    late = Client()
    assert late.must("List")["containers"]
    late.close()
    for client in crowd:
        client.close()
    n_peers += len(crowd)

    slow = Client()
    for byte in b'{"method":"io.conlogd.List"}\0':
        slow.send(bytes([byte]))
        time.sleep(0.005)
    assert "containers" in slow.receive()["parameters"]
    slow.close()
    n_peers += 1


def greedy_peers(pid):
    """Ones that ask and never read, and ones that send fds."""
    global n_peers

    before = rss_kib(pid)
    request = json.dumps({"method": SERVICE + "GetInterfaceDescription",
                          "parameters": {"interface": "io.conlogd"}}).encode() + b"\0"
    crowd = []
    for _ in range(20):
        client = Client()
        client.socket.settimeout(0.2)
        try:
            client.send(request * 5000)
        except TimeoutError:
            pass
        crowd.append(client)
    grown = rss_kib(pid) - before
    assert grown < 16 * 1024, f"{grown} KiB for peers that do not read"
    for client in crowd:
        client.close()

    fds = array.array("i", [os.open("/dev/null", os.O_RDONLY)] * 200)
    for _ in range(50):
        client = Client()
        client.socket.sendmsg([b'{"method":"io.conlogd.List"}\0'],
                              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        try:
            client.receive()
        except Closed:
            pass
        client.close()
    n_peers += 70


def not_root():
    """The socket's mode keeps others out; so does the daemon if somebody opens it."""
    def try_as_nobody():
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            try:
                client = Client()
                try:
                    client.send(b'{"method":"io.conlogd.List"}\0')
                except BrokenPipeError:
                    pass
                said = json.dumps(client.receive())
            except (PermissionError, Closed) as e:
                said = type(e).__name__
            os.write(write, said.encode())
            os._exit(0)
        os.close(write)
        os.waitpid(pid, 0)
        with os.fdopen(read) as f:
            return f.read()

    assert try_as_nobody() == "PermissionError"
    os.chmod(ADDRESS, 0o666)
    said = try_as_nobody()
    os.chmod(ADDRESS, 0o600)
    assert "PermissionDenied" in said, said


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    client = Client()
    client.must("Create", {"id": "live"})
    client.must("Create", {"id": "a" * 128})
    client.must("Remove", {"id": "a" * 128})
    pid = daemon_pid()

    refuse_ids(client)
    refuse_values(client)
    refuse_options(client)
    refuse_changes(client)
    refuse_by_state(client)
    refuse_calls(client)
    n_methods = check_description(client)
    assert os.listdir(CONTAINERS) == ["live"], os.listdir(CONTAINERS)
    assert [n for n in os.listdir(CONTAINERS + "/live") if not n.startswith("init-")
            and n not in ("config", "state")] == []

    time.sleep(0.2)
    fds = n_fds(pid)
    honest = Honest()
    honest.start()
    malformed_peers()
    silent_peers()
    greedy_peers(pid)
    not_root()
    honest.is_over = True
    honest.join()
    assert honest.trouble is None, honest.trouble
    if honest.longest >= 1.0:
        print(f"an honest peer waited for {honest.longest:.3f} s")
        sys.exit(TOO_SLOW)

    time.sleep(0.2)
    assert daemon_pid() == pid, "the daemon is another one"
    assert n_fds(pid) <= fds, (fds, n_fds(pid), "fds have leaked")
    print(f"{n_refused} requests refused in words; {n_methods} methods as described; {n_peers} "
          f"bad peers beside an honest one: {honest.n} answers, the slowest "
          f"{honest.longest * 1000:.0f} ms")


sys.exit(main())
