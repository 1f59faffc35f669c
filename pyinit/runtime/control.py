"""The control socket: lets clients in, cuts their requests, and keeps every one of them bounded.

Nothing here waits and nothing a client does costs more than the table below allows.  The loop
calls `tick` when `next_deadline` has come and `after_turn` after every turn; replies that had to
wait are looked at there, and everything queued is sent there, once a turn.

What a request means is not known here: `perform(ask)` carries it out.  It returns the result, or
None if the request was held (`ask.hold`) or opened a stream (`ask.stream`); it raises Refused.
"""

from __future__ import annotations

import posix
import time

from pyinit.core.states import NEVER
from pyinit.protocol.messages import (
    ADMIN,
    Refused,
    check_level,
    level_of,
    read_request,
    refusal,
    reply,
)
from pyinit.protocol.wire import FrameError, decode
from pyinit.runtime import strays
from pyinit.runtime.control_session import Ask as Ask  # noqa: PLC0414  it is of both
from pyinit.runtime.control_session import Peer, Session, turn_away
from pyinit.runtime.log import fault
from pyinit.system import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    from collections.abc import Callable

    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.carry import Resumed
    from pyinit.runtime.poller import Poller

CLIENTS = 64  # connections at a time: people, probes, a gateway, and then some
RESERVED = 8  # of them are kept for admins: a crowd of readers cannot lock root out
ACCEPTS_A_TURN = 16  # then it is the turn of those who are in
REQUESTS_A_TURN = 16  # of one client: a pipeline of them must not keep signals waiting
PARTIAL_S = 10.0  # for the rest of a request that has begun: no client writes that slowly
STALL_S = 300.0  # a client that takes nothing is dropped after this: people do press Ctrl-S
PAUSE_S = 1.0  # between two tries to accept while descriptors are short
EPOLLHUP = 0x10
EPOLLERR = 0x8


