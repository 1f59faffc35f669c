"""What programs print: read from their pipes, kept in rings, and passed to where it goes.

A stream that only inherits has no pipe and costs nothing.  Every other stream is a pipe of ours:
64 KiB at a time go to the ring and to raw files untouched, and are cut into blocks of lines only
where somebody wants lines (a prefix, JSON, a readiness expression).  One noisy program gets a
bounded share of a turn.  A pipe outlives its run while somebody still holds it open (a
grandchild); it is read on, and nobody waits for it.

Nothing here looks at all streams: a read costs the same beside a thousand other programs.
"""

from __future__ import annotations

import posix

from pyinit.core.plan import CHANNEL, Sink
from pyinit.logs.lines import Lines
from pyinit.logs.ring import STDERR, STDOUT
from pyinit.runtime.log import raised
from pyinit.runtime.logfile import NEVER, RETRY_S, FileEnd, LogFile, Way
from pyinit.runtime.stream import LINE_FORMS, Kept, Source, Special, Stream, deliver, pass_on
from pyinit.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.plan import Channel
    from pyinit.logs.ring import Parts
    from pyinit.runtime.outlet import Outlet
    from pyinit.runtime.poller import Poller
    from pyinit.runtime.stream import Follower, Watch


READ_BYTES = 64 * 1024  # the size of a pipe's buffer
READS_A_TURN = 16  # of all streams together: then signals, deadlines and clients have their turn
ENOUGH_BYTES = 4096  # a read that got less than this has emptied the pipe
FULL_BYTES = 32 * 1024  # a read that got so much has found a writer that waits for us
BIG_PIPES = 64  # so many get a bigger buffer: the kernel counts the pages of a user's pipes
DRAIN_READS = 64  # of one stream when its run is over: what its pipe can hold, several times
OLD_STREAMS = 32  # of one process, held open by what its runs left behind
INHERIT = (Sink("inherit"),)
NO_CHANNELS = (CHANNEL, CHANNEL)


