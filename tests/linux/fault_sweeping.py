"""Sweeps over the functions of PID 1: each of them fails, once, twice, for ever, anywhere.

    python tests/linux/fault_sweeping.py [--seed N] [--runs N] [PART...]

once      a function fails once while everything happens that can
second    one fails, and so does one of those that are to deal with it
lasting   one fails whenever it is called
end       one fails whenever it is called, and pyinit is told to stop
boot      one fails once while pyinit starts
carry     one fails once while a re-exec carries everything over
rescue    one fails whenever it is called, in a rescue loop
reach     every function is entered somewhere here, or named in fault_unswept.txt

Without --runs every function is swept; that takes hours.  Ends with 1 and every finding in words.
"""

import argparse
import json
import os
import random
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1]), str(HERE.parents[2])]

from boxed import Box, eventually, interpreter, stat_fields  # noqa: E402
from fault_places import places  # noqa: E402
from notifying import TELL  # noqa: E402

from pyinit.client import Client, NoSupervisor  # noqa: E402
from pyinit.protocol.messages import VERBS, Refused  # noqa: E402

ROOT = HERE.parents[2]
ENTRY = HERE.with_name("fault_anywhere.py")
CODE = Path(tempfile.mkdtemp(prefix="pyinit-placed-"))  # the modules with a call in each function
ANSWER_S = 2.0  # somebody may wait for ever for an answer that a fault has eaten
WITHIN_S = 60.0
AT_ONCE = 60  # functions, each of which fails once in one and the same life
CLEAR_S = 20.0  # a zombie for longer is one for ever
RARELY_S = 7.0  # by then what is looked at now and then, beside something else, was looked at
SWEPT = ("runtime", "system", "logs")  # core is pure, and swept by the simulation
BREAKS = "runtime.loop:Loop._tick"  # if it fails for ever, what is left is the rescue loop
RESCUED = "only signals and reaping"

# Functions that PID 1 does not enter in the worlds below, a name or its beginning in each line:
# they are for children, for `pyinit -d`, tini and dumb-init, and for what is rarer than all that.
UNSWEPT = HERE.with_name("fault_unswept.txt")

# --- what runs

