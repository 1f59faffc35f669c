"""The pump and its log files, with real pipes and files and no process at all."""

import fcntl
import os
import resource
import signal
import time

import pytest

from pyinit.core.plan import INHERIT, Sink
from pyinit.runtime import logfile, pump
from pyinit.runtime.outlet import Outlet
from pyinit.runtime.poller import Poller
from pyinit.runtime.pump import OLD_STREAMS, Pump
from pyinit.runtime.stream import Source, rests_of


class Desk:
    """A pump with pipes for stdout and stderr, and everything it reports."""

    def __init__(self):
        self.poller = Poller()
        self.pipes = [os.pipe(), os.pipe()]
        outlets = tuple([Outlet(writer, self.poller) for _, writer in self.pipes])
        self.told, self.packed = [], []
        self.pump = Pump(self.poller, outlets, self.told.append, self.packed.append)
        self.writers = {}
        for reader, _ in self.pipes:
            os.set_blocking(reader, False)

    def run(self, name, stdout=INHERIT, stderr=INHERIT, run_id=1, watch=None):
        """Begin a run; return the ends that it writes to."""
        ends = self.pump.open(Source(f"{name}:0", name, name, run_id), stdout, stderr, watch)
        ours = tuple([os.dup(end) if end > 2 else end for end in ends])
        self.pump.close_child_ends(f"{name}:0")
        self.writers.setdefault(name, []).extend(end for end in ours if end > 2)
        return ours

    def end(self, name):
        """All of the writers of a run are gone."""
        for fd in set(self.writers.pop(name, ())):
            os.close(fd)

    def turn(self):
        self.poller.wait(time.monotonic() + 0.02)
        if self.pump.next_deadline() <= time.monotonic():
            self.pump.tick(time.monotonic())

    def said(self, stream=0):
        for _ in range(3):
            self.turn()
        try:
            return os.read(self.pipes[stream][0], 1 << 20)
        except BlockingIOError:
            return b""

    def close(self):
        for name in [*self.writers]:
            self.end(name)
        self.poller.close()
        for pair in self.pipes:
            for fd in pair:
                os.close(fd)


@pytest.fixture
def desk():
    found = Desk()
    yield found
    found.pump.finish()
    found.close()


def file(path, **more):
    return (Sink("file", str(path), **more),)


def test_inherit_costs_no_pipe_and_stderr_may_be_stdouts(desk):
    assert desk.run("a") == (1, 2)
    assert desk.run("b", INHERIT, (Sink("stdout"),)) == (1, 1)
    first, second = desk.run("c", (Sink("null"),), (Sink("stdout"),))
    assert os.fstat(first).st_ino == os.fstat(second).st_ino


def test_a_stream_may_be_passed_on_to_our_other_one(desk):
    out, err = desk.run("a", (Sink("copy", "stderr"),), (Sink("copy", "stdout"),))
    os.write(out, b"of stdout")
    os.write(err, b"of stderr")
    assert (desk.said(0), desk.said(1)) == (b"of stderr", b"of stdout")


def test_a_prompt_without_a_newline_is_seen_by_who_looks_for_readiness(desk):
    seen = []
    out, _ = desk.run("a", (Sink("copy"),), watch=seen.append)
    os.write(out, b"listening on")
    assert desk.said() == b"listening on"
    assert seen[-1] == b"listening on"
    os.write(out, b" 80\nmore\n")
    assert desk.said() == b" 80\nmore\n"
    assert b"listening on 80" in seen


def test_who_has_found_what_it_looked_for_is_not_called_again(desk):
    seen = []

    def look(line):
        seen.append(line)
        return line == b"ready"

    out, _ = desk.run("a", (Sink("copy"),), watch=look)
    os.write(out, b"wait\nready\nmore\n")
    desk.turn()
    os.write(out, b"still more\n")
    assert desk.said() == b"wait\nready\nmore\nstill more\n"
    assert seen == [b"wait", b"ready"]
    assert desk.pump.streams()[0].lines is None


