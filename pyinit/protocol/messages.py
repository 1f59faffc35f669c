"""Requests, replies and notifications of the control socket, and the one table of verbs.

    request       {"id": 1, "verb": "start", "args": {"names": ["web"]}}
    reply         {"id": 1, "ok": true, "result": {...}}
                  {"id": 1, "ok": false, "error": {"code": "no-such-program", "message": "..."}}
    notification  {"event": "state", "id": 1, ...}

Every request gets exactly one reply; a request for a stream gets notifications with its id
first, and its reply when the stream ends by itself.  `id` is anything the client likes.
Whoever connected may use the verbs of their access level and below: read, operate, admin.
"""

from __future__ import annotations

from pyinit.core.record import Record
from pyinit.protocol.names import LONGEST, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.protocol.wire import Json, Object

READ, OPERATE, ADMIN = "read", "operate", "admin"
LEVELS = (READ, OPERATE, ADMIN)

# What an argument may be, and how a complaint calls it.
KINDS = {
    "names": "a list of names",
    "text": "a string",
    "flag": "true or false",
    "seconds": "a number of seconds",
    "count": "a whole number from 0",
    "integer": "a whole number",
    "limits": "an object of resource: limit",
}


class Verb(Record):
    """One verb: who may use it, its arguments by kind, and those that it cannot do without."""

    level: str
    args: dict[str, str]
    needs: tuple[str, ...] = ()


_WAITING = {"names": "names", "wait": "flag", "timeout_s": "seconds"}

VERBS = {
    "status": Verb(READ, {"names": "names", "usage": "flag"}),
    "metrics": Verb(READ, {"names": "names"}),
    "health": Verb(READ, {"names": "names"}),
    "ready": Verb(READ, {"names": "names"}),
    "wait": Verb(READ, {"names": "names", "for": "text", "timeout_s": "seconds"}, ("names",)),
    "logs": Verb(
        READ,
        {"names": "names", "lines": "count", "follow": "flag", "stream": "text"},
        ("names",),
    ),
    "events": Verb(
        READ, {"names": "names", "lines": "count", "follow": "flag", "supervisord": "flag"}
    ),
    "why": Verb(READ, {"names": "names", "lines": "count"}, ("names",)),
    "limits": Verb(READ, {"names": "names"}),
    "graph": Verb(READ, {}),
    "cancel": Verb(READ, {"request": "count"}, ("request",)),
    "doors": Verb(ADMIN, {}),
    "check-door": Verb(
        ADMIN, {"place": "text", "username": "text", "password": "text"}, ("place",)
    ),
    "info": Verb(READ, {"names": "names", "group": "text", "process": "text"}),
    "config-info": Verb(READ, {}),
    "read-log": Verb(
        READ, {"name": "text", "stream": "text", "offset": "integer", "length": "count"}
    ),
    "start": Verb(OPERATE, {**_WAITING, "precheck": "flag"}, ("names",)),
    "stop": Verb(OPERATE, _WAITING, ("names",)),
    "restart": Verb(OPERATE, {**_WAITING, "rolling": "flag"}, ("names",)),
    "signal": Verb(OPERATE, {"names": "names", "signal": "text"}, ("names", "signal")),
    "reload": Verb(OPERATE, {"dry_run": "flag", "wait": "flag"}),
    "reread": Verb(OPERATE, {}),
    "add-group": Verb(OPERATE, {"name": "text"}, ("name",)),
    "remove-group": Verb(OPERATE, {"name": "text"}, ("name",)),
    "clear-log": Verb(OPERATE, {"names": "names", "main": "flag"}),
    "write-stdin": Verb(OPERATE, {"name": "text", "data": "text"}, ("name", "data")),
    "remote-event": Verb(OPERATE, {"type": "text", "data": "text"}),
    "drain": Verb(OPERATE, {"off": "flag", "delay_s": "seconds", "timeout_s": "seconds"}),
    "set-limits": Verb(ADMIN, {"names": "names", "limits": "limits"}, ("names", "limits")),
    "env": Verb(ADMIN, {"names": "names"}, ("names",)),
    "trace": Verb(ADMIN, {"lines": "count"}),
    "restart-all": Verb(ADMIN, {}),
    "shutdown": Verb(ADMIN, {"wait": "flag"}),
    "reexec": Verb(ADMIN, {}),
}

