"""Signals to a supervising pyinit: from the first moment of its life, each does what it should."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from boxed import ORDINARY, WITHIN_S, Box, eventually, needs_root, program

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
SLEEPER = program("web", "sleep", "600")
DEAF = "trap '' TERM; echo deaf; while :; do sleep 1; done"


def catches(pid, number):
    """Say whether a process has a handler for a signal."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return False
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)


def pause(seconds):
    """Let a random moment of boot be the one at which the signal comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.0005)


@pytest.mark.parametrize("seed", range(12))
def test_a_stop_at_any_moment_of_boot_is_not_lost(seed):
    """T3: as soon as it catches signals at all, some ten milliseconds after its exec."""
    chance = random.Random(seed)
    text = SLEEPER + program("db", "sleep", "600", ready={"delay": "50ms"})
    for _ in range(4):
        with Box(text + program("api", "sleep", "600", depends_on={"db": "ready"})) as box:
            eventually(lambda pid=box.pid: catches(pid, signal.SIGTERM), every_s=0.0005)
            pause(chance.uniform(0, 0.2))
            box.send(chance.choice(["TERM", "INT", "QUIT"]))
            assert box.wait() == 0
            assert "error" not in box.err


@pytest.mark.parametrize("uid", USERS)
@pytest.mark.parametrize("name", ["TERM", "INT", "QUIT"])
def test_each_stop_signal_is_an_ordered_stop_that_ends_with_0(name, uid):
    with Box(SLEEPER, uid=uid) as box:
        box.wait_state("web", "RUNNING", "STARTING")
        box.send(name)
        assert box.wait() == 0
        assert f"stopping: received SIG{name}" in box.err
        assert not Path(box.socket).exists()


def test_what_a_terminal_tells_goes_to_the_program_that_exit_names():
    traps = 'for s in WINCH CONT; do trap "echo got $s" $s; done; echo set'
    script = f"{traps}; while :; do sleep 0.05; done"
    text = '[init]\nexit = "main:job"\n' + program("job", script, stdout="prefix") + SLEEPER
    with Box(text) as box:
        box.until("job | set", out=True)
        for name in ("WINCH", "CONT"):
            box.send(name)
            box.until(f"job | got {name}", out=True)
        assert box.wait_state("job", "RUNNING")


def test_a_second_stop_signal_hurries():
    text = '[init]\nstop_budget = "600s"\n' + program("web", DEAF, stop={"timeout": "500s"})
    with Box(text) as box:
        box.until("deaf", out=True)
        box.send("TERM")
        box.until("web: stopping")
        box.send("TERM")
        assert box.wait() == 0
        assert "asked to stop again: hurrying" in box.err
        assert "had to be killed" in box.err


def test_hup_loads_a_changed_configuration_and_touches_nothing_else():
    with Box(SLEEPER + program("old", "sleep", "600")) as box:
        pid = box.wait_state("web", "RUNNING")["pid"]
        box.config.write_text(SLEEPER + program("new", "sleep", "600"))
        box.send("HUP")
        box.wait_state("new", "RUNNING")
        eventually(lambda: "old" not in box.status())
        assert box.status()["web"]["pid"] == pid


def test_hup_with_a_bad_file_changes_nothing_and_says_where():
    with Box(SLEEPER) as box:
        pid = box.wait_state("web", "RUNNING")["pid"]
        box.config.write_text(SLEEPER + "[program.x]\ncomand = ['x']\n")
        box.send("HUP")
        said = box.until("the old configuration stays in force")
        said = box.until("did you mean")
        assert f"{box.config}:" in said
        assert box.status()["web"]["pid"] == pid


def test_hup_finds_a_relative_configuration_though_pyinit_works_elsewhere():
    text = '[init]\ndirectory = "/usr"\n'
    with Box(options=("-c", "pyinit.toml"), cwd="/usr") as box:
        assert box.wait() == 78
        assert "pyinit.toml" in box.err
        place = box.place
        (place / "here.toml").write_text(text + SLEEPER)
        with Box(options=("-c", "here.toml"), cwd=place) as inner:
            inner.wait_state("web", "RUNNING")
            (place / "here.toml").write_text(text + SLEEPER + program("new", "sleep", "600"))
            inner.send("HUP")
            inner.wait_state("new", "RUNNING")


def test_hup_during_the_stop_does_not_cancel_it():
    """T5."""
    text = '[init]\nstop_budget = "20s"\n' + program("web", DEAF, stop={"timeout": "2s"})
    with Box(text) as box:
        box.until("deaf", out=True)
        box.send("TERM")
        box.until("web: stopping")
        box.send("HUP")
        assert box.wait() == 0


def test_usr1_opens_log_files_anew(tmp_path):
    log = tmp_path / "web.log"
    text = program("web", "while echo x; do sleep 0.05; done", stdout={"file": str(log)})
    with Box(text) as box:
        eventually(lambda: log.exists() and log.stat().st_size)
        log.rename(tmp_path / "old.log")
        box.send("USR1")
        box.until("log files reopened")
        eventually(lambda: log.exists() and log.stat().st_size)


@pytest.mark.parametrize("action", ["forward", "reload", "reopen", "stop", "ignore"])
def test_the_configuration_says_what_a_signal_means(action):
    value = "forward:web" if action == "forward" else action
    trap = "trap 'echo got' USR2; echo set; while :; do sleep 0.05; done"
    with Box(f'[init]\nsignals = {{ USR2 = "{value}" }}\n' + program("web", trap)) as box:
        box.until("set", out=True)
        box.send("USR2")
        match action:
            case "forward":
                box.until("got", out=True)
            case "reload":
                box.until("reloading")
            case "reopen":
                box.until("log files reopened")
            case "stop":
                assert box.wait(WITHIN_S) == 0
            case _:
                box.call("status")
                assert "got" not in box.out
                assert "USR2" not in box.err


def test_a_signal_without_a_meaning_is_only_noted_and_chld_not_even_that():
    with Box(SLEEPER, options=("-v",)) as box:
        box.wait_state("web", "RUNNING")
        box.send("USR2")
        said = box.until("ignored SIGUSR2")
        assert "SIGCHLD" not in said
        os.kill(box.pid, signal.SIGCHLD)
        assert box.status()["web"]["state"] == "RUNNING"
        assert "SIGCHLD" not in box.err


def test_every_signal_that_can_be_caught_is_survived():
    """Real-time signals, too; only the stop signals end anything."""
    never = {signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
    faults = {4, 5, 6, 7, 8, 11, 31}
    with Box(SLEEPER) as box:
        pid = box.wait_state("web", "RUNNING")["pid"]
        for number in signal.valid_signals() - never - faults:
            box.send(int(number))
        assert box.status()["web"]["pid"] == pid
        box.send("TERM")
        assert box.wait() == 0