def test_followers_and_tail_and_count(desk):
    heard = []
    desk.pump.follow("a:0", lambda stream, data: heard.append((stream, data)))
    out, err = desk.run("a", (Sink("null"),), (Sink("prefix"),))
    os.write(out, b"one\n")
    desk.turn()
    os.write(err, b"two\n")
    desk.turn()
    assert heard == [(0, b"one\n"), (1, b"two\n")]
    assert desk.pump.tail("a:0") == b"one\ntwo\n"
    assert desk.pump.tail("a:0", 1) == b"two\n"
    assert desk.pump.captured_bytes("a:0") == 8
    assert desk.pump.tail("nobody") == b""
    assert desk.pump.captured_bytes("nobody") == 0


def test_unfollowed_is_not_called_any_more(desk):
    heard = []

    def call(_stream, data):
        heard.append(data)

    desk.pump.follow("a:0", call)
    out, _ = desk.run("a", (Sink("null"),))
    desk.pump.unfollow("a:0", call)
    desk.pump.unfollow("a:0", call)
    desk.pump.unfollow("nobody", call)
    os.write(out, b"x")
    desk.turn()
    assert heard == []


def test_drain_reads_what_a_run_has_left_up_to_its_last_unfinished_line(desk):
    out, _ = desk.run("a", (Sink("prefix"),))
    os.write(out, b"x\nlast")
    desk.end("a")
    desk.pump.drain("a:0")
    assert desk.said() == b"a | x\na | last\n"
    assert desk.pump.streams() == []


def test_drain_of_a_pipe_that_is_never_empty_ends(desk):
    out, _ = desk.run("a", (Sink("null"),))
    os.set_blocking(out, False)
    data = b"x" * 65536

    def refill(_stream, _data):
        try:
            os.write(out, data)
        except BlockingIOError:
            return

    desk.pump.follow("a:0", refill)
    os.write(out, data)
    desk.pump.drain("a:0")
    assert desk.pump.captured_bytes("a:0") == pump.DRAIN_READS * 65536


def test_what_old_runs_have_left_behind_is_read_but_not_without_bound(desk):
    for run_id in range(OLD_STREAMS + 3):
        desk.run("a", (Sink("null"),), run_id=run_id)
    assert len(desk.pump.streams()) == OLD_STREAMS
    assert len(desk.told) == 3
    assert "not read any more" in desk.told[0]


def test_a_process_that_is_no_more_is_forgotten_its_last_words_passed_on(desk):
    out, _ = desk.run("a", (Sink("prefix"),))
    os.write(out, b"last words")
    desk.pump.close("a:0")
    assert desk.said() == b"a | last words\n"
    assert desk.pump.tail("a:0") == b""
    desk.pump.close("a:0")


