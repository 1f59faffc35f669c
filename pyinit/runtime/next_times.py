"""When cron lines come next, computed in a forked child of PID 1 and never in PID 1 itself."""

from __future__ import annotations

import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def answer(asked: Sequence[tuple[str, str, float]], ahead_s: float, most: int) -> bytes:
    """Return, as bytes, a list of times or a reason for each (line, time zone, after) asked for."""
    from pyinit.config import cron
    from pyinit.config.problems import ValueFault

    found: list[list[float] | str] = []
    for line, zone, after in asked:
        try:
            found.append(cron.coming(line, zone, after, ahead_s, most))
        except ValueFault as fault:
            found.append(str(fault))
    return marshal.dumps(found)
