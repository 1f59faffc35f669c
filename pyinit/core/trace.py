"""The text of a trace: what happened when, and what it led to.

    12.500000 Reaped(pid=71, status=256)
        Announce(key='web:0', ...)
        Spawn(key='web:0', run_id=2, plan=web, limits=())

The flight recorder is printed so, and tests replay the same text: a bug report is a test.
Plans are only named, since what is launched may hold secrets.
"""

from __future__ import annotations

from .plan import Plan, ProcessPlan
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .effects import Effects
    from .events import Event

INDENT = "    "
LONGEST = 200  # characters of one value
DECIMALS = 6  # of a time: microseconds


def write(now: float, event: Event, effects: Effects) -> str:
    """Return one step as text: a line for the event, an indented one for each effect."""
    lines = [f"{now:.{DECIMALS}f} {brief(event)}", *[INDENT + brief(each) for each in effects]]
    return "\n".join(lines) + "\n"


def brief(value: object) -> str:
    """Return a value in little room."""
    if isinstance(value, ProcessPlan):
        return value.name
    if isinstance(value, Plan):
        return f"<{len(value.processes)} processes>"
    if isinstance(value, Record):
        fields = [f"{name}={brief(getattr(value, name))}" for name in value.__match_args__]
        return f"{type(value).__name__}({', '.join(fields)})"
    if isinstance(value, tuple):
        inner = ", ".join([brief(each) for each in value])
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    text = repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
