"""The blocking client of the control socket: for pyinitctl, the gateway, and programs of users.

    with Client() as client:
        client.call("restart", {"names": ["web"]}, answer_s=None)
        for event in client.follow("events"):
            ...

Verbs, arguments and results are those of docs/control.md.  Raises NoSupervisor when nobody
answers (any more), Refused (protocol.messages) when pyinit says no.  A client does one thing at
a time: while it follows a stream, calls take another client.  It is not for several threads.
"""

from __future__ import annotations

import _socket
import posix
import sys
import time

from pyinit.protocol import wire
from pyinit.protocol.messages import Refused, request
from pyinit.protocol.places import LONGEST_PATH, chosen_place, is_shared, socket_places

SHUT_RDWR = 2  # of shutdown(2)
TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from pyinit.protocol.wire import Json, Object

ANSWER_S = 10.0  # pyinit answers what needs no waiting in milliseconds; a dead one never does
LEAST_S = 0.001  # a timeout of nothing would mean not to wait for what is there already
CROWD_S = 0.02  # between two tries to get into a queue that is full
READ_BYTES = 64 * 1024
MSG_NOSIGNAL = 0x4000
CREDENTIALS_BYTES = 12  # struct ucred: pid, uid, gid, each four bytes
NOTHING: dict[str, Json] = {}
NAME_IT = "name its socket by -s PATH or PYINIT_SOCKET"
IS_IT_HERE = "does pyinit run, and is that its socket? (-s and PYINIT_SOCKET name it)"


class NoSupervisor(Exception):
    """No pyinit answers at the control socket; the text names the places that were tried."""