SLEEP = 'command = ["sleep", "600"]'
CALM = 'critical = false\nstop = { timeout = "1s" }\nrestart = { delay = "20ms", max = 0 }'
SPEAK = """
tell("READY=1\\nSTATUS=fine")
tell("FDSTORE=1\\nFDNAME=words", os.memfd_create("words"))
while True:
    time.sleep(0.2)
    tell("WATCHDOG=1\\nEXTEND_TIMEOUT_USEC=1000")
"""
SERVE = """
import os, socket, sys
place = sys.argv[1]
if os.path.exists(place):
    os.unlink(place)
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(place)
    listener.listen()
    while True:
        client, _ = listener.accept()
        with client:
            try:
                client.recv(4096)
                client.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
            except OSError:
                pass
"""
LISTEN = """
import sys
while True:
    sys.stdout.write("READY\\n")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        break
    sys.stdin.read(int(line.rpartition("len:")[2]))
    sys.stdout.write("RESULT 2\\nOK")
    sys.stdout.flush()
"""
TOML = """
[init]
exit_when = {{ file = "{place}/over" }}

[web]
listen = "unix:{place}/web.sock"

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
command = ["sh", "-c", "echo tick; head -c 300 /dev/zero | tr '\\\\0' x; echo"]
schedule = {{ every = "1s", overlap = "queue" }}
stdout = {{ file = "{place}/tick.log", max_size = "1KB", max_files = 2, compress = true }}
stderr = "stdout"
stop = {{ timeout = "1s" }}

[program.speak]
command = {speak}
ready = {{ notify = true }}
live = {{ watchdog = "60s" }}
{calm}

[program.served]
command = {serve}
ready = {{ unix = "{place}/served.sock", interval = "100ms" }}
live = {{ http = "unix:{place}/served.sock:/", interval = "300ms" }}
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
limits = {{ nofile = 500 }}
{user}
ready = {{ file = "{place}/watched.txt", interval = "50ms" }}
{calm}

[program.told]
command = ["sh", "-c", "echo ready now; echo >&3; exec sleep 600"]
ready = {{ fd = 3 }}
stdout = {{ file = "{place}/told.log", format = "tai64n" }}
{calm}

[program.found]
command = ["sh", "-c", "echo starting; echo ready 17; exec sleep 600"]
ready = {{ output = "ready [0-9]+" }}
stop = {{ command = ["true"], timeout = "1s" }}
critical = false
restart = {{ delay = "20ms", max = 0 }}
"""
CONF = """
[supervisord]
identifier = swept
[program:web]
command = sh -c "n=0; while true; do n=$((n+1)); echo $n; sleep 0.02; done"
stopwaitsecs = 1
[program:cat]
command = cat
stdout_logfile_maxbytes = 1KB
stdout_events_enabled = true
startsecs = 0
stopwaitsecs = 1
[program:chatty]
command = sh -c "while true; do echo some words; echo more >&2; sleep 0.1; done"
process_name = %(program_name)s%(process_num)d
numprocs = 2
redirect_stderr = true
stdout_capture_maxbytes = 1KB
stdout_syslog = true
startsecs = 0
stopwaitsecs = 1
autorestart = true
[program:marked]
command = sh -c "printf '<!--XSUPERVISOR:BEGIN-->hello<!--XSUPERVISOR:END-->'; exec sleep 600"
stdout_capture_maxbytes = 1KB
stderr_logfile = {place}/marked.err
startsecs = 0
stopwaitsecs = 1
autorestart = true
[eventlistener:hears]
command = {listen}
events = EVENT
buffer_size = 20
startsecs = 0
stopwaitsecs = 1
"""
ASKED = {
    "wait": {"names": ["NAME"], "timeout_s": 1.0},
    "logs": {"names": ["NAME"], "lines": 5},
    "why": {"names": ["NAME"]},
    "env": {"names": ["NAME"]},
    "cancel": {"request": 3},
    "check-door": {"place": "nowhere"},
    "read-log": {"name": "LOGGED", "stream": "stdout", "offset": 0, "length": 5},
    "clear-log": {"names": ["LOGGED"]},
    "write-stdin": {"name": "NAME", "data": "x\n"},
    "remote-event": {"type": "a", "data": "b"},
    "set-limits": {"names": ["NAME"], "limits": {"nofile": "512"}},
    "signal": {"names": ["NAME"], "signal": "CONT"},
    "start": {"names": ["NAME"], "timeout_s": 1.0},
    "stop": {"names": ["STOPPED"], "timeout_s": 1.0},
    "restart": {"names": ["NAME"], "timeout_s": 1.0},
    "add-group": {"name": "NAME"},
    "remove-group": {"name": "nobody"},
    "drain": {"off": True},
    "reload": {"wait": True},
}
# Without these the last resort hears of nothing for ever: nobody but the kernel is left then.
INDISPENSABLE = {
    *("system.rescue:Care.__init__", "system.rescue:Care.forward", "system.signals:read_signals"),
}
REAPING = {
    *("system.reap:reap_all", "system.reap:_reap_all", "runtime.reaper:Reaper._reap"),
    *("runtime.driver:Driver.settle", "runtime.driver:Driver.send"),
    *("runtime.reaper:Members.signal", "runtime.reaper:Members._whose", "runtime.reaper:_leader"),
    *("runtime.reaper:Members._user_of", "runtime.reaper:Members._seen"),
    *("system.tree:Snapshot.__init__", "system.tree:kill_tree"),
    *("system.tree:_signal_group", "system.tree:signal_process", "runtime.reaper:Runs.__init__"),
}
LATE = " s is used up"
ENDING = {"shutdown", "restart-all", "reexec"}  # they have their own tests in test_faults


class Finding(AssertionError):
    """What pyinit did when a function of its failed, and must not."""


