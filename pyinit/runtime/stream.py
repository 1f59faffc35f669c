"""One stream of a run: what it comes from, and where what is read of it goes."""

from __future__ import annotations

import time

from pyinit.core.plan import Sink
from pyinit.core.record import Record
from pyinit.logs import format as forms
from pyinit.logs.lines import Lines
from pyinit.logs.ring import Ring
from pyinit.protocol.names import process_of
from pyinit.runtime.logfile import FileEnd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.core.plan import Plan
    from pyinit.runtime.auto_logs import AutoLogs
    from pyinit.runtime.capture import Sieve
    from pyinit.runtime.logfile import LogFile
    from pyinit.runtime.outlet import Outlet
    from pyinit.runtime.poller import Poller
    from pyinit.runtime.syslog import Syslog

    Write: TypeAlias = Callable[[bytes], None]
    Watch: TypeAlias = Callable[[bytes], bool]
    Follower: TypeAlias = Callable[[int, bytes], None]

NAMES = ("stdout", "stderr")
LINE_FORMS = ("prefix", "json", "tai64n")
NOWHERE = Sink("null")


class Source(Record):
    """The run that a stream comes from."""

    key: str
    name: str
    program: str
    run_id: int
    group: str = ""


class Kept:
    """What is kept of one process: its open streams, its last output, and who follows it."""

    __slots__ = ("count", "followers", "ring", "streams")

    def __init__(self) -> None:
        self.ring = Ring()
        self.count = 0
        self.streams: list[Stream] = []
        self.followers: list[Follower] = []


class Stream:
    """One pipe of one run, and where what comes from it goes."""

    __slots__ = (
        "big",
        "dressed",
        "fd",
        "files",
        "kept",
        "kind",
        "lines",
        "raw",
        "sieve",
        "sinks",
        "source",
        "watch",
    )

    def __init__(self, source: Source, kind: int, sinks: tuple[Sink, ...], kept: Kept) -> None:
        self.source = source
        self.kind = kind
        self.sinks = sinks
        self.kept = kept
        self.fd = -1
        self.big = False
        self.files: list[LogFile] = []
        self.raw: list[FileEnd | Outlet] = []  # who takes the bytes as they come
        self.dressed: list[tuple[str, Write]] = []  # who takes blocks of lines, in which form
        self.watch: Watch | None = None
        self.lines: Lines | None = None
        self.sieve: Sieve | None = None  # what it goes through before it is output


class Special:
    """Where streams go that is made only for those who want it: AUTO files, the system's log."""

    def __init__(self, poller: Poller, report: Callable[[str], None]) -> None:
        self.ident = "pyinit"  # what the system's log calls us
        self.auto: AutoLogs | None = None
        self.syslog: Syslog | None = None
        self._poller = poller
        self._report = report

    def expect(self, plan: Plan, *, boot: bool = False) -> None:
        """Make the files that pyinit names, for every process that has none yet.

        At boot those that are left of earlier pyinits are removed, unless the plan keeps them.
        """
        if not any(_has_auto(each.launch.stdout, each.launch.stderr) for each in plan.processes):
            return
        if boot and plan.init.cleanup:
            from pyinit.runtime.auto_logs import clean

            clean(plan, self._report)
        self.auto_logs(plan.init.identifier).expect(plan)

    def auto_logs(self, identifier: str) -> AutoLogs:
        """Return what knows the files that pyinit names itself."""
        if self.auto is None:
            from pyinit.runtime.auto_logs import AutoLogs

            self.auto = AutoLogs(self._report, identifier)
        self.auto.identifier = identifier
        return self.auto

    def to_syslog(self) -> Syslog:
        """Return what sends lines to the system's log."""
        if self.syslog is None:
            from pyinit.runtime.syslog import Syslog

            self.syslog = Syslog(self._poller, self._report, ident=self.ident)
        return self.syslog

    def resolved(self, stream: Stream, sink: Sink) -> Sink:
        """Return a sink with the file that is meant by "auto", if there is one."""
        if sink.kind != "auto" or self.auto is None:
            return sink
        source = stream.source
        name = process_of(source.name, source.group)
        return self.auto.sink(source.key, name, stream.kind, sink) or NOWHERE

    def log_path(self, key: str, stream: int) -> str:
        """Return the path of the file that pyinit has named for a stream, "" if there is none."""
        known = self.auto.files.get((key, stream)) if self.auto is not None else None
        return "" if known is None else known[1]

    def forget(self, key: str) -> None:
        """A process is no more."""
        if self.auto is not None:
            self.auto.forget(key)


def _has_auto(stdout: tuple[Sink, ...], stderr: tuple[Sink, ...]) -> bool:
    return any(sink.kind == "auto" for sink in (*stdout, *stderr))


def rests_of(stream: Stream) -> tuple[bytes, ...]:
    """Return the unfinished lines of a stream: of its lines, and of each of its raw files."""
    first = stream.lines.rest if stream.lines is not None else b""
    return (first, *[each.rest for each in stream.raw if isinstance(each, FileEnd)])


def pass_on(stream: Stream, data: bytes) -> BaseException | None:
    """Hand out what was read to everybody who wants it; return the first fault, if there was one.

    Who fails takes nothing from the others.
    """
    kept = stream.kept
    kept.count += len(data)
    first: BaseException | None = None
    try:
        kept.ring.add(stream.kind, data)
    except BaseException as error:  # noqa: BLE001
        first = error
    for taker in stream.raw:
        try:
            taker.write(data)
        except BaseException as error:  # noqa: BLE001
            first = first or error
    for call in [*kept.followers]:
        try:
            call(stream.kind, data)
        except BaseException as error:  # noqa: BLE001
            first = first or error
    try:
        if stream.lines is not None:
            _pass_on_lines(stream, stream.lines, data)
    except BaseException as error:  # noqa: BLE001
        first = first or error
    return first


def _pass_on_lines(stream: Stream, lines: Lines, data: bytes) -> None:
    try:
        block = lines.feed(data)
    except BaseException:
        deliver(stream, data)  # rather in pieces than not at all
        raise
    try:
        if block:
            deliver(stream, block)
    finally:
        if stream.watch is not None:
            show(stream, block + lines.rest)  # a prompt has no newline


def deliver(stream: Stream, block: bytes) -> None:
    """Hand out a block of lines in the form each sink wants; raises when all had their turn."""
    first: BaseException | None = None
    for form, write in stream.dressed:
        try:
            write(_dressed(stream, form, block))
        except BaseException as error:  # noqa: BLE001
            first = first or error
    if first is not None:
        raise first


def _dressed(stream: Stream, form: str, block: bytes) -> bytes:
    source = stream.source
    match form:
        case "prefix":
            return forms.prefix(block, source.name)
        case "json":
            which = NAMES[stream.kind]
            return forms.json(block, source.name, source.program, which, time.time())
        case "tai64n":
            return forms.tai64n(block, time.time())
        case _:
            return block


def show(stream: Stream, text: bytes) -> None:
    """Show what was printed to whoever looks for readiness in it, until that was found."""
    for line in text.split(b"\n"):
        if line and stream.watch is not None and stream.watch(line):
            stream.watch = None
            if not stream.dressed:
                stream.lines = None  # nobody else wants lines
