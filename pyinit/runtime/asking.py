"""One probe: asks a program once whether it is well, and calls back with the answer.

    tcp, unix     somebody accepts the connection
    http          the answer is 2xx or 3xx; also over a Unix socket
    exec          the command ends with 0: `asking_child`
    https, and hosts by name    a child asks, since a name service may take its time: `asking_child`

Nothing here waits: a connection is made by the poller, and who does not answer in time is given
up by whoever asked.  An answer is "" (well) or the reason why it is not.
"""

from __future__ import annotations

import errno
import posix
import time

from pyinit.core.record import Record
from pyinit.core.states import NEVER
from pyinit.runtime import strays
from pyinit.system import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    from collections.abc import Callable

    from pyinit.runtime.poller import Poller
    from pyinit.runtime.witness import Witness
    from pyinit.system.sockets import Address, Socket
else:
    import _socket

KINDS = frozenset(("http", "tcp", "unix", "exec"))
LOCAL = ("127.0.0.1", "::1")  # what localhost is, without a name service
UNABLE = "cannot ask: "  # so begins an answer that is our own failure, and says nothing of the run
HEAD_BYTES = 4096  # of an answer: the first line is all that counts
READ_BYTES = 64 * 1024  # mostly all of it: what is left unread takes a child to close
ANOTHER = "another process answers at its socket"
HUNG_UP = (errno.EPIPE, errno.ECONNRESET)
LOOK_S = 0.01  # between two looks at who has taken a connection
SHOWN_BYTES = 120  # of a line that somebody else has written


class Question(Record):
    """What is asked: `kind` and `target` or `argv` as in the plan, and how long it may take."""

    kind: str
    target: str
    argv: tuple[str, ...]
    timeout_s: float


class Place(Record):
    """Where an http question goes: what to connect to, the host as it is named, and the path."""

    place: str
    host: str
    path: str


def needs_child(question: Question) -> bool:
    """Say whether only a child can ask this."""
    match question.kind:
        case "exec":
            return True
        case "http":
            if question.target.startswith("https:"):
                return True
            place = split_url(question.target).place
            return not place.startswith("/") and addresses(place) is None
        case "tcp":
            return addresses(question.target) is None
        case _:
            return False


def split_url(target: str) -> Place:
    """Return the parts of "http://HOST:PORT/PATH" or of "unix:/SOCKET:/PATH"."""
    if target.startswith("unix:"):
        path, _, rest = target.removeprefix("unix:").rpartition(":/")
        return Place(path, "localhost", "/" + rest)
    scheme, _, rest = target.partition("://")
    host, _, path = rest.partition("/")
    port = "" if host.rpartition("]")[2].count(":") else (":443" if scheme == "https" else ":80")
    return Place(host + port, host, "/" + path)


def addresses(place: str) -> list[tuple[str, int]] | None:
    """Return what HOST:PORT may be connected to; None if that takes a name service."""
    host, _, port = place.rpartition(":")
    host = host.strip("[]")
    if host == "localhost":
        return [(each, int(port)) for each in LOCAL]
    is_number = ":" in host or not host.strip("0123456789.")
    return [(host, int(port))] if is_number else None


def request_of(place: Place) -> bytes:
    """Return the request that is made."""
    head = f"GET {place.path} HTTP/1.1\r\nHost: {place.host}\r\n"
    rest = "User-Agent: pyinit\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return (head + rest).encode("utf-8", "surrogateescape")


def judge_answer(target: str, head: bytes) -> str:
    """Return "" if what an HTTP server has answered is good, or what it is."""
    line = head.partition(b"\n")[0].strip(b"\r")
    version, _, status = line.partition(b" ")
    if not version.startswith(b"HTTP/") or not status[:3].isdigit():
        return f"GET {target}: what it answers is no HTTP"
    if status[:1] in (b"2", b"3"):
        return ""
    return f"GET {target}: {shown(status)}"


def shown(line: bytes) -> str:
    """Return a line of somebody else's so that it can be shown."""
    text = line[:SHOWN_BYTES].decode("utf-8", "replace")
    return "".join([char if char.isprintable() else "?" for char in text])