class Anywhere(Box):
    """A box whose pyinit raises where it is armed to, and has something of everything to do.

    `plan` is what it is armed with from its first line on.
    """

    name, logged, stopped = "job", "tick", "watched"
    names = ("seed", "job", "speak", "served", "watched", "gone", "told", "found")
    lasting = ("job", "speak", "served", "watched", "gone", "told", "found")

    def __init__(self, **plan):
        self.faults = Path(tempfile.mkdtemp(prefix="pyinit-faults-"))
        self.files = Path(tempfile.mkdtemp(prefix="pyinit-files-"))
        self.files.chmod(0o777)
        (self.files / "watched.txt").write_text("one")
        self.programs = ()
        if plan:
            self.arm(**plan)
        inside = [sys.executable, "-I", "-S", str(ENTRY)]
        env = {"PYINIT_FAULTS": str(self.faults), "PYINIT_FAULTS_CODE": str(CODE)}
        self._begin(inside=inside, env=env)

    def _begin(self, **options):
        super().__init__(self.text(), **options)

    def text(self, more=""):
        python = [interpreter(True), "-I", "-S", "-c"]
        given = {"place": self.files, "calm": CALM, "sleep": SLEEP}
        given["user"] = "user = 65534" if os.geteuid() == 0 else ""
        given["speak"] = json.dumps([*python, TELL + SPEAK])
        given["serve"] = json.dumps([*python, SERVE, f"{self.files}/served.sock"])
        return TOML.format(**given) + more

    def close(self):
        super().close()
        shutil.rmtree(self.faults, ignore_errors=True)
        shutil.rmtree(self.files, ignore_errors=True)

    # --- faults

    def arm(self, **plan):
        (self.faults / "met").unlink(missing_ok=True)
        new = self.faults / ".armed"
        new.write_text(json.dumps(plan))
        new.rename(self.faults / "armed")

    def disarm(self):
        (self.faults / "armed").unlink(missing_ok=True)

    def met(self):
        file = self.faults / "met"
        return set(file.read_text().split("\n")[:-1]) if file.exists() else set()

    # --- life

    def ask(self, verb, **args):
        try:
            with Client(self.socket) as client:
                return client.call(verb, args, answer_s=ANSWER_S)
        except (Refused, NoSupervisor):
            return {}

    def rows(self):
        return {each["name"]: each for each in self.ask("status").get("processes", ())}

    def configure(self, more=""):
        new = self.place / "new.toml"
        new.write_text(self.text(more))
        new.rename(self.config)
        self.ask("reload", wait=True)

    def ask_everything(self):
        """Ask for every verb but those that end it."""
        meant = {"NAME": self.name, "LOGGED": self.logged, "STOPPED": self.stopped}
        for verb in VERBS:
            if verb not in ENDING:
                args = ASKED.get(verb, {}).items()
                self.ask(verb, **{key: _meant(value, meant) for key, value in args})

    def live(self):
        """Let happen what happens to programs; a fault may keep any of it from happening."""
        self.ask_everything()
        for name in self.names:
            self.ask("restart", names=[name], timeout_s=1.0)
        self.ask("restart", names=[self.name], rolling=True, timeout_s=1.0)
        self.touch()
        self.knock("web.sock")
        self.send("USR1")
        self.kill()
        self.configure(f"[program.extra]\n{SLEEP}\nstart_seconds = 0.1\n{CALM}\n")
        self.configure(f'[program.bad]\ncommand = ["/nowhere"]\n{CALM}\n')
        self.configure()

    def poke(self):
        """Let a little of it happen, soon."""
        self.touch()
        self.kill()
        self.ask("restart", names=[self.name], timeout_s=1.0)
        self.ask("logs", names=["web"], lines=3)

    def touch(self):
        (self.files / "watched.txt").write_text(str(time.monotonic()))
        self.knock("dem.sock")

    def knock(self, name):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1.0)
            try:
                client.connect(str(self.files / name))
            except OSError:
                return

    def kill(self):
        for one in self.processes():
            if one.words[:1] == ("sleep",) and one.words[1:] != ("0.02",):
                try:
                    os.kill(one.pid, 9)
                except ProcessLookupError:
                    continue

    # --- what must be true

    def started(self):
        """Wait until everybody is up; remember the program that nothing may ever happen to."""
        for name in self.lasting:
            self.wait_state(name, "RUNNING")
        pid = self.run_pid("web")
        self.web = pid, stat_fields(pid)[19]
        return self

    def lives(self):
        """Raise Finding unless PID 1 and the bystander live."""
        if self.ended:
            raise Finding(f"pyinit has ended with {self.process.returncode}:\n{self.said()}")
        fields = stat_fields(self.web[0])
        if fields is None or fields[19] != self.web[1] or fields[0] == "Z":
            raise Finding(f"a program was touched:\n{self.said()}")

    def said(self):
        lines = [line for line in self.err.splitlines() if " pyinit " in line]
        return "\n".join(lines[-40:]) or self.err[-3000:]

    @property
    def rescued(self):
        return RESCUED in self.err

    def is_well(self):
        """Raise Finding unless all programs can be restarted, and nobody is lost or left over."""
        self.lives()
        for name in self.lasting:
            try:
                eventually(lambda name=name: self._is_restarted(name), WITHIN_S, every_s=0.2)
            except AssertionError:
                row = self.rows().get(name)
                raise Finding(f"{name} is {row}:\n{self.said()}") from None
        self.lives()
        try:
            eventually(lambda: not self._unknown(), CLEAR_S, every_s=0.2)
        except AssertionError:
            raise Finding(f"nobody's children: {self._unknown()}\n{self.said()}") from None
        self.is_calm()

    def is_calm(self):
        """Raise Finding if PID 1 turns and turns."""
        begin, before = time.monotonic(), self._ticks()
        eventually(lambda: time.monotonic() > begin + 0.5, every_s=0.1)
        took = time.monotonic() - begin
        used = (self._ticks() - before) / os.sysconf("SC_CLK_TCK")
        if used > 0.7 * took:
            raise Finding(f"{used:.2f} s of processor time in {took:.2f} s:\n{self.said()}")

    def ends(self, *statuses):
        """Raise Finding unless a stop ends it with one of these."""
        self.send("TERM")
        try:
            status = self.wait()
        except AssertionError:
            raise Finding(f"it does not end:\n{self.said()}") from None
        if status not in statuses or (status == 0 and "left behind" in self.err):
            raise Finding(f"exit status {status}:\n{self.said()}\n...\n{self.err[-1500:]}")

    def _ticks(self):
        fields = stat_fields(self.pid)
        return 0 if fields is None else int(fields[11]) + int(fields[12])

    def _is_restarted(self, name):
        before = self.rows().get(name)
        self.ask("restart", names=[name], timeout_s=ANSWER_S)
        now = self.rows().get(name)
        if before is None or now is None:
            return False
        return now["state"] == "RUNNING" and now["pid"] not in {0, before["pid"]}

    def _unknown(self):
        """Return who is a child of PID 1, and is neither a run nor a helper that belongs here."""
        known = {row["pid"] for row in self.rows().values()}
        found = []
        for one in self.processes():
            is_child = one.parent == self.pid and one.inner not in known
            if is_child and (one.state == "Z" or not _is_helper(one)):
                found.append(one)
        return found


