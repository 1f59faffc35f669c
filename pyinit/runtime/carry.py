"""What one pyinit leaves to the next: written into a memory file, and read back from it.

    eight digits: the length of the next part, in hexadecimal
    marshal: [FORMAT, sizes of the blobs, everything else as plain data]
    the blobs, one after the other

Bytes that programs have printed can be many megabytes.  They are blobs, written as they are and
named by their number in the records, so that nothing is encoded, and nothing copied.
"""

from __future__ import annotations

import marshal
import posix
import sys

from pyinit.core import draft, events, plan
from pyinit.core.record import Record, from_plain, kinds_of, to_plain
from pyinit.runtime import history
from pyinit.runtime.options import Options
from pyinit.runtime.stream import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core import effects
    from pyinit.core.plan import Plan

FORMAT = 5  # of what is written down; a reader of another format refuses it
MARSHAL_VERSION = 2  # without references between objects: every Python 3 reads it
HEAD_BYTES = 8
READ_BYTES = 1 << 20
NOT_OURS = frozenset(("pyinit.core.inputs",))  # records of the same names that no state holds


class Pipe(Record):
    """An open stream: its descriptor here, whose it is, where it goes, its unfinished lines.

    `sieved` is what is kept back of it before it is output.
    """

    fd: int
    source: Source
    kind: int
    sinks: tuple[plan.Sink, ...]
    rests: tuple[int, ...]
    channel: plan.Channel = plan.CHANNEL
    listener: bool = False
    sieved: tuple[int, ...] = ()


class InPipe(Record):
    """The pipe that a run reads from, and what waits to go into it."""

    key: str
    run_id: int
    pid: int
    fd: int
    pending: int


class Unsent(Record):
    """Lines for the system's log that it did not take yet, and how many it never will."""

    lines: tuple[int, ...] = ()
    unsaid: int = 0


class KeptOutput(Record):
    """The ring of a process as (stream, blob), and how much went through our hands.

    `fresh` is how much of each stream is of its last run.
    """

    key: str
    parts: tuple[tuple[int, int], ...]
    count: int
    fresh: tuple[int, int] | None = None


class OpenLog(Record):
    """A log file: its descriptor (-1: not open), what waits to be written, what is lost so far."""

    sink: plan.Sink
    fd: int
    kept: int
    dropped_bytes: int
    trouble: str


class Stalled(Record):
    """What stdout or stderr did not take yet, and how many lines it never will.

    `fd` is the descriptor with flags of its own, -1 if there is none.
    """

    pending: int
    dropped: int
    unsaid: int
    fd: int


class Execing(Record):
    """A child that has not told yet whether it became its program."""

    pid: int
    fd: int
    key: str
    run_id: int


class Asked(Record):
    """A run that is not ready yet: the pipe it will tell by, or when to look next."""

    key: str
    run_id: int
    fd: int
    at: float


class Listener(Record):
    """A listening socket: a "door" of the gateway by its place, or one for a "program" by name."""

    kind: str
    name: str
    fd: int


class KeptEvent(Record):
    """An event of supervisord's that somebody is still to be told of; the payload is a blob."""

    serial: int
    pool_serial: int
    name: str
    payload: int


class EventPool(Record):
    """A pool of event listeners, and the events that wait in it."""

    name: str
    serial: int
    refusals: int
    events: tuple[KeptEvent, ...]


class EventListener(Record):
    """What an event listener is at, and the event that it has."""

    key: str
    run_id: int
    state: str
    rest: int
    length: int
    event: KeptEvent | None
    breaks: int
    restart_at: float


class Events(Record):
    """supervisord's events: the next serial, the last tick of each period, pools, listeners."""

    serial: int
    ticked: dict[int, int]
    pools: tuple[EventPool, ...]
    listeners: tuple[EventListener, ...]


class Resumed(Record):
    """What is known of a request under way: until when it waits, and what a stream has not told.

    `halves` are the beginnings of characters by process, of each of its streams.
    """

    deadline: float
    halves: dict[str, tuple[str, ...]]


