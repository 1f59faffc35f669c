"""The faults of supervisord's API: a code, its name, and what it is about."""

from __future__ import annotations

CODES = {
    "UNKNOWN_METHOD": 1,
    "INCORRECT_PARAMETERS": 2,
    "BAD_ARGUMENTS": 3,
    "SIGNATURE_UNSUPPORTED": 4,
    "SHUTDOWN_STATE": 6,
    "BAD_NAME": 10,
    "BAD_SIGNAL": 11,
    "NO_FILE": 20,
    "NOT_EXECUTABLE": 21,
    "FAILED": 30,
    "ABNORMAL_TERMINATION": 40,
    "SPAWN_ERROR": 50,
    "ALREADY_STARTED": 60,
    "NOT_RUNNING": 70,
    "SUCCESS": 80,
    "ALREADY_ADDED": 90,
    "STILL_RUNNING": 91,
    "CANT_REREAD": 92,
}
SUCCESS = CODES["SUCCESS"]  # of a status struct; never raised


class Fault(Exception):
    """A method's answer that it cannot be done.  `text` is XML-RPC's faultString."""

    def __init__(self, name: str, extra: str | None = None) -> None:
        self.code = CODES[name]
        self.name = name
        self.extra = extra
        self.text = name if extra is None else f"{name}: {extra}"
        super().__init__(self.text)
