# SPDX-License-Identifier: LGPL-2.1-or-later

"""Every option of every driver, as Drivers lists them: with good values, with bad ones, and with
others that it does not go with; given to Create, to Set, and in conlogd.conf. An option that has no
row here fails. Run by options.sh."""

import os
import sys

from control import Client

CONF = "/etc/conlogd/conlogd.conf"
MANY_LABELS = {f"k{i}": "v" * 4096 for i in range(5)}
MANY_VARIABLES = [f"K{i}=" + "v" * 4096 for i in range(5)]
BOOLEAN = {"good": ["yes", "no", "on", "false", "1"], "bad": ["", "maybe", "2", "yes "]}
KEYS = {"good": ["a", "a,b.c/d", "*"], "bad": ["", ",", "a,", "a,,b"]}
REGEX = {"good": ["^com\\.", "a|b", "[a-z]+"], "bad": ["(", "[a", "a{2}", "(a)\\1", "(a+)+"]}
TOO_MUCH = "16384 bytes"
SIZE = {"good": ["64K", "1M", "1024G", "unlimited"], "bad": ["", "0", "-1", "63K", "2T", "20MB"]}
COUNT = {"good": ["1", "2", "1000"], "bad": ["", "0", "-1", "1001", "1.5", "5 "]}
GROUP = {"multiline-start": "^[^ ]"}
LIMIT = {"rate-limit-lines": "100"}

# good, bad: values. needs: other options without which a good value is refused. clash: other
# options with which a value is refused, that value, and the rule; if the key in the error is that of
# another option, that too. labels, env: of the container then.
ROWS = {
    "mode": {"good": ["blocking", "non-blocking"], "bad": ["", "Blocking", "non_blocking"]},
    "drop": {"good": ["oldest", "newest"], "bad": ["", "new"], "needs": {"mode": "non-blocking"},
             "clash": {"with": {"mode": "blocking"}, "value": "newest",
                       "rule": "goes with mode=non-blocking only"}},
    "max-buffer-size": {"good": ["8K", "8192", "1M"], "bad": ["", "0", "4K", "65M", "1T", "-1"],
                        "clash": {"with": {}, "value": "64M", "rule": "fs.pipe-max-size"}},
    "rate-limit-lines": {"good": ["1", "1000000"], "bad": ["", "0", "1000001", "1K", "10/s"]},
    "rate-limit-bytes": {"good": ["1", "100K", "1G"], "bad": ["", "0", "2G", "-1"]},
    "rate-limit-burst": {"good": ["1s", "5min", "1h"], "bad": ["", "999ms", "2h", "1 s"],
                         "needs": LIMIT,
                         "clash": {"with": {}, "value": "1s", "rule": "goes with rate-limit-lines"}},
    "rate-limit-action": {"good": ["block", "drop"], "bad": ["", "no"], "needs": LIMIT,
                          "clash": {"with": {}, "value": "drop",
                                    "rule": "goes with rate-limit-lines"}},
    "level-prefix": BOOLEAN,
    "multiline-start": {"good": ["^[^ ]", "^[0-9]{4}-"], "bad": ["(", "[a", "(a)\\1"]},
    "multiline-timeout": {"good": ["100ms", "1s", "1h"], "bad": ["", "99ms", "2h"], "needs": GROUP,
                          "clash": {"with": {}, "value": "1s",
                                    "rule": "goes with multiline-start= only"}},
    "multiline-max-lines": {"good": ["2", "10000"], "bad": ["", "1", "10001", "-2"], "needs": GROUP,
                            "clash": {"with": {}, "value": "2",
                                      "rule": "goes with multiline-start= only"}},
    "multiline-max-bytes": {"good": ["1K", "28K"], "bad": ["", "1023", "29K"], "needs": GROUP,
                            "clash": {"with": {}, "value": "1K",
                                      "rule": "goes with multiline-start= only"}},
    "tag": {"good": ["{{.ID}}", "{{.ImageName}}/{{ .Name }}", "a b"],
            "bad": ["{{.ID", "{{.Nope}}", "{{}}", "{{index .ContainerEnv X}}"],
            "clash": {"with": {}, "labels": MANY_LABELS, "rule": "4096",
                      "value": '{{index .ContainerLabels "k1"}}{{index .ContainerLabels "k2"}}'}},
    "labels": {**KEYS, "clash": {"with": {}, "value": "k0,k1,k2,k3,k4", "labels": MANY_LABELS,
                                 "rule": TOO_MUCH}},
    "labels-regex": {**REGEX, "clash": {"with": {}, "value": ".", "labels": MANY_LABELS,
                                        "rule": TOO_MUCH, "key": "labels"}},
    "env": {**KEYS, "clash": {"with": {}, "value": "K0,K1,K2,K3,K4", "env": MANY_VARIABLES,
                              "rule": TOO_MUCH, "key": "labels"}},
    "env-regex": {**REGEX, "clash": {"with": {}, "value": "^K", "env": MANY_VARIABLES,
                                     "rule": TOO_MUCH, "key": "labels"}},
    "journald timestamp": BOOLEAN,
    "journald parse": {"good": ["none", "json"], "bad": ["", "JSON", "xml"]},
    # options.sh has one of that name, and shows it to conlogd.
    "journald journal-namespace": {"good": ["apart"], "bad": ["", ".", "../x", "a b", "x" * 65],
                                   "clash": {"with": {}, "value": "nowhere",
                                             "rule": "BindReadOnlyPaths="}},
    "max-size": {**SIZE, "clash": {"with": {"max-file": "3"}, "value": "unlimited",
                                   "rule": "never rotated", "key": "max-file"}},
    "max-file": {**COUNT, "clash": {"with": {"max-size": "unlimited"}, "value": "2",
                                    "rule": "never rotated"}},
    "compress": {**BOOLEAN, "clash": {"with": {"max-file": "1"}, "value": "yes",
                                      "rule": "max-file of 2 or more"}},
    "k8s-file path": {"good": ["/var/log/pods/web/0.log"],
                      "bad": ["", "web.log", "/web.log", "/var/log/../x", "/var/log/pods/",
                              "/var//log/x", "/var/log/conlogd/x/y.log", "/run/conlogd/x/y.log"],
                      "clash": {"with": {}, "value": "/var/log/pods/taken/0.log",
                                "rule": "another container"}},
}
# What no value and no other option makes a bad combination of.
ALONE = {"mode", "rate-limit-lines", "rate-limit-bytes", "level-prefix", "multiline-start",
         "journald timestamp", "journald parse"}