class Connection:
    """Asks by a connection; `done` is called once with the answer, unless `close` comes first.

    With a `witness` it matters who takes the connection: from `look_at` on `look` must be called.
    """

    def __init__(
        self,
        poller: Poller,
        question: Question,
        done: Callable[[str], None],
        witness: Witness | None = None,
    ) -> None:
        self._poller = poller
        self._done = done
        self._witness = witness
        self.look_at = NEVER
        self._is_seen = witness is None  # who answers, where that matters
        self._last = b""  # of the request, until it is known who has taken the connection
        self._socket: Socket | None = None
        self._unsent = b""
        self._answer = b""
        self._target = question.target
        self._name = question.target
        self._is_http = question.kind == "http"
        place = question.target
        if self._is_http:
            url = split_url(question.target)
            place, self._unsent = url.place, request_of(url)
            self._name = place
        self._places: list[Address] = [place]
        if not place.startswith("/"):
            self._places = [*(addresses(place) or ())]
            if self._is_http and witness is not None:
                self._unsent, self._last = self._unsent[:-2], self._unsent[-2:]

    busy, pid, label = False, 0, ""  # it is no child

    def start(self) -> None:
        """Connect to the first place, and to the next if nobody is there."""
        while self._places:
            why = self._connect(self._places.pop(0))
            if why is None:
                return
            if not self._places:
                self._finish(why)

    def give_up(self) -> str:
        """The time is over: return the answer that this is."""
        connected = self._is_http and not self._unsent
        self.close()
        if connected:
            return f"GET {self._target}: no answer"
        return f"cannot connect to {self._name}: no answer"

    def close(self) -> None:
        """Nobody wants to know any more."""
        found, self._socket = self._socket, None
        self.look_at = NEVER
        if found is not None:
            self._poller.unregister(found.fileno())
            strays.hang_up(found)

    def _connect(self, address: Address) -> str | None:
        """Return None once the connection is on its way, or why it is not."""
        try:
            self._socket = found = sockets.stream_to(address)
        except OSError as error:
            return UNABLE + posix.strerror(error.errno or 0)
        # registered first: a connection that is there at once is found to be writable
        self._poller.register(found.fileno(), False, True, self._writable)
        try:
            found.connect(address)
        except BlockingIOError as error:
            if error.errno == errno.EINPROGRESS:
                return None
            self.close()
            return f"cannot connect to {self._name}: its queue of connections is full"
        except OSError as error:
            self.close()
            return self._unable(error.errno or 0)
        return None

    def _writable(self, _mask: int) -> None:
        found = self._socket
        if found is None:
            return
        number = found.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if number in HUNG_UP and self._is_http:
            self._read(found)
        elif number:
            self.close()
            if self._places:
                self.start()
            else:
                self._finish(self._unable(number))
        elif sockets.is_to_itself(found):
            self._finish(self._unable(errno.ECONNREFUSED))
        elif self._is_http:
            self._send(found)
            self._look_soon()
        elif self._look_soon():
            self._poller.unregister(found.fileno())
            self._poller.register(found.fileno(), True, False, self._readable)
        else:
            self._finish(self._judged(""))

    def _look_soon(self) -> bool:
        """Have somebody look who takes the connection, if that matters and can be seen."""
        if self._witness is None or self._socket is None or self._name.startswith("/"):
            return False
        self.look_at = time.monotonic() + LOOK_S
        self._witness.stir()
        return True

    def look(self, now: float) -> None:
        """See who has taken the connection; if it is the run, ask on."""
        self.look_at = NEVER
        found = self._socket
        if found is None or self._witness is None:
            return
        why = self._witness.taken(found)
        if why is None:
            self.look_at = now + LOOK_S
        elif why or not self._is_http:
            self._finish(why)
        else:
            self._is_seen = True
            self._unsent += self._last
            self._send(found)

    def _send(self, found: Socket) -> None:
        try:
            self._unsent = self._unsent[found.send(self._unsent, _socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in HUNG_UP:
                self._read(found)
            else:
                self._finish(f"GET {self._target}: {posix.strerror(error.errno or 0)}")
            return
        if not self._unsent:
            self._read(found)

    def _read(self, found: Socket) -> None:
        """Wait for the answer; also of one that has hung up already, perhaps after an answer."""
        self._unsent = b""
        self._poller.unregister(found.fileno())
        self._poller.register(found.fileno(), True, False, self._readable)

    def _readable(self, _mask: int) -> None:
        found = self._socket
        if found is None:
            return
        if not self._is_http:  # taken and used, or let go, before anybody looked
            self._finish(self._witness.late() if self._witness is not None else "")
            return
        try:
            data, sent_along = sockets.take(found, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(f"GET {self._target}: {posix.strerror(error.errno or 0)}")
            return
        for fd in sent_along:
            strays.leave(fd)
        self._answer += data
        if b"\n" in self._answer or len(self._answer) >= HEAD_BYTES:
            self._finish(self._judged(judge_answer(self._target, self._answer)))
        elif not data:
            self._finish(f"GET {self._target}: it hangs up without an answer")

    def _judged(self, answer: str) -> str:
        """Return an answer, but for a good one if it is not that of the run."""
        if answer or self._is_seen or self._witness is None:
            return answer
        why = None
        if self._socket is not None and not self._name.startswith("/"):
            why = self._witness.taken(self._socket)
        return self._witness.late() if why is None else why

    def _unable(self, number: int) -> str:
        return f"cannot connect to {self._name}: {posix.strerror(number)}"

    def _finish(self, answer: str) -> None:
        self.close()
        self._done(answer)
