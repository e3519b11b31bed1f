# SPDX-License-Identifier: LGPL-2.1-or-later

"""A varlink client for the tests, so that nothing of conlogd tests itself. As a program: calls one
method, prints its answer.

    control.py METHOD [PARAMETERS]
"""

import json
import os
import re
import socket
import sys

ADDRESS = "/run/conlogd/io.conlogd"
SERVICE = "org.varlink.service."
TOO_SLOW = 75  # the exit status when all is right but a time: the test is tried again


def daemon_pid():
    with os.popen("systemctl show -P MainPID conlogd.service") as f:
        return int(f.read())


def n_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])


class Closed(Exception):
    """The daemon has closed the connection."""


class Client:
    def __init__(self, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(ADDRESS)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """One message, or Closed."""
        while b"\0" not in self.buffer:
            try:
                data = self.socket.recv(1 << 16)
            except (ConnectionResetError, BrokenPipeError):
                data = b""
            if not data:
                raise Closed(self.buffer)
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, parameters=None, fds=()):
        """Returns the error's name, or None, and the parameters of the answer. fds go along."""
        request = {"method": method if "." in method else "io.conlogd." + method}
        if parameters is not None:
            request["parameters"] = parameters
        data = json.dumps(request).encode() + b"\0"
        # The fds with the first byte; what is left goes by itself.
        sent = socket.send_fds(self.socket, [data], list(fds)) if fds else 0
        self.send(data[sent:])
        reply = self.receive()
        return reply.get("error"), reply.get("parameters", {})

    def must(self, method, parameters=None, fds=()):
        error, reply = self.call(method, parameters, fds)
        assert error is None, (method, parameters, error, reply)
        return reply

    def close(self):
        self.socket.close()


if __name__ == "__main__":
    print(json.dumps(Client().must(sys.argv[1], json.loads((sys.argv[2:] or ["{}"])[0]))))
