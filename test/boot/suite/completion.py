# SPDX-License-Identifier: LGPL-2.1-or-later

"""What bash, zsh and fish offer for a command line of conlogctl, each asked as it is when somebody
presses TAB: bash and zsh on a terminal, fish by its own "complete -C". Run by completion.sh."""

import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import termios
import time

OPTION_VALUES = re.compile(r"^([a-z-]+(?:(?:, | or )[a-z-]+)*):")


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, command, setup):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="dumb", HOME="/root", LC_ALL="C.UTF-8")
            os.execvp(command[0], command)
        attributes = termios.tcgetattr(self.fd)
        termios.tcsetwinsize(self.fd, (50, 500))
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)
        self.n = 0
        for line in ["PS1=@@", *setup]:
            self.send(line + "\r")
        self.sync()

    def send(self, text):
        os.write(self.fd, text.encode())

    def sync(self):
        """Until all that was sent has been worked through, and the next prompt is there. The
        marker is not in what is echoed."""
        text = ""
        end = time.monotonic() + 60
        self.n += 1
        self.send(f"echo mar''ker{self.n}.\r")
        while not re.search(rf"marker{self.n}\.[^@]*@@", text):
            assert time.monotonic() < end, text
            text += os.read(self.fd, 65536).decode(errors="replace")
        return text


class Bash(Terminal):
    """Lists one candidate a line, or completes the line if there is one only."""

    def __init__(self):
        settings = ["show-all-if-ambiguous on", "page-completions off", "bell-style none",
                    "completion-display-width 0", "completion-query-items 0",
                    "enable-bracketed-paste off"]
        super().__init__(["bash", "--norc", "--noprofile", "-i"],
                         [". /usr/share/bash-completion/bash_completion"] +
                         [f"bind 'set {s}'" for s in settings])

    def complete(self, line):
        # Then all of the line is taken back.
        self.send(line + "\t\x05\x15")
        text = self.sync().replace("\a", "")
        shown, *more = text[text.index(line):].split("@@", 1)[0].split("\r\n")
        word = re.split(r"[\s=]", line)[-1]
        listed = {w.strip() for w in more if w.strip().startswith(word)} - {""}
        if listed:
            return listed
        # One that is alone is not listed, but stands there, and is wiped out then.
        completed = shown.split("\b")[0].rstrip()
        return {completed.split()[-1]} if len(completed) > len(line.rstrip()) else set()