class Conf(Anywhere):
    """The same, with a file of supervisord's."""

    name, logged, stopped = "cat", "cat", "marked"
    names = ("cat", "chatty:*", "marked", "hears")
    lasting = ("cat", "chatty:chatty0", "marked", "hears")

    def _begin(self, **options):
        (self.files / "listen.py").write_text(LISTEN)
        self.conf = self.files / "supervisord.conf"
        self.conf.write_text(self.text())
        Box.__init__(self, None, options=("-c", str(self.conf)), **options)

    def text(self, more=""):
        listen = f"{sys.executable} -I -S {self.files}/listen.py"
        return CONF.format(place=self.files, listen=listen) + more

    def configure(self, more=""):
        self.conf.write_text(self.text(more))
        self.ask("reread")
        self.ask("add-group", name="extra")
        self.ask("remove-group", name="extra")

    def live(self):
        self.ask_everything()
        for name in self.names:
            self.ask("restart", names=[name], timeout_s=1.0)
        self.ask("write-stdin", name="cat", data="hello\n" * 300)
        self.ask("remote-event", type="a", data="b")
        self.send("USR2")
        self.kill()
        self.configure("[program:extra]\ncommand = sleep 600\nstartsecs = 0\n")
        self.configure()
        self.ask("stop", names=["extra"])
        self.ask("remove-group", name="extra")

    def touch(self):
        self.ask("write-stdin", name="cat", data="hello\n")
        self.ask("remote-event", type="a", data="b")


def _is_helper(one):
    """Say whether somebody is a helper of PID 1's that may well be there."""
    words = " ".join(one.words)
    return one.name.startswith("pyinit") or "fault_anywhere" in words or "pyinit.web" in words


def _meant(value, meant):
    if isinstance(value, list):
        return [meant.get(each, each) for each in value]
    return meant.get(value, value) if isinstance(value, str) else value


# --- sweeps

WORLDS = (Anywhere, Conf)
KINDS = ("ValueError", "MemoryError", "OSError", "RecursionError", "KeyboardInterrupt")
RESCUING = ("system.rescue:", "system.reap:", "system.faults:read", "system.signals:read_signals")
RESCUING += ("system.signals:let_through",)
SECOND = 12  # functions that are entered while a fault is dealt with: one of the first so many


