"""Runs the genuine supervisord, or pyinit in its place, with one and the same .conf.

    CONF = base() + program("cat", "cat")
    with Side("genuine", CONF) as side:        # or Side("pyinit", CONF)
        side.wait_state("cat", "RUNNING")
        side.ctl("status").stdout              # the genuine supervisorctl
        side.rpc("supervisor.getState")        # by XML-RPC at the unix socket of base()
        side.log                               # the activity log of base()

    def script(side):
        ...
        return what is to be compared

    ours, theirs = both(CONF, script)          # runs it at each; compare after `plainly`

Every side is PID 1 of a PID namespace of its own, and has a directory of its own that the .conf
calls %(here)s; `network=True` gives it its own loopback, too, so that any port is free in it.
`side.wait_state` asks the control socket of pyinit and the RPC of supervisord.

    CONF = base() + listener("EVENT") + ...
    side.events("recorder")                    # [(headers, payload), ...] as it was sent them

`listener` is one that the genuine supervisor.childutils serves.  `genuine(NAME)` is the path of a
program of the genuine package (supervisord, supervisorctl, python, memmon...): in var/genuine,
which scripts/setup.sh makes, or in /opt/sup; where there is none, the test is skipped.
"""

import functools
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import xmlrpc.client
from pathlib import Path

import pytest
from boxed import (
    IS_ROOT,
    PASSED,
    ROOT,
    WITHIN_S,
    children_map,
    code_places,
    eventually,
    interpreter,
    namespace_words,
)

from pyinit.client import Client, NoSupervisor

GENUINE_PLACES = (ROOT / "var" / "genuine" / "bin", Path("/opt/sup/bin"))
SIDES = ("pyinit", "genuine")
START = "import sys; sys.path[:0] = {places!r}; from pyinit.applets.{name} import main; main()"

BASE = """\
[unix_http_server]
file=%(here)s/sup.sock
{unix}
[supervisord]
logfile=%(here)s/sup.log
pidfile=%(here)s/sup.pid
childlogdir=%(here)s
nodaemon=true
{supervisord}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%(here)s/sup.sock
"""

# Says OK to everything, and writes down what it was sent, a line of JSON each.  Words: the file,
# then what to answer in turn (OK, FAIL, DIE, or HANG), the last of them for ever.
LISTENER = """\
import json, os, sys, time
from supervisor import childutils

file, *answers = sys.argv[1:]
answers = answers or ["OK"]
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    with open(file, "a") as out:
        out.write(json.dumps([headers, payload]) + "\\n")
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if answer == "DIE":
        os._exit(3)
    while answer == "HANG":
        time.sleep(60)
    childutils.listener.send(answer, sys.stdout)
"""


@functools.cache
def genuine(name):
    """Return the path of a program of the genuine package; skip the test, loudly, without it."""
    for place in GENUINE_PLACES:
        if (place / name).exists():
            return str(place / name)
    text = f"no genuine {name} here: scripts/setup.sh genuine makes it"
    pytest.skip(text, allow_module_level=True)  # a .conf may be written at import


def base(supervisord="", unix=""):
    """Return the sections every .conf needs; the words are further lines of two of them."""
    return BASE.format(supervisord=supervisord, unix=unix)


def program(name, command, kind="program", **keys):
    """Return a [program:NAME] section; keys as in the .conf."""
    lines = [f"{key}={value}" for key, value in keys.items()]
    return "\n".join([f"[{kind}:{name}]", f"command={command}", *lines, "", ""])


def listener(events, *answers, name="recorder", **keys):
    """Return an [eventlistener:NAME] that writes down what it is sent: see `Side.events`."""
    words = [genuine("python"), "%(here)s/listener.py", f"%(here)s/{name}.events", *answers]
    return program(name, " ".join(words), "eventlistener", events=events, **keys)


def supervisord_words(which, *, public=False):
    """Return the words that run one of the two supervisords."""
    return (
        applet_words("supervisord", public=public)
        if which == "pyinit"
        else [genuine("supervisord")]
    )


def applet_words(name, *, public=False):
    """Return the words that run pyinit under another name (supervisord, supervisorctl)."""
    places = code_places(public=public)
    return [interpreter(public), "-I", "-S", "-c", START.format(places=places, name=name)]


