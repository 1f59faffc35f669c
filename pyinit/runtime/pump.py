"""What programs print: read from their pipes, kept in rings, and passed to where it goes.

A stream that only inherits has no pipe and costs nothing.  Every other stream is a pipe of ours:
64 KiB at a time go to the ring and to raw files untouched, and are cut into lines only where
somebody wants lines (a prefix, JSON, a readiness expression).  One noisy program gets a bounded
share of a turn.  A pipe outlives its run while somebody still holds it open (a grandchild); it is
read on, and nobody waits for it.
"""

from __future__ import annotations

import posix
import time

from pyinit.core.plan import Sink
from pyinit.core.record import Record
from pyinit.logs import format as forms
from pyinit.logs.lines import Lines
from pyinit.logs.ring import STDERR, STDOUT, Ring
from pyinit.runtime.logfile import NEVER, LogFile
from pyinit.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.runtime.outlet import Outlet
    from pyinit.runtime.poller import Poller

READ_BYTES = 64 * 1024  # the size of a pipe's buffer
READS_A_TURN = 4  # of one stream: then it is somebody else's turn
DRAIN_READS = 64  # of one stream when its run is over: what its pipe can hold, several times
NAMES = ("stdout", "stderr")
INHERIT = (Sink("inherit"),)
LINE_FORMS = ("prefix", "json", "tai64n")


class Source(Record):
    """The run that a stream comes from."""

    key: str
    name: str
    program: str
    run_id: int


class Stream:
    """One pipe of one run, and where what comes from it goes."""

    __slots__ = ("fd", "files", "kind", "lines", "sinks", "source", "watch")

    def __init__(self, source: Source, kind: int, sinks: tuple[Sink, ...]) -> None:
        self.source = source
        self.kind = kind
        self.sinks = sinks
        self.fd = -1
        self.files: tuple[LogFile, ...] = ()
        self.watch: Callable[[bytes], None] | None = None
        self.lines: Lines | None = None
        if any(sink.kind in LINE_FORMS or sink.format != "raw" for sink in sinks):
            self.lines = Lines()


