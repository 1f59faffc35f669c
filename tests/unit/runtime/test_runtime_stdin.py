"""The pipes that programs read from: written without waiting, bounded, closed with the run."""

import os
import time

import pytest

from pyinit.runtime.poller import Poller
from pyinit.runtime.stdin import CLOSED, DONE, FULL, PENDING_BYTES, Stdin


@pytest.fixture
def poller():
    found = Poller()
    yield found
    found.close()


@pytest.fixture
def stdin(poller):
    found = Stdin(poller)
    yield found
    for key in [*found.carried()]:
        found.close(key)


@pytest.fixture
def reader(stdin):
    fd = stdin.open("a:0", 1)
    stdin.born("a:0", 100)
    yield fd
    os.close(fd)


def read_all(poller, fd, size):
    os.set_blocking(fd, False)
    found = b""
    deadline = time.monotonic() + 30
    while len(found) < size and time.monotonic() < deadline:
        try:
            found += os.read(fd, 1 << 20)
        except BlockingIOError:
            poller.wait(time.monotonic() + 0.05)
    return found


def test_what_is_written_is_read_and_no_end_comes(stdin, reader):
    assert stdin.write("a:0", b"hello\n") == DONE
    assert os.read(reader, 100) == b"hello\n"
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 100)


def test_who_does_not_read_holds_nobody_up_and_gets_all_of_it_in_order(stdin, poller, reader):
    parts = [bytes([97 + number]) * 100_000 for number in range(8)]
    assert [stdin.write("a:0", part) for part in parts] == [DONE] * 8
    assert read_all(poller, reader, 800_000) == b"".join(parts)
    assert not stdin.carried()["a:0"].waiting


def test_what_waits_is_bounded_and_then_nothing_of_it_is_taken(stdin, poller, reader):
    assert stdin.write("a:0", b"x" * (PENDING_BYTES + 1)) == FULL
    taken = 0
    while stdin.write("a:0", b"y" * 60_000) == DONE:
        taken += 60_000
    assert PENDING_BYTES - 60_000 < taken < PENDING_BYTES + 200_000
    assert read_all(poller, reader, taken) == b"y" * taken
    assert stdin.write("a:0", b"z") == DONE


def test_the_pipe_is_closed_when_its_run_is_reaped(stdin, reader):
    stdin.write("a:0", b"last")
    stdin.reaped(99)
    stdin.reaped(100)
    assert stdin.write("a:0", b"x") == CLOSED
    assert os.read(reader, 100) == b"last"
    assert os.read(reader, 100) == b""


def test_a_program_that_has_closed_its_stdin_is_told_apart(stdin):
    os.close(stdin.open("a:0", 1))
    assert stdin.write("a:0", b"x") == CLOSED
    assert stdin.carried() == {}


def test_a_program_that_goes_while_much_waits_costs_nothing_more(stdin, poller):
    fd = stdin.open("a:0", 1)
    assert stdin.write("a:0", b"x" * 500_000) == DONE
    os.close(fd)
    poller.wait(time.monotonic() + 5)
    assert stdin.carried() == {}


def test_nobody_can_be_written_to_who_has_no_pipe(stdin):
    assert stdin.write("nobody", b"x") == CLOSED


def test_a_new_run_has_a_new_pipe_and_the_old_one_ends(stdin, reader):
    second = stdin.open("a:0", 2)
    stdin.born("a:0", 101)
    assert os.read(reader, 100) == b""
    stdin.reaped(100)
    assert stdin.write("a:0", b"new") == DONE
    assert os.read(second, 100) == b"new"
    os.close(second)


def test_another_pyinit_goes_on_with_what_waits(stdin, poller, reader):
    stdin.write("a:0", b"x" * 300_000)
    end = stdin.carried()["a:0"]
    other = Stdin(poller)
    pending, fd = bytes(end.pending), os.dup(end.fd)
    stdin.close("a:0")
    other.adopt("a:0", end.run_id, end.pid, fd, pending)
    other.write("a:0", b"end")
    assert read_all(poller, reader, 300_003) == b"x" * 300_000 + b"end"
    other.reaped(100)
    assert other.carried() == {}
