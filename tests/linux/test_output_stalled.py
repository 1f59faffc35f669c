"""A stdout that nobody reads, of every kind: supervision goes on, and what is lost is counted."""

import json
import os
import pty
import re
import socket
import sys
import time
import tty

import pytest
from boxed import ORDINARY, Box, eventually, needs_root

FLOOD = "i=0; while [ $i -lt 20 ]; do seq -w 0000000 0009999; i=$((i+1)); done; exec sleep 600"
LINES = 200_000
BEGINS = "stdout is not read: lines are dropped until it is"
ENDS = "lines dropped: nobody took them"
LINE = 8 + len("a | ")


def flooding(mode='"prefix"'):
    words = json.dumps(["sh", "-c", FLOOD])
    config = f"[program.a]\ncommand = {words}\nstdout = {mode}\n"
    return (
        config
        + '[program.b]\ncommand = ["sh", "-c", "echo up; exec sleep 600"]\nstdout = "prefix"\n'
    )


class Stalled:
    """A descriptor to be used as stdout and stderr, whose other end is read only when asked."""

    def __init__(self, kind):
        if kind == "pipe":
            self.reader, self.writer = os.pipe()
        elif kind == "socket":
            ours, theirs = socket.socketpair()
            self.reader, self.writer = ours.detach(), theirs.detach()
        else:
            self.reader, self.writer = pty.openpty()
            tty.setraw(self.writer)
        self.said = b""

    def read_until(self, text, within_s=30):
        self.read_while(lambda: text not in self.said, within_s)

    def read_while(self, goes_on, within_s=30):
        os.set_blocking(self.reader, False)
        deadline = time.monotonic() + within_s
        while goes_on():
            assert time.monotonic() < deadline, self.said[-300:]
            try:
                part = os.read(self.reader, 65536)
            except BlockingIOError:
                time.sleep(0.001)
                continue
            assert part, "its other end is closed"
            self.said += part

    def close(self):
        for fd in (self.reader, self.writer):
            if fd >= 0:
                os.close(fd)


@pytest.fixture(params=["pipe", "socket", "terminal"])
def stalled(request):
    found = Stalled(request.param)
    yield found
    found.close()


def goes_on(box):
    """Assert that everything works though nobody reads what is printed."""
    text = "9999\n"
    eventually(
        lambda: box.call("logs", {"names": ["a"], "lines": 1})["processes"][0]["text"].endswith(
            text
        ),
        within_s=60,
    )
    asleep = lambda: box.look_at(box.run_pid("a")).name == "sleep"  # noqa: E731
    eventually(asleep, within_s=60)
    for _ in range(3):
        assert box.ctl("restart", "b").returncode == 0
    os.kill(box.run_pid("b"), 9)
    eventually(
        lambda: box.status()["b"]["restarts"] >= 1 and box.status()["b"]["state"] == "RUNNING"
    )
    assert box.ctl("health").returncode == 0


def test_nothing_waits_for_a_stalled_stdout_and_the_loss_is_told_once(stalled):
    with Box(flooding(), stdout=stalled.writer) as box:
        goes_on(box)
        assert box.err.count(BEGINS) == 1
        stalled.read_while(lambda: ENDS not in box.err)
        told = re.findall(r"pyinit warning: stdout is read again: (\d+) lines dropped", box.err)
        assert len(told) == 1
        assert box.err.count(BEGINS) == 1
        taken = lambda: stalled.said.count(b"a | ") + stalled.said.count(b"b | ")  # noqa: E731
        stalled.read_while(lambda: taken() + int(told[0]) < LINES)
        assert b"dropped" not in stalled.said
        lines = stalled.said[: stalled.said.rindex(b"\n")].splitlines()
        ours = [line for line in lines if line.startswith(b"a | ")]
        assert all(len(line) == LINE - 1 for line in ours), "only whole lines are dropped"
        assert box.ctl("restart", "b").returncode == 0
        stalled.said = b""
        stalled.read_until(b"b | up\n")