class Pump:
    """Reads every pipe.  `outlets` are pyinit's own stdout and stderr."""

    def __init__(
        self,
        poller: Poller,
        outlets: tuple[Outlet, Outlet],
        report: Callable[[str], None],
        compress: Callable[[str], None],
    ) -> None:
        self._poller = poller
        self._outlets = outlets
        self._report = report
        self._compress = compress
        self._streams: dict[int, Stream] = {}  # by descriptor
        self._rings: dict[str, Ring] = {}
        self._files: dict[str, LogFile] = {}
        self._ends: dict[str, list[int]] = {}  # the children's ends, until they are forked
        self._followers: dict[str, list[Callable[[int, bytes], None]]] = {}
        self._bytes: dict[str, int] = {}

    def open(
        self,
        source: Source,
        stdout: tuple[Sink, ...],
        stderr: tuple[Sink, ...],
        watch: Callable[[bytes], None] | None = None,
    ) -> tuple[int, int]:
        """Return the descriptors a run gets as 1 and 2.  Raises OSError (EMFILE)."""
        out = 1 if stdout == INHERIT else self._pipe(source, STDOUT, stdout, watch)
        if stderr and stderr[0].kind == "stdout":
            return out, out
        if stderr == INHERIT:
            return out, 2
        return out, self._pipe(source, STDERR, stderr, watch)

    def close_child_ends(self, key: str) -> None:
        """The run has its descriptors now (or never will): close our copies."""
        for fd in self._ends.pop(key, ()):
            posix.close(fd)

    def drain(self, key: str) -> None:
        """The run is over: read what its pipes still hold, without waiting."""
        for stream in [each for each in self._streams.values() if each.source.key == key]:
            self._read(stream, DRAIN_READS)

    def tail(self, key: str, stream: int | None = None) -> bytes:
        """Return the last output of a process that is kept in memory."""
        ring = self._rings.get(key)
        return b"" if ring is None else ring.read(stream)

    def follow(self, key: str, call: Callable[[int, bytes], None]) -> None:
        """Call `call(stream, bytes)` with all that the process prints from now on."""
        self._followers.setdefault(key, []).append(call)

    def unfollow(self, key: str, call: Callable[[int, bytes], None]) -> None:
        """Stop calling."""
        calls = self._followers.get(key, [])
        if call in calls:
            calls.remove(call)
        if not calls:
            self._followers.pop(key, None)

    def captured_bytes(self, key: str) -> int:
        """Return how many bytes of a process went through our hands."""
        return self._bytes.get(key, 0)

    def reopen_all(self) -> None:
        """Open every log file anew."""
        for file in self._files.values():
            file.reopen()

    def close(self, key: str) -> None:
        """Forget a process that is no more."""
        for stream in [each for each in self._streams.values() if each.source.key == key]:
            self._end(stream)
        self._rings.pop(key, None)
        self._followers.pop(key, None)
        self._bytes.pop(key, None)

    def next_deadline(self) -> float:
        """Return when `tick` must be called: a file that could not be written is tried again."""
        return min([file.retry_at for file in self._files.values()], default=NEVER)

    def tick(self, now: float) -> None:
        """Try again the files that are due."""
        for file in self._files.values():
            if file.retry_at <= now:
                file.retry(now)

    def streams(self) -> list[Stream]:
        """Return the open streams, to be carried over a re-exec."""
        return list(self._streams.values())

    def rings(self) -> dict[str, Ring]:
        """Return what is kept, by key."""
        return self._rings

    def adopt(
        self,
        stream: Stream,
        fd: int,
        rest: bytes,
        watch: Callable[[bytes], None] | None,
    ) -> None:
        """Go on reading a pipe that another pyinit has opened."""
        if stream.lines is not None or watch is not None:
            stream.lines = Lines(rest)
        self._attach(stream, fd, watch)

    def restore_ring(self, key: str, parts: tuple[tuple[int, bytes], ...]) -> None:
        """Take over what another pyinit has kept."""
        self._rings.setdefault(key, Ring()).restore(parts)

    def _pipe(
        self,
        source: Source,
        kind: int,
        sinks: tuple[Sink, ...],
        watch: Callable[[bytes], None] | None,
    ) -> int:
        reader, writer = files.pipe()
        self._ends.setdefault(source.key, []).append(writer)
        stream = Stream(source, kind, sinks)
        if watch is not None and stream.lines is None:
            stream.lines = Lines()
        self._attach(stream, reader, watch)
        return writer

    def _attach(self, stream: Stream, fd: int, watch: Callable[[bytes], None] | None) -> None:
        stream.fd = fd
        stream.watch = watch
        stream.files = tuple([self._file(sink) for sink in stream.sinks if sink.kind == "file"])
        self._streams[fd] = stream
        self._poller.register(fd, True, False, lambda _mask: self._read(stream, READS_A_TURN))

    def _file(self, sink: Sink) -> LogFile:
        """Return the one object that writes to a path, whoever else writes to it."""
        file = self._files.get(sink.path)
        if file is None:
            file = self._files[sink.path] = LogFile(sink, self._report, self._compress)
        file.sink = sink
        file.users += 1
        return file

    def _read(self, stream: Stream, reads: int) -> None:
        for _ in range(reads):
            if stream.fd < 0:
                return
            try:
                data = posix.read(stream.fd, READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._end(stream)
                return
            self._pass_on(stream, data)
            if len(data) < READ_BYTES // 16:
                return

    def _pass_on(self, stream: Stream, data: bytes) -> None:
        key = stream.source.key
        ring = self._rings.get(key)
        if ring is None:
            ring = self._rings[key] = Ring()
        ring.add(stream.kind, data)
        self._bytes[key] = self._bytes.get(key, 0) + len(data)
        for call in [*self._followers.get(key, ())]:
            call(stream.kind, data)
        lines = stream.lines.feed(data) if stream.lines is not None else []
        self._deliver(stream, data, lines)

    def _deliver(self, stream: Stream, data: bytes, lines: list[bytes]) -> None:
        """Hand out one read: raw as it is, lines in the form each sink wants."""
        if stream.watch is not None:
            for line in lines:
                stream.watch(line)
            if stream.lines is not None and stream.lines.rest:
                stream.watch(stream.lines.rest)  # a prompt without a newline is readable, too
        now = time.monotonic() if stream.files else 0.0
        number = 0
        for sink in stream.sinks:
            if sink.kind == "file":
                text = data if sink.format == "raw" else _dress(sink.format, lines, stream)
                stream.files[number].write(text, now)
                number += 1
            elif sink.kind == "copy":
                self._outlets[stream.kind].write(data)
            elif sink.kind in LINE_FORMS and lines:
                self._outlets[stream.kind].write(_dress(sink.kind, lines, stream))

    def _end(self, stream: Stream) -> None:
        """The pipe is at its end: nobody holds it open any more."""
        if stream.lines is not None and (rest := stream.lines.finish()):
            self._deliver(stream, b"", rest)
        self._poller.unregister(stream.fd)
        posix.close(stream.fd)
        del self._streams[stream.fd]
        stream.fd = -1
        for file in stream.files:
            file.users -= 1
            if file.users == 0:
                file.close()
                if file.retry_at == NEVER:
                    self._files.pop(file.sink.path, None)
        stream.files = ()


def _dress(form: str, lines: list[bytes], stream: Stream) -> bytes:
    if not lines:
        return b""
    if form == "prefix":
        return forms.prefix(lines, stream.source.name)
    if form == "json":
        name = NAMES[stream.kind]
        return forms.json(lines, stream.source.name, stream.source.program, name, time.time())
    if form == "tai64n":
        return forms.tai64n(lines, time.time())
    return forms.raw(lines)
