"""`schedule` of a program: a cron line or an interval, for what is done when it ends."""

from __future__ import annotations

from pyinit.config import values
from pyinit.config.problems import ValueFault
from pyinit.core.plan import Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.reader import Section

OVERLAPS = ("skip", "queue", "replace")
LEAST_S = 1.0  # more often is a service that sleeps


def build(section: Section, kind: str) -> Schedule | None:
    """Return when a program of `kind` is started by itself, None if it is not."""
    sub = section.sub("schedule", "program.schedule", short="cron", merge=False)
    if sub is None:
        return None
    kinds = [key for key in ("cron", "every") if key in sub.tree]
    if len(kinds) != 1:
        found = "it has both cron and every" if kinds else "it has no times"
        sub.fault(f"schedule: {found}", 'write cron = "*/5 * * * *" or every = "5m"')
    if "every" in sub.tree and "timezone" in sub.tree:
        fix = "leave it out, or write cron"
        sub.fault("timezone: an interval is the same everywhere", fix, ("timezone",))
    if kind != "oneshot":
        fix = 'write type = "oneshot", or leave schedule out'
        section.fault(f"schedule: a {kind} runs on, and has no times", fix, ("type",))
    zone = sub.get("timezone", _zone, "")
    line = sub.get("cron", values.word, "")
    if line:
        sub.get("cron", lambda value: _judge(values.word(value), zone), None)
    return Schedule(
        cron=line,
        every=sub.get("every", _interval, 0.0),
        timezone=zone,
        overlap=sub.get("overlap", values.choice(*OVERLAPS), "skip"),
    )


def _zone(value: object) -> str:
    from pyinit.config import cron

    name = values.word(value)
    cron.zone(name)
    return name


def _judge(line: str, zone: str) -> None:
    """See that the line has a meaning, and that its time ever comes."""
    if line.lower() == "@reboot":
        raise ValueFault('"@reboot" is no time', "write autostart = true, and no schedule")
    if values.is_number(line.lower().rstrip("smhd")):
        fix = f'write schedule = {{ every = "{line}" }}'
        raise ValueFault(f'"{line}" is no cron line, but a duration', fix)
    import time

    from pyinit.config import cron

    if not cron.coming(line, zone, time.time(), 0.0, 1):
        raise ValueFault(f'"{line}" never comes', "see its day and its month")


def _interval(value: object) -> float:
    seconds = values.duration(value)
    if seconds < LEAST_S:
        fix = 'write a duration such as "5m", or let a service sleep in between'
        raise ValueFault(f"every {seconds:g} s is too often", fix)
    return seconds