class Client:
    """One connection to the pyinit at `path`; by default $PYINIT_SOCKET, then the known places.

    `path` is where it was found.  A re-exec of pyinit keeps connections and streams.  Raises
    NoSupervisor, and Refused (denied) where a socket is there that we may not use.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = ""
        self._ended = False
        self._frames = wire.Frames()
        self._number = 0
        self._socket = self._connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def pid_here(self) -> int:
        """Return the pid of pyinit as it is in our PID namespace, 0 if it is not seen from there.

        What it calls its own pid is another where it is PID 1 of a namespace below ours.
        """
        return _listener(self._socket)[0]

    def close(self) -> None:
        """Hang up; streams end with it."""
        self._socket.close()

    def hang_up(self) -> None:
        """Want nothing more: whoever waits for an answer in another thread sees the end.

        Closing would not wake them, and their descriptor might be somebody else's by then.
        """
        try:
            self._socket.shutdown(SHUT_RDWR)
        except OSError:
            return

    def call(
        self, verb: str, args: Mapping[str, Json] = NOTHING, *, answer_s: float | None = ANSWER_S
    ) -> Object:
        """Carry out one verb and return its result; arguments that are None are left out.

        `answer_s` bounds the wait for pyinit's answer; None waits for as long as it takes, as
        verbs must that wait for programs.  After a timeout the client is of no more use.
        """
        number = self._send(verb, args)
        until = None if answer_s is None else time.monotonic() + answer_s
        while True:
            frame = self._receive(until)
            if frame.get("id") == number and "ok" in frame:
                return _result(frame)
            if frame.get("id") is None and frame.get("ok") is False:
                return _result(frame)

    def follow(self, verb: str, args: Mapping[str, Json] = NOTHING) -> Iterator[Object]:
        """Start a stream and yield its notifications until pyinit ends or the caller stops.

        An event "dropped" tells how many others came faster than they were taken.
        """
        number = self._send(verb, {**args, "follow": True})
        while True:
            try:
                frame = self._receive(None)
            except NoSupervisor:
                if self._ended:
                    return
                raise
            if "event" in frame:
                yield {name: value for name, value in frame.items() if name != "id"}
            elif frame.get("id") in (number, None):
                _result(frame)
                return

    def _connect(self, path: str | None) -> socket.socket:
        chosen = path or chosen_place(posix.environ)
        places = (chosen,) if chosen else socket_places(posix.environ, posix.geteuid())
        failures = []
        denied = ""
        for place in places:
            try:
                connection = _dial(place)
            except OSError as error:
                failures.append(f"  {place}: {error.strerror or error}")
                denied = denied or (place if isinstance(error, PermissionError) else "")
            else:
                if chosen or not is_shared(place) or _is_trusted(connection):
                    self.path = place
                    return connection
                connection.close()
                failures.append(f"  {place}: who answers there is somebody else")
        if denied:
            raise Refused("denied", f"access denied at {denied}\n  be root or the user of pyinit")
        failures.append(f"  {IS_IT_HERE if chosen else NAME_IT}")
        raise NoSupervisor("no pyinit answers at\n" + "\n".join(failures))

    def _send(self, verb: str, args: Mapping[str, Json]) -> int:
        self._number += 1
        given: Object = {name: value for name, value in args.items() if value is not None}
        frame = wire.encode(request(self._number, verb, given))
        try:
            self._socket.settimeout(ANSWER_S)
            self._socket.sendall(frame, MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError):
            return self._number  # turned away: the reason is there to be read
        except TimeoutError:
            raise NoSupervisor(f"pyinit at {self.path} takes no request") from None
        return self._number

    def _receive(self, until: float | None) -> Object:
        """Return the next frame; `until` is a monotonic time, None for ever."""
        while True:
            try:
                line = self._frames.take()
                if line is not None:
                    return wire.decode(line)
                self._frames.feed(self._read(until))
            except wire.FrameError as error:
                raise NoSupervisor(f"what answers at {self.path} is no pyinit: {error}") from None

    def _read(self, until: float | None) -> bytes:
        try:
            left_s = None if until is None else max(LEAST_S, until - time.monotonic())
            self._socket.settimeout(left_s)
            data = self._socket.recv(READ_BYTES)
        except TimeoutError:
            raise NoSupervisor(f"pyinit at {self.path} does not answer") from None
        except ConnectionResetError:
            data = b""
        if not data:
            self._ended = True
            raise NoSupervisor(f"pyinit at {self.path} hung up")
        return data


def _dial(place: str) -> socket.socket:
    """Connect, also to a path that is too long for an address: by way of its directory."""
    if TYPE_CHECKING:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(ANSWER_S)
        if len(place.encode("utf-8", "surrogateescape")) <= LONGEST_PATH:
            _connect(connection, place)
        else:
            directory, _, name = place.rpartition("/")
            fd = posix.open(directory or "/", posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
            try:
                _connect(connection, f"/proc/self/fd/{fd}/{name}")
            finally:
                posix.close(fd)
    except OSError:
        connection.close()
        raise
    return connection


def _is_trusted(connection: socket.socket) -> bool:
    """Say whether root or our own user listens there, and in this container (its pid is seen).

    In /tmp and /dev/shm anybody may have made the directory that we look into.
    """
    pid, uid = _listener(connection)
    return pid != 0 and uid in (0, posix.geteuid())


def _listener(connection: socket.socket) -> tuple[int, int]:
    """Return pid, as it is here, and uid of who listens there; 0 for a pid that is not seen."""
    data = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, CREDENTIALS_BYTES)
    pid, uid = [int.from_bytes(data[at : at + 4], sys.byteorder) for at in (0, 4)]
    return pid, uid


def _connect(connection: socket.socket, address: str) -> None:
    """Connect, waiting while others queue: a Unix socket with a timeout is refused at once."""
    until = time.monotonic() + ANSWER_S
    while True:
        try:
            connection.connect(address)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(CROWD_S)
        else:
            return


def _result(frame: Object) -> Object:
    """Return the result of a reply, or raise Refused."""
    result = frame.get("result")
    if frame.get("ok") is True and isinstance(result, dict):
        return result
    error = frame.get("error")
    told = error if isinstance(error, dict) else {}
    more = {name: value for name, value in told.items() if name not in ("code", "message")}
    raise Refused(str(told.get("code", "failed")), str(told.get("message", "refused")), more)
