"""What a stream goes through before it is output: listeners, sequences, capture, AUTO, syslog."""

import os
import socket
import time

import pytest

from pyinit.core.plan import CHANNEL, INHERIT, Channel, InitPlan, Launch, Plan, ProcessPlan, Sink
from pyinit.runtime import syslog
from pyinit.runtime.auto_logs import is_auto
from pyinit.runtime.outlet import Outlet
from pyinit.runtime.poller import Poller
from pyinit.runtime.pump import Pump
from pyinit.runtime.stream import Source, rests_of
from pyinit.runtime.syslog import Syslog

BEGIN, END = b"<!--XSUPERVISOR:BEGIN-->", b"<!--XSUPERVISOR:END-->"
NULL = (Sink("null"),)


class Desk:
    """A pump whose hooks write down what they are told."""

    def __init__(self):
        self.poller = Poller()
        self.pipes = [os.pipe(), os.pipe()]
        outlets = tuple([Outlet(writer, self.poller) for _, writer in self.pipes])
        self.told, self.chunks, self.captured, self.heard = [], [], [], []
        self.pump = Pump(self.poller, outlets, self.told.append, self.told.append)
        self.pump.on_chunk = lambda _source, kind, data: self.chunks.append((kind, data))
        self.pump.on_captured = lambda _source, kind, data: self.captured.append((kind, data))
        self.pump.on_listener = lambda _source, data: self.heard.append(data)
        self.writers = []

    def run(self, stdout=NULL, stderr=NULL, channels=(CHANNEL, CHANNEL), *, listener=False):
        ends = self.pump.open(
            Source("a:0", "g:a", "a", 1, "g"), stdout, stderr, None, channels, listener=listener
        )
        ours = [os.dup(end) for end in ends if end > 2]
        self.pump.close_child_ends("a:0")
        self.writers += ours
        return ours

    def say(self, fd, data):
        os.write(fd, data)
        self.turn()

    def turn(self):
        for _ in range(3):
            self.poller.wait(time.monotonic() + 0.02)

    def end(self):
        for fd in self.writers:
            os.close(fd)
        self.writers.clear()
        self.turn()

    def tail(self):
        return self.pump.tail("a:0")


@pytest.fixture
def desk():
    found = Desk()
    yield found
    found.end()
    found.pump.finish()
    found.poller.close()
    for pair in found.pipes:
        for fd in pair:
            os.close(fd)


def test_what_is_captured_is_no_output_but_a_message(desk, tmp_path):
    path = tmp_path / "log"
    out, err = desk.run((Sink("file", str(path)),), channels=(Channel(capture=100), CHANNEL))
    desk.say(out, b"one\n" + BEGIN + b"a mess")
    desk.say(out, b"age" + END + b"two\n")
    desk.say(err, BEGIN + b"x" + END + b"\n")
    assert path.read_bytes() == b"one\ntwo\n"
    assert desk.captured == [(0, b"a message")]
    assert desk.tail() == b"one\ntwo\n" + BEGIN + b"x" + END + b"\n"
    assert desk.chunks == []


def test_events_are_told_of_every_piece_also_of_what_is_captured(desk):
    out, err = desk.run(channels=(Channel(capture=100, events=True), Channel(events=True)))
    desk.say(out, b"one\n" + BEGIN + b"inside" + END + b"two\n")
    desk.say(err, b"err\n")
    assert desk.chunks == [(0, b"one\n"), (0, b"inside"), (0, b"two\n"), (1, b"err\n")]
    assert desk.captured == [(0, b"inside")]


def test_sequences_are_gone_from_everything(desk, tmp_path):
    path = tmp_path / "log"
    sinks = (Sink("file", str(path)), Sink("copy"))
    out, _ = desk.run(sinks, channels=(Channel(events=True, strip_ansi=True), CHANNEL))
    desk.say(out, b"\x1b[31mre")
    desk.say(out, b"d\x1b[")
    desk.say(out, b"0m\n")
    assert path.read_bytes() == desk.tail() == os.read(desk.pipes[0][0], 100) == b"red\n"
    assert b"".join(data for _, data in desk.chunks) == b"red\n"


def test_a_message_without_an_end_is_output_once_the_stream_is_over(desk, tmp_path):
    path = tmp_path / "log"
    out, _ = desk.run((Sink("file", str(path)),), channels=(Channel(100, events=True), CHANNEL))
    desk.say(out, b"one\n" + BEGIN + b"half\n" + END[:4])
    assert path.read_bytes() == b"one\n"
    desk.end()
    assert path.read_bytes() == b"one\nhalf\n" + END[:4]
    assert desk.captured == []
    assert desk.chunks == [(0, b"one\n"), (0, b"half\n"), (0, END[:4])]


