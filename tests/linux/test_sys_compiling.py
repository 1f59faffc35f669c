"""What PID 1 makes of a compiler that is slow, cut off, endless or mad: faults, and no crash."""

import marshal
import os
import threading

import pytest

from pyinit.core.plan import Plan
from pyinit.core.record import to_plain
from pyinit.runtime import compiling
from pyinit.runtime.compiling import Faults, read_all, understand

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
