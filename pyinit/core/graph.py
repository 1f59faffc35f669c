"""Who depends on whom: the order of starting, and its reverse for stopping.

The graph is of programs; a dependency on a program is a dependency on every process of it.
Cycles were refused by the compiler; here they only must not loop for ever.
"""

from __future__ import annotations

from .record import Record
from .states import (
    RESTING,
    Backoff,
    Exited,
    Fatal,
    Running,
    Stopped,
    Waiting,
    goes_down,
    has_failed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from .plan import Dependency, Plan, ProcessPlan
    from .slot import Process


class Graph(Record):
    """Keys by program, the programs each program needs, and those that need it."""

    keys: dict[str, tuple[str, ...]]
    needs: dict[str, tuple[str, ...]]
    needed_by: dict[str, tuple[str, ...]]


def build(plans: Iterable[ProcessPlan]) -> Graph:
    """Return the graph of processes that keep to `plans`."""
    keys: dict[str, list[str]] = {}
    needs: dict[str, dict[str, None]] = {}  # of all its processes: one may keep an older plan
    needed_by: dict[str, dict[str, None]] = {}
    for process in plans:
        program = process.program
        keys.setdefault(program, []).append(process.key)
        found = needs.setdefault(program, {})
        for each in process.depends:
            found[each.program] = None
            needed_by.setdefault(each.program, {})[program] = None
    return Graph(_frozen(keys), _frozen(needs), _frozen(needed_by))


def _frozen(found: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {program: tuple(values) for program, values in found.items()}


MET, WAIT, LOST = "met", "wait", "lost"


class Standing(Record):
    """How a process stands with what it needs: MET, WAIT or LOST.

    `program` is the one that decides, and where it is lost `why` says what became of it.
    """

    verdict: str = MET
    program: str = ""
    why: str = ""


def standing(
    process: Process,
    graph: Graph,
    row: Callable[[str], Process],
    now: float,
    falling: Container[str] = (),
) -> Standing:
    """Return how the process stands with its dependencies: the first lost one decides.

    For those that are `falling` it waits, however well they do still.
    """
    state = process.state
    since = state.since if isinstance(state, Waiting) else now
    waits = Standing()
    for need in process.plan.depends:
        late = need.timeout > 0 and since + need.timeout <= now
        rows = [each for each in map(row, graph.keys.get(need.program, ())) if not each.retired]
        verdicts = [
            _verdict(each, need, late=late, falls=each.plan.key in falling) for each in rows
        ]
        if LOST in verdicts:
            failed = any(has_failed(each.state) for each in rows)
            return Standing(LOST, need.program, "has failed" if failed else "has ended")
        if WAIT in verdicts and late and not any(each.plan.key in falling for each in rows):
            text = f"was not {need.condition} within {need.timeout:g} s"
            return Standing(LOST, need.program, text)
        if waits.program:
            continue
        if WAIT in verdicts:
            waits = Standing(WAIT, need.program)
        elif need.hard:
            behind = _on_its_way(rows, graph, row, falling)
            waits = Standing(WAIT, behind) if behind else waits
    return waits


def _on_its_way(
    rows: list[Process],
    graph: Graph,
    row: Callable[[str], Process],
    falling: Container[str],
) -> str:
    """Return a program that those of `rows` need that are done, and that is on its way, or "".

    What a finished migration needed is needed by who needs the migration.  One that is down, or
    lost, holds up nobody there: a start has told it to come, and nothing else brings it back.
    """
    seen: set[tuple[str, str]] = set()  # one may need it started, and another completed
    stack = [each for each in rows if isinstance(each.state, Exited | Fatal)]
    while stack:
        for need in stack.pop().plan.depends:
            if (need.program, need.condition) in seen or not need.hard:
                continue
            seen.add((need.program, need.condition))
            for each in map(row, graph.keys.get(need.program, ())):
                state = each.state
                if each.retired:
                    continue
                if each.plan.key in falling:
                    return need.program
                if isinstance(state, Exited | Fatal):
                    stack.append(each)
                elif judge(each, need.condition) == WAIT and _comes(each):
                    return need.program
    return ""


def _comes(process: Process) -> bool:
    """Say whether a process will be what it is not yet; a service that runs stays as it is."""
    state = process.state
    if isinstance(state, Running):
        return process.plan.kind == "oneshot"
    return not (isinstance(state, Stopped) or goes_down(state))


def _verdict(needed: Process, need: Dependency, *, late: bool, falls: bool) -> str:
    """Judge one process that another needs, or only wants.

    What is only wanted is waited for until it is there or at rest, or its first run has failed.
    """
    verdict = WAIT if falls else judge(needed, need.condition)
    resting = not falls and isinstance(needed.state, (*RESTING, Backoff))
    return verdict if need.hard or not (late or resting) else MET


def judge(process: Process, condition: str) -> str:
    """Return whether `process` is at `condition` (MET), may come to it (WAIT) or not (LOST)."""
    state = process.state
    match condition, state:
        case "done", Exited() | Fatal():
            return MET
        case "completed" | "started", Exited(success=True):
            return MET  # a service that ended well was started
        case "ready", Exited(success=True) if process.plan.kind == "oneshot":
            return MET  # what a oneshot was there for is done
        case "completed" | "started" | "ready", Exited() | Fatal():
            return LOST  # it will not come back by itself
        case "started", Running():
            return MET
        case "ready", Running():
            done_first = process.plan.kind == "oneshot" and process.plan.ready is None
            return WAIT if done_first else MET
        case _:
            return WAIT


def weights(graph: Graph, timeouts: dict[str, float]) -> dict[str, float]:
    """Return for each program the seconds that it and what stops after it may take, at most.

    Programs stop before those they need; the weight of a program is its own timeout and the
    heaviest path below it.  Programs that are not in `timeouts` are at rest and weigh nothing.
    """
    found: dict[str, float] = {}
    for program in _needs_first(graph, timeouts):
        below = [found.get(need, 0.0) for need in graph.needs.get(program, ())]
        found[program] = timeouts.get(program, 0.0) + max(below, default=0.0)
    return found


def order(plan: Plan) -> tuple[str, ...]:
    """Return the keys of `plan` in the order of starting: needs first, then priority, then name.

    Where groups are stopped one after another, they are also started in that order.
    """
    grouped = plan.init.stop_order == "groups"
    graph = build(plan.processes)
    depths: dict[str, int] = {}
    for program in _needs_first(graph, graph.keys):
        below = [depths.get(need, 0) for need in graph.needs.get(program, ())]
        depths[program] = 1 + max(below, default=-1)
    ranked = [
        (
            depths[each.program],
            *((each.group_priority, each.group) if grouped else (0, "")),
            *(each.priority, each.program, each.instance, each.key),
        )
        for each in plan.processes
    ]
    return tuple([row[-1] for row in sorted(ranked)])


def _needs_first(graph: Graph, programs: Iterable[str]) -> list[str]:
    """Return `programs` and all they need, each after what it needs.

    A walk with its own stack: chains of thousands are deeper than Python's.
    """
    done: dict[str, None] = {}
    entered: set[str] = set()
    stack = list(programs)
    while stack:
        program = stack[-1]
        if program in entered:
            stack.pop()
            done[program] = None
            continue
        entered.add(program)
        stack.extend([need for need in graph.needs.get(program, ()) if need not in entered])
    return list(done)