def test_what_a_listener_says_is_heard_and_logged_and_on_nobodys_screen(desk, tmp_path):
    path = tmp_path / "log"
    sinks = (Sink("file", str(path)), Sink("copy"))
    channels = (Channel(capture=10, events=True), CHANNEL)
    out, _ = desk.run(sinks, channels=channels, listener=True)
    desk.say(out, b"READY\n")
    desk.say(out, BEGIN + b"x" + END)
    assert desk.heard == [b"READY\n", BEGIN + b"x" + END]
    assert path.read_bytes() == b"".join(desk.heard)
    assert desk.chunks == desk.captured == []
    os.set_blocking(desk.pipes[0][0], False)
    with pytest.raises(BlockingIOError):
        os.read(desk.pipes[0][0], 100)


def test_what_is_kept_back_goes_on_with_another_pyinit(desk):
    channel = Channel(capture=100, strip_ansi=True)
    out, _ = desk.run(channels=(channel, CHANNEL))
    desk.say(out, b"one\n" + BEGIN + b"half a mess" + END[:5])
    stream = desk.pump.streams()[0]
    fd, sieved = os.dup(stream.fd), stream.sieve.carried()
    other = Desk()
    told = (stream.source, stream.kind, stream.sinks, fd, rests_of(stream), None)
    other.pump.adopt(*told, stream.sieve.channel, sieved, listener=stream.sieve.listener)
    desk.poller.unregister(stream.fd)
    os.write(out, END[5:] + b"two\n")
    other.turn()
    assert other.captured == [(0, b"half a mess")]
    assert other.tail() == b"two\n"
    other.pump.finish()


def plan_of(directory, **more):
    launch = Launch(("true",), stdout=(Sink("auto", str(directory)),), stderr=INHERIT)
    row = ProcessPlan("a:0", "g:a", "a", "g", launch)
    return Plan(init=InitPlan(identifier="me", **more), processes=(row,))


def test_an_auto_file_is_there_before_the_run_that_writes_it(desk, tmp_path):
    desk.pump.special.expect(plan_of(tmp_path), boot=True)
    path = desk.pump.log_path("a:0", 0)
    assert os.listdir(tmp_path) == [os.path.basename(path)]
    assert desk.pump.log_path("a:0", 1) == desk.pump.log_path("b:0", 0) == ""
    out, _ = desk.run((Sink("auto", str(tmp_path)),))
    desk.say(out, b"one\n")
    with open(path, "rb") as file:
        assert file.read() == b"one\n"
    desk.pump.special.expect(plan_of(tmp_path))
    assert desk.pump.log_path("a:0", 0) == path
    desk.end()
    desk.pump.close("a:0")
    assert desk.pump.log_path("a:0", 0) == ""


def test_another_directory_means_another_file(desk, tmp_path):
    desk.pump.special.expect(plan_of(tmp_path / "one"))
    desk.pump.special.expect(plan_of(tmp_path / "two"))
    assert desk.pump.log_path("a:0", 0).startswith(f"{tmp_path}/two/")


def test_where_no_file_can_be_made_output_goes_on_and_it_is_tried_again(desk, tmp_path):
    place = tmp_path / "logs"
    place.write_text("no directory")
    desk.pump.special.expect(plan_of(place))
    sinks = (Sink("auto", str(place)), Sink("copy"))
    out, _ = desk.run(sinks)
    desk.say(out, b"one\n")
    assert os.read(desk.pipes[0][0], 100) == b"one\n"
    assert len(desk.told) == 1
    assert desk.told[0].startswith(f'cannot make log files in "{place}": Not a directory\n')
    place.unlink()
    second, _ = desk.run(sinks)
    desk.say(second, b"two\n")
    with open(desk.pump.log_path("a:0", 0), "rb") as file:
        assert file.read() == b"two\n"


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("web-stdout---me-abc_1234.log", True),
        ("web-stderr---me-abc_1234.log.12", True),
        ("we---b-stderr---me-abc.log", True),
        ("web-stdout---you-abc.log", False),
        ("web-stdout---me-abc.log.gz", False),
        ("web-stdout---me-abc.log.x", False),
        ("web-stdout---me-abc.txt", False),
        ("web-stdout---me-a b.log", False),
        ("web---me-abc.log", False),
        ("---me-abc.log", False),
        ("web-stdout---me-.log", False),
    ],
)
def test_only_files_that_are_named_like_ours_are_ours(name, ours):
    assert is_auto(name, "me") is ours


