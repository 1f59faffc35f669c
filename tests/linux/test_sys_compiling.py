"""What PID 1 makes of a compiler that is slow, cut off, endless or mad: faults, and no crash."""

import marshal
import os
import subprocess
import threading
import time

import pytest

from pyinit.core.plan import Plan
from pyinit.core.record import to_plain
from pyinit.runtime import compiling
from pyinit.runtime.compiling import Compiler, Faults, read_all, understand
from pyinit.runtime.poller import Poller

WHOLE = marshal.dumps(("plan", to_plain(Plan())), 2)


@pytest.fixture()
def pipes():
    """Return (reader, writer) of the compiler's pipe and of the signals' pipe."""
    found = [*os.pipe(), *os.pipe()]
    os.set_blocking(found[0], False)
    yield found
    for fd in found:
        try:
            os.close(fd)
        except OSError:
            continue


class Ends(list):
    """What a compilation came to; each is a Plan or Faults."""


@pytest.fixture()
def compiler(pipes, monkeypatch):
    """Return (a Compiler whose child is a sleeper and says what we write, poller, child, writer)."""
    child = subprocess.Popen(["sleep", "600"])
    reader, writer = os.dup(pipes[0]), pipes[1]
    os.set_blocking(reader, False)
    monkeypatch.setattr(compiling, "fork_compiler", lambda *_: (reader, child.pid))
    poller = Poller()
    yield Compiler(poller, {}), poller, child, writer
    child.kill()
    child.wait(30)


def turns(poller, ends):
    """Turn the loop until a compilation has ended."""
    deadline = time.monotonic() + 30
    while not ends and time.monotonic() < deadline:
        poller.wait(time.monotonic() + 0.05)
    return ends[0]


def test_a_reload_gets_the_plan_when_all_of_it_has_come(compiler):
    ours, poller, _, writer = compiler
    ends = Ends()
    ours.start((), ends.append)
    os.write(writer, WHOLE[:20])
    poller.wait(time.monotonic() + 0.05)
    assert ours.busy
    assert ends == []
    os.write(writer, WHOLE[20:])
    os.close(writer)
    assert turns(poller, ends) == Plan()
    assert not ours.busy


def test_a_reload_whose_compiler_is_cut_off_is_over_and_the_next_may_come(compiler):
    ours, poller, _, writer = compiler
    ends = Ends()
    ours.start((), ends.append)
    os.write(writer, WHOLE[:20])
    os.close(writer)
    assert "the compiler died" in turns(poller, ends).lines[0]
    assert not ours.busy


def test_a_reload_that_hangs_is_given_up_and_its_compiler_killed(compiler):
    ours, poller, child, _ = compiler
    ends = Ends()
    ours.start((), ends.append)
    assert ours.next_deadline() < time.monotonic() + compiling.TIMEOUT_S + 1
    ours.tick(time.monotonic())
    assert ends == []
    ours.tick(ours.next_deadline())
    assert turns(poller, ends).lines == ("cannot read the configuration: it took more than 60 s",)
    assert child.wait(30) == -9
    assert ours.next_deadline() == float("inf")


def test_a_reload_that_floods_is_given_up_and_its_compiler_killed(compiler, monkeypatch):
    monkeypatch.setattr(compiling, "PLAN_BYTES", 100)
    ours, poller, child, writer = compiler
    ends = Ends()
    ours.start((), ends.append)
    os.write(writer, b"x" * 200)
    assert "the plan is larger than" in turns(poller, ends).lines[0]
    assert child.wait(30) == -9


def never():
    return False


def test_a_whole_plan_is_a_plan():
    assert understand(WHOLE) == Plan()


@pytest.mark.parametrize("length", [0, 1, 2, 10, len(WHOLE) // 2, len(WHOLE) - 1])
def test_a_plan_that_was_cut_off_is_a_fault(length):
    found = understand(WHOLE[:length])
    assert isinstance(found, Faults)
    assert "the compiler died" in found.lines[0]
    assert found.code == 78


@pytest.mark.parametrize(
    "said",
    [5, "plan", (), ("plan",), ("plan", 5), ("plan", ("Nothing", ())), ("errors", 5),
     ("errors", (("f",),)), ("what", "ever"), ("plan", None)],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_a_fault(said):
    assert isinstance(understand(marshal.dumps(said, 2)), Faults)


def test_errors_are_told_with_their_places_and_fixes():
    rows = (("a.toml", 3, "bad", "mend"), ("b.toml", 0, "worse", ""))
    found = understand(marshal.dumps(("errors", rows), 2))
    assert found.lines == ("a.toml:3: bad\n    mend", "b.toml: worse")


def test_all_is_read_though_it_comes_in_pieces(pipes):
    reader, writer, wake, _ = pipes
    data = os.urandom(300_000)

    def write():
        for start in range(0, len(data), 7001):
            os.write(writer, data[start : start + 7001])
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    assert read_all(reader, wake, never, 30) == data
    thread.join(30)


def test_one_that_hangs_is_given_up(pipes):
    reader, writer, wake, _ = pipes
    os.write(writer, b"half")
    found = read_all(reader, wake, never, 0.2)
    assert found.lines == ("cannot read the configuration: it took more than 0.2 s",)


def test_one_that_never_ends_is_given_up(pipes, monkeypatch):
    monkeypatch.setattr(compiling, "PLAN_BYTES", 1 << 20)
    reader, writer, wake, _ = pipes
    stop = threading.Event()

    def write():
        while not stop.is_set():
            try:
                os.write(writer, b"x" * 65536)
            except OSError:
                return

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    found = read_all(reader, wake, never, 60)
    stop.set()
    os.close(reader)
    thread.join(30)
    assert found.lines == ("cannot read the configuration: the plan is larger than 1 MB",)


def test_a_signal_is_looked_at_at_once(pipes):
    reader, _, wake, waker = pipes
    asked = []

    def interrupted():
        asked.append(1)
        return True

    os.write(waker, b"\x0f")
    assert read_all(reader, wake, interrupted, 60) is None
    assert asked == [1]