def entered(world=None, *, act=None):
    """Return the functions that are entered in PID 1 while `act` goes on (unless said: life)."""
    with (world or Anywhere)() as box:
        box.started()
        box.arm(record=True)
        (act or type(box).live)(box)
        box.poke()
        box.disarm()
        return _swept(box.met())


def _swept(names):
    return {name for name in names if name.startswith(tuple(f"{layer}." for layer in SWEPT))}


def entered_anywhere(world):
    """Return all the functions that are entered in PID 1 of a world from its begin to its end."""
    with world(record=True) as box:
        box.started()
        box.live()
        box.poke()
        begin = time.monotonic()
        eventually(lambda: time.monotonic() > begin + RARELY_S)
        box.poke()
        reexec(box)
        box.poke()
        box.ask("restart-all")
        box.until("stopping")
        box.started()
        box.ask("shutdown")
        box.wait()
        return box.met()


def entered_at_boot(world=Anywhere):
    """Return the functions that PID 1 enters until everybody is up."""
    with world(record=True) as box:
        box.started()
        return _swept(box.met())


def reexec(box):
    """Have a new pyinit take over, and wait until it has, or will not."""
    said = len(box.err)
    box.ask("reexec")

    def is_over():
        new = box.err[said:]
        words = ("re-executed", "cannot re-exec", "a request failed by a fault of pyinit", RESCUED)
        return box.ended or any(each in new for each in words)

    try:
        eventually(is_over, WITHIN_S / 3, every_s=0.05)
    except AssertionError:
        if not box.rows():  # else what would tell of it is what has failed
            raise Finding(f"neither re-executed nor refused:\n{box.said()}") from None


def once(box, names, kind):
    """Have each function fail once, no two in the same turn; return who has."""
    box.arm(kind=kind, only=names)
    box.live()
    met = box.met()
    box.disarm()
    box.is_well()
    if "the loop is broken" in box.err or box.rescued:
        raise Finding(f"what happens once has broken the loop:\n{box.said()}")
    return met


def _is_well_or_rescued(box):
    try:
        if not box.rescued:
            box.is_well()
    except Finding:
        if not box.rescued:  # it was on its way there
            raise
    if box.rescued:
        box.lives()
        box.ends(70)


def second(box, name, number, kind):
    """Have a function fail, and the so manieth that is entered thereafter, too."""
    box.arm(kind=kind, only=[name], then=number)
    box.poke()
    met = box.met()
    box.disarm()
    _is_well_or_rescued(box)
    return met


def lasting(box, name, kind):
    """Have a function fail whenever it is called: nobody is hurt by it."""
    box.arm(kind=kind, only=[name], times=0)
    box.poke()
    met = box.met()
    box.lives()
    if not box.rescued:
        box.is_calm()
    box.disarm()
    _is_well_or_rescued(box)
    return met


def end(box, name, kind):
    """Have a function fail whenever it is called while pyinit stops: it ends, and says how.

    Without what signals nobody goes, and without what reaps, counts or tells nobody is known to be
    gone: then it ends when the time for a stop is over.  Not for want of memory, which no loop is
    broken by.
    """
    kind = "ValueError" if kind == "MemoryError" else kind
    box.arm(kind=kind, only=[name], times=0)
    box.ends(0, 70, *([1] if name in REAPING else []))
    if box.process.returncode == 1 and LATE not in box.err:
        raise Finding(f"exit status 1, and nothing of the budget:\n{box.said()}")
    return box.met()


def boot(world, name, kind):
    """Have a function fail once while pyinit starts: all is well then, or it says why not."""
    with world(kind=kind, only=[name]) as box:
        eventually(lambda: box.ended or box.rows() or box.rescued, WITHIN_S)
        if box.ended:
            says_why = "planted" in box.err or "cannot start: " in box.err
            if not says_why or "Traceback" in box.err:
                raise Finding(f"exit status {box.process.returncode}:\n{box.err}")
            return box.met()
        box.disarm()
        box.started().is_well()
        return box.met()