# Error codes, and what pyinitctl exits with.
EXIT_CODES = {
    "failed": 1,
    "timeout": 1,
    "busy": 1,
    "stopping": 1,
    "bad-config": 1,
    "internal": 1,
    "interrupted": 1,
    "bad-request": 2,
    "not-running": 3,
    "not-ready": 3,
    "no-file": 1,
    "no-such-file": 1,
    "not-executable": 1,
    "already-added": 1,
    "still-running": 1,
    "bad-name": 4,
    "no-such-program": 4,
    "no-supervisor": 5,
    "denied": 6,
}


class Refused(Exception):
    """A request that is answered by an error.  `more` are further fields of the error."""

    def __init__(self, code: str, message: str, more: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.more: Object = more or {}


class Request(Record):
    """A request whose verb and arguments are as the table says."""

    id: Json
    verb: str
    args: Object


def request(number: Json, verb: str, args: Object) -> Object:
    """Return a request to be sent."""
    return {"id": number, "verb": verb, "args": args}


def reply(number: Json, result: Object) -> Object:
    """Return the reply to a request that was carried out."""
    return {"id": number, "ok": True, "result": result}


def refusal(number: Json, code: str, message: str, more: Object | None = None) -> Object:
    """Return the reply to a request that was not, or not wholly, carried out."""
    return {"id": number, "ok": False, "error": {"code": code, "message": message, **(more or {})}}


def read_request(frame: Object) -> Request:
    """Return the request in a frame.  Raises Refused (bad-request) naming what is wrong."""
    unknown = [name for name in frame if name not in ("id", "verb", "args")]
    if unknown:
        raise _bad(f"a request has no '{unknown[0][:LONGEST]}'", "it has id, verb and args")
    verb = frame.get("verb")
    args = frame.get("args", {})
    if not isinstance(verb, str):
        raise _bad("cannot read a request: its verb is no string", 'such as {"verb": "status"}')
    known = VERBS.get(verb)
    if known is None:
        raise _bad(f"no such verb: '{verb[:LONGEST]}'", _meant(verb, VERBS))
    if not isinstance(args, dict):
        raise _bad(f"cannot read '{verb}': its args are no object", 'such as {"names": ["web"]}')
    for name, value in args.items():
        if name not in known.args:
            text = f"'{verb}' takes no '{name[:LONGEST]}'"
            raise _bad(text, _meant(name, known.args))
        if not _fits(known.args[name], value):
            raise _bad(f"cannot read '{name}' of '{verb}'", f"give {KINDS[known.args[name]]}")
    for name in known.needs:
        if not args.get(name):
            raise _bad(f"'{verb}' needs '{name}'", f"give {KINDS[known.args[name]]}")
    return Request(frame.get("id"), verb, args)


def check_level(verb: str, level: str) -> None:
    """Raise Refused (denied) unless `level` reaches what `verb` asks for."""
    wanted = VERBS[verb].level
    if LEVELS.index(level) < LEVELS.index(wanted):
        text = f"cannot {verb}: it takes {wanted} access, and yours is {level}"
        raise Refused("denied", f"{text}\n  allow it in [init] control.allow, or be root")


def level_of(uid: int, own_uid: int, allow: tuple[tuple[int, str], ...]) -> str | None:
    """Return the access level of a peer, None if it has none.

    root and the user pyinit runs as are admins; others are what `allow` makes of them.
    """
    if uid in (0, own_uid):
        return ADMIN
    given = [level for each, level in allow if each == uid and level in LEVELS]
    return max(given, key=LEVELS.index, default=None)


def _fits(kind: str, value: Json) -> bool:
    match kind:
        case "names":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case "text":
            return isinstance(value, str)
        case "flag":
            return isinstance(value, bool)
        case "seconds":
            return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        case "count":
            return isinstance(value, int) and not isinstance(value, bool) and value >= 0
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:  # limits
            return isinstance(value, dict) and all(
                isinstance(each, str | int) and not isinstance(each, bool)
                for each in value.values()
            )


def _bad(what: str, fix: str) -> Refused:
    return Refused("bad-request", f"{what}\n  {fix}")


def _meant(word: str, words: dict[str, Verb] | dict[str, str]) -> str:
    near = nearest(word, words)
    if near:
        return f"did you mean '{near}'?"
    return "known: " + ", ".join(words) if words else "it takes no arguments"
