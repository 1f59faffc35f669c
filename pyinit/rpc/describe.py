"""What is said of a process in a line: `description` of its struct, shown by every tool."""

from __future__ import annotations

import datetime as dt
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.rpc.view import Row

STAMP = "%b %d %I:%M %p"  # local time
CAP = 2**31 - 1  # XML-RPC has no greater number


def description(row: Row, now: int) -> str:
    """Return what supervisorctl shows behind the state."""
    match row.state:
        case "RUNNING":
            uptime = dt.timedelta(seconds=max(0, now - int(row.start)))
            return f"pid {row.pid}, uptime {uptime}"
        case "BACKOFF" | "FATAL":
            return row.spawnerr or f'unknown error (try "tail {row.name}")'
        case "STOPPED" | "EXITED":
            return time.strftime(STAMP, time.localtime(row.stop)) if row.stop else "Not started"
        case _:
            return ""


def capped(number: float) -> int:
    """Return a number as XML-RPC can tell it."""
    return max(-CAP - 1, min(int(number), CAP))
