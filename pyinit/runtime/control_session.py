"""One client of the control socket: its socket, what it has sent, what is still to be sent to it.

A session never blocks and never grows without bound.  Requests are cut from what was read and
wait here until it is their turn; while more than QUEUE_BYTES wait to be sent, nothing more is
read.  A notification that does not fit is dropped and counted, and the client is told the count
once there is room again.
"""

from __future__ import annotations

from pyinit.core.record import Record
from pyinit.core.states import NEVER
from pyinit.protocol import wire
from pyinit.protocol.messages import Refused, refusal, reply
from pyinit.protocol.wire import Frames
from pyinit.runtime import strays
from pyinit.system import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    from collections.abc import Callable, Generator
    from typing import TypeAlias

    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.carry import Resumed
    from pyinit.runtime.control import Control

    Halves: TypeAlias = dict[str, list[bytes]]  # by process, of each of its streams

READ_BYTES = 64 * 1024
MSG_NOSIGNAL = 0x4000
HELD = 32  # requests of one client that wait for their reply: more is a fault of the client's
HELD_OF_USER = 128  # of all the clients of a uid together, but root: nobody can lock it out
STREAMS = 16  # of one client: following every program of a container one by one is done by one
GATEWAY_HELD, GATEWAY_STREAMS = 512, 128  # of the gateway, behind which are many clients
QUEUE_BYTES = 256 * 1024  # unsent: one large reply may exceed it, but nothing follows until it fell


class Peer(Record):
    """Who connected, as the kernel noted it, and what they may do."""

    pid: int
    uid: int
    level: str

    @property
    def shown(self) -> str:
        """Who it is, as the log says it; a pid is not known of those in other PID namespaces."""
        return f"uid {self.uid}, pid {self.pid}" if self.pid else f"uid {self.uid}"


class Held:
    """A request whose reply has to wait.

    `look` returns the result once there is one, or raises Refused; `expired` is asked at
    `deadline`.  An `eager` one works in slices and wants to be looked at in every turn.
    """

    __slots__ = ("deadline", "eager", "expired", "look", "number")

    def __init__(
        self,
        number: Json,
        look: Callable[[], Object | None],
        deadline: float = NEVER,
        expired: Callable[[], Object] = dict,
        *,
        eager: bool = False,
    ) -> None:
        self.number = number
        self.look = look
        self.deadline = deadline
        self.expired = expired
        self.eager = eager


