# SPDX-License-Identifier: LGPL-2.1-or-later

"""Adopt, straight over the socket: pipes of a program without any of our tools in between, what is
refused, and file descriptors that nobody asked for. Run by adopt.sh."""

import array
import json
import os
import re
import socket
import subprocess
import tempfile
import time

from control import Client

n_refused = 0


def daemon_pid():
    return int(subprocess.check_output(["systemctl", "show", "-P", "MainPID", "conlogd.service"]))


def n_fds():
    return len(os.listdir(f"/proc/{daemon_pid()}/fd"))


def refused(client, says, parameters, fds=(), error="io.conlogd.InvalidValue"):
    global n_refused

    got, reply = client.call("Adopt", {"id": "x", **parameters}, fds)
    said = json.dumps(reply)
    assert got == error and re.search(says, said), (parameters, got, said)
    assert not os.path.exists("/run/conlogd/containers/x")
    n_refused += 1


def refuse(client):
    read, write = os.pipe()
    pipe = "read end of a pipe"
    index = "index of a file descriptor"
    with tempfile.TemporaryFile() as regular, socket.socket() as stray:
        os.mkfifo("fifo")
        fifo = os.open("fifo", os.O_RDONLY | os.O_NONBLOCK)
        path = os.open("fifo", os.O_PATH)
        primary, terminal = os.openpty()
        for bad in regular.fileno(), stray.fileno(), write, path, terminal, primary:
            refused(client, '"stdout".*' + pipe, {"stdout": 0}, [bad])
            refused(client, '"stderr".*' + pipe, {"stdout": 0, "stderr": 1}, [read, bad])
        refused(client, '"stderr".*no other stream', {"stdout": 0, "stderr": 1}, [read, read])
        refused(client, '"stderr".*no other stream', {"stdout": 0, "stderr": 1},
                [fifo, os.open("fifo", os.O_RDONLY | os.O_NONBLOCK)])
    for bad in 1, 8, -1, 1 << 62, -1 << 63:
        refused(client, '"stdout".*' + index, {"stdout": bad}, [read])
    refused(client, '"stdout".*' + index, {"stdout": 0})
    refused(client, '"stderr".*' + index, {"stdout": 0, "stderr": 0}, [read])
    refused(client, '"stdout".*needed', {}, [read])
    refused(client, "stdout", {"stdout": "0"}, [read],
            error="org.varlink.service.InvalidParameter")
    refused(client, "terminal", {"stdout": 0, "terminal": True}, [read],
            error="org.varlink.service.InvalidParameter")
    refused(client, "letter or digit", {"stdout": 0, "id": "../x"}, [read])

    # One that is in use, under another number.
    client.must("Adopt", {"id": "used", "stdout": 0}, [read])
    refused(client, '"stdout".*no other stream', {"stdout": 0}, [read])
    os.close(write)
    client.must("Remove", {"id": "used"})

    # FIFOs that are ours already.
    container = client.must("Create", {"id": "own"})["container"]
    for stream in container["streams"]:
        fd = os.open(stream["path"], os.O_RDONLY | os.O_NONBLOCK)
        refused(client, '"stdout".*no other stream', {"stdout": 0}, [fd])
        os.close(fd)
    client.must("Remove", {"id": "own"})
    os.close(read)


def both_streams(client):
    """What a runtime does that makes its own pipes."""
    out, err = os.pipe(), os.pipe()
    program = subprocess.Popen(["sh", "-c", "echo out; echo err >&2; printf end"],
                               stdout=out[1], stderr=err[1])
    container = client.must("Adopt", {"id": "runtime", "stdout": 1, "stderr": 0, "name": "shim",
                                      "options": {"tag": "t"}}, [err[0], out[0]])["container"]
    assert [s["name"] for s in container["streams"]] == ["stdout", "stderr"]
    assert not any("path" in s for s in container["streams"])
    assert container["name"] == "shim" and container["options"]["tag"] == "t"
    # As it was given: nobody else's reads and writes begin to fail with EAGAIN.
    assert os.get_blocking(out[0]) and os.get_blocking(err[1])
    for fd in out + err:
        os.close(fd)
    program.wait()
    for _ in range(200):
        lines = client.must("Describe", {"id": "runtime"})["container"]["lines"]
        if lines == 3:
            break
        time.sleep(0.05)
    assert lines == 3, lines
    assert client.must("Exec", {"id": "runtime", "exec": "sh"})["streams"][0]["path"]
    client.must("Remove", {"id": "runtime"})


def strays():
    """None is kept, however many and wherever they come."""
    fds = array.array("i", [os.open("/dev/null", os.O_RDONLY)] * 253)
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
    honest = Client()
    honest.must("List")
    before = n_fds()
    longest = 0

    for i in range(1000):
        client = Client()
        message = b'{"method":"io.conlogd.List"}\0'
        if i % 2 == 0:
            client.socket.sendmsg([message], ancillary)
            assert client.receive()["error"] == "org.varlink.service.InvalidParameter"
        else:
            client.socket.sendmsg([message[:9]], ancillary)
        client.close()
        if i % 50 == 0:
            began = time.monotonic()
            honest.must("List")
            longest = max(longest, time.monotonic() - began)
            assert n_fds() < before + 16, (before, n_fds())
    time.sleep(0.1)
    honest.must("List")
    assert n_fds() == before, (before, n_fds())

    # As many as a call may have, for one that takes none.
    honest.socket.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds[:8])])
    assert "error" not in honest.receive()
    assert n_fds() == before
    return longest


with tempfile.TemporaryDirectory() as directory:
    os.chdir(directory)
    honest = Client()
    both_streams(honest)
    refuse(honest)
    answer = strays()
    os.chdir("/")
print(f"{n_refused} refused, 253000 stray fds closed, longest answer {answer * 1000:.0f} ms")
