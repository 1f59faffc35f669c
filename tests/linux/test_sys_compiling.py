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
from pyinit.system import files

PLAN = marshal.dumps(("plan", to_plain(Plan())), 2)


def said(answer):
    """Return what a child says when that is its answer."""
    return files.ANSWER + b"%016x" % len(answer) + answer


WHOLE = said(PLAN)


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
    (line,) = turns(poller, ends).lines
    assert line.startswith("cannot read the configuration: it took more than 60 s\n  does a file")
    assert child.wait(30) == -9
    assert ours.next_deadline() == float("inf")


def test_a_reload_that_floods_is_given_up_and_its_compiler_killed(compiler, monkeypatch):
    monkeypatch.setattr(compiling, "PLAN_BYTES", 100)
    ours, poller, child, writer = compiler
    ends = Ends()
    ours.start((), ends.append)
    os.write(writer, said(b"x" * 200))
    assert "the plan is larger than" in turns(poller, ends).lines[0]
    assert child.wait(30) == -9


def test_a_compiler_that_is_gone_is_not_waited_for_nor_killed(compiler):
    """Whoever has its number by then is somebody else."""
    ours, _poller, child, writer = compiler
    helpers, ends = ours._helpers, Ends()
    ours.start((), ends.append)
    os.write(writer, WHOLE[:20])
    child.kill()
    child.wait(30)
    helpers[child.pid](9)  # the reaper tells of it; the pipe is held open by somebody else
    assert "the compiler died before it had said all" in ends[0].lines[0]
    ours.tick(time.monotonic() + 2 * compiling.TIMEOUT_S)
    assert not ours.busy


def test_the_end_of_an_earlier_compiler_is_not_that_of_the_next(compiler, monkeypatch):
    ours, poller, child, writer = compiler
    ends = Ends()
    ours.start((), ends.append)
    told = ours._helpers[child.pid]
    os.write(writer, WHOLE)
    os.close(writer)
    assert turns(poller, ends) == Plan()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    monkeypatch.setattr(compiling, "fork_compiler", lambda *_: (reader, child.pid + 1))
    ours.start((), ends.append)
    told(0)
    assert ours.busy
    os.write(writer, WHOLE)
    os.close(writer)
    poller.wait(time.monotonic() + 30)
    poller.wait(time.monotonic() + 30)
    assert ends == [Plan(), Plan()]


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
    "content",
    [5, "plan", (), ("plan",), ("plan", 5), ("plan", ("Nothing", ())), ("errors", 5),
     ("errors", (("f",),)), ("what", "ever"), ("plan", None)],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_a_fault(content):
    found = understand(said(marshal.dumps(content, 2)))
    assert isinstance(found, Faults)
    assert "makes no sense" in found.lines[0]


def test_errors_are_told_with_their_places_and_fixes():
    rows = (("a.toml", 3, "bad", "mend"), ("b.toml", 0, "worse", ""))
    found = understand(said(marshal.dumps(("errors", rows), 2)))
    assert found.lines == ("a.toml:3: bad\n    mend", "b.toml: worse")


def test_all_is_read_though_it_comes_in_pieces(pipes):
    reader, writer, wake, _ = pipes
    data = said(os.urandom(300_000))

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
    os.write(writer, WHOLE[:-1])
    (line,) = read_all(reader, wake, never, 0.2).lines
    assert line.startswith("cannot read the configuration: it took more than 0.2 s")


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"", "what the compiler says makes no sense"),
        (files.ANSWER + b"%016x" % (1 << 19), "what the compiler says makes no sense"),
        (files.ANSWER + b"%016x" % (2 << 20), "the plan is larger than 1 MB"),
    ],
)
def test_one_that_never_ends_is_given_up(pipes, monkeypatch, head, why):
    monkeypatch.setattr(compiling, "PLAN_BYTES", 1 << 20)
    reader, writer, wake, _ = pipes
    stop = threading.Event()
    os.write(pipes[1], head)

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
    assert found.lines[0].startswith(f"cannot read the configuration: {why}")


def test_a_signal_is_looked_at_at_once(pipes):
    reader, _, wake, waker = pipes
    asked = []

    def interrupted():
        asked.append(1)
        return True

    os.write(waker, b"\x0f")
    assert read_all(reader, wake, interrupted, 60) is None
    assert asked == [1]
