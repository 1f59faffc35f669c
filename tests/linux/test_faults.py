"""Faults planted in pyinit itself: PID 1 lives, programs live, and what was asked for is done."""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from boxed import Box, eventually, held, stat_fields

from pyinit.core import effects, events
from pyinit.core.record import kinds_of
from pyinit.protocol.messages import Refused

ENTRY = Path(__file__).with_name("fault_entry.py")
CONFIG = """
[program.web]
command = ["sh", "-c", "n=0; while true; do n=$((n+1)); echo $n; sleep 0.02; done"]
stdout = "prefix"
stop = { timeout = "1s" }

[socket.job]
listen = "unix:job.sock"

[program.job]
command = ["sleep", "600"]
sockets = ["job"]
start_seconds = 0.1
critical = false
stop = { timeout = "1s" }
restart = { delay = "20ms", max = 0 }
"""
FAULTS = {4, 5, 6, 7, 8, 11, 31}
KINDS = ["MemoryError", "RecursionError", "ValueError"]


class Faulty(Box):
    """A box whose pyinit has faults planted in it while it runs."""

    def __init__(self, config=CONFIG, **options):
        import tempfile

        self.faults = Path(tempfile.mkdtemp(prefix="pyinit-faults-"))
        inside = [sys.executable, "-I", "-S", str(ENTRY)]
        super().__init__(config, inside=inside, env={"PYINIT_FAULTS": str(self.faults)}, **options)

    def close(self):
        super().close()
        for each in self.faults.iterdir():
            each.unlink()
        self.faults.rmdir()

    def plant(self, where, kind="ValueError", how="once"):
        temporary = self.faults / ".new"
        temporary.write_text(f"{kind} {how}")
        temporary.rename(self.faults / where)

    def configure(self, text):
        """Write the configuration at once: a reload may be reading it."""
        new = self.place / "new.toml"
        new.write_text(text)
        new.rename(self.config)

    def is_planted(self, where):
        return (self.faults / where).exists()

    def web(self):
        """Return (pid, start) of the program that nothing may ever happen to."""
        pid = self.run_pid("web")
        return pid, stat_fields(pid)[19]

    def printed(self):
        return int((self.out.rstrip("\n").splitlines() or ["web | 0"])[-1].split()[-1])


def life(box):
    """Let everything happen that can: deaths, restarts, rolls, stops, signals, reloads."""
    job = box.wait_state("job", "RUNNING")["pid"]
    os.kill(box.outer(job), 9)
    eventually(lambda: box.status()["job"]["pid"] not in (0, job))
    box.wait_state("job", "RUNNING")
    box.ctl("restart", "--timeout", "20", "job")
    box.ctl("restart", "--rolling", "job")
    box.ctl("signal", "CONT", "job")
    box.send("USR1")
    text = box.config.read_text()
    extra = (
        '[program.extra]\ncommand = ["sleep", "600"]\ncritical = false\nstop = { timeout = "1s" }\n'
    )
    box.configure(text + extra)

    def reloaded():
        box.send("HUP")  # a fault may have cost us the last one
        return "extra" in box.status()

    eventually(reloaded, every_s=0.5)
    box.configure(text)

    def reloaded_again():
        box.ctl("reload")  # the last one may be on trial still
        return "extra" not in box.status()

    eventually(reloaded_again, every_s=0.5)
    box.configure(text + '[program.bad]\ncommand = ["/nowhere"]\n')
    box.ctl("reload")  # is undone, or a fault keeps it from being tried
    box.configure(text)
    eventually(lambda: box.ctl("reload").returncode == 0, every_s=0.5)
    box.ctl("drain", "--off")
    box.ctl("stop", "job")
    box.wait_state("job", "STOPPED", "EXITED", "FATAL")
    box.ctl("start", "job")
    box.wait_state("job", "RUNNING")


def test_a_fault_in_any_effect_is_lived_with():
    with Faulty() as box:
        web = box.web()
        for effect in effects.EFFECTS:
            box.plant(f"effect {effect.__name__}", KINDS[len(effect.__name__) % 3])
        life(box)
        life(box)
        never = {"Exit", "Sweep", "Note"}  # these come with the end
        left = {each.name.removeprefix("effect ") for each in box.faults.iterdir()}
        assert left <= never, "a fault that was never met proves nothing"
        assert box.web() == web
        box.send("TERM")
        assert box.wait() == 0
        assert not box.is_planted("effect Exit")


def test_a_fault_with_any_event_is_lived_with():
    with Faulty() as box:
        web = box.web()
        names = sorted(kinds_of(events))
        for name in names:
            box.plant(f"event {name}", KINDS[len(name) % 3])
        life(box)
        life(box)
        met = [name for name in names if not box.is_planted(f"event {name}")]
        assert {"Reaped", "Spawned", "Tick", "PlanLoaded", "StopRequested"} <= set(met)
        assert box.web() == web
        box.send("TERM")
        assert box.wait() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_anywhere_in_a_turn_is_lived_with(kind):
    places = ["turn", "wait", "callback", "drain", "reap", "recorder", "after turn", "log"]
    places += ["settle", "after fork"]
    with Faulty() as box:
        web = box.web()
        for where in places:
            box.plant(where, kind)
        life(box)
        assert [where for where in places if box.is_planted(where)] == []
        assert box.web() == web, box.err
        assert "the loop is broken" not in box.err
        eventually(lambda: box.zombies() == [])
        count = box.printed()
        eventually(lambda: box.printed() > count)
        jobs = [one for one in box.processes() if one.words == ("sleep", "600")]
        assert len(jobs) == 1, "no run of which the core does not know is left"
        box.send("TERM")
        assert box.wait() == 0