def test_programs_that_write_json_are_met_by_nothing_else():
    stalled = Stalled("pipe")
    try:
        config = flooding('"json"').replace('"prefix"', '"json"')
        with Box(config, stdout=stalled.writer, env={"PYINIT_LOG_FORMAT": "json"}) as box:
            goes_on(box)
            stalled.read_while(lambda: ENDS not in box.err)
            assert all("program" in json.loads(line) for line in stalled.said.splitlines())
            own = [json.loads(line)["message"] for line in box.err.splitlines()]
            assert [BEGINS in each or ENDS in each for each in own].count(True) == 2
    finally:
        stalled.close()


def test_the_loss_of_stderr_itself_is_told_there_in_the_form_of_the_log():
    stalled = Stalled("pipe")
    try:
        config = flooding().replace('"prefix"', '"json"').replace("stdout", "stderr")
        config = config.replace(FLOOD, f"exec 1>&2; {FLOOD}")
        with Box(config, stderr=stalled.writer, env={"PYINIT_LOG_FORMAT": "json"}) as box:
            goes_on(box)
            stalled.read_until(b'nobody took them"}\n')
            told = [json.loads(line) for line in stalled.said.splitlines()]
            lost = [each for each in told if ENDS in each["message"]]
            assert [(each["source"], each["level"]) for each in lost] == [("pyinit", "warning")]
            assert "dropped" not in box.out
    finally:
        stalled.close()


def test_shutdown_does_not_wait_for_a_stalled_stdout(stalled):
    with Box(flooding(), stdout=stalled.writer, stderr=stalled.writer) as box:
        goes_on(box)
        began = time.monotonic()
        box.send("TERM")
        assert box.wait() == 0
        assert time.monotonic() - began < 9


@needs_root
@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_an_ordinary_user_is_not_stalled_by_what_it_may_not_open_anew(kind):
    """The pipe or terminal is root's: /proc/self/fd/1 cannot be opened."""
    stalled = Stalled(kind)
    try:
        os.fchmod(stalled.writer, 0o600)
        with Box(flooding(), stdout=stalled.writer, uid=ORDINARY) as box:
            goes_on(box)
            stalled.read_while(lambda: ENDS not in box.err)
    finally:
        stalled.close()


def test_programs_that_inherit_keep_a_stdout_that_blocks(stalled):
    """Ours is opened anew or told per call: the flags of the one they share are not touched."""
    code = "import os, time; print(os.get_blocking(1), flush=True); time.sleep(600)"
    words = json.dumps([sys.executable, "-c", code])
    config = f"[program.c]\ncommand = {words}\n" + flooding()
    with Box(config, stdout=stalled.writer) as box:
        stalled.read_until(b"True\n")
        goes_on(box)
        assert os.get_blocking(stalled.writer)


def test_a_stdout_whose_reader_is_gone_is_no_reason_to_stop():
    stalled = Stalled("pipe")
    with Box(flooding(), stdout=stalled.writer) as box:
        stalled.read_until(b"a | ")
        os.close(stalled.reader)
        stalled.reader = -1
        goes_on(box)
    stalled.close()


def test_a_stdout_on_a_full_disk_is_no_reason_to_stop():
    with open("/dev/full", "wb") as full, Box(flooding(), stdout=full) as box:
        goes_on(box)


def test_twenty_noisy_programs_share_and_leave_room_for_everybody_else(tmp_path):
    code = "import os\nwhile True: os.write(1, b'x' * 4095 + b'\\n')"
    words = json.dumps([sys.executable, "-I", "-S", "-c", code])
    config = (
        f"[program.noisy]\ninstances = 20\ncommand = {words}\n"
        f'stdout = {{ file = "{tmp_path}/log.${{INSTANCE}}", max_size = "1MB", max_files = 1, format = "prefix" }}\n'
        '[program.quiet]\ncommand = ["sh", "-c", "while true; do echo quiet; sleep 0.1; done"]\nstdout = "prefix"\n'
    )
    with Box(config) as box:
        for n in range(20):
            eventually(lambda n=n: (tmp_path / f"log.{n}.1").exists(), within_s=60)
        began = time.monotonic()
        for _ in range(5):
            assert box.call("status")["processes"]
        assert time.monotonic() - began < 10
        count = box.out.count("quiet")
        eventually(lambda: box.out.count("quiet") > count + 3)
        box.send("TERM")
        assert box.wait() == 0