class Journal:
    """Who reads what is sent to a socket of its own."""

    def __init__(self, path):
        self.path = str(path)
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()
        os.unlink(self.path)

    def read(self):
        found = []
        while True:
            try:
                found.append(self.socket.recv(1 << 20))
            except BlockingIOError:
                return found


@pytest.fixture
def poller():
    found = Poller()
    yield found
    found.close()


@pytest.fixture
def journal(tmp_path):
    found = Journal(tmp_path / "log")
    yield found
    found.socket.close()


def bodies(messages):
    return [message.split(b": ", 1)[1] for message in messages]


def test_each_line_is_a_message_in_the_form_of_syslog(poller, journal):
    told = []
    sender = Syslog(poller, told.append, journal.path, "supervisord")
    sender.taker(Source("a:0", "g:a", "a", 1, "g"))(b"one\n\ntwo words\n")
    sender.taker(Source("b:0", "b", "b", 1, "b"))(b"rest")
    messages = journal.read()
    stamp = time.strftime("%b").encode()
    assert all(message.startswith(b"<14>" + stamp + b" ") for message in messages)
    assert [message[4 + 15 :] for message in messages] == [
        b" supervisord: a one",
        b" supervisord: a ",
        b" supervisord: a two words",
        b" supervisord: b rest",
    ]
    assert told == []


def test_who_reads_slowly_gets_everything_and_holds_nobody_up(poller, journal):
    told, found = [], []
    sender = Syslog(poller, told.append, journal.path)
    for number in range(2000):
        sender.write(b"a", b"%d\n" % number)
    deadline = time.monotonic() + 30
    while len(found) < 2000 and time.monotonic() < deadline:
        found += journal.read()
        poller.wait(time.monotonic() + 0.01)
    assert bodies(found) == [b"a %d" % number for number in range(2000)]
    assert told == []
    assert sender.dropped == 0


def test_what_waits_is_bounded_and_what_is_lost_is_counted_and_told(poller, journal):
    told, found = [], []
    sender = Syslog(poller, told.append, journal.path)
    count = syslog.QUEUE_LINES + 5000
    for number in range(count):
        sender.write(b"a", b"%d\n" % number)
    assert sender.dropped > 0
    assert told == [f'nobody reads "{journal.path}" fast enough: lines are dropped']
    deadline = time.monotonic() + 30
    while len(told) < 2 and time.monotonic() < deadline:
        found += journal.read()
        poller.wait(time.monotonic() + 0.01)
    found += journal.read()
    assert len(found) == count - sender.dropped
    lost = sender.dropped
    assert told[1] == f'"{journal.path}" is read again: {lost} lines dropped: nobody took them'


def test_where_nobody_reads_lines_are_dropped_until_somebody_does(poller, journal, monkeypatch):
    monkeypatch.setattr(syslog, "RETRY_S", 0.0)
    told = []
    sender = Syslog(poller, told.append, journal.path)
    sender.write(b"a", b"one\n")
    journal.close()
    for _ in range(3):
        sender.write(b"a", b"lost\n")
    assert len(told) == 1
    assert told[0].startswith(f'cannot write to "{journal.path}": ')
    journal.open()
    sender.write(b"a", b"two\n")
    sender.write(b"a", b"three\n")
    assert bodies(journal.read()) == [b"a two", b"a three"]
    assert told[1:] == [f'"{journal.path}" is read again: 3 lines dropped: nobody took them']


def test_one_that_is_not_there_is_not_tried_with_every_line(poller, tmp_path):
    told = []
    sender = Syslog(poller, told.append, str(tmp_path / "none"))
    sender.write(b"a", b"x\n" * 1000)
    assert sender.dropped == 1000
    assert len(told) == 1


def test_lines_that_wait_are_sent_by_another_pyinit(poller, journal):
    sender = Syslog(poller, [].append, journal.path)
    for number in range(3000):
        sender.write(b"a", b"%d\n" % number)
    waiting, unsaid = sender.carried()
    assert len(waiting) > 100
    found, other = journal.read(), Syslog(poller, [].append, journal.path)
    sender._wait_no_more()
    other.restore(waiting, unsaid)
    deadline = time.monotonic() + 30
    while len(found) < 3000 and time.monotonic() < deadline:
        poller.wait(time.monotonic() + 0.01)
        found += journal.read()
    assert bodies(found) == [b"a %d" % number for number in range(3000)]
