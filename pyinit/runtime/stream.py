"""One stream of a run: what it comes from, and where what is read of it goes."""

from __future__ import annotations

import time

from pyinit.core.record import Record
from pyinit.logs import format as forms
from pyinit.logs.lines import Lines
from pyinit.logs.ring import Ring
from pyinit.runtime.logfile import FileEnd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.core.plan import Sink
    from pyinit.runtime.logfile import LogFile
    from pyinit.runtime.outlet import Outlet

    Write: TypeAlias = Callable[[bytes], None]
    Watch: TypeAlias = Callable[[bytes], bool]
    Follower: TypeAlias = Callable[[int, bytes], None]

NAMES = ("stdout", "stderr")
LINE_FORMS = ("prefix", "json", "tai64n")


class Source(Record):
    """The run that a stream comes from."""

    key: str
    name: str
    program: str
    run_id: int


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


def rests_of(stream: Stream) -> tuple[bytes, ...]:
    """Return the unfinished lines of a stream: of its lines, and of each of its raw files."""
    first = stream.lines.rest if stream.lines is not None else b""
    return (first, *[each.rest for each in stream.raw if isinstance(each, FileEnd)])


def deliver(stream: Stream, block: bytes) -> None:
    """Hand out a block of lines in the form each sink wants."""
    source = stream.source
    for form, write in stream.dressed:
        if form == "prefix":
            write(forms.prefix(block, source.name))
        elif form == "json":
            which = NAMES[stream.kind]
            write(forms.json(block, source.name, source.program, which, time.time()))
        else:
            write(forms.tai64n(block, time.time()))


def show(stream: Stream, text: bytes) -> None:
    """Show what was printed to whoever looks for readiness in it, until that was found."""
    for line in text.split(b"\n"):
        if line and stream.watch is not None and stream.watch(line):
            stream.watch = None
            if not stream.dressed:
                stream.lines = None  # nobody else wants lines
