"""The pyinit that runs here, as supervisorctl reaches it: over its control socket, by itself.

No gateway, no port and no password are in between: who may use the socket as an admin (root, and
the user that pyinit runs as) may do everything anyhow.  It is used where the URL is one of this
pyinit's own, and where nobody has said which URL and nobody listens at the usual one.
"""

from __future__ import annotations

import os
import time

from pyinit.applets.supervisorctl_server import Fault, NotFollowed
from pyinit.client import Client, NoSupervisor
from pyinit.protocol.messages import Refused
from pyinit.rpc import carrying, dispatch, faults, view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyinit.applets.supervisorctl_server import Value
    from pyinit.applets.supervisorctl_session import Settings
    from pyinit.protocol.wire import Object

UNIX, HTTP = "unix://", "http://"
HERE = ("localhost", "127.0.0.1", "::1", "")
ANYWHERE = ("", "*", "0.0.0.0", "::")  # noqa: S104  what a door may say, not where we listen
BACK_BYTES = 1024  # of what is there already
READ_BYTES = 64 * 1024
LOOK_S = 0.25  # between two looks at a log that does not grow
TRUNCATED = b"==> File truncated <==\n"


def find(settings: Settings) -> LocalServer | None:
    """Return the pyinit here if it is the one that the settings mean, and lets us do everything.

    With a username the door says whether the password is right; where it is not, or nobody knows,
    that is left to HTTP.
    """
    try:
        client = Client()
    except (NoSupervisor, Refused, OSError):
        return None
    try:
        doors = client.call("doors").get("doors")
    except (NoSupervisor, Refused, OSError):
        client.close()
        return None
    listed = list(doors) if isinstance(doors, list | tuple) else []
    meant = [str(door) for door in listed if leads_to(settings.url, str(door))]
    if meant and (settings.username is None or _lets_in(client, meant[0], settings)):
        return LocalServer(client, settings.url)
    if meant or settings.named or _somebody_listens(settings.url):
        client.close()
        return None
    return LocalServer(client, settings.url)


def _lets_in(client: Client, door: str, settings: Settings) -> bool:
    """Say whether a door takes the name and the password."""
    args: Object = {
        "place": door,
        "username": settings.username or "",
        "password": settings.password or "",
    }
    try:
        return client.call("check-door", args).get("right") is True
    except (NoSupervisor, Refused, OSError):  # one of an older pyinit knows no such verb
        return False


def leads_to(url: str, door: str) -> bool:
    """Say whether who connects to `url` comes to `door`, a listener of this machine."""
    kind, _, place = door.partition(":")
    if kind == "unix":
        path = url.removeprefix(UNIX)
        return url.startswith(UNIX) and os.path.realpath(path) == os.path.realpath(place)
    if not url.startswith(HTTP):
        return False
    host, port = _host_and_port(url)
    name, _, number = place.rpartition(":")
    name = name.strip("[]")
    same = host == name or (host in HERE and (name in ANYWHERE or name in HERE))
    return number == str(port) and same


class LocalServer:
    """One connection to pyinit's control socket."""

    def __init__(self, client: Client, url: str) -> None:
        self._client = client
        self._url = url
        self._closed = False
        self._following = False

    def call(self, method: str, *params: Value) -> Value:
        """Return the result of `supervisor.METHOD`: see Server."""
        try:
            steps = dispatch.begin(f"supervisor.{method}", list(params))
            return dispatch.run(steps, self._ask)
        except faults.Fault as fault:
            raise Fault(fault.code, fault.text) from None

    def follow(self, path: str) -> Iterator[bytes]:
        """Yield what comes into a log: see Server."""
        self._following = True
        try:
            if not self._closed:  # before it has begun
                yield from self._follow(path)
        finally:
            self._following = False
            if self._closed:
                self._client.close()

    def _follow(self, path: str) -> Iterator[bytes]:
        _, kind, *more = path.split("/")
        namespec, stream = more if kind == "logtail" else ("", "stdout")
        try:
            name = self._address(namespec) if namespec else ""
            piece = self._read(name, stream, -BACK_BYTES)
        except (faults.Fault, Refused):
            raise NotFollowed(f"{self._url}{path} Cannot read, status code 404") from None
        except OSError:
            if self._closed:
                return
            raise
        while not self._closed:
            data = str(piece.get("data", "")).encode("latin-1", "replace")
            if data:
                yield data
            else:
                time.sleep(LOOK_S)
            at = _number(piece, "offset") + len(data)
            before = piece.get("inode")
            try:
                piece = self._read(name, stream, at)
                if piece.get("inode") != before:  # rotated
                    piece = self._read(name, stream, 0)
                elif _number(piece, "size") < at:
                    yield TRUNCATED
                    piece = self._read(name, stream, 0)
            except (Refused, OSError):  # it is gone, or we are told to stop
                return

    def close(self) -> None:
        """Hang up; who follows in another thread ends at once, and closes what it waits on."""
        self._closed = True
        if self._following:
            self._client.hang_up()
        else:
            self._client.close()

    def _address(self, namespec: str) -> str:
        steps = view.find(namespec)
        _, row = dispatch.run(steps, self._ask)
        return carrying.address(row)

    def _read(self, name: str, stream: str, offset: int) -> Object:
        args: Object = {"name": name, "stream": stream, "offset": offset, "length": READ_BYTES}
        return self._ask("read-log", args)

    def _ask(self, verb: str, args: Object) -> Object:
        try:
            return self._client.call(verb, args, answer_s=None)
        except NoSupervisor as error:
            raise ConnectionResetError(str(error)) from None


def _host_and_port(url: str) -> tuple[str, int]:
    from pyinit.applets.supervisorctl_http import place_of

    place = place_of(url)
    assert not isinstance(place, str)  # the callers have looked
    return place


def _somebody_listens(url: str) -> bool:
    """Say whether a server is there, whoever it is."""
    import socket

    from pyinit.applets.supervisorctl_http import dial

    try:
        if url.startswith(UNIX):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(url.removeprefix(UNIX))
        else:
            dial(_host_and_port(url)).close()
    except (OSError, ValueError):
        return False
    return True


def _number(piece: Object, name: str) -> int:
    value = piece.get(name)
    return value if isinstance(value, int) else 0
