"""Outlets: our own stdout and stderr, written without waiting, lost lines counted and said once."""

import os
import pty
import socket
import time
import tty

import pytest

from pyinit.runtime.outlet import BUFFER_BYTES, Outlet
from pyinit.runtime.poller import Poller


class Other:
    """The other end of a pipe, a socket or a terminal that an outlet writes to."""

    def __init__(self, kind):
        if kind == "pipe":
            self.ours, self.theirs = os.pipe()
        elif kind == "socket":
            ours, theirs = socket.socketpair()
            self.ours, self.theirs = ours.detach(), theirs.detach()
        else:
            self.ours, self.theirs = pty.openpty()
            tty.setraw(self.theirs)
        os.set_blocking(self.ours, False)
        self.poller = Poller()
        self.outlet = Outlet(self.theirs, self.poller)

    def read(self):
        """Read, letting the outlet write on, until nothing more comes."""
        said = []
        while True:
            self.poller.wait(time.monotonic() + 0.01)
            try:
                part = os.read(self.ours, 1 << 20)
            except BlockingIOError:
                return b"".join(said)
            if not part:
                return b"".join(said)
            said.append(part)

    def close(self):
        self.poller.close()
        for fd in (self.ours, self.theirs):
            if fd >= 0:
                os.close(fd)


@pytest.fixture(params=["pipe", "socket", "terminal"])
def other(request):
    found = Other(request.param)
    yield found
    found.close()


@pytest.fixture
def pipe():
    found = Other("pipe")
    yield found
    found.close()


def test_what_is_written_arrives(other):
    other.outlet.write(b"hello\n")
    assert other.read() == b"hello\n"


def test_nothing_is_lost_within_the_bound_and_the_order_is_kept(other):
    lines = [b"%06d\n" % n for n in range(100_000)]
    for n in range(0, len(lines), 1000):
        other.outlet.write(b"".join(lines[n : n + 1000]))
    assert other.read() == b"".join(lines)
    assert other.outlet.dropped == 0


def test_what_is_beyond_the_bound_is_counted_and_said_once(other):
    block = b"0123456\n" * 8000
    blocks = 40
    for _ in range(blocks):
        other.outlet.write(block)
    said = other.read()
    lost = other.outlet.dropped
    assert lost > 0
    assert said.endswith(b"pyinit: %d lines dropped: nobody took them\n" % lost)
    assert said.count(b"0123456\n") + lost == blocks * 8000
    other.outlet.write(b"after\n")
    assert other.read() == b"after\n"


def test_where_somebody_else_is_told_it_is_when_it_begins_and_when_it_is_over(other):
    told = []
    other.outlet.notice = lambda _lines: b""
    other.outlet.tell = told.append
    for turn in range(2):
        for _ in range(40):
            other.outlet.write(b"0123456\n" * 8000)
        assert told[2 * turn :] == [0]
        said = other.read()
        assert sum(told) == other.outlet.dropped > 0
        assert len(told) == 2 * turn + 2
        assert said.replace(b"0123456\n", b"") == b""


def test_who_hears_of_it_may_write_to_the_same_outlet(pipe):
    pipe.outlet.tell = lambda lines: pipe.outlet.write(b"told %d\n" % lines)
    for _ in range(40):
        pipe.outlet.write(b"0123456\n" * 8000)
    assert b"told " in pipe.read()
    os.close(pipe.ours)
    pipe.ours = -1
    pipe.outlet.write(b"nobody\n")


def test_the_buffer_is_bounded(pipe):
    for _ in range(200):
        pipe.outlet.write(b"x" * 65535 + b"\n")
    pending, *_ = pipe.outlet.carried()
    assert len(pending) <= BUFFER_BYTES


def test_a_pipe_gets_whole_lines_that_the_kernel_never_mixes(pipe):
    """Another writer of the same pipe fills it meanwhile."""
    theirs = os.dup(pipe.theirs)
    os.set_blocking(theirs, False)
    said = b""
    for n in range(400):
        pipe.outlet.write(b"".join(b"ours %07d %s\n" % (n, b"x" * 80) for _ in range(30)))
        for _ in range(20):
            try:
                os.write(theirs, b"theirs %s\n" % (b"y" * 200))
            except BlockingIOError:
                break
        said += os.read(pipe.ours, 30_000)
    said += pipe.read()
    os.close(theirs)
    ours, others = b"ours %07d " + b"x" * 80, b"theirs " + b"y" * 200
    for line in said.split(b"\n")[:-1]:
        if not line.startswith(b"pyinit: "):
            assert line == others or line == ours % int(line[5:12])


def test_a_reader_that_is_gone_costs_lines_but_raises_nothing():
    found = Other("pipe")
    os.close(found.ours)
    found.ours = -1
    found.outlet.write(b"one\ntwo\n")
    assert found.outlet.dropped == 2
    found.close()


def test_a_reader_that_goes_while_lines_wait_costs_them_all():
    found = Other("pipe")
    for _ in range(3):
        found.outlet.write(b"12345678\n" * 7000)
    os.close(found.ours)
    found.ours = -1
    found.poller.wait(time.monotonic() + 5)
    assert found.outlet.carried()[0] == b""
    assert found.outlet.dropped > 7000
    found.close()


def test_a_regular_file_and_a_full_one_are_written_directly(tmp_path):
    poller = Poller()
    with (tmp_path / "f").open("wb") as file, open("/dev/full", "wb", buffering=0) as full:
        Outlet(file.fileno(), poller).write(b"line\n")
        outlet = Outlet(full.fileno(), poller)
        outlet.write(b"a\nb\n")
        assert outlet.dropped == 2
        assert outlet.carried()[:3] == (b"", 2, 2)
    assert (tmp_path / "f").read_bytes() == b"line\n"
    poller.close()


def test_flush_waits_for_room_but_not_for_ever(pipe):
    for _ in range(3):
        pipe.outlet.write(b"12345678\n" * 7000)
    began = time.monotonic()
    assert not pipe.outlet.flush(began + 0.05)
    assert time.monotonic() >= began + 0.05
    os.read(pipe.ours, 1 << 20)
    waiting = pipe.outlet.carried()[0]
    assert waiting
    pipe.read()
    assert pipe.outlet.flush(time.monotonic() + 5)


def test_what_waits_is_taken_over_and_comes_first(pipe):
    pipe.outlet.restore(b"from before\n", 3, 2, -1)
    pipe.outlet.write(b"from now\n")
    said = pipe.read()
    assert said.startswith(b"from before\nfrom now\n")
    assert said.endswith(b"pyinit: 2 lines dropped: nobody took them\n")
    assert pipe.outlet.dropped == 3


def test_a_closed_descriptor_is_no_outlet_but_no_end_either():
    poller = Poller()
    outlet = Outlet(999, poller)
    outlet.write(b"nobody\n")
    assert outlet.dropped == 1
    poller.close()


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_what_cannot_be_opened_anew_is_written_without_waiting_and_keeps_its_flags(
    kind, monkeypatch
):
    from pyinit.runtime import outlet as module

    monkeypatch.setattr(module, "FLAGS", module.FLAGS | os.O_DIRECTORY)  # is refused: no directory
    found = Other(kind)
    lines = [b"%06d\n" % n for n in range(60_000)]
    for n in range(0, len(lines), 1000):
        found.outlet.write(b"".join(lines[n : n + 1000]))
        assert os.get_blocking(found.theirs)
    assert found.read() == b"".join(lines)
    found.close()