class Pump:
    """Reads every pipe.  `outlets` are pyinit's own stdout and stderr.

    Of a stream whose channel has `events`, each piece goes to `on_chunk` (source, stream, bytes),
    also what is captured, as with supervisord; each message of capture mode to `on_captured`; what
    an event listener says on stdout to `on_listener` (source, bytes).
    """

    def __init__(
        self,
        poller: Poller,
        outlets: tuple[Outlet, Outlet],
        report: Callable[[str], None],
        pack: Callable[[str], None],
    ) -> None:
        self.on_chunk: Callable[[Source, int, bytes], None] | None = None
        self.on_captured: Callable[[Source, int, bytes], None] | None = None
        self.on_listener: Callable[[Source, bytes], None] | None = None
        self.on_fault: Callable[[BaseException], None] = raised  # a fault that was lived with
        self.special = Special(poller, report)
        self._poller = poller
        self._outlets = outlets
        self._way = Way(poller, outlets, report, pack, self._in_trouble, self._forget_unused)
        self._kept: dict[str, Kept] = {}
        self._files: dict[str, LogFile] = {}
        self._troubled: list[LogFile] = []
        self._adopted: list[LogFile] = []
        self._retry_at = NEVER
        self._big_pipes = 0
        self._ends: dict[str, list[int]] = {}  # the children's ends, until they are forked

    def open(
        self,
        source: Source,
        stdout: tuple[Sink, ...],
        stderr: tuple[Sink, ...],
        watch: Watch | None = None,
        channels: tuple[Channel, Channel] = NO_CHANNELS,
        *,
        listener: bool = False,
        fresh: bool = True,
    ) -> tuple[int, int]:
        """Return the descriptors a run, or a command beside it, gets as 1 and 2.

        `fresh`: what was printed before is of another run.  Raises OSError (EMFILE).
        """
        kept = self._kept.get(source.key)
        if kept is not None and fresh:
            kept.ring.mark()
        first, second = channels
        out, err = 1, 2
        if stdout != INHERIT:
            stream = self._stream(source, STDOUT, stdout, first, listener=listener)
            out = self._pipe(stream, watch)
        if stderr and stderr[0].kind == "stdout":
            return out, out
        if stderr != INHERIT:
            err = self._pipe(self._stream(source, STDERR, stderr, second), watch)
        return out, err

    def close_child_ends(self, key: str) -> None:
        """The run has its descriptors now (or never will): close our copies."""
        for fd in self._ends.pop(key, ()):
            posix.close(fd)

    def drain(self, key: str) -> None:
        """The run is over: read what its pipes still hold, without waiting."""
        kept = self._kept.get(key)
        for stream in [*kept.streams] if kept is not None else ():
            try:
                self._read(stream, DRAIN_READS, 1)
            except BaseException as error:  # noqa: BLE001  the others are drained all the same
                self.on_fault(error)

    def tail(self, key: str, stream: int | None = None) -> bytes:
        """Return the last output of a process that is kept in memory."""
        kept = self._kept.get(key)
        return b"" if kept is None else kept.ring.read(stream)

    def latest(self, key: str, stream: int) -> bytes:
        """Return the last output of the run that a process has, or had last."""
        kept = self._kept.get(key)
        return b"" if kept is None else kept.ring.latest(stream)

    def follow(self, key: str, call: Follower) -> None:
        """Call `call(stream, bytes)` with all that the process prints from now on."""
        self._of(key).followers.append(call)

    def unfollow(self, key: str, call: Follower) -> None:
        """Stop calling."""
        kept = self._kept.get(key)
        if kept is not None and call in kept.followers:
            kept.followers.remove(call)

    def captured_bytes(self, key: str) -> int:
        """Return how many bytes of a process went through our hands."""
        kept = self._kept.get(key)
        return 0 if kept is None else kept.count

    def lost_lines(self) -> tuple[int, int]:
        """Return how many lines pyinit's own stdout and stderr never took."""
        return self._outlets[0].dropped, self._outlets[1].dropped

    def lost_bytes(self) -> dict[str, int]:
        """Return how many bytes each log file in use never took, by its path."""
        return {path: file.lost_bytes for path, file in self._files.items()}

    def file(self, sink: Sink) -> LogFile:
        """Return the one object that writes to a path, whoever else writes to it."""
        file = self._files.get(sink.path)
        if file is None:
            file = self._files[sink.path] = LogFile(sink, self._way)
        file.sink = sink
        file.users += 1
        return file

    def release(self, file: LogFile) -> None:
        """Write no more to a file that `file` has returned."""
        file.users -= 1
        self._forget_unused(file)

    def reopen_all(self) -> None:
        """Open every log file anew."""
        for file in [*self._files.values()]:
            file.reopen()

    def log_path(self, key: str, stream: int) -> str:
        """Return the path of the file that pyinit has named for a stream, "" if there is none."""
        return self.special.log_path(key, stream)

    def forget_output(self, key: str) -> None:
        """Forget what is kept in memory of a process."""
        kept = self._kept.get(key)
        if kept is not None:
            kept.ring.clear()

    def close(self, key: str) -> None:
        """Forget a process that is no more; what it has printed is passed on first."""
        self.drain(key)
        self.special.forget(key)
        kept = self._kept.pop(key, None)
        for stream in [*kept.streams] if kept is not None else ():
            self._end(stream)

    def finish(self) -> None:
        """Everything is over: pass on what the pipes still hold, and unfinished lines, too."""
        for key in [*self._kept]:
            self.close(key)
        for file in [*self._files.values()]:
            if not file.is_idle:
                file.retry()

    def next_deadline(self) -> float:
        """Return when `tick` must be called: a file that could not be written is tried again."""
        return self._retry_at

    def tick(self, now: float) -> None:
        """Try again the files that are due."""
        troubled, self._troubled, self._retry_at = self._troubled, [], NEVER
        for file in troubled:
            try:
                if file.retry_at <= now:
                    file.retry()  # puts itself on the list again if it has to
                else:
                    self._in_trouble(file)
                self._forget_unused(file)
            except BaseException as error:  # noqa: BLE001  the others are tried all the same
                file.retry_at = now + RETRY_S
                self._in_trouble(file)
                self.on_fault(error)

    def streams(self) -> list[Stream]:
        """Return the open streams, to be carried over a re-exec."""
        return [stream for kept in self._kept.values() for stream in kept.streams]

    def kept(self) -> dict[str, Kept]:
        """Return what is kept, by key, to be carried over a re-exec."""
        return self._kept

    def log_files(self) -> dict[str, LogFile]:
        """Return the log files in use, by path, to be carried over a re-exec."""
        return self._files

    def adopt(
        self,
        source: Source,
        kind: int,
        sinks: tuple[Sink, ...],
        fd: int,
        rests: tuple[bytes, ...],
        watch: Watch | None,
        channel: Channel = CHANNEL,
        sieved: tuple[bytes, ...] = (),
        *,
        listener: bool = False,
    ) -> None:
        """Go on reading a pipe that another pyinit has opened.

        `rests` are as `rests_of` gave them, `sieved` as `Sieve.carried`.
        """
        stream = self._stream(source, kind, sinks, channel, listener=listener)
        self._attach(stream, fd, watch)
        if stream.sieve is not None:
            stream.sieve.restore(sieved)
        first, *others = rests
        if stream.lines is not None:
            stream.lines.rest = first
        ends = [each for each in stream.raw if isinstance(each, FileEnd)]
        for end, rest in zip(ends, others, strict=False):
            end.rest = rest

    def adopt_log(self, sink: Sink, fd: int, kept: bytes, dropped_bytes: int, trouble: str) -> None:
        """Go on writing a file that another pyinit has opened."""
        file = self.file(sink)
        file.restore(fd, kept, dropped_bytes, trouble)
        self._adopted.append(file)

    def adopted(self) -> None:
        """Everything is adopted: let go of the files that no stream uses any more."""
        for file in self._adopted:
            self.release(file)
        self._adopted.clear()

    def restore(self, key: str, parts: Parts, count: int, fresh: tuple[int, int] | None) -> None:
        """Take over what another pyinit has kept of a process."""
        kept = self._of(key)
        kept.ring.restore(parts, fresh)
        kept.count = count

    def _of(self, key: str) -> Kept:
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = Kept()
        return kept

    def _stream(
        self,
        source: Source,
        kind: int,
        sinks: tuple[Sink, ...],
        channel: Channel,
        *,
        listener: bool = False,
    ) -> Stream:
        stream = Stream(source, kind, sinks, self._of(source.key))
        if listener or channel != CHANNEL:
            from pyinit.runtime.capture import Sieve

            stream.sieve = Sieve(source, kind, channel, self, listener=listener)
        return stream

    def _pipe(self, stream: Stream, watch: Watch | None) -> int:
        reader, writer = files.pipe()
        source, old = stream.source, stream.kept.streams
        self._ends.setdefault(source.key, []).append(writer)
        while len(old) >= OLD_STREAMS:
            self._way.report(f"{source.name}: what an old run has left behind is not read any more")
            self._end(old[0])
        self._attach(stream, reader, watch)
        return writer

    def _attach(self, stream: Stream, fd: int, watch: Watch | None) -> None:
        stream.fd = fd
        stream.watch = watch
        for sink in stream.sinks:
            self._lead(stream, self.special.resolved(stream, sink))
        if stream.dressed or watch is not None:
            stream.lines = Lines()
        stream.kept.streams.append(stream)
        self._poller.register(fd, True, False, lambda _mask: self._readable(stream))

    def _lead(self, stream: Stream, sink: Sink) -> None:
        """Have a stream go to a sink."""
        outlet = self._outlets[stream.kind]
        listens = stream.sieve is not None and stream.sieve.listener
        if sink.kind == "file":
            file = self.file(sink)
            stream.files.append(file)
            if sink.format == "raw":
                stream.raw.append(FileEnd(file))
            else:
                stream.dressed.append((sink.format, file.write))
        elif sink.kind == "copy" and not listens:  # what listeners say is for nobody to read
            own = outlet if not sink.path else self._outlets[sink.path == "stderr"]
            stream.raw.append(own)
        elif sink.kind in LINE_FORMS:
            stream.dressed.append((sink.kind, outlet.write))
        elif sink.kind == "syslog":
            stream.dressed.append((sink.kind, self.special.to_syslog().taker(stream.source)))

    def _readable(self, stream: Stream) -> None:
        self._read(stream, READS_A_TURN // self._poller.ready or 1, ENOUGH_BYTES)

    def _read(self, stream: Stream, reads: int, enough: int) -> None:
        """Read so often, or until there was less than `enough`: the pipe is empty for now."""
        for _ in range(reads):
            if stream.fd < 0:
                return
            try:
                data = files.read_stream(stream.fd, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._end(stream)
                return
            self._pass_on(stream, data if stream.sieve is None else self._sieved(stream, data))
            if len(data) < enough:
                return
            if len(data) >= FULL_BYTES and not stream.big and self._big_pipes < BIG_PIPES:
                stream.big = files.enlarge_pipe(stream.fd)  # it writes while we do, not in turns
                self._big_pipes += stream.big

    def _pass_on(self, stream: Stream, data: bytes) -> None:
        fault = pass_on(stream, data)
        if fault is not None:
            self.on_fault(fault)

    def _sieved(self, stream: Stream, data: bytes) -> bytes:
        """Return what is output of what was read; where that cannot be told, all of it."""
        try:
            return data if stream.sieve is None else stream.sieve.feed(data)
        except BaseException as error:  # noqa: BLE001
            self.on_fault(error)
            return data

    def _end(self, stream: Stream) -> None:
        """The pipe is at its end: nobody holds it open any more."""
        self._poller.unregister(stream.fd)
        posix.close(stream.fd)
        stream.fd = -1
        stream.kept.streams.remove(stream)
        self._big_pipes -= stream.big
        try:
            if stream.sieve is not None:
                self._pass_on(stream, stream.sieve.finish())
            if stream.lines is not None and (rest := stream.lines.finish()):
                deliver(stream, rest)
            for end in stream.raw:
                if isinstance(end, FileEnd):
                    end.finish()
        finally:
            for file in stream.files:
                self.release(file)

    def _in_trouble(self, file: LogFile) -> None:
        if file not in self._troubled:
            self._troubled.append(file)
        self._retry_at = min(self._retry_at, file.retry_at)

    def _forget_unused(self, file: LogFile) -> None:
        if file.users == 0 and file.is_idle:
            file.close()
            self._files.pop(file.sink.path, None)
