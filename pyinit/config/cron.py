"""Cron lines and time zones: when a time comes.  Never imported by PID 1 itself.

The times are cronsim's, which goes by Debian's cron where clocks are put forward or back: a line
with a star in its minute or hour goes by the time that passes, and any other runs once on each day
that it means: at the end of the gap where its time does not exist, at the first of two where it is
there twice.
"""

from __future__ import annotations

import os
import zoneinfo
from datetime import UTC, datetime, tzinfo

from pyinit.config.problems import ValueFault, suggest

NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = 5
LOCALTIME = "/etc/localtime"
FIX = 'write "minute hour day month weekday", such as "*/5 * * * *" or "30 2 * * mon-fri"'
NOT_ZONES = frozenset(("posix", "right"))  # copies of all the others


def coming(line: str, zone_name: str, after: float, within_s: float, most: int) -> list[float]:
    """Return when a cron line's times come after `after`, as seconds since the epoch.

    They are at least one, where there is one at all, at most `most`, and none of those that follow
    the first one beyond `within_s`.  Raises ValueFault.
    """
    try:
        from cronsim import CronSim, CronSimError
    except ImportError:
        fix = "install it (python3-cronsim of Debian, or cronsim by pip), or write every"
        raise ValueFault("cron lines need the library cronsim, which is not here", fix) from None
    _check_fields(line)
    found: list[float] = []
    start = datetime.fromtimestamp(after, zone(zone_name))
    try:
        for at in CronSim(NAMED.get(line.lower(), line), start):
            seconds = at.timestamp()
            if seconds <= after:
                continue  # the first of an hour that is there twice, seen from the second
            found.append(seconds)
            if len(found) >= most or seconds > after + within_s:
                break
    except CronSimError as error:
        raise ValueFault(f'"{line}" is no cron line: {_lower(str(error))}', FIX) from None
    return found


def _check_fields(line: str) -> None:
    """Refuse a name that is none, and a sixth field: cronsim would have it be the seconds."""
    fields = line.split()
    if line.startswith("@") and len(fields) == 1 and line.lower() not in NAMED:
        text = f'"{line}" is no cron line: there is no such name'
        raise ValueFault(text, suggest(line.lower(), NAMED))
    if len(fields) != FIELDS + 1:
        return  # cronsim tells of fewer and of more
    first, rest = fields[0], " ".join(fields[1:])
    fix = FIX
    seconds = "1" if first == "*" else first.removeprefix("*/")
    if first.startswith("*") and seconds.strip("0") and seconds.isdecimal():
        fix = f'for seconds write schedule = {{ every = "{seconds}s" }}, else "{rest}"'
    raise ValueFault(f'"{line}" is no cron line: it has six fields, and not five', fix)


def zone(name: str) -> tzinfo:
    """Return a time zone by its name, "" that of this machine.  Raises ValueFault."""
    if not name:
        return _own()
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ImportError, ValueError, OSError):
        known = _names()
        fix = suggest(name, known) if known else "there is no tzdata here: install it, or leave UTC"
        raise ValueFault(f'there is no time zone "{name}"', fix) from None


def _own() -> tzinfo:
    """Return what TZ says, else /etc/localtime, else UTC."""
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name and not name.startswith("/"):
            return zoneinfo.ZoneInfo(name)
        with open(name or LOCALTIME, "rb") as file:
            return zoneinfo.ZoneInfo.from_file(file)
    except (zoneinfo.ZoneInfoNotFoundError, ImportError, ValueError, OSError):
        return UTC  # so does the C library


def _names() -> list[str]:
    found: list[str] = []
    for top in zoneinfo.TZPATH:
        for place, below, files in os.walk(top):
            below[:] = [name for name in below if name not in NOT_ZONES]
            names = [os.path.relpath(os.path.join(place, name), top) for name in files]
            found += [name for name in names if name[:1].isupper() and "." not in name]
    return found


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
