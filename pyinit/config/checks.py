"""What only the whole configuration shows: names that lead nowhere, cycles, what never happens."""

from __future__ import annotations

from pyinit.config.problems import suggest

OF_ALL = 'write "{}": a dependency is on all processes of a program'

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.build import Builder
    from pyinit.core.plan import Dependency, InitPlan, ProcessPlan


def check(builder: Builder, init: InitPlan, processes: list[ProcessPlan]) -> None:
    """Note in the builder's problems what does not fit together."""
    known = set(builder.places)
    filled = {each.program for each in processes}
    for name in [each for each in builder.typical if each not in filled]:
        _doubt_empty(builder, name)
    if init.exit.startswith("main:") and init.exit[5:] not in known:
        text = f'exit: there is no program "{init.exit[5:]}"'
        _init_fault(builder, text, ("exit",), suggest(init.exit[5:], known))
    if init.drain_delay and init.drain_delay >= init.stop_budget:
        text = "drain_delay: nothing of stop_budget would be left to stop anything"
        fix = "make it shorter, or stop_budget longer"
        _init_fault(builder, text, ("drain_delay",), fix)
    for _, action in init.signals:
        if action.startswith("forward:") and action[8:] not in known:
            text = f'signals: there is no program "{action[8:]}"'
            _init_fault(builder, text, ("signals",), suggest(action[8:], known))
    for name, plan in builder.typical.items():
        for dependency in plan.depends:
            needed = builder.typical.get(dependency.program)
            if needed is None:
                text = f'there is no program "{dependency.program}"'
                whole = dependency.program.partition(":")[0]
                is_part = whole in known  # "b:0", "b:*"
                fix = OF_ALL.format(whole) if is_part else suggest(dependency.program, known)
            else:
                text, fix = _never(dependency, needed)
            if text:
                _fault(builder, name, text, fix, dependency)
    for cycle in cycles({name: _needs(plan) for name, plan in builder.typical.items()}):
        text = "they wait for each other: " + " -> ".join(cycle)
        needs = {each.program: each for each in builder.typical[cycle[0]].depends}
        _fault(builder, cycle[0], text, "leave one of the dependencies out", needs[cycle[1]])


def _doubt_empty(builder: Builder, name: str) -> None:
    """Warn of a program without a process, which no verb can name."""
    waiting = [f'"{other}"' for other, plan in builder.typical.items() if name in _needs(plan)]
    text = f'program "{name}" has 0 instances'
    if waiting:
        text += f", and is not waited for by {', '.join(waiting)}"
    fix = "write instances = 1, or leave the program out"
    builder.problems.doubt(builder.places[name], ("program", name, "instances"), text, fix)


def cycles(needs: dict[str, list[str]]) -> list[list[str]]:
    """Return cycles as the names along them, the first again at the end; [] if there are none.

    Every dependency that closes a cycle when the programs are walked in their order gives one.
    """
    found: list[list[str]] = []
    done: set[str] = set()
    for start in needs:
        path: dict[str, None] = {}
        stack = [(start, 0)]
        while stack:
            name, place = stack.pop()
            if place == 0:
                if name in path:
                    names = list(path)
                    found.append([*names[names.index(name) :], name])
                    continue
                if name in done:
                    continue
                path[name] = None
            if place < len(needs.get(name, ())):
                stack.append((name, place + 1))
                stack.append((needs[name][place], 0))
            else:
                done.add(name)
                del path[name]
    return found


def _needs(plan: ProcessPlan) -> list[str]:
    return [each.program for each in plan.depends]


def _never(dependency: Dependency, needed: ProcessPlan) -> tuple[str, str]:
    """Return why a condition can never be true, and what to write; nothing if it can."""
    name, condition = dependency.program, dependency.condition
    always = needed.kind == "service" and needed.restart.policy == "always"
    if condition == "completed" and always:
        fix = f'write {name} = "ready", or give it another restart policy'
        return f'"{name}" is restarted always and never completed', fix
    return "", ""


def _init_fault(builder: Builder, text: str, path: tuple[str, ...], fix: str) -> None:
    """Note a fault of a key of [init], where it was said last."""
    saying = [each for each in builder.documents if _says(each.tree.get("init"), path[0])]
    builder.problems.add(saying[-1].file, ("init", *path), text, fix)


def _fault(builder: Builder, name: str, text: str, fix: str, need: Dependency) -> None:
    """Note a fault of a dependency, in the program or in the [defaults] that say it."""
    key = "depends_on" if need.hard else "wants"
    file = builder.places[name]
    path: tuple[str, ...] = ("program", name, key, need.program)
    programs = next(each.tree["program"] for each in builder.documents if each.file == file)
    if not (isinstance(programs, dict) and _says(programs[name], key)):
        saying = [each for each in builder.documents if _says(each.tree.get("defaults"), key)]
        file, path = saying[-1].file, ("defaults", key, need.program)
    builder.problems.add(file, path, f'{key} of "{name}": {text}', fix)


def _says(table: object, key: str) -> bool:
    return isinstance(table, dict) and key in table
