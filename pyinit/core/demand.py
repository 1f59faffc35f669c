"""Processes that run on demand: a connection starts them, and they stop when nobody uses them.

called    one that is at rest is started, and what it needs with it, given up or not; one that
          somebody has stopped stays so, and whoever has connected waits
idle      a run that nobody uses is stopped, but for one that others need: it comes back with
          the next connection, so nobody *holds* it down
"""

from __future__ import annotations

from . import events as ev
from .inputs import Stop
from .phases import Up
from .schedule import needs_held
from .states import RESTING, Running, Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft


def heard(draft: Draft, event: ev.Called | ev.Idle) -> None:
    """Act on what the sockets of processes have told."""
    if not isinstance(draft.phase, Up):
        return
    if isinstance(event, ev.Idle):
        _idle(draft, event)
        return
    for key in event.keys:
        if key in draft.table and _may_be_called(draft, key):
            draft.start(key)


def _may_be_called(draft: Draft, key: str) -> bool:
    row = draft.row(key)
    if not row.plan.on_demand or row.retired or not isinstance(row.state, RESTING):
        return False
    return row.state != Stopped(held=True) and not needs_held(draft, key)


def _idle(draft: Draft, event: ev.Idle) -> None:
    row = draft.row(event.key) if event.key in draft.table else None
    if row is None or not isinstance(row.state, Running) or row.state.run.id != event.run_id:
        return
    if row.plan.idle_exit and not draft.is_needed(row.plan.program):
        draft.send(event.key, Stop(row.plan.stop.timeout, held=False))