n_taken = 0
n_refused = 0


def take(client, driver, options, **more):
    """Create takes it, and Describe tells it as it was given."""
    global n_taken

    made = client.must("Create", {"id": "taken", "driver": driver, "options": options,
                                  "stdin": False, **more})["container"]
    assert options.items() <= made["options"].items(), (driver, options, made["options"])
    client.must("Remove", {"id": "taken"})
    n_taken += 1


def refuse(client, method, parameters, driver, key, rule):
    global n_refused

    error, reply = client.call(method, parameters)
    assert error == "io.conlogd.InvalidOption", (method, parameters, error, reply)
    assert reply["driver"] == driver and reply["key"] == key, (parameters, reply)
    assert rule in reply["rule"] and len(reply["rule"]) > 5, (parameters, reply)
    n_refused += 1


def refuse_both(client, driver, options, key, rule, **more):
    """Create and Set refuse it. What Set was to change stays as it was."""
    refuse(client, "Create", {"id": "refused", "driver": driver, "options": options, **more},
           driver, key, rule)
    client.must("Create", {"id": "there", "driver": driver, "stdin": False, **more})
    before = client.must("Describe", {"id": "there"})["container"]["options"]
    refuse(client, "Set", {"id": "there", "options": options}, driver, key, rule)
    assert client.must("Describe", {"id": "there"})["container"]["options"] == before
    client.must("Remove", {"id": "there"})


def set_all(client, driver, key, row):
    """Set takes each good value, and the way back to the default."""
    global n_taken

    client.must("Create", {"id": "set", "driver": driver, "stdin": False,
                           "options": row.get("needs", {})})
    for value in row["good"]:
        made = client.must("Set", {"id": "set", "options": {key: value}})["container"]
        assert made["options"][key] == value, (driver, key, value, made["options"])
        n_taken += 1
    made = client.must("Set", {"id": "set", "options": {key: None}})["container"]
    assert key not in made["options"], (driver, key, made["options"])
    client.must("Remove", {"id": "set"})


def configure(client, driver, key, value):
    with open(CONF, "w") as f:
        f.write(f"[{driver}]\n{key}={value}\n")
    return client.call("Reload")


def check_configuration(client, driver, key, row):
    """A value is taken or refused there as well, if a file can say it: not one that is empty, ends
    in a blank, or has a comment in it."""
    for value in row["good"]:
        error, reply = configure(client, driver, key, value)
        assert error is None, (driver, key, value, reply)
    for value in row["bad"]:
        if value and value == value.strip():
            error, reply = configure(client, driver, key, value)
            assert error == "io.conlogd.BadConfiguration", (driver, key, value, error)
            assert reply["line"] == 2 and reply["rule"].startswith(key + ": "), reply
    os.unlink(CONF)
    client.must("Reload")


def check_option(client, driver, option):
    key = option["key"]
    name = f"{driver} {key}" if f"{driver} {key}" in ROWS else key
    assert name in ROWS, f"no row for the option {key} of {driver}"
    row = ROWS[name]
    needs = row.get("needs", {})

    assert len(row["good"]) > 0 and len(row["bad"]) > 1, name
    assert ("clash" in row) != (name in ALONE), name
    for value in row["good"] + ([option["default"]] if "default" in option else []):
        take(client, driver, {**needs, key: value})
    for value in row["bad"]:
        refuse_both(client, driver, {**needs, key: value}, key, "")
    if "clash" in row:
        clash = row["clash"]
        more = {k: clash[k] for k in ("labels", "env") if k in clash}
        refuse_both(client, driver, {**clash["with"], key: clash["value"]},
                    clash.get("key", key), clash["rule"], **more)
    set_all(client, driver, key, row)
    check_configuration(client, driver, key, row)
    return name


def main():
    client = Client(timeout=30)
    client.must("Create", {"id": "holder", "driver": "k8s-file",
                           "options": {"path": "/var/log/pods/taken/0.log"}})
    drivers = client.must("Drivers")["drivers"]
    used = {check_option(client, d["name"], o) for d in drivers for o in d["options"]}
    assert used == set(ROWS), ("rows of options that are not there", set(ROWS) - used)
    n = sum(len(d["options"]) for d in drivers)
    print(f"{n} options of {len(drivers)} drivers: {n_taken} values taken, {n_refused} refused")


sys.exit(main())
