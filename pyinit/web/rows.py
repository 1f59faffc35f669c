"""What the page shows of a process: its status, put into words that fit into a row.

The words are made here and nowhere else; the page's own script puts them where they belong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyinit.protocol.wire import Json, Object


STATES = ("RUNNING", "STARTING", "BACKOFF", "STOPPING", "STOPPED", "EXITED", "FATAL", "UNKNOWN")
UNITS = ("B", "KB", "MB", "GB", "TB")
WIDE = 100  # of a unit: from here on nobody wants a decimal
LEAST_S = 1.0  # between two looks at what a run has used
FULL = 0.8  # of the descriptors in use is worth a look


@dataclass(frozen=True)
class Row:
    """One process on the page.

    `since` is when its run began, `ended` when the last one ended, in seconds since 1970 (0: it
    does not apply).  `note` is why it is where it is, or how its last run has ended; `fix` how to
    mend that.  `cpu`, `memory` and `files` are words, "" where nothing is known.
    """

    name: str
    group: str
    state: str
    ok: bool
    pid: int
    since: float
    cpu: str
    memory: str
    fds: int
    fds_limit: int
    restarts: int
    note: str
    fix: str
    ended: float

    @property
    def files(self) -> str:
        """The descriptors in use, of those that it may have."""
        if not self.fds:
            return ""
        return f"{self.fds} / {amount(self.fds_limit)}" if self.fds_limit > 0 else str(self.fds)

    @property
    def crowded(self) -> bool:
        """Whether it will soon have no descriptors left."""
        return self.fds_limit > 0 and self.fds >= FULL * self.fds_limit

    def told(self) -> Object:
        """Return the row as the page's script gets it."""
        return {
            "name": self.name,
            "group": self.group,
            "state": self.state,
            "ok": self.ok,
            "pid": self.pid,
            "since": self.since,
            "cpu": self.cpu,
            "memory": self.memory,
            "files": self.files,
            "crowded": self.crowded,
            "restarts": self.restarts,
            "note": self.note,
            "fix": self.fix,
            "ended": self.ended,
        }


class Meter:
    """Makes shares of a processor out of the time that runs have used until now."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, float, float, float | None]] = {}

    def share(self, name: str, pid: int, cpu_s: float, now: float) -> float | None:
        """Return how much of a processor a run has used lately, None if that is not known yet.

        The kernel counts in hundredths of a second: a share is made of LEAST_S or more.
        """
        before = self._before.get(name)
        if not pid or before is None or before[0] != pid:
            self._before[name] = (pid, cpu_s, now, None)
            return None
        _, used_s, at, last = before
        if now - at < LEAST_S:
            return last
        share = max(0.0, (cpu_s - used_s) / (now - at))
        self._before[name] = (pid, cpu_s, now, share)
        return share

    def forget_all_but(self, names: Iterable[str]) -> None:
        """Forget processes that are no more."""
        known = frozenset(names)
        self._before = {name: each for name, each in self._before.items() if name in known}


def rows_of(status: Object, meter: Meter, wall: float, now: float) -> list[Row]:
    """Return the rows of a `status` with usage; `wall` and `now` are the times it is of."""
    return [_row(each, meter, wall, now) for each in objects(status.get("processes"))]


def _row(entry: Mapping[str, Json], meter: Meter, wall: float, now: float) -> Row:
    name, pid = text(entry.get("name")), whole(entry.get("pid"))
    uptime_s = number(entry.get("uptime_s"))
    share = meter.share(name, pid, number(entry.get("cpu_s")), now)
    last = entry.get("last_exit")
    end: Mapping[str, Json] = last if isinstance(last, dict) else {}
    rss = whole(entry.get("rss_bytes"))
    return Row(
        name=name,
        group=text(entry.get("group")),
        state=text(entry.get("state")),
        ok=entry.get("ok") is True,
        pid=pid,
        since=round(wall - uptime_s, 1) if pid else 0.0,
        cpu="" if share is None else percent(share),
        memory=size(rss) if pid and rss else "",
        fds=whole(entry.get("fds")),
        fds_limit=whole(entry.get("fds_limit")),
        restarts=whole(entry.get("restarts")),
        note=text(entry.get("reason")) or text(end.get("reason")),
        fix=text(entry.get("fix")),
        ended=round(number(end.get("at")), 1),
    )


def percent(share: float) -> str:
    """Return `0.3 %` for 0.003: of one processor, as `top` has it."""
    value = share * 100
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %"


def size(count: float) -> str:
    """Return `45.2 MB`; a KB is 1024 bytes, as everywhere in pyinit."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    digits = 0 if unit == 0 or value >= WIDE else 1
    return f"{value:.{digits}f} {UNITS[unit]}"


def amount(count: int) -> str:
    """Return a number that fits: 1024, 65 536 and 1 M."""
    if count >= 10_000_000:
        return f"{count / 1_000_000:.0f} M"
    return f"{count:,}".replace(",", "\u202f") if count >= 10_000 else str(count)


def span(seconds: float) -> str:
    """Return `2 h 5 min`: a time in its two largest units."""
    left = max(0, int(seconds))
    days, hours, minutes = left // 86400, left // 3600 % 24, left // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {left % 60} s" if minutes else f"{left} s"


def objects(value: Json) -> list[dict[str, Json]]:
    """Return the objects in a list of them; what else there is is passed over."""
    found = value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, dict)]


def text(value: Json) -> str:
    """Return text that can be shown: what is no UTF-8 in it is replaced."""
    found = value if isinstance(value, str) else ""
    try:
        return found.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # halves of characters that stand for no byte
        return found.encode("utf-8", "replace").decode()


def number(value: Json) -> float:
    """Return a number, 0 for anything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def whole(value: Json) -> int:
    """Return a whole number, 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
