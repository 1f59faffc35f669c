"""Every function that a step, a verb or a part enters fails once: PID 1 and its programs live on.

Verbs and parts are taken from the code: one that is new, and that nothing here enters, fails the
test.
"""

import inspect
import json
import os
import re
import socket
import sys
import tempfile
import time
from pathlib import Path

import pytest
from boxed import Box, eventually, interpreter, stat_fields
from notifying import TELL

from pyinit.client import Client, NoSupervisor
from pyinit.protocol.messages import VERBS, Refused
from pyinit.runtime.parts import PARTS
from pyinit.runtime.verbs import HANDLERS
from pyinit.runtime.verbs_rare import RARE

ENTRY = Path(__file__).with_name("fault_anywhere.py")
ANSWER_S = 2.0  # somebody may wait for ever for an answer that a fault has eaten
SPEAK = """
tell("READY=1\\nSTATUS=fine")
tell("FDSTORE=1\\nFDNAME=words", os.memfd_create("words"))
while True:
    time.sleep(0.2)
    tell("WATCHDOG=1\\nEXTEND_TIMEOUT_USEC=1000")
"""
SLEEP = 'command = ["sleep", "600"]'
CALM = 'critical = false\nstop = { timeout = "1s" }\nrestart = { delay = "20ms", max = 0 }'
CONFIG = """
[init]
exit_when = {{ file = "{place}/over" }}

[program.web]
command = ["sh", "-c", "n=0; while true; do n=$((n+1)); echo $n; sleep 0.02; done"]
stdout = "prefix"
stop = {{ timeout = "1s" }}

[socket.job]
listen = "unix:{place}/job.sock"

[socket.dem]
listen = "unix:{place}/dem.sock"

[program.seed]
command = ["true"]
type = "oneshot"
{calm}

[program.job]
command = ["sh", "-c", "echo hello; echo oops >&2; exec sleep 600"]
sockets = ["job"]
start_seconds = 0.1
stdout = {{ file = "{place}/job.log", max_size = "4KB", max_files = 3, format = "json" }}
stderr = "json"
depends_on = {{ seed = "done" }}
hooks = {{ pre_start = ["true"], post_start = ["true"], pre_stop = ["true"], post_stop = ["true"] }}
max_memory = "1GB"
live = {{ exec = ["true"], interval = "200ms" }}
ready = {{ exec = ["true"], interval = "100ms" }}
{calm}

[program.tick]
command = ["sh", "-c", "echo tick"]
schedule = {{ every = "1s", overlap = "queue" }}
stdout = {{ file = "{place}/tick.log", max_size = "4KB", max_files = 2 }}
stop = {{ timeout = "1s" }}

[program.speak]
command = {speak}
ready = {{ notify = true }}
live = {{ watchdog = "60s" }}
{calm}

[program.dem]
{sleep}
sockets = ["dem"]
on_demand = true
idle_exit = "300ms"
{calm}

[program.watched]
{sleep}
watch = ["{place}/watched.txt"]
reload = {{ signal = "CONT" }}
{calm}

[program.gone]
{sleep}
runtime = "go"
{user}
ready = {{ file = "{place}/watched.txt", interval = "50ms" }}
{calm}

[program.told]
command = ["sh", "-c", "echo ready now; echo >&3; exec sleep 600"]
ready = {{ fd = 3 }}
{calm}
"""
NAMES = ("seed", "job", "speak", "watched", "gone", "told")
LASTING = ("job", "speak", "watched", "gone", "told")
ASKED = {
    "wait": {"names": ["job"], "timeout_s": 1.0},
    "logs": {"names": ["job"], "lines": 5},
    "why": {"names": ["job"]},
    "env": {"names": ["job"]},
    "cancel": {"request": 3},
    "check-door": {"place": "nowhere"},
    "read-log": {"name": "tick", "stream": "stdout", "offset": 0, "length": 5},
    "clear-log": {"names": ["tick"]},
    "write-stdin": {"name": "job", "data": "x"},
    "remote-event": {"type": "a", "data": "b"},
    "set-limits": {"names": ["job"], "limits": {"nofile": "512"}},
    "signal": {"names": ["job"], "signal": "CONT"},
    "start": {"names": ["job"], "timeout_s": 1.0},
    "stop": {"names": ["watched"], "timeout_s": 1.0},
    "restart": {"names": ["job"], "timeout_s": 1.0},
    "add-group": {"name": "job"},
    "remove-group": {"name": "nobody"},
    "drain": {"off": True},
}
ENDING = {"shutdown", "restart-all", "reexec"}  # they have their own tests in test_faults


