"""What a program says of itself by sd_notify(3): a datagram of lines NAME=VALUE.

Everybody can send, so nothing of it is believed here: what makes no sense is left out, numbers
are bounded, and text is cut to what fits on a line.  Names that nobody knows are passed over, as
sd_notify(3) has it for X_ names; of a name that comes twice the last one counts.
"""

from __future__ import annotations

from pyinit.core.record import Record

STATUS_CHARS = 256  # of a STATUS that are kept
NAME_CHARS = 255  # of an FDNAME: sd_notify(3)
LONGEST_S = 86_400.0  # that can be asked for at a time
MICRO = 1e6
DIGITS = 20  # of the longest 64-bit number
DEFAULT_NAME = "stored"  # of a descriptor without FDNAME: sd_notify(3)
NOBODY_NAMES = ":"  # stands between the names in LISTEN_FDNAMES


class Notice(Record):
    """One message.  None and "" stand for what it does not say.

    `extend_s` and `watchdog_s` are seconds (a `watchdog_s` of 0 ends the watch); `watchdog` is
    "ping" or "trigger"; `since_us` the MONOTONIC_USEC of RELOADING.
    """

    ready: bool = False
    reloading: bool = False
    stopping: bool = False
    status: str | None = None
    main_pid: int = 0
    extend_s: float | None = None
    watchdog: str = ""
    watchdog_s: float | None = None
    errno: int | None = None
    exit_status: int | None = None
    since_us: int | None = None
    store: bool = False
    remove: bool = False
    fd_name: str = DEFAULT_NAME
    polled: bool = True


def parse(message: bytes) -> Notice:
    """Return what `message` says."""
    said: dict[bytes, bytes] = {}
    for line in message.split(b"\n"):
        name, found, value = line.partition(b"=")
        if found:
            said[name] = value
    status = said.get(b"STATUS")
    watchdog = said.get(b"WATCHDOG", b"")
    return Notice(
        ready=said.get(b"READY") == b"1",
        reloading=said.get(b"RELOADING") == b"1",
        stopping=said.get(b"STOPPING") == b"1",
        status=None if status is None else text(status),
        main_pid=_number(said.get(b"MAINPID")) or 0,
        extend_s=_seconds(said.get(b"EXTEND_TIMEOUT_USEC")),
        watchdog={b"1": "ping", b"trigger": "trigger"}.get(watchdog, ""),
        watchdog_s=_seconds(said.get(b"WATCHDOG_USEC")),
        errno=_number(said.get(b"ERRNO")),
        exit_status=_number(said.get(b"EXIT_STATUS")),
        since_us=_number(said.get(b"MONOTONIC_USEC")),
        store=said.get(b"FDSTORE") == b"1",
        remove=said.get(b"FDSTOREREMOVE") == b"1",
        fd_name=_name(said.get(b"FDNAME")),
        polled=said.get(b"FDPOLL") != b"0",
    )


def text(value: bytes) -> str:
    """Return a STATUS as it can be shown: no control characters, and not too long."""
    whole = value[: 4 * STATUS_CHARS].decode("utf-8", "replace")
    shown = "".join([each if each.isprintable() else " " for each in whole]).strip()
    return shown[:STATUS_CHARS]


def _number(value: bytes | None) -> int | None:
    if value is None or not value.isdigit() or len(value) > DIGITS:
        return None
    return int(value)


def _seconds(value: bytes | None) -> float | None:
    found = _number(value)
    return None if found is None else min(found / MICRO, LONGEST_S)


def _name(value: bytes | None) -> str:
    """Return an FDNAME that can stand in LISTEN_FDNAMES, else the default."""
    if not value or len(value) > NAME_CHARS or NOBODY_NAMES.encode() in value:
        return DEFAULT_NAME
    ascii_only = all(b" " <= value[n : n + 1] <= b"~" for n in range(len(value)))
    return value.decode("ascii") if ascii_only else DEFAULT_NAME