def carry(box, name, kind):
    """Have a function fail once while a re-exec carries everything over: nobody is hurt by it."""
    box.arm(kind=kind, only=[name])
    reexec(box)
    box.lives()
    met = box.met()
    box.disarm()
    if box.rescued:
        raise Finding(f"what happens once has ended in the rescue loop:\n{box.said()}")
    box.is_well()
    return met


def rescue(world, name, kind):
    """Have a function fail whenever it is called where nothing but the rescue loop is left.

    Not for want of memory: that breaks no loop.
    """
    kind = "ValueError" if kind == "MemoryError" else kind
    with world() as box:
        box.started()
        box.arm(kind=kind, only=[BREAKS, name], times=0)
        box.until(RESCUED)
        box.lives()
        box.is_calm()
        box.ends(70)
        return box.met()


def unswept():
    """Return the beginnings of the names that are not swept."""
    return tuple(UNSWEPT.read_text().split())


def unreached():
    """Return the functions that are entered nowhere, and that nobody has named."""
    met = {name for world in WORLDS for name in entered_anywhere(world)}
    every = places(ROOT, SWEPT)
    return [name for name in every if name not in met and not name.startswith(unswept())]


class Boxes:
    """One box of each world at a time, as long as it is well."""

    def __init__(self):
        self._open = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for world in [*self._open]:
            self.drop(world)

    def of(self, world):
        box = self._open.get(world)
        if box is not None and (box.ended or box.rescued):
            self.drop(world)
            box = None
        if box is None:
            box = self._open[world] = world()
            box.started()
        return box

    def drop(self, world):
        box = self._open.pop(world, None)
        if box is not None:
            box.close()


def jobs(part):
    """Return every [(world, name or names)] of a part of the sweep."""
    found = []
    for world in WORLDS:
        if part == "once":
            names = sorted(entered(world))
            found += [(world, names[at : at + AT_ONCE]) for at in range(0, len(names), AT_ONCE)]
            continue
        match part:
            case "rescue":
                every = [name for name in places(ROOT, ["system"]) if name.startswith(RESCUING)]
                names = [name for name in every if name not in INDISPENSABLE]
            case "boot":
                names = entered_at_boot(world)
            case "carry":
                names = entered(world, act=reexec)
            case "end":
                names = entered(world, act=_stop)
            case _:
                names = entered(world)
        found += [(world, name) for name in sorted(names)]
    return found


def _stop(box):
    box.send("TERM")
    box.wait()


def run(part, job, boxes, chance):
    """Do one job of a sweep; return the names of who has failed."""
    world, what = job
    kind = chance.choice(KINDS)
    if part in {"boot", "rescue"}:
        return {"boot": boot, "rescue": rescue}[part](world, what, kind)
    box = boxes.of(world)
    match part:
        case "once":
            return once(box, what, kind)
        case "second":
            return second(box, what, chance.randint(1, SECOND), kind)
        case "lasting":
            return lasting(box, what, kind)
        case "end":
            return end(box, what, kind)
        case _:
            return carry(box, what, kind)


def sweep(part, runs, seed, only=""):
    """Return the findings of a part, printed as they are made; `runs` 0: of everything."""
    if part == "reach":
        findings = [f"never entered: {name}" for name in unreached()]
        print("\n".join(findings))
        return findings
    chance = random.Random(seed)
    left = [each for each in jobs(part) if only in str(each[1])]
    if runs:
        left = chance.sample(left, min(runs, len(left)))
    findings = []
    with Boxes() as boxes:
        for at, job in enumerate(left):
            before = time.monotonic()
            try:
                run(part, job, boxes, chance)
            except (AssertionError, OSError, NoSupervisor, Refused) as error:
                what = f"{part} {job[0].__name__} {job[1]}: {error!r}"
                findings.append(what)
                print(f"--- {what}".replace("\\n", "\n"), flush=True)
                boxes.drop(job[0])
            took = time.monotonic() - before
            print(f"{at + 1}/{len(left)} {part} {str(job[1])[:90]} {took:.1f}", flush=True)
    return findings


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    every = ["once", "second", "lasting", "end", "boot", "carry", "rescue", "reach"]
    parser.add_argument("parts", nargs="*", default=every)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--only", default="", help="a part of the names")
    args = parser.parse_args(words)
    findings = [
        each for part in args.parts for each in sweep(part, args.runs, args.seed, args.only)
    ]
    print(f"{len(findings)} findings in the sweep of {', '.join(args.parts)}")
    return 1 if findings else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(CODE, ignore_errors=True)