class Zsh(Terminal):
    """Every compadd tells in a file what matches."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile("r")
        super().__init__(["zsh", "-f", "-i"], [
            "unsetopt zle_bracketed_paste beep; autoload -Uz compinit; compinit -u -D",
            "compadd() { if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd \"$@\"; "
            "return; fi; typeset -a hits; builtin compadd -A hits \"$@\"; "
            f"print -rl -- $hits >>{self.file.name}; builtin compadd \"$@\"; }}",
        ])

    def complete(self, line):
        os.truncate(self.file.name, 0)
        self.send(line + "\t")
        self.send("\x15")
        self.sync()
        self.file.seek(0)
        return set(self.file.read().split())


class Fish:
    def complete(self, line):
        r = subprocess.run(["fish", "-c", "complete -C $line"], check=True, capture_output=True,
                           text=True, env={**os.environ, "HOME": "/root", "line": line})
        return {candidate.split("\t")[0] for candidate in r.stdout.splitlines()}


def last_part(word):
    """bash replaces only what is behind the last "=" of a word; a key still has its own."""
    return word if word.endswith("=") and word.count("=") == 1 else \
        word.rstrip("=").rsplit("=", 1)[-1] + ("=" if word.endswith("=") else "")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def help_words():
    """The verbs and long options that --help names."""
    text = run("conlogctl", "--help")
    verbs = set(re.findall(r"^  ([a-z]+) .*?  ", text, re.M))
    return verbs, set(re.findall(r"(?<=[\s])--[a-z][a-z-]*=?", text.split("Options of run")[1]))


def check(shell, line, wanted, exactly=True):
    global n_checks

    got = {last_part(word) for word in shell.complete(line)}
    wanted = {last_part(word) for word in wanted}
    missing, odd = wanted - got, got - wanted if exactly else set()
    assert not missing and not odd, (type(shell).__name__, line, "missing", missing, "odd", odd)
    n_checks += 1


def check_shell(shell, drivers, verbs, options):
    containers = {"web", "web-name", "other"}

    check(shell, "conlogctl ", verbs)
    check(shell, "conlogctl re", {v for v in verbs if v.startswith("re")})
    check(shell, "conlogctl dri", {"drivers"})
    offered = set()
    for verb in verbs:
        offered |= shell.complete(f"conlogctl {verb} --")
    missing = {o.rstrip("=") for o in options} - {o.rstrip("=") for o in offered}
    assert not missing, (type(shell).__name__, missing)
    for option in offered:
        run("conlogctl", {"--json=": "--json=off", "--stdout=": "--stdout=1", "--env=": "--env=A=b",
                          "--stderr=": "--stderr=1", "--label=": "--label=a=b",
                          "--log-opt=": "--log-opt=a=b"}.get(option, option), "--help")

    for verb in "remove", "show", "set", "rotate", "logs", "verify", "exec":
        check(shell, f"conlogctl {verb} ", containers)
    check(shell, "conlogctl remove web ", containers)
    check(shell, "conlogctl --full show we", {"web", "web-name"})
    check(shell, "conlogctl verify web ", set())
    check(shell, "conlogctl list ", set())
    check(shell, "conlogctl list --json=", {f"--json={m}" for m in ("short", "pretty", "off")})

    names = {d["name"] for d in drivers}
    checked = set()
    check(shell, "conlogctl create --log-driver=", {f"--log-driver={n}" for n in names})
    check(shell, "conlogctl create --log-driver ", names)
    check(shell, "conlogctl set web --remove-driver=",
          {"--remove-driver=journald", "--remove-driver=none"})
    for driver in drivers:
        keys = {o["key"] + "=" for o in driver["options"]}
        name = driver["name"]
        check(shell, f"conlogctl create --log-driver=none --log-driver={name} --log-opt=",
              {"--log-opt=" + k for k in keys})
        check(shell, f"conlogctl run --log-driver {name} --log-opt ", keys)
        check(shell, f"conlogctl set --log-driver={name} web ", keys)
        for option in driver["options"]:
            rule = OPTION_VALUES.match(option["rule"])
            values = re.split(", | or ", rule[1]) if rule else []
            start = f"{option['key']}="
            if values and option["key"] not in checked:
                checked.add(option["key"])
                check(shell, f"conlogctl set --log-driver={name} web {start}",
                      {start + v for v in values})
    check(shell, "conlogctl set web mode=b", {"mode=blocking"})
    first = {o["key"] + "=" for o in drivers[0]["options"]}
    check(shell, "conlogctl set web ", first)
    check(shell, "conlogctl create --log-opt=", {"--log-opt=" + k for k in first})
    check(shell, "conlogctl set web --add-driver=none --log-opt=level-prefix=",
          {"--log-opt=level-prefix=yes", "--log-opt=level-prefix=no"})
    # What stands behind is another program's.
    check(shell, "conlogctl run --id=x -- conlogctl dri", {"drivers"})


def check_without_daemon(shell):
    """No candidates, and not a word."""
    for line in "conlogctl show ", "conlogctl create --log-driver=", "conlogctl set web ":
        assert shell.complete(line) == set(), (type(shell).__name__, line)


def main():
    if sys.argv[1:] == ["none"]:
        for kind in Bash, Zsh, Fish:
            check_without_daemon(kind())
        return
    drivers = json.loads(run("conlogctl", "drivers", "--json=short"))
    assert drivers[0]["isDefault"]
    verbs, options = help_words()
    assert len(verbs) > 10 and len(options) > 20, (verbs, options)
    for kind in Bash, Zsh, Fish:
        check_shell(kind(), drivers, verbs, options)
    print(f"{n_checks} lists of candidates in bash, zsh and fish")


n_checks = 0
sys.exit(main())