class Anywhere(Box):
    """A box whose pyinit raises where it is armed to."""

    def __init__(self):
        self.faults = Path(tempfile.mkdtemp(prefix="pyinit-faults-"))
        self.files = Path(tempfile.mkdtemp(prefix="pyinit-files-"))
        self.files.chmod(0o777)
        (self.files / "watched.txt").write_text("one")
        inside = [sys.executable, "-I", "-S", str(ENTRY)]
        super().__init__(self.text(), inside=inside, env={"PYINIT_FAULTS": str(self.faults)})

    def text(self, more=""):
        words = json.dumps([interpreter(True), "-I", "-S", "-c", TELL + SPEAK])
        user = "user = 65534" if os.geteuid() == 0 else ""
        given = {"place": self.files, "speak": words, "user": user, "calm": CALM, "sleep": SLEEP}
        return CONFIG.format(**given) + more

    def close(self):
        super().close()
        for place in (self.faults, self.files):
            for each in place.iterdir():
                each.unlink()
            place.rmdir()

    def arm(self, **plan):
        new = self.faults / ".armed"
        new.write_text(json.dumps({"call": 1, **plan}))
        new.rename(self.faults / "armed")

    def disarm(self):
        (self.faults / "armed").unlink()

    def met(self):
        file = self.faults / "met"
        return set(file.read_text().split("\n")[:-1]) if file.exists() else set()

    def ask(self, verb, **args):
        try:
            with Client(self.socket) as client:
                client.call(verb, args, answer_s=ANSWER_S)
        except (Refused, NoSupervisor):
            return

    def configure(self, more=""):
        new = self.place / "new.toml"
        new.write_text(self.text(more))
        new.rename(self.config)
        self.ask("reload", wait=True)


def live(box):
    """Let happen what happens to programs; a fault may keep any of it from happening."""
    for name in NAMES:
        box.ask("restart", names=[name], timeout_s=1.0)
    box.ask("restart", names=["job"], rolling=True, timeout_s=1.0)
    (box.files / "watched.txt").write_text(str(time.monotonic()))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        client.connect(str(box.files / "dem.sock"))
    box.send("USR1")
    for one in box.processes():
        if one.words[:1] == ("sleep",):
            try:
                os.kill(one.pid, 9)
            except ProcessLookupError:
                continue
    box.configure(f"[program.extra]\n{SLEEP}\nstart_seconds = 0.1\n{CALM}\n")
    box.configure(f'[program.bad]\ncommand = ["/nowhere"]\n{CALM}\n')
    box.configure()


def handlers():
    """Return the names of the functions that carry out verbs, by verb."""
    known = {**HANDLERS, **RARE}
    assert set(known) == set(VERBS)
    return {verb: name_of(function) for verb, function in known.items()}


def adopters():
    """Return the name of what every part is told a plan by."""
    found = []
    for _, _, made in PARTS:
        (module, kind) = re.search(
            r"from pyinit\.(\S+) import \w+\s+return (\w+)\(", inspect.getsource(made)
        ).groups()
        found.append(f"{module}:{kind}.adopt")
    return found


def name_of(function):
    return f"{function.__module__.removeprefix('pyinit.')}:{function.__qualname__}"


def is_well(box, web):
    """Assert that programs live, that all can be restarted, and that the end is as it is."""
    pid, start = web
    fields = stat_fields(pid)
    assert fields is not None, box.err
    assert (fields[19], fields[0] != "Z") == (start, True)
    for name in LASTING:
        try:
            eventually(lambda name=name: is_restarted(box, name), every_s=0.2)
        except AssertionError:
            raise AssertionError(f"{name} is {box.status()[name]}:\n{box.err}") from None
    box.send("TERM")
    assert box.wait() == 0, box.err
    assert "left behind" not in box.err


def is_restarted(box, name):
    before = box.status()[name]["pid"]
    box.ask("restart", names=[name], timeout_s=ANSWER_S)
    now = box.status()[name]
    return now["state"] == "RUNNING" and now["pid"] not in {0, before}


@pytest.fixture
def box():
    with Anywhere() as found:
        for name in LASTING:
            found.wait_state(name, "RUNNING")
        yield found


def started(box):
    pid = box.run_pid("web")
    return pid, stat_fields(pid)[19]


def test_a_fault_in_any_verb_is_told_once_and_is_that_requests_alone(box):
    web, wanted = started(box), handlers()
    for kind in ("TypeError", "MemoryError", "RecursionError"):
        box.arm(kind=kind, only=[*wanted.values()])
        for verb in [verb for verb in wanted if verb not in ENDING]:
            box.ask(verb, **ASKED.get(verb, {}))
        left = {name for verb, name in wanted.items() if verb not in ENDING} - box.met()
        assert left == set(), "a verb that is not asked for here proves nothing"
        for name in box.met():
            assert box.err.count(f"{kind}: planted: {name} ") == 1
        box.disarm()
        (box.faults / "met").unlink()
    is_well(box, web)


@pytest.mark.parametrize("kind", ["TypeError", "MemoryError"])
def test_any_function_of_a_step_may_fail_once(box, kind):
    web = started(box)
    box.arm(kind=kind, only=["core."], within="core.supervisor:step")
    live(box)
    live(box)
    assert not box.ended, box.err
    met = box.met()
    box.disarm()
    assert len(met) > 40
    is_well(box, web)


def test_a_part_that_cannot_take_a_plan_keeps_nobody_from_living(box):
    web, wanted = started(box), {*adopters()}
    box.arm(kind="TypeError", only=[*wanted])
    for number in range(2 * len(wanted)):
        box.configure(f"[program.extra]\ncommand = ['sleep', '{600 + number}']\n{CALM}\n")
    box.configure()
    assert wanted - box.met() == set(), "a part that no plan here wants proves nothing"
    box.disarm()
    box.configure()
    is_well(box, web)