class Client(Record):
    """A connection to the control socket: who it is, its bytes, and its requests under way.

    An older pyinit tells of these no more than what they are.
    """

    fd: int
    pid: int
    uid: int
    level: str
    unsent: int
    unread: int
    requests: tuple[int, ...]
    dropped: int
    gateway: bool = False
    untold: int = 0
    resumed: tuple[Resumed, ...] | None = None


class Carried(Record):
    """Everything."""

    supervisor: draft.Supervisor
    plan: plan.Plan
    options: Options
    directory: str
    socket_path: str
    listener_fd: int
    notify_path: str
    notify_fd: int
    pipes: tuple[Pipe, ...]
    kept: tuple[KeptOutput, ...]
    logs: tuple[OpenLog, ...]
    outlets: tuple[Stalled, ...]
    packing: tuple[str, ...]
    ends: dict[str, tuple[history.End, ...]]
    counts: dict[str, dict[str, int]]
    labels: dict[str, str]
    since: dict[int, float]
    oom_seen: int | None
    warned: tuple[str, ...]
    execing: tuple[Execing, ...]
    asked: tuple[Asked, ...]
    queue: tuple[events.Event, ...]
    signals: tuple[int, ...]
    clients: tuple[Client, ...]
    recorded: tuple[tuple[float, events.Event, effects.Effects], ...]
    reread: Plan | None = None
    held: tuple[Listener, ...] | None = None
    gateway_secret: str = ""
    stdins: tuple[InPipe, ...] = ()
    auto_logs: dict[tuple[str, int], tuple[str, str]] | None = None
    syslog: Unsent | None = None
    events: Events | None = None
    parts: dict[str, object] = {}  # noqa: RUF012  never changed
    reload_waits: bool = False


class Blobs:
    """Bytes that records name by number."""

    def __init__(self, items: list[bytes] | None = None) -> None:
        self.items: list[bytes] = [] if items is None else items

    def add(self, data: bytes) -> int:
        """Return the number of `data`."""
        self.items.append(data)
        return len(self.items) - 1

    def of(self, number: int) -> bytes:
        """Return the bytes of a number."""
        return self.items[number]


def write(carried: Carried, blobs: Blobs) -> int:
    """Return a memory file with everything, to be read from its beginning.  Raises OSError."""
    sizes = [len(each) for each in blobs.items]
    body = marshal.dumps([FORMAT, sizes, to_plain(carried)], MARSHAL_VERSION)
    fd = posix.memfd_create("pyinit-state", posix.MFD_CLOEXEC)
    try:
        for data in (b"%08x" % len(body), body, *blobs.items):
            written = 0
            while written < len(data):
                written += posix.write(fd, memoryview(data)[written:])
        posix.lseek(fd, 0, 0)
    except BaseException:
        posix.close(fd)
        raise
    return fd


def read(fd: int) -> tuple[Carried, Blobs]:
    """Return what was written, and close `fd`.  Raises ValueError for what makes no sense here."""
    try:
        head = _read(fd, HEAD_BYTES)
        found = marshal.loads(_read(fd, int(head, 16)))  # noqa: S302  we wrote it ourselves
        if not isinstance(found, list) or not found or found[0] != FORMAT:
            raise ValueError("cannot go on: the state was written by another version")
        _, sizes, plain = found
        carried = from_plain(plain, kinds())
        blobs = Blobs([_read(fd, size) for size in sizes])
    except (EOFError, TypeError, RecursionError) as error:
        raise ValueError(f"cannot go on: the state makes no sense: {error}") from error
    finally:
        posix.close(fd)
    if not isinstance(carried, Carried):
        raise ValueError("cannot go on: the state is of another kind")  # noqa: TRY004
    return carried, blobs


def kinds() -> dict[str, type[Record]]:
    """Return the records that a state is made of."""
    core = [
        module
        for name, module in sys.modules.items()
        if name.startswith("pyinit.core.") and name not in NOT_OURS
    ]
    found = kinds_of(*core, history, sys.modules[__name__])
    return {**found, "Source": Source, "Options": Options}


def _read(fd: int, size: int) -> bytes:
    parts = []
    while size > 0:
        part = posix.read(fd, min(size, READ_BYTES))
        if not part:
            raise EOFError("it is cut off")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