def test_where_no_pipe_can_be_had_nothing_is_left_over(desk):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
    held = []
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        pass
    try:
        os.close(held.pop())
        os.close(held.pop())
        with pytest.raises(OSError, match="open files"):
            desk.pump.open(Source("a:0", "a", "a", 1), (Sink("null"),), (Sink("null"),))
        desk.pump.close_child_ends("a:0")
        desk.pump.close("a:0")
        held += [os.dup(0), os.dup(0)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in held:
            os.close(fd)


def test_two_streams_of_one_file_write_whole_lines_once_both_are_there(desk, tmp_path):
    path = tmp_path / "log"
    out, _ = desk.run("a", file(path))
    os.write(out, b"begun ")
    desk.turn()
    other, _ = desk.run("b", file(path))
    os.write(out, b"and ended\nthen ")
    desk.turn()
    os.write(other, b"other")
    desk.turn()
    assert path.read_bytes() == b"begun and ended\n"
    os.write(out, b"this\n")
    desk.turn()
    os.write(other, b" line\n")
    desk.turn()
    assert path.read_bytes() == b"begun and ended\nthen this\nother line\n"
    for _ in range(2):
        os.write(out, b"x" * (logfile.UNFINISHED_BYTES // 2 + 1))
        desk.turn()
    assert path.read_bytes().endswith(b"x" * 100), "a line without an end is not kept for ever"
    os.write(other, b"unfinished")
    desk.end("b")
    desk.pump.drain("b:0")
    assert path.read_bytes().endswith(b"unfinished")


def test_a_file_is_closed_with_its_last_stream(desk, tmp_path):
    out, err = desk.run("a", file(tmp_path / "f"), file(tmp_path / "f"))
    os.write(out, b"x\n")
    os.write(err, b"y\n")
    desk.turn()
    assert [*desk.pump.log_files()] == [str(tmp_path / "f")]
    desk.end("a")
    desk.turn()
    assert desk.pump.log_files() == {}
    assert str(tmp_path / "f") not in [
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")
    ]


def test_a_file_in_trouble_outlives_its_streams_until_all_is_written(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(logfile, "RETRY_S", 0.05)
    (tmp_path / "d").write_bytes(b"in the way")
    out, _ = desk.run("a", file(tmp_path / "d" / "f"))
    os.write(out, b"kept\n")
    desk.end("a")
    desk.turn()
    assert "Not a directory" in desk.told[0]
    assert desk.pump.next_deadline() < time.monotonic() + 1
    (tmp_path / "d").unlink()
    deadline = time.monotonic() + 10
    while desk.pump.next_deadline() != logfile.NEVER:
        assert time.monotonic() < deadline
        desk.turn()
    assert (tmp_path / "d" / "f").read_bytes() == b"kept\n"
    assert desk.told[1:] == [f'writing "{tmp_path}/d/f" again']
    assert desk.pump.log_files() == {}


def test_what_is_kept_for_a_file_is_bounded_and_the_loss_is_told(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(logfile, "RETRY_S", 3600.0)
    (tmp_path / "d").write_bytes(b"in the way")
    log = desk.pump.file(file(tmp_path / "d" / "f")[0])
    for _ in range(40):
        log.write(b"x" * 65535 + b"\n")
    _, kept, dropped, _ = log.carried()
    assert len(kept) == logfile.PATIENCE_BYTES
    assert dropped == 40 * 65536 - logfile.PATIENCE_BYTES
    (tmp_path / "d").unlink()
    desk.pump.reopen_all()
    assert (tmp_path / "d" / "f").stat().st_size == logfile.PATIENCE_BYTES
    assert desk.told[-1].endswith(f"again; {dropped} bytes were lost")


def test_a_full_disk_in_the_middle_of_a_write_doubles_nothing(desk, tmp_path):
    """The kernel takes a part of a write, then nothing: RLIMIT_FSIZE does as a disk does."""
    path = tmp_path / "f"
    log = desk.pump.file(file(path, max_size=0)[0])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        log.write(b"".join(b"%07d\n" % n for n in range(2000)))
        assert path.stat().st_size == 10_000
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    log.retry()
    assert path.read_bytes() == b"".join(b"%07d\n" % n for n in range(2000))


def test_what_somebody_has_a_lease_on_is_kept_and_written_once_that_is_given_up(desk, tmp_path):
    path = tmp_path / "f"
    lessee = os.open(path, os.O_RDWR | os.O_CREAT)
    log = desk.pump.file(file(path)[0])
    fcntl.fcntl(lessee, fcntl.F_SETSIG, signal.SIGURG)
    fcntl.fcntl(lessee, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    log.write(b"kept\n")
    assert not log.is_idle
    assert desk.told[0].startswith(f'cannot write "{path}": ')
    fcntl.fcntl(lessee, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    os.close(lessee)
    log.retry()
    assert path.read_bytes() == b"kept\n"


def test_a_slow_reader_of_a_fifo_is_waited_for_without_asking_again_and_again(desk, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    log = desk.pump.file(file(fifo)[0])
    wanted = b"".join(b"%07d\n" % n for n in range(100_000))
    for n in range(0, len(wanted), 50_000):
        log.write(wanted[n : n + 50_000])
    assert not log.is_idle
    assert desk.pump.next_deadline() == logfile.NEVER
    log.users = 0  # its program is over: what is left is written all the same
    said = b""
    deadline = time.monotonic() + 30
    while len(said) < len(wanted):
        assert time.monotonic() < deadline
        try:
            said += os.read(reader, 20_000)
        except BlockingIOError:
            desk.turn()
    assert said == wanted
    assert desk.pump.log_files() == {}
    assert desk.told == []
    os.close(reader)


def test_rotation_cuts_at_lines_and_a_longer_line_has_a_file_of_its_own(desk, tmp_path):
    log = desk.pump.file(file(tmp_path / "f", max_size=20, max_files=9)[0])
    log.write(b"12345678\n" * 5)
    log.write(b"x" * 45 + b"\n")
    log.write(b"end\n")
    sizes = [
        (tmp_path / f"f.{n}").stat().st_size
        for n in range(9, 0, -1)
        if (tmp_path / f"f.{n}").exists()
    ]
    assert all(size <= 20 for size in sizes)
    parts = [
        (tmp_path / f"f.{n}").read_bytes()
        for n in range(9, 0, -1)
        if (tmp_path / f"f.{n}").exists()
    ]
    assert parts[:2] == [b"12345678\n" * 2] * 2
    assert (
        b"".join([*parts, (tmp_path / "f").read_bytes()])
        == b"12345678\n" * 5 + b"x" * 45 + b"\nend\n"
    )


def test_a_rotated_file_that_is_to_be_compressed_is_handed_on(desk, tmp_path):
    log = desk.pump.file(file(tmp_path / "f", max_size=10, max_files=2, compress=True)[0])
    log.write(b"12345678\n")
    log.write(b"12345678\n")
    assert desk.packed == [str(tmp_path / "f")]
    log = desk.pump.file(file(tmp_path / "g", max_size=10, max_files=0, compress=True)[0])
    log.write(b"12345678\n")
    log.write(b"12345678\n")
    assert desk.packed == [str(tmp_path / "f")]
    assert sorted(os.listdir(tmp_path)) == ["f", "f.1", "g"]


def test_adopted_streams_files_and_rests_go_on_where_they_were(desk, tmp_path):
    path = tmp_path / "f"
    out, _ = desk.run("a", (*file(path), Sink("prefix")))
    desk.run("b", file(path))
    os.write(out, b"half a ")
    desk.turn()
    (stream, other) = desk.pump.streams()
    rests = rests_of(stream)
    assert rests == (b"half a ", b"half a ")
    assert rests_of(other) == (b"", b"")
    fd, sink = os.dup(stream.fd), stream.sinks
    later = Desk()
    log = desk.pump.log_files()[str(path)].carried()
    later.pump.adopt_log(sink[0], os.dup(log[0]) if log[0] >= 0 else -1, b"kept\n", 0, "")
    later.pump.adopt(stream.source, 0, sink, fd, rests, None)
    later.pump.adopted()
    later.pump.restore("a:0", ((0, b"said before\n"),), 12, (12, 0))
    os.set_blocking(fd, False)
    desk.pump._poller.unregister(stream.fd)
    os.write(out, b"line\n")
    assert later.said() == b"a | half a line\n"
    assert path.read_bytes() == b"kept\nhalf a line\n"
    assert later.pump.tail("a:0") == b"said before\nline\n"
    assert later.pump.captured_bytes("a:0") == 17
    later.pump.finish()
    later.close()


def test_a_read_costs_the_same_however_many_other_streams_there_are(desk):
    """Counted, not timed: nothing of a read or a tick looks at other processes."""
    out, _ = desk.run("a", (Sink("null"),))
    looked = []

    class Loud(dict):
        def __iter__(self):
            looked.append("iter")
            return super().__iter__()

        def values(self):
            looked.append("values")
            return super().values()

        def items(self):
            looked.append("items")
            return super().items()

    desk.pump._kept, desk.pump._files = Loud(desk.pump._kept), Loud(desk.pump._files)
    os.write(out, b"x\n")
    desk.turn()
    desk.pump.drain("a:0")
    desk.pump.next_deadline()
    desk.pump.tick(time.monotonic())
    assert looked == []
    assert desk.pump.tail("a:0") == b"x\n"
