"""One group after another: the order in which supervisord stops.

The group of the highest priority is first, of those with the same the last in the alphabet; the
next one's turn comes when every process of the group is at rest.  Nothing else counts: neither
who needs whom, nor the priorities within a group.
"""

from __future__ import annotations

from . import table as tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from .slot import Process
    from .table import Table

    Level: TypeAlias = tuple[int, str]


def highest(table: Table) -> list[Process]:
    """Return the processes that are not at rest, of the group whose turn it is."""
    awake = list(tables.awake(table))
    first = max([_level(row) for row in awake], default=None)
    return [row for row in awake if _level(row) == first]


def is_awake(table: Table, process: Process) -> bool:
    """Say whether any process of the same group is not at rest."""
    level = _level(process)
    return any(_level(row) == level for row in tables.awake(table))


def weights(table: Table) -> dict[str, float]:
    """Return for each program the seconds that it and what stops after it may take, at most."""
    longest: dict[Level, float] = {}
    own: dict[str, float] = {}
    of: dict[str, Level] = {}
    for row in tables.awake(table):
        level, program, timeout = _level(row), row.plan.program, row.plan.stop.timeout
        longest[level] = max(longest.get(level, 0.0), timeout)
        own[program] = max(own.get(program, 0.0), timeout)
        of[program] = level
    below: dict[Level, float] = {}
    later_s = 0.0
    for level in sorted(longest):
        below[level] = later_s
        later_s += longest[level]
    return {program: timeout + below[of[program]] for program, timeout in own.items()}


def _level(row: Process) -> Level:
    return row.plan.group_priority, row.plan.group
