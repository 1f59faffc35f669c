"""Who is stopped or restarted by hand takes along those that depend on it.

They go first: a process that is *to fall* is told to stop only when nobody who depends on it, at
any distance, has a run that is on its way down.  Until then it stands in `falling`, with whether
it is to come again; who waits for it waits on, however well its old run still does, so that only
the new one lets anybody go.  Those that come again start as after any start: when what they need
is there.  A need reaches through processes at rest, as it does in a shutdown and in a start.

As with systemd's `Requires=` and `After=`, only what somebody asks for does that: a crash and what
follows it take nobody along.  What is only wanted (`wants`) takes nobody along either.
"""

from __future__ import annotations

from .inputs import Restart, Stop
from .phases import Draining, Up
from .record import replace
from .schedule import needs_held
from .slot import is_active, may_wake, plan_to_be
from .states import (
    WITH_RUN,
    Backoff,
    Ending,
    Stopping,
    Waiting,
    goes_down,
    is_held_down,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .draft import Draft, Supervisor
    from .graph import Graph
    from .slot import Process


def stop(draft: Draft, keys: list[str]) -> None:
    """Somebody wants `keys` down: those that depend on them go first."""
    if not isinstance(draft.phase, Up | Draining):  # a shutdown has its own order
        for key in keys:
            draft.send(key, Stop(draft.row(key).plan.stop.timeout))
        return
    active = [key for key in keys if _can_fall(draft.row(key))]
    awaited: list[str] = []
    for key in keys:
        if key not in active:
            awaited += [key] if draft.falling.pop(key, None) is not None else []
            draft.send(key, Stop(draft.row(key).plan.stop.timeout))
    taken = along(draft.graph, draft.row, draft.falling, active, again=False)
    for key in active:
        _hold(draft, key)
    for key in taken:
        _take(draft, key)
    draft.falling.update(dict.fromkeys((*active, *taken), False))
    for key in awaited:  # it is not to come any more, and need not have moved
        _let_go(draft, draft.row(key).plan.program)


def restart(draft: Draft, keys: list[str]) -> None:
    """Somebody wants new runs of `keys`: those that depend on them get new ones, too."""
    if not isinstance(draft.phase, Up):
        return
    named = [key for key in keys if not draft.row(key).retired]
    taken = along(draft.graph, draft.row, draft.falling, named, again=True)
    again = (*named, *taken)
    draft.falling.update(dict.fromkeys(again, True))
    asked = {*named}
    for key in again:
        if key in asked or not needs_held(draft, key):  # it may wait for what somebody has stopped
            draft.start_needs(key)


def along(
    graph: Graph,
    row: Callable[[str], Process],
    falling: Mapping[str, bool],
    keys: Iterable[str],
    *,
    again: bool,
) -> list[str]:
    """Return who else is stopped when `keys` are, or with `again` restarted."""
    found = dict.fromkeys(keys)
    asked = set(found)
    programs = dict.fromkeys([row(key).plan.program for key in found])
    stack = list(programs)
    while stack:
        program = stack.pop()
        for key in _dependents(graph, row, program):
            found[key] = None
            user = row(key).plan.program
            if user not in programs:
                programs[user] = None
                stack.append(user)
    others = [key for key in found if key not in asked]
    return [key for key in others if _is_taken(row(key), falling.get(key), again=again)]


def concerned(state: Supervisor, named: list[Process], *, again: bool) -> list[str]:
    """Return who goes along with the processes `named` if they are stopped, or restarted."""
    keys = [row.plan.key for row in named if again or _can_fall(row)]
    return along(state.graph, state.table.__getitem__, state.falling, keys, again=again)


def proceed(draft: Draft) -> None:
    """Let those fall whose turn has come."""
    for key, again in [*draft.falling.items()]:
        if key not in draft.table or draft.row(key).retired:
            del draft.falling[key]
            continue
        state = draft.row(key).state
        if (again or isinstance(state, WITH_RUN)) and _is_held_up(draft, key):
            if isinstance(state, Backoff):
                draft.send(key, Restart(0.0))  # no new run of its own before that
            continue
        _fall(draft, key)


def _fall(draft: Draft, key: str) -> None:
    plan = draft.row(key).plan
    again = draft.falling.pop(key)
    for each in (key, *draft.keys_needing(plan.program)) if again else ():
        _be_patient(draft, each)
    held = not draft.row(key).taken
    _hold(draft, key)
    draft.send(key, Restart(plan.stop.timeout) if again else Stop(plan.stop.timeout, held))
    draft.unblock(key)
    _let_go(draft, plan.program)


def _take(draft: Draft, key: str) -> None:
    """Nobody has named it: when it is down, the clock or a connection may start it again."""
    row = draft.row(key)
    if may_wake(row) and draft.falling.get(key) is not False and not is_held_down(row.state):
        draft.put(replace(row, taken=True))


def _hold(draft: Draft, key: str) -> None:
    row = draft.row(key)
    if row.taken:
        draft.put(replace(row, taken=False))


def _be_patient(draft: Draft, key: str) -> None:
    """Who waits for a process that is restarted waits from now on, however long it has already."""
    if isinstance(draft.row(key).state, Waiting):
        draft.send(key, Restart(0.0))


def _let_go(draft: Draft, program: str) -> None:
    for user in draft.keys_needing(program):
        draft.unblock(user)


def _dependents(graph: Graph, row: Callable[[str], Process], program: str) -> list[str]:
    """Return the processes that depend on `program` directly."""
    users = graph.needed_by.get(program, ())
    keys = [key for user in reversed(users) for key in graph.keys.get(user, ())]
    return [key for key in keys if _depends(row(key), program)]


def _can_fall(process: Process) -> bool:
    """Say whether there is anything to stop that is not on its way out of the plan anyway."""
    return is_active(process) and not process.retired


def _depends(process: Process, program: str) -> bool:
    needs = plan_to_be(process).depends
    return any(need.hard and need.program == program for need in needs)


def _is_taken(process: Process, falls: bool | None, *, again: bool) -> bool:
    """Say whether a process follows those that it depends on: `falls` is what it is to do so far.

    Nobody comes again who is at rest, or on the way there because somebody wants that.
    """
    if not _can_fall(process):
        return False
    if not again:
        return True
    return falls is not False and not goes_down(process.state)


def _is_held_up(draft: Draft, key: str) -> bool:
    """Say whether somebody who depends on the process has a run that ends, or is to end, first."""
    seen: set[str] = set()
    stack = [draft.row(key).plan.program]
    while stack:
        for user in _dependents(draft.graph, draft.row, stack.pop()):
            if user in seen:
                continue
            seen.add(user)
            process = draft.row(user)
            if not isinstance(process.state, WITH_RUN):
                stack.append(process.plan.program)
            elif user in draft.falling or isinstance(process.state, Stopping | Ending):
                return True
    return False