class Session:
    """The state of one connection; `control` decides, this reads, queues and sends."""

    def __init__(self, connection: _socket.socket, peer: Peer, now: float) -> None:
        self.connection = connection
        self.fd = connection.fileno()
        self.peer = peer
        self.held: list[Held] = []
        # what ends each of them, and of it the halves of characters that it has not told yet
        self.streams: list[tuple[Json, Callable[[], None], Halves]] = []
        self.open: list[tuple[Json, bytes]] = []  # requests under way, as they came
        self.used_at = now  # when the last request came: the idlest client is dropped first
        self.partial_since = NEVER
        self.stalled_since = NEVER
        self.dropped = 0
        self.untold = 0  # of those, how many the client does not know of
        self.at_end = False  # the client sends nothing more
        self.closed = False
        self.gateway = False  # many clients are behind it
        self.watched = (True, False)  # what the poller waits for
        self._frames = Frames(wire.REQUEST_BYTES)
        self._out = bytearray()

    @property
    def waiting(self) -> bool:
        """Whether a request was read that is not yet answered."""
        return self._frames.ready

    @property
    def unsent(self) -> bytes:
        """What the client has not taken yet."""
        return bytes(self._out)

    @property
    def unread(self) -> bytes:
        """What the client has sent that nobody has looked at yet."""
        return self._frames.rest

    @property
    def unsent_bytes(self) -> int:
        """How much the client has not taken yet."""
        return len(self._out)

    @property
    def full(self) -> bool:
        """Whether so much is unsent that nothing more is to be done for the client."""
        return len(self._out) > QUEUE_BYTES

    @property
    def idle(self) -> bool:
        """Whether nothing at all is under way."""
        return not (self.waiting or self.held or self.streams or self._out or self._frames.partial)

    def deadline(self, stall_s: float, partial_s: float) -> float:
        """Return when something has to be done about the client, 0 for as soon as possible."""
        stalled = self.stalled_since + stall_s
        if self.full:
            return stalled  # nothing is done for it until it takes what it asked for
        if self.waiting or any(each.eager for each in self.held):
            return 0.0
        held = min([each.deadline for each in self.held], default=NEVER)
        return min(stalled, held, self.partial_since + partial_s)

    def wanted(self) -> tuple[bool, bool]:
        """Return (read, write): what the poller has to wait for."""
        return (not (self.at_end or self.full or self.waiting), bool(self._out))

    def resume(self, wanted: tuple[bool, bool], now: float) -> None:
        """Note what the poller waits for; time in which nothing was read is not the client's."""
        if wanted[0] and not self.watched[0] and self.partial_since != NEVER:
            self.partial_since = now
        self.watched = wanted

    def read(self, now: float) -> None:
        """Take what has come.  Raises FrameError, and OSError when the client is gone."""
        try:
            data, sent_along = sockets.take(self.connection, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        for fd in sent_along:  # no request takes any
            strays.leave(fd)
        if not data:
            self.at_end = True
            data = b"\n" if self._frames.partial else b""  # the last newline may be left out
        self._frames.feed(data)
        self._mark_partial(now)

    def take(self, now: float) -> bytes | None:
        """Return the next request, None if there is none.  Raises FrameError."""
        line = self._frames.take()
        self.used_at = now
        self._mark_partial(now)
        return line

    def send(self, frame: Object) -> None:
        """Queue a reply; one that no client takes becomes a refusal."""
        if self.open:
            self._answered(frame.get("id"))
        data = wire.encode(frame)
        if len(data) > wire.FRAME_BYTES:
            text = f"cannot reply: that is {len(data)} bytes, more than {wire.FRAME_BYTES}"
            data = wire.encode(refusal(frame.get("id"), "busy", f"{text}\n  name fewer processes"))
        self._out += data

    def notify(self, frame: Object) -> None:
        """Queue a notification, or drop and count it."""
        if self.full:
            self.dropped += 1
            self.untold += 1
            return
        self._tell_dropped()
        self._out += wire.encode(frame)

    def call_off(self, number: Json) -> bool:
        """End a stream or a request that waits; say whether there was one.

        It has its reply then.  What a request has begun goes on.
        """
        for stream in [each for each in self.streams if each[0] == number]:
            self.streams.remove(stream)
            stream[1]()
            self.send(reply(number, {}))
            return True
        for held in [each for each in self.held if each.number == number]:
            self.held.remove(held)
            self.send(refusal(number, "interrupted", "called off"))
            return True
        return False

    def flush(self, now: float) -> None:
        """Send what the client takes.  Raises OSError when it is gone."""
        try:
            sent = self.connection.send(self._out, MSG_NOSIGNAL) if self._out else 0
        except (BlockingIOError, InterruptedError):
            sent = 0
        del self._out[:sent]
        if not self._out:
            self.stalled_since = NEVER
            self._tell_dropped()
        elif sent or self.stalled_since == NEVER:
            self.stalled_since = now

    def restore(self, unsent: bytes, unread: bytes, now: float) -> None:
        """Take over the bytes of a client of another pyinit.  Raises FrameError."""
        self._out += unsent
        self._frames.feed(unread)
        self._mark_partial(now)

    def obituary(self, stall_s: float) -> str:
        """Return what is said of a client that is dropped since it took nothing for so long."""
        return (
            f"dropped a control client (pid {self.peer.pid}, uid {self.peer.uid}): it took nothing "
            f"for {stall_s:g} s; {self.unsent_bytes} bytes and {self.dropped} events are lost"
        )

    def close(self) -> None:
        """End everything of the session and give the descriptor back."""
        self.closed = True
        try:
            for _, end, _ in self.streams:
                end()
        finally:
            self.streams.clear()
            self.held.clear()
            strays.hang_up(self.connection)

    def _answered(self, number: Json) -> None:
        for entry in self.open:
            if entry[0] == number:
                self.open.remove(entry)
                return

    def _mark_partial(self, now: float) -> None:
        """Note since when the client is in the middle of a request."""
        if not self._frames.partial:
            self.partial_since = NEVER
        elif self.partial_since == NEVER:
            self.partial_since = now

    def _tell_dropped(self) -> None:
        if self.untold:
            self._out += wire.encode({"event": "dropped", "count": self.untold})
            self.untold = 0


class Ask:
    """One request under way, as those see it who carry it out."""

    def __init__(self, control: Control, session: Session, number: Json) -> None:
        self.peer = session.peer
        self.verb = ""
        self.args: Object = {}
        self.resumed: Resumed | None = None  # it was under way before a re-exec
        self._control = control
        self._session = session
        self._number = number

    def hold(
        self,
        look: Callable[[], Object | None],
        deadline: float = NEVER,
        expired: Callable[[], Object] = dict,
    ) -> None:
        """Reply later: when `look` returns a result, or with `expired()` at `deadline`."""
        self._keep(Held(self._number, look, deadline, expired))

    def work(self, slices: Generator[None, None, Object]) -> None:
        """Reply with what `slices` returns at its end; one slice is done in each turn.

        One request of this kind is under way at a time: all of them would fill turn and memory.
        """

        def look() -> Object | None:
            try:
                return next(slices)
            except StopIteration as end:
                result: Object = end.value
                return result

        self._keep(Held(self._number, look, eager=True))

    def stream(self, end: Callable[[], None], halves: Halves | None = None) -> None:
        """Send notifications until the client leaves; `end` is called then.

        `halves`, which may change, is carried over a re-exec.
        """
        most = GATEWAY_STREAMS if self._session.gateway else STREAMS
        if len(self._session.streams) >= most:
            end()
            raise Refused("busy", f"cannot {self.verb}: {most} streams are open already")
        self._session.streams.append((self._number, end, halves or {}))

    def notify(self, event: Object) -> None:
        """Send a notification about this request; dropped and counted if the client is slow."""
        self._session.notify({"event": event["event"], "id": self._number, **event})
        self._control.touched(self._session)

    def call_off(self, number: Json) -> bool:
        """As Session.call_off, for the client that asks."""
        return self._session.call_off(number)

    def _keep(self, held: Held) -> None:
        most = GATEWAY_HELD if self._session.gateway else HELD
        if len(self._session.held) >= most:
            raise Refused("busy", f"cannot {self.verb}: {most} requests are waiting already")
        uid = self.peer.uid
        if uid and not self._session.gateway and self._control.held_by(uid) >= HELD_OF_USER:
            raise Refused("busy", f"cannot {self.verb}: {HELD_OF_USER} requests of uid {uid} wait")
        self._session.held.append(held)


def turn_away(connection: _socket.socket, code: str, text: str) -> None:
    """Tell a client why it is not let in, as far as that goes, and close its connection."""
    try:
        connection.send(wire.encode(refusal(None, code, text)))
    finally:
        strays.hang_up(connection)
