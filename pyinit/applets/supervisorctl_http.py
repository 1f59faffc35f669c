"""supervisord's HTTP server as supervisorctl reaches it: XML-RPC and logs, TCP and Unix sockets."""

from __future__ import annotations

import socket

from pyinit.applets import supervisorctl_xml as xml
from pyinit.applets.supervisorctl_server import BadAnswer, NotFollowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyinit.applets.supervisorctl_server import Value
    from pyinit.applets.supervisorctl_session import Settings

AGENT = "supervisorctl (pyinit)"
HTTP_PORT = 80
READ_BYTES = 64 * 1024
LONGEST_LINE = 64 * 1024
STATUS_DIGITS = 3
MOST_HEADERS = 100
LONGEST_ANSWER = 256 << 20  # a log of 50 MB, each byte written as a reference of five
UNIX = "unix://"


class HttpServer:
    """The server at the URL of `settings`.  Raises ValueError for a URL of another kind."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.url
        self._settings = settings
        self._place = place_of(settings.url)
        self._connection: socket.socket | None = None
        self._closed = False

    def call(self, method: str, *params: Value) -> Value:
        """Return the result of `supervisor.METHOD`: see Server."""
        body = xml.call(f"supervisor.{method}", params)
        head = ["Content-Type: text/xml", "Accept: text/xml", f"Content-Length: {len(body)}"]
        head.append("Connection: close")
        with self._request("POST", "/RPC2", head, body) as connection:
            answer = _Answer(connection)
            if answer.status != 200:
                raise BadAnswer("127.0.0.1/RPC2", answer.status, answer.reason)
            return xml.answer(answer.whole())

    def follow(self, path: str) -> Iterator[bytes]:
        """Yield what comes at `path`: see Server."""
        url = f"{self._url}{path}"
        # Without "Connection: close": supervisord would wait with its answer for the log's end.
        try:
            self._connection = self._request("GET", path, ["Accept: */*"])
        except OSError as error:
            why = f"Cannot connect, error: {type(error)} ({error})"
            raise NotFollowed(f"{url} {why}") from None
        with self._connection as connection:
            if self._closed:  # before there was a connection to shut down
                return
            try:
                answer = _Answer(connection)
                if answer.status != 200:
                    raise NotFollowed(f"{url} Cannot read, status code {answer.status}")
                yield from answer.parts()
            except OSError as error:
                if not self._closed:
                    raise NotFollowed(f"{url} {error}") from None

    def close(self) -> None:
        """Hang up; whoever follows in another thread is woken."""
        self._closed = True
        if self._connection is not None:
            try:
                self._connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _request(
        self, verb: str, path: str, headers: list[str], body: bytes = b""
    ) -> socket.socket:
        """Send a request; return the connection, from which the answer is to be read."""
        lines = [f"{verb} {path} HTTP/1.1", f"Host: {self._host()}", f"User-Agent: {AGENT}"]
        lines += [*headers, *self._credentials(), "", ""]
        if isinstance(self._place, str):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            connection = dial(self._place)
        try:
            if isinstance(self._place, str):
                connection.connect(self._place)
            connection.sendall("\r\n".join(lines).encode("utf-8", "surrogateescape") + body)
        except BaseException:
            connection.close()
            raise
        return connection

    def _host(self) -> str:
        if isinstance(self._place, str):
            return "localhost"
        host, port = self._place
        shown = f"[{host}]" if ":" in host else host
        return shown if port == HTTP_PORT else f"{shown}:{port}"

    def _credentials(self) -> list[str]:
        username, password = self._settings.username, self._settings.password
        if username is None or password is None:
            return []
        from binascii import b2a_base64

        pair = b2a_base64(
            f"{username}:{password}".encode("utf-8", "surrogateescape"), newline=False
        )
        return [f"Authorization: Basic {pair.decode()}"]


def dial(place: tuple[str, int]) -> socket.socket:
    """Connect to (host, port).  Raises OSError.

    The host goes as bytes: for a text Python wants its `idna` codec, a megabyte in an image.
    """
    host, port = place
    failed = OSError("no address")
    for family, kind, number, _, address in socket.getaddrinfo(
        host.encode(), port, type=socket.SOCK_STREAM
    ):
        connection = socket.socket(family, kind, number)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    raise failed


def place_of(url: str) -> str | tuple[str, int]:
    """Return the path of a Unix socket, or host and port."""
    if url.startswith(UNIX):
        return url.removeprefix(UNIX)
    scheme, colon, rest = url.partition("://")
    if not colon or scheme.lower() != "http":
        raise ValueError(f"Unknown protocol for serverurl {url}")
    host = rest.partition("/")[0].rpartition("@")[2]
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host, ""
    return name.strip("[]"), int(port) if port else HTTP_PORT


class _Answer:
    """An answer that is read as it comes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""
        _version, status, reason = [*self._line().split(None, 2), "", "", ""][:3]
        if not (status.isascii() and status.isdigit() and len(status) == STATUS_DIGITS):
            raise ConnectionError("what answers there does not speak HTTP")
        self.status = int(status)
        self.reason = "".join([char if char.isprintable() else "?" for char in reason])
        self._headers: dict[str, str] = {}
        while line := self._line():
            if len(self._headers) >= MOST_HEADERS:
                raise ConnectionError("the answer has headers without an end")
            name, _, value = line.partition(":")
            self._headers[name.strip().lower()] = value.strip()

    def whole(self) -> bytes:
        """Return the body.  Raises ConnectionError for half of one."""
        parts = []
        size = 0
        for part in self.parts():
            parts.append(part)
            size += len(part)
            if size > LONGEST_ANSWER:
                raise ConnectionError("the answer is too long")
        return b"".join(parts)

    def parts(self) -> Iterator[bytes]:
        """Yield the body as it comes."""
        if self._headers.get("transfer-encoding", "").lower() == "chunked":
            while size := self._chunk_size():
                yield from self._exactly(size)
                self._line()
        elif "content-length" in self._headers:
            yield from self._exactly(int(self._headers["content-length"]))
        else:
            while self._data or self._fill():
                data, self._data = self._data, b""
                yield data

    def _chunk_size(self) -> int:
        return int(self._line().partition(";")[0].strip() or "0", 16)

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if not self._data and not self._fill():
                raise ConnectionError("the server hung up in the middle of its answer")
            data, self._data = self._data[:size], self._data[size:]
            size -= len(data)
            yield data

    def _line(self) -> str:
        while b"\n" not in self._data:
            if len(self._data) > LONGEST_LINE or not self._fill():
                raise ConnectionError("the server hung up without an answer")
        line, _, self._data = self._data.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def _fill(self) -> bool:
        data = self._connection.recv(READ_BYTES)
        self._data += data
        return bool(data)
