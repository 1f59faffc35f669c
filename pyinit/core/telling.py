"""What a run tells of itself beyond being ready: that it needs time, and who leads it now."""

from __future__ import annotations

from .events import Extended, MainPid
from .inputs import Extend, Lead
from .phases import Up
from .states import run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .inputs import Input


def heard(draft: Draft, event: Extended | MainPid) -> None:
    """Pass on what the run that a process has now says; nobody can extend the stop budget.

    Who leads a run already, or another, begins to lead none.
    """
    run = run_of(draft.row(event.key).state) if event.key in draft.table else None
    if run is None or run.id != event.run_id:
        return
    said: Input
    if isinstance(event, Extended):
        if not isinstance(draft.phase, Up):
            return
        said = Extend(draft.now + event.by_s)
    else:
        if event.pid <= 1 or draft.pids.get(event.pid) is not None:
            return
        said = Lead(event.pid)
    draft.send(event.key, said)
