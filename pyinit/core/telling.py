"""What is told of a run beyond its being ready: it needs time, another leads it, it is not well."""

from __future__ import annotations

from .events import Condemned, Extended, MainPid
from .inputs import Condemn, Extend, Lead
from .phases import Up
from .states import run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .inputs import Input


def heard(draft: Draft, event: Extended | MainPid | Condemned) -> None:
    """Pass on what is said of the run that a process has now.

    In a shutdown nobody can extend the stop budget, and nobody is condemned: everything ends.  Who
    leads a run already, or another, begins to lead none.
    """
    run = run_of(draft.row(event.key).state) if event.key in draft.table else None
    if run is None or run.id != event.run_id:
        return
    said: Input
    if not isinstance(event, MainPid):
        if not isinstance(draft.phase, Up):
            return
        if isinstance(event, Extended):
            said = Extend(draft.now + event.by_s)
        else:
            said = Condemn(event.reason, event.action)
    else:
        if event.pid <= 1 or draft.pids.get(event.pid) is not None:
            return
        said = Lead(event.pid)
    draft.send(event.key, said)
