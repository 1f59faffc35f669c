"""`restart` with `rolling`: one process after another, beside the old run where both can listen."""

from __future__ import annotations

from pyinit.core import events as ev
from pyinit.core.beside import beside
from pyinit.core.phases import Up
from pyinit.core.states import RESTING, Running
from pyinit.runtime.following import DONE, Following, Verdict
from pyinit.runtime.verbs_act import judge_restart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service


def restart(ask: Ask, service: Service, rows: list[Process]) -> None:
    """Give processes new runs one after another; reply when the last old run is gone."""
    before = service.desk.state
    running = {row.plan.key for row in rows if isinstance(row.state, Running)}

    def judge(service: Service, old: Process, row: Process) -> Verdict | None:
        judges = _judge if row.plan.key in running else judge_restart
        return judges(service, old, row)

    following = Following(ask, service, rows, judge)

    def look() -> Object | None:
        return None if service.desk.state is before else following.look()  # not stepped yet

    ask.hold(look, service.deadline(ask), following.expired)
    service.desk.feed(ev.RollRequested(tuple([row.plan.key for row in rows])))


def _judge(service: Service, old: Process, row: Process) -> Verdict | None:
    """Judge a process that was running when its roll was asked for."""
    key, state = row.plan.key, service.desk.state
    if service.row(key) is None:
        return Verdict("it was removed from the configuration")
    if not isinstance(state.phase, Up):
        return Verdict("pyinit is stopping")
    if state.rolls.has(key) or beside(key) in state.table:
        return None
    failed = dict(state.rolls.failed).get(key)
    if failed is not None:
        return Verdict(failed)
    if isinstance(row.state, RESTING) and row.runs == old.runs:
        return Verdict("it was stopped meanwhile")
    return DONE if row.runs > old.runs else judge_restart(service, old, row)