def test_a_fault_in_a_verb_is_that_requests_and_no_other():
    with Faulty() as box:
        box.wait_state("web", "RUNNING")
        box.plant("verb graph", "RecursionError", "always")
        for _ in range(30):
            with pytest.raises(Refused, match="a fault of pyinit") as refused:
                box.call("graph")
            assert refused.value.code == "internal"
        assert box.status()["web"]["state"] == "RUNNING"
        assert "the loop is broken" not in box.err


@pytest.mark.parametrize("where", ["turn", "wait", "callback", "after turn"])
def test_a_loop_that_keeps_failing_is_healed_by_a_reexec(where):
    with Faulty() as box:
        web = box.web()
        box.plant(where, "ValueError", "until-reexec")
        box.until("re-executed, 2 runs kept")
        assert "the loop is broken" in box.err
        assert box.web() == web
        assert box.ctl("restart", "job").returncode == 0
        box.send("TERM")
        assert box.wait() == 0
        lines = box.out.splitlines()
        assert lines == [f"web | {n + 1}" for n in range(len(lines))], "no line is lost over it"


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "SystemExit", "GeneratorExit"])
def test_what_is_no_exception_of_the_ordinary_kind_is_lived_with_all_the_same(kind):
    places = ["wait", "callback", "reap", "effect Spawn", "event Reaped"]
    with Faulty() as box:
        web = box.web()
        for where in places:
            box.plant(where, kind)
        job = box.wait_state("job", "RUNNING")["pid"]
        os.kill(box.outer(job), 9)
        eventually(lambda: not any(box.is_planted(where) for where in places))
        eventually(lambda: box.status()["job"]["pid"] not in (0, job))
        assert box.web() == web
        assert "the loop is broken" not in box.err
        for where in places:
            assert box.err.count(f"{kind}: planted: {where} ") == 1
        box.send("TERM")
        assert box.wait() == 0


def ends_by_rescue(box, web):
    """Assert that a box is down to the rescue loop, which does what it is for."""
    assert box.web_lives(web)
    orphan = [one for one in box.processes() if one.words[:1] == ("sh",)]
    assert orphan
    time_in_state = time.monotonic() + 1.0
    eventually(lambda: time.monotonic() > time_in_state)
    assert box.web_lives(web), "what it prints is read, or it would stand still"
    box.send("HUP")
    box.send("USR1")
    eventually(lambda: box.zombies() == [])
    assert box.web_lives(web), "only what means to stop is passed on"
    box.send("TERM")
    assert box.wait() == 70


def web_lives(self, web):
    pid, start = web
    fields = stat_fields(pid)
    return fields is not None and fields[19] == start and fields[0] != "Z"


Faulty.web_lives = web_lives


def test_a_loop_that_no_reexec_heals_ends_in_the_rescue_loop():
    chatty = 'command = ["sh", "-c", "while true; do echo 0123456789012345678901234567890123456789; done"]'
    config = (
        f'[program.web]\n{chatty}\nstdout = "null"\n[program.job]\ncommand = ["sleep", "600"]\n'
    )
    with Faulty(config) as box:
        web = box.web()
        box.plant("turn", "ValueError", "always")
        box.until("a re-exec has not healed it")
        assert box.err.count("re-executed, 2 runs kept") == 1
        before = stat_fields(web[0])[11]
        eventually(lambda: stat_fields(web[0])[11] != before)  # it goes on: its pipe is read
        ends_by_rescue(box, web)


@pytest.mark.parametrize("where", ["write state", "read state"])
def test_a_state_that_cannot_be_carried_ends_in_the_rescue_loop_and_not_in_death(where):
    with Faulty() as box:
        web = box.web()
        box.plant(where, "ValueError", "always")
        box.plant("turn", "ValueError", "always")
        box.until("only signals and reaping" if where == "write state" else "cannot go on after")
        ends_by_rescue(box, web)


def test_a_reexec_that_cannot_be_begun_is_refused_and_pyinit_goes_on():
    with Faulty() as box:
        web = box.web()
        box.plant("write state", "MemoryError", "always")
        with pytest.raises(Refused, match="cannot re-exec, going on: MemoryError"):
            box.call("reexec")
        assert box.ctl("restart", "job").returncode == 0
        assert box.web() == web


def test_in_rescue_the_main_program_gets_every_signal_and_the_end_is_70(tmp_path):
    go = tmp_path / "go"
    script = f"trap 'echo usr1' USR1; trap 'echo segv' SEGV; while [ ! -e {go} ]; do sleep 0.05; done; exit 3"
    with Faulty(None, command=("sh", "-c", script)) as box:
        box.wait_socket()
        box.plant("turn", "ValueError", "always")
        box.until("only signals and reaping")
        box.send("USR1")
        box.until("usr1", out=True)
        box.send("SEGV")
        box.until("segv", out=True)
        go.touch()
        assert box.wait() == 70


def test_in_rescue_what_does_not_obey_is_killed():
    words = json.dumps(["sh", "-c", "trap '' TERM; while true; do echo; sleep 0.01; done"])
    with Faulty(f'[program.web]\ncommand = {words}\nstdout = "null"\n') as box:
        box.wait_state("web", "RUNNING")
        box.plant("turn", "ValueError", "always")
        box.until("only signals and reaping")
        box.send("TERM")
        assert box.wait() == 70


@pytest.mark.parametrize("namespace", [True, False])
def test_a_fault_of_the_processor_kills_pyinit_though_such_signals_are_passed_on(namespace):
    """Blocked as they are, the kernel lets no fault of our own wait."""
    with Faulty(None, command=("sleep", "600"), namespace=namespace) as box:
        eventually(lambda: held(box.pid) == FAULTS)
        box.plant("wait", "crash")
        box.send("WINCH")  # wakes it up
        assert box.wait() in {-11, 128 + 11}
