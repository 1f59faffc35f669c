"""Time that jumps, and a PID 1 that is suspended: nobody is ended for what was nobody's fault."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from boxed import Box, eventually, needs_root, program, python, start_words, stat_fields

ENTRY = Path(__file__).with_name("kernel_clock_entry.py")
DAY_S = 86400
# Says that it is ready a moment after its start, then that it is alive, ten times a second.
NOTIFIES = """
import os, socket, sys, time
place = os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1)
telling = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
telling.connect(place)
time.sleep(float(sys.argv[1]))
telling.send(b"READY=1")
while True:
    telling.send(b"WATCHDOG=1")
    time.sleep(0.1)
"""


def let_pass(seconds):
    """Wait, since what must not happen would happen within this time."""
    deadline = time.monotonic() + seconds
    eventually(lambda: time.monotonic() >= deadline, every_s=0.1)


def stamp(said, word):
    """Return when the line with `word` was said, by the clock on the wall."""
    line = next(line for line in said.splitlines() if word in line)
    return datetime.fromisoformat(line.split()[0])


@contextmanager
def suspended(box):
    """Have PID 1 stand still for the time of the block."""
    box.send("STOP")
    eventually(lambda: stat_fields(box.pid)[0] == "T")
    try:
        yield
    finally:
        box.send("CONT")


def test_a_suspended_pid_1_does_afterwards_what_it_has_missed():
    again = {"policy": "always", "delay": "0s", "max": 0}
    config = program("web", "sleep", "600", restart=again, start_seconds=0)
    config += program("talker", "echo early; exec sleep 600", stdout="prefix")
    with Box(config) as box:
        first = box.run_pid("web")
        bystander = box.run_pid("talker")
        with suspended(box):
            os.kill(first, 9)
            words, env = [*start_words("ctl"), "health"], {"PYINIT_SOCKET": box.socket}
            asked = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL)
            eventually(lambda: stat_fields(first)[0] == "Z")
        assert asked.wait(60) == 0
        eventually(lambda: box.status()["web"]["restarts"] >= 1)
        assert box.run_pid("talker") == bystander
        assert not box.zombies()
        box.send("TERM")
        assert box.wait() == 0


def test_a_stop_that_comes_while_pid_1_is_suspended_is_obeyed_afterwards():
    with Box(program("web", "sleep", "600")) as box:
        box.run_pid("web")
        with suspended(box):
            box.send("TERM")
        assert box.wait() == 0
        assert "stopping: received SIGTERM" in box.err


def test_who_was_ready_in_time_and_alive_is_not_ended_for_a_pid_1_that_was_suspended():
    ready = {"notify": True, "timeout": "1s"}
    config = program("early", *python(NOTIFIES, "0.3"), ready=ready, live={"watchdog": "1s"})
    config += program("web", "sleep", "600")
    with Box(config) as box:
        box.wait_socket()
        web = box.run_pid("web")
        early = box.run_pid("early")
        with suspended(box):
            let_pass(2.5)
        box.wait_state("early", "RUNNING")
        let_pass(1.5)  # a watchdog that has missed it would act by now
        assert box.run_pid("early") == early, box.err
        assert box.run_pid("web") == web
        assert box.status()["early"]["restarts"] == 0


@pytest.mark.parametrize("step_s", [DAY_S, -DAY_S])
def test_a_wall_clock_that_is_set_ends_nobody_and_starts_nobody(tmp_path, step_s):
    clock = tmp_path / "clock"
    clock.write_text("0")
    config = program("web", *python(NOTIFIES, "0"), ready={"notify": True}, live={"watchdog": "2s"})
    config += program("poor", "false", restart={"delay": "1h", "max": 0}, critical=False)
    stubborn = "trap '' TERM; while :; do sleep 1; done"
    config += program("slow", stubborn, stop={"timeout": "1s"})
    inside = (sys.executable, "-I", "-S", str(ENTRY))
    with Box(config, inside=inside, env={"PYINIT_CLOCK": str(clock)}) as box:
        web = box.run_pid("web")
        box.until("web: up")
        box.wait_state("poor", "BACKOFF")
        (tmp_path / "new").write_text(str(step_s))
        (tmp_path / "new").rename(clock)
        let_pass(3)
        assert box.run_pid("web") == web
        assert box.status()["poor"]["state"] == "BACKOFF"
        assert box.status()["poor"]["restarts"] == 0
        uptime = box.status()["web"]["uptime_s"]
        assert 3 <= uptime <= 600
        box.send("TERM")
        assert box.wait() == 0
        began, ended = [stamp(box.err, word) for word in ("web: up", "stopping: ")]
        assert abs((ended - began).total_seconds() - step_s) < 600  # the log, too, was led astray


@needs_root
@pytest.mark.parametrize("years", [0, 30])
def test_it_runs_where_the_clock_that_counts_has_just_begun_or_is_old(years):
    """A time namespace: a machine that was started a moment ago, or runs for years."""
    offset_s = years * 365 * DAY_S or 5 - int(time.monotonic())
    words = ("unshare", "--time", "--monotonic", str(offset_s))
    words += ("--fork", "--pid", "--mount-proc", "--kill-child")
    tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no time namespace here: {tried.stderr}")
    again = {"policy": "always", "delay": "100ms", "max": 0}
    config = program("web", "sleep", "0.3", restart=again, start_seconds=0)
    config += program("lasting", "sleep", "600", start_seconds=1)
    with Box(config, inside=words, namespace=False) as box:
        eventually(lambda: box.status()["web"]["restarts"] >= 2)
        box.wait_state("lasting", "RUNNING")
        assert box.status()["lasting"]["uptime_s"] < 600
        box.ctl("shutdown")
        assert box.wait() == 0
