"""Who depends on whom: the order of starting, and its reverse for stopping.

The graph is of programs; a dependency on a program is a dependency on every process of it.
Cycles were refused by the compiler; here they only must not loop for ever.
"""

from __future__ import annotations

from .record import Record
from .states import Exited, Fatal, Running, Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .plan import Plan
    from .process import Process


class Graph(Record):
    """Keys by program, the programs each program needs, and those that need it."""

    keys: dict[str, tuple[str, ...]]
    needs: dict[str, tuple[str, ...]]
    needed_by: dict[str, tuple[str, ...]]


def build(plan: Plan, retired: Iterable[Process] = ()) -> Graph:
    """Return the graph of `plan` and of the processes that are on their way out of it."""
    keys: dict[str, list[str]] = {}
    needs: dict[str, tuple[str, ...]] = {}
    needed_by: dict[str, list[str]] = {}
    for process in (*plan.processes, *[row.plan for row in retired]):
        keys.setdefault(process.program, []).append(process.key)
        if process.program not in needs:
            needs[process.program] = tuple([each.program for each in process.depends])
            for each in process.depends:
                needed_by.setdefault(each.program, []).append(process.program)
    return Graph(
        {program: tuple(found) for program, found in keys.items()},
        needs,
        {program: tuple(found) for program, found in needed_by.items()},
    )


MET, WAIT, LOST = "met", "wait", "lost"


def standing(process: Process, graph: Graph, row: Callable[[str], Process]) -> tuple[str, str]:
    """Return (MET | WAIT | LOST, the program that decides) of a process's dependencies."""
    for need in process.plan.depends:
        for key in graph.keys.get(need.program, ()):
            verdict = _judge(row(key), need.condition)
            if verdict != MET:
                return verdict, need.program
    return MET, ""


def _judge(process: Process, condition: str) -> str:
    state = process.state
    match condition, state:
        case "done", Exited() | Fatal():
            return MET
        case "completed", Exited(success=True):
            return MET
        case "completed" | "started" | "ready", Exited() | Fatal():
            # a service that ended well was started; one that failed will not come back
            up = condition == "started" and isinstance(state, Exited) and state.success
            return MET if up else LOST
        case "started" | "ready", Running():
            return MET
        case _, Stopped(held=True):
            return WAIT
        case _:
            return WAIT


def weights(graph: Graph, timeouts: dict[str, float]) -> dict[str, float]:
    """Return for each program the seconds that it and what stops after it may take, at most.

    Programs stop before those they need; the weight of a program is its own timeout and the
    heaviest path below it.  Programs that are not in `timeouts` are at rest and weigh nothing.
    """
    found: dict[str, float] = {}

    def weigh(program: str, path: tuple[str, ...]) -> float:
        if program in path:
            return 0.0
        if program not in found:
            below = [weigh(need, (*path, program)) for need in graph.needs.get(program, ())]
            found[program] = timeouts.get(program, 0.0) + max(below, default=0.0)
        return found[program]

    for program in timeouts:
        weigh(program, ())
    return found


def order(plan: Plan) -> tuple[str, ...]:
    """Return the keys of `plan` in the order of starting: needs first, then priority, then name."""
    graph = build(plan)
    depths: dict[str, int] = {}

    def depth(program: str, path: tuple[str, ...]) -> int:
        if program in path:
            return 0
        if program not in depths:
            below = [depth(need, (*path, program)) for need in graph.needs.get(program, ())]
            depths[program] = 1 + max(below, default=-1)
        return depths[program]

    ranked = [
        (depth(each.program, ()), each.priority, each.program, each.instance, each.key)
        for each in plan.processes
    ]
    return tuple([row[-1] for row in sorted(ranked)])