class Side:
    """A running supervisord: `which` is "genuine" or "pyinit".

    `files` are {name: text} put beside the .conf; `options` follow `-c FILE`; `env` is laid over
    PATH, LANG and TZ.  `wait=False` does not wait until it answers; `public` has a
    pyinit that every user may read, for one that becomes another.
    """

    def __init__(
        self,
        which,
        conf,
        *,
        options=(),
        env=(),
        files=(),
        network=False,
        within=(),
        wait=True,
        public=False,
    ):
        self.which = which
        self.place = Path(tempfile.mkdtemp(prefix=f"sup-{which}-"))
        self.conf = self.place / "sup.conf"
        self.socket = str(self.place / "sup.sock")
        self.control = str(self.place / "control.sock")
        self.conf.write_text(conf)
        (self.place / "listener.py").write_text(LISTENER)
        for name, text in dict(files).items():
            (self.place / name).write_text(text)
        self._out, self._err = self.place / "stdout", self.place / "stderr"
        self.network = network
        kept = {name: os.environ[name] for name in PASSED if name in os.environ}
        kept["PYINIT_SOCKET"] = self.control
        words = [*within, *supervisord_words(which, public=public), "-c", str(self.conf), *options]
        if network:
            words = ["sh", "-c", 'ip link set lo up; exec "$@"', "sh", *words]
        before = namespace_words(IS_ROOT)
        if network:
            before = [before[0], "--net", *before[1:]]
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                [*before, *words],
                env={**kept, **dict(env)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.place,
            )
        if wait:
            try:
                self.wait_up()
            except BaseException:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Kill everything in the namespace, PID 1 first, and remove the directory."""
        for pid in children_map().get(self.process.pid, []):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WITHIN_S)
        shutil.rmtree(self.place, ignore_errors=True)

    # --- what it prints and how it ends

    @property
    def ended(self):
        """Whether it is gone."""
        return self.process.poll() is not None

    def wait(self, within_s=WITHIN_S):
        """Return the exit status."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {within_s} s:\n{self.said}") from None

    @property
    def out(self):
        """All of its stdout so far."""
        return self._out.read_text(errors="surrogateescape")

    @property
    def err(self):
        """All of its stderr so far."""
        return self._err.read_text(errors="surrogateescape")

    @property
    def log(self):
        """Its activity log so far, "" without one."""
        return self.read("sup.log")

    @property
    def said(self):
        """All that a failed assertion should show."""
        return f"{self.which}:\n--- stdout\n{self.out}--- stderr\n{self.err}--- log\n{self.log}"

    def messages(self):
        """Return the activity log as [(level, message)], times away."""
        found = re.findall(r"^\S+ \S+,\d{3} (\w+) (.*)$", self.log, re.MULTILINE)
        return [(level, self.plainly(text)) for level, text in found]

    def read(self, name):
        """Return the text of a file in its directory, "" if there is none."""
        try:
            return (self.place / name).read_text(errors="surrogateescape")
        except FileNotFoundError:
            return ""

    def plainly(self, text):
        """Return `text` with what differs from run to run replaced: the directory, pids."""
        text = text.replace(str(self.place), "HERE")
        return re.sub(r"(\bpid[ :]|\bPID |\()(\d+)", r"\1N", text)

    # --- its processes

    @property
    def pid(self):
        """PID 1 of the namespace as it is seen here."""

        def look():
            assert not self.ended, self.said
            found = children_map().get(self.process.pid, [])
            return found[0] if found else 0

        return eventually(look)

    def send(self, name):
        """Send a signal, by name, to it."""
        os.kill(self.pid, getattr(signal, f"SIG{name}"))

    def run(self, *words, within_s=WITHIN_S, **more):
        """Run a command here, or in its network namespace if it has one; CompletedProcess."""
        if self.network:
            words = ["nsenter", "-t", str(self.pid), "-n", *words]
        options = {"capture_output": True, "text": True, "timeout": within_s, "cwd": self.place}
        return subprocess.run(words, check=False, **{**options, **more})

    # --- control

    def wait_up(self):
        """Wait until it answers."""

        def look():
            assert not self.ended, self.said
            return self.states() is not None

        eventually(look)

    def ctl(self, *words, which="genuine", **more):
        """Run supervisorctl, the genuine or pyinit's, with the same .conf; CompletedProcess."""
        program = [genuine("supervisorctl")]
        if which == "pyinit":
            program = applet_words("supervisorctl")
        env = {"PATH": os.environ["PATH"], "PYINIT_SOCKET": self.control}
        return self.run(*program, "-c", str(self.conf), *words, **{"env": env, **more})

    def rpc(self, method, *params):
        """Call an XML-RPC method at the unix socket; raises xmlrpc.client.Fault."""
        transport = UnixTransport(self.socket)
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            for part in method.split("."):
                proxy = getattr(proxy, part)
            return proxy(*params)
        finally:
            transport.close()

    def act(self, verb, *names, **more):
        """Start, stop or restart processes and wait until that is done: by whatever way is there.

        Also `act("signal", NAME, signal="HUP")` and `act("remote-event", type=..., data=...)`.
        """
        if self.which == "pyinit":
            given = {"names": list(names)} if names else {}
            if verb in ("start", "stop", "restart"):
                given["wait"] = True
            with Client(self.control) as client:
                client.call(verb, {**given, **more}, answer_s=WITHIN_S)
            return
        if verb == "remote-event":
            self.rpc("supervisor.sendRemoteCommEvent", more["type"], more["data"])
        for name in names:
            for method in ("stop", "start") if verb == "restart" else (verb,):
                self.rpc(f"supervisor.{method}Process", name, *more.values())

    def states(self):
        """Return {namespec: state}, None while it does not answer."""
        try:
            if self.which == "pyinit":
                with Client(self.control) as client:
                    found = client.call("status", {})["processes"]
                return {each["name"]: each["state"] for each in found}
            found = self.rpc("supervisor.getAllProcessInfo")
        except (OSError, NoSupervisor, http.client.HTTPException, xmlrpc.client.Fault):
            return None
        return {namespec(each): each["statename"] for each in found}

    def wait_state(self, name, *states, within_s=WITHIN_S):
        """Wait until the process `name` (a namespec) is in one of `states`."""
        seen = {}

        def look():
            assert not self.ended, self.said
            seen.update(self.states() or {})
            return seen.get(name) in states

        try:
            eventually(look, within_s)
        except AssertionError:
            raise AssertionError(f"{name} is not {states}: {seen}\n{self.said}") from None

    def pid_of(self, name):
        """Return the pid (in its namespace) of a process, 0 if it has none."""
        if self.which == "pyinit":
            with Client(self.control) as client:
                found = client.call("status", {"names": [name]})["processes"]
            return found[0]["pid"]
        return self.rpc("supervisor.getProcessInfo", name)["pid"]

    def kill(self, name, signum="KILL"):
        """Send a signal to the run of a process, as if it had met with an accident."""
        inner = self.pid_of(name)
        for pid in children_map().get(self.pid, []):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            (numbers,) = [line.split() for line in lines if line.startswith("NSpid:")]
            if int(numbers[-1]) == inner:
                os.kill(pid, getattr(signal, f"SIG{signum}"))
                return
        raise AssertionError(f"no process {inner}\n{self.said}")

    # --- events

    def events(self, name="recorder"):
        """Return [(headers, payload)] of all that a `listener` was sent so far."""
        lines = self.read(f"{name}.events").splitlines()
        return [tuple(json.loads(line)) for line in lines]

    def wait_events(self, count, name="recorder", wanted=lambda _headers, _payload: True):
        """Wait until a `listener` was sent so many `wanted` events; return all of those."""

        def look():
            assert not self.ended, self.said
            found.clear()
            found.extend(each for each in self.events(name) if wanted(*each))
            return len(found) >= count

        found = []
        try:
            eventually(look)
        except AssertionError:
            raise AssertionError(f"only {len(found)} of {count}: {found}\n{self.said}") from None
        return found


class UnixTransport(xmlrpc.client.Transport):
    """XML-RPC at a unix socket."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        self._connection = host, UnixConnection(self.path)
        return self._connection[1]


class UnixConnection(http.client.HTTPConnection):
    """HTTP at a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=WITHIN_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WITHIN_S)
        self.sock.connect(self.path)


def namespec(info):
    """Return the name of a process as supervisorctl prints it."""
    name, group = info["name"], info["group"]
    return name if name == group else f"{group}:{name}"


def both(conf, script, **more):
    """Run `script(side)` at pyinit and at the genuine supervisord; return what they return."""
    found = []
    for which in SIDES:
        with Side(which, conf, **more) as side:
            found.append(script(side))
    return tuple(found)
