"""What supervisorctl asks, whoever answers: supervisord's methods, and what can go wrong.

A Server is reached over HTTP (supervisorctl_http) or over pyinit's control socket
(supervisorctl_local).  Both raise Fault for what a method refuses, and OSError for a server that
cannot be reached.
"""

from __future__ import annotations

from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol, TypeAlias

    Value: TypeAlias = "str | int | float | bytes | list[Value] | dict[str, Value]"

    class Server(Protocol):
        """Somebody who knows supervisord's methods."""

        def call(self, method: str, *params: Value) -> Value:
            """Return the result of `supervisor.METHOD`.  Raises Fault, BadAnswer, OSError."""

        def follow(self, path: str) -> Iterator[bytes]:
            """Yield what is at the end of a log, and all that comes, until it is closed.

            `path` is as in supervisord's HTTP server: "/logtail/NAME/stdout", "/mainlogtail".
            Raises NotFollowed.
            """

        def close(self) -> None:
            """Hang up; a `follow` under way in another thread ends."""


# Faults of supervisord's methods.
UNKNOWN_METHOD, SHUTDOWN_STATE = 1, 6
BAD_NAME, BAD_SIGNAL = 10, 11
NO_FILE, NOT_EXECUTABLE, FAILED = 20, 21, 30
ABNORMAL_TERMINATION, SPAWN_ERROR = 40, 50
ALREADY_STARTED, NOT_RUNNING, SUCCESS = 60, 70, 80
ALREADY_ADDED, STILL_RUNNING, CANT_REREAD = 90, 91, 92
UNAUTHORIZED = 401

# States of processes.
RUNNING = 20
STOPPED_STATES = (0, 100, 200, 1000)


class Fault(Exception):
    """A method says no; `code` is one of the numbers above, `text` what it says."""

    KIND = "<class 'xmlrpc.client.Fault'>"  # as the genuine supervisorctl shows what it is

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return f"<Fault {self.code}: {self.text!r}>"


class BadAnswer(Exception):
    """An answer of HTTP that is no success."""

    KIND = "<class 'xmlrpc.client.ProtocolError'>"

    def __init__(self, place: str, status: int, reason: str) -> None:
        super().__init__(place, status, reason)
        self.status = status
        self._text = f"<ProtocolError for {place}: {status} {reason}>"

    def __str__(self) -> str:
        return self._text


class NotFollowed(Exception):
    """A log that cannot be followed; the text says why, for stderr."""


class Info(Record):
    """What getProcessInfo tells of one process, as far as it is shown."""

    name: str
    group: str
    state: int
    statename: str
    description: str
    pid: int

    @property
    def namespec(self) -> str:
        """Return the name as it is shown."""
        return namespec(self.group, self.name)


class Outcome(Record):
    """What became of one process of several."""

    name: str
    group: str
    status: int
    description: str

    @property
    def namespec(self) -> str:
        """Return the name as it is shown."""
        return namespec(self.group, self.name)


def namespec(group: str, name: str | None) -> str:
    """Return how a process is named."""
    return group if name == group else f"{group}:{name}"


def split(name: str) -> tuple[str, str | None]:
    """Return group and process that `name` means; no process is the whole group."""
    group, colon, process = name.partition(":")
    if not colon:
        return name, name
    return group, None if process in ("", "*") else process


def info_of(value: Value) -> Info:
    """Return an answer of getProcessInfo."""
    found = struct(value)
    return Info(
        name=str(found.get("name", "")),
        group=str(found.get("group", "")),
        state=number(found.get("state", 0)),
        statename=str(found.get("statename", "")),
        description=str(found.get("description", "")),
        pid=number(found.get("pid", 0)),
    )


def infos_of(value: Value) -> list[Info]:
    """Return an answer of getAllProcessInfo."""
    return [info_of(each) for each in array(value)]


def outcomes_of(value: Value) -> list[Outcome]:
    """Return an answer of a method that does something to several processes."""
    found = [struct(each) for each in array(value)]
    return [
        Outcome(
            name=str(each.get("name", "")),
            group=str(each.get("group", "")),
            status=number(each.get("status", FAILED)),
            description=str(each.get("description", "")),
        )
        for each in found
    ]


def struct(value: Value) -> dict[str, Value]:
    """Return a struct.  Raises TypeError for anything else."""
    if isinstance(value, dict):
        return value
    raise TypeError(f"expected a struct, not {value!r}")


def array(value: Value) -> list[Value]:
    """Return an array.  Raises TypeError for anything else."""
    if isinstance(value, list):
        return value
    raise TypeError(f"expected an array, not {value!r}")


def number(value: Value) -> int:
    """Return a whole number.  Raises TypeError for anything else."""
    if isinstance(value, int):
        return value
    raise TypeError(f"expected a number, not {value!r}")
