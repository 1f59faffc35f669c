"""A process whose time has come: what its schedule does, and what holds while there is one.

A run is on its way until the process is at rest again: backing off and ending are part of it, and
a time that comes meanwhile is one that overlaps.

    at rest, or waiting     it is started, and what it needs with it; given up or not
    at rest, held           nothing: somebody wants it down, and the clock does not know better
    on its way, "skip"      nothing
    on its way, "queue"     once more, when it is at rest; several such times are one
    on its way, "replace"   it is stopped and started anew
    being stopped by hand   nothing, as when it is held; so, too, while it waits to be stopped

A process that is *dormant* at rest (it has a schedule, or a connection starts it) may run at any
time: as long as there is one, something is left to run.
"""

from __future__ import annotations

from . import graph as graphs
from .effects import Note
from .inputs import Restart, Start
from .phases import Up
from .record import replace
from .slot import is_dormant
from .states import RESTING, Stopped, Waiting, is_held_down

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .slot import Process


def due(draft: Draft, key: str) -> None:
    """The time of a schedule has come for the process `key`."""
    if not isinstance(draft.phase, Up) or key not in draft.table:
        return
    row = draft.row(key)
    if row.plan.schedule is None or row.retired:
        return
    if is_held_down(row.state) or draft.falling.get(key) is False:
        return
    if isinstance(row.state, (*RESTING, Waiting)):
        start(draft, row.plan.key)
    else:
        _overlap(draft, row, row.plan.schedule.overlap)


def settle(draft: Draft, key: str) -> None:
    """A process has moved: one that is at rest now has the run that was queued meanwhile."""
    row = draft.row(key)
    if not row.queued or not isinstance(row.state, RESTING) or not isinstance(draft.phase, Up):
        return
    draft.put(replace(row, queued=False))
    if not (isinstance(row.state, Stopped) or row.retired):
        start(draft, row.plan.key)


def start(draft: Draft, key: str) -> None:
    """Start a process and what it needs; what somebody has stopped stays so, and is waited for."""
    if needs_held(draft, key):
        draft.send(key, Start())
    else:
        draft.start(key)


def needs_held(draft: Draft, key: str) -> bool:
    """Say whether somebody has stopped, or is stopping, what a process needs, at any distance."""
    seen, stack = {key}, [key]
    while stack:
        for need in draft.row(stack.pop()).plan.depends:
            for each in draft.graph.keys.get(need.program, ()):
                needed = draft.row(each)
                if is_held_down(needed.state) or draft.falling.get(each) is False:
                    return True
                met = graphs.judge(needed, need.condition) == graphs.MET
                if each in seen or (met and not isinstance(needed.state, RESTING)):
                    continue
                seen.add(each)
                stack.append(each)
    return False


def _overlap(draft: Draft, row: Process, overlap: str) -> None:
    name, key = row.plan.name, row.plan.key
    match overlap:
        case "replace":
            said = "it is stopped and started anew"
            if key not in draft.falling:  # else it is, when its turn comes
                draft.send(key, Restart(row.plan.stop.timeout))
        case "queue":
            said = "it runs once more afterwards"
            draft.put(replace(row, queued=True))
        case _:
            said = "this time is skipped"
    draft.effects.append(Note("info", f"{name}: its time has come, and it still runs; {said}"))


def is_left(draft: Draft) -> bool:
    """Say whether there is a process that may yet start by itself."""
    return any(is_dormant(row.plan) and not row.plan.hidden for row in draft.table)