class Control:
    """The server; without a listener it is for the gateway alone.

    `report` gets what is worth a line in pyinit's log.
    """

    def __init__(
        self,
        poller: Poller,
        listener: _socket.socket | None,
        perform: Callable[[Ask], Object | None],
        report: Callable[[str], None],
        allow: tuple[tuple[int, str], ...] = (),
    ) -> None:
        self.listener = listener
        self.allow = allow
        self._poller = poller
        self._perform = perform
        self._report = report
        self._sessions: dict[int, Session] = {}
        self._touched: dict[int, Session] = {}
        self._paused_until = NEVER
        self._denied: tuple[int, str] | None = None
        if listener is not None:
            poller.register(listener.fileno(), True, False, lambda _mask: self._accept(listener))

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._sessions)

    def next_deadline(self) -> float:
        """Return when `tick` must be called, NEVER if it need not: idle clients cost nothing."""
        sessions = self._sessions.values()
        return min([self._paused_until, *[each.deadline(STALL_S, PARTIAL_S) for each in sessions]])

    def tick(self, now: float) -> None:
        """Do what is due: requests that wait their turn, replies, and clients that overstay."""
        if self._paused_until <= now:
            self._paused_until = NEVER
            if self.listener is not None:
                self._poller.modify(self.listener.fileno(), True, False)
        for session in [*self._sessions.values()]:
            if session.stalled_since + STALL_S <= now:
                self._report(session.obituary(STALL_S))
                self._close(session)
            elif session.full:
                continue
            elif session.waiting:
                self._alone(session, self._answer)
            elif session.partial_since + PARTIAL_S <= now:
                self._reject(session, f"a request was not finished within {PARTIAL_S:g} s")

    def after_turn(self) -> None:
        """Look at the replies that wait, and send what is queued."""
        now = time.monotonic()
        self._worked = False  # whether a slice was done in this turn
        for session in [each for each in self._sessions.values() if each.held]:
            self._alone(session, lambda each: self._look(each, now))
        touched, self._touched = self._touched, {}
        for session in touched.values():
            self._alone(session, lambda each: self._settle(each, now))

    def held_by(self, uid: int) -> int:
        """Return how many requests of a user wait for their reply, the gateway's left out."""
        mine = [each for each in self._sessions.values() if each.peer.uid == uid]
        return sum([len(each.held) for each in mine if not each.gateway])

    def touched(self, session: Session) -> None:
        """Something was queued for the session: send it at the end of the turn."""
        if not session.closed:  # its descriptor may be another client's by now
            self._touched[session.fd] = session

    def sessions(self) -> list[Session]:
        """Return the clients, to be carried over a re-exec."""
        return [*self._sessions.values()]

    def adopt(self, session: Session, requests: list[tuple[bytes, Resumed | None]]) -> None:
        """Go on with a client of another pyinit; `requests` are carried out again."""
        self._enter(session)
        for line, resumed in requests:
            self._carry_out(session, line, resumed)
        self._answer(session)

    def close(self) -> None:
        """Say good-bye to everybody; what is queued is sent as far as it goes."""
        self.after_turn()
        for session in [*self._sessions.values()]:
            self._close(session)
        if self.listener is not None:
            self._poller.unregister(self.listener.fileno())
            self.listener.close()

    def admit_gateway(self, connection: _socket.socket, uid: int, level: str) -> None:
        """Let the gateway in, by a socket that was made for it: it need not be let in elsewhere."""
        session = Session(connection, Peer(0, uid, level), time.monotonic())
        session.gateway = True
        self._enter(session)

    def _accept(self, listener: _socket.socket) -> None:
        for _ in range(ACCEPTS_A_TURN):
            try:
                connection = sockets.accept(listener)
            except OSError as error:  # EMFILE, ENFILE, ENOMEM: they would wake us for ever
                self._report(f"cannot accept a control client: {error}")
                self._paused_until = time.monotonic() + PAUSE_S
                self._poller.modify(listener.fileno(), False, False)
                return
            if connection is None:
                return
            self.admit(connection)

    def admit(self, connection: _socket.socket) -> None:
        """Let in who has connected, or tell them why not."""
        try:
            pid, uid, _ = sockets.peer(connection)
            level = level_of(uid, posix.geteuid(), self.allow)
            if level is None:
                self._tell_denied(uid, "connect")
                text = f"access denied to uid {uid}\n  allow it in [init] control.allow"
                turn_away(connection, "denied", text)
            elif not self._make_room(level):
                turn_away(connection, "busy", f"{CLIENTS} clients are connected already")
            else:
                self._enter(Session(connection, Peer(pid, uid, level), time.monotonic()))
        except OSError as error:
            strays.hang_up(connection)
            self._report(f"cannot admit a control client: {error}")

    def _enter(self, session: Session) -> None:
        self._poller.register(session.fd, True, False, lambda mask: self._spoke(session, mask))
        self._sessions[session.fd] = session

    def _make_room(self, level: str) -> bool:
        """Say whether one more may come in, after dropping the idlest if that makes it so."""
        bound = CLIENTS if level == ADMIN else CLIENTS - RESERVED
        if len(self._sessions) < bound:
            return True
        others = [each for each in self._sessions.values() if not each.gateway]
        idle = [each for each in others if each.idle or each.stalled_since < NEVER]
        if idle:
            least = min(idle, key=lambda session: session.used_at)
            self._dismiss(least, "busy", f"dropped as the idlest of {CLIENTS} clients")
        return len(self._sessions) < bound

    def _spoke(self, session: Session, mask: int) -> None:
        self._alone(session, lambda each: self._news(each, mask))

    def _alone(self, session: Session, act: Callable[[Session], None]) -> None:
        """Do something for a client: a fault of ours costs it its connection, and nobody else."""
        try:
            act(session)
        except Exception as error:  # noqa: BLE001
            self._confess(error)
            self._close(session)

    def _news(self, session: Session, mask: int) -> None:
        """The client has sent something, takes something, or has gone."""
        gone = bool(mask & (EPOLLHUP | EPOLLERR))
        try:
            if gone or session.wanted()[0]:
                session.read(time.monotonic())
        except FrameError as error:
            self._reject(session, str(error))
        except OSError:
            gone = True
        self._answer(session)
        if gone and not session.closed:
            self._close(session)
        else:
            self.touched(session)

    def _answer(self, session: Session) -> None:
        """Carry out requests that wait, as many as a turn allows and the client takes."""
        try:
            for _ in range(REQUESTS_A_TURN):
                if session.closed or session.full:
                    break
                line = session.take(time.monotonic())
                if line is None:
                    break
                self._carry_out(session, line)
        except FrameError as error:
            self._reject(session, str(error))
        self.touched(session)

    def _carry_out(self, session: Session, line: bytes, resumed: Resumed | None = None) -> None:
        number: Json = None
        try:
            frame = decode(line)
            number = frame.get("id")
            request = read_request(frame)
            self._check_access(request.verb, session.peer)
            ask = Ask(self, session, number)
            ask.verb, ask.args, ask.resumed = request.verb, request.args, resumed
            result = self._perform(ask)
        except FrameError as error:
            session.send(refusal(number, "bad-request", str(error)))
        except Refused as refused:
            session.send(refusal(number, refused.code, refused.message, refused.more))
        except Exception as error:  # noqa: BLE001  a bug in a verb is the request's, not PID 1's
            session.send(refusal(number, "internal", self._confess(error)))
        else:
            if result is not None:
                self._send(session, number, result)
            elif not session.closed:
                session.open.append((number, line))

    def _check_access(self, verb: str, peer: Peer) -> None:
        """Raise Refused (denied), and say so in the log."""
        try:
            check_level(verb, peer.level)
        except Refused:
            self._tell_denied(peer.uid, verb)
            raise

    def _tell_denied(self, uid: int, what: str) -> None:
        """Say who was denied what, once in a row: knocking on must not flood the log."""
        if self._denied != (uid, what):
            self._denied = (uid, what)
            self._report(f"denied to uid {uid}: {what}")

    def _look(self, session: Session, now: float) -> None:
        for held in [*session.held]:
            if session.full or session.closed:
                return
            if held.eager and self._worked:
                continue
            self._worked = self._worked or held.eager
            try:
                result = held.look()
                if result is None and held.deadline <= now:
                    result = held.expired()
            except Refused as refused:
                session.held.remove(held)
                session.send(refusal(held.number, refused.code, refused.message, refused.more))
            except Exception as error:  # noqa: BLE001  as in _carry_out
                session.held.remove(held)
                session.send(refusal(held.number, "internal", self._confess(error)))
            else:
                if result is None:
                    continue
                session.held.remove(held)
                self._send(session, held.number, result)
            if held.eager:  # then it is somebody else's turn
                self._sessions[session.fd] = self._sessions.pop(session.fd)
            self.touched(session)

    def _send(self, session: Session, number: Json, result: Object) -> None:
        try:
            session.send(reply(number, result))
        except (TypeError, ValueError) as error:
            session.send(refusal(number, "internal", self._confess(error)))

    def _confess(self, error: Exception) -> str:
        text = f"a request failed by a fault of pyinit: {fault(error)}"
        self._report(text)
        return text

    def _settle(self, session: Session, now: float) -> None:
        """Send what is queued, and wait for what the session needs next."""
        if session.closed:
            return
        try:
            session.flush(now)
        except OSError:
            self._close(session)
            return
        if session.at_end and session.idle:
            self._close(session)
            return
        wanted = session.wanted()
        if wanted != session.watched:
            session.resume(wanted, now)
            self._poller.modify(session.fd, *wanted)

    def _reject(self, session: Session, text: str) -> None:
        """Answer a client whose bytes make no sense any more, and drop it."""
        self._dismiss(session, "bad-request", text)

    def _dismiss(self, session: Session, code: str, text: str) -> None:
        """Drop a client that is told why, if it listens."""
        session.send(refusal(None, code, text))
        try:  # noqa: SIM105  contextlib is an import
            session.flush(time.monotonic())
        except OSError:
            pass
        self._close(session)

    def _close(self, session: Session) -> None:
        self._poller.unregister(session.fd)
        self._sessions.pop(session.fd, None)
        self._touched.pop(session.fd, None)
        session.close()
        if self._paused_until != NEVER:
            self._paused_until = 0.0  # a descriptor is free: accept again at once
