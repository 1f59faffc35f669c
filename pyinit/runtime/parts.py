"""Parts that only some plans need: imported, told of every plan, and carried over a re-exec alike.

A part is made when the first plan wants it and stays; what it needs of the loop (a turn's end, a
deadline) it takes itself.  What it carries is what `record.to_plain` can write (numbers, texts,
tuples, dicts) and the descriptors that must stay open;
the part of the next pyinit is told of the processes first and then resumes with that.
"""

from __future__ import annotations

from pyinit.core.slot import plan_to_be
from pyinit.runtime.readiness import notifies

PROBES = frozenset(("http", "tcp", "unix", "exec"))  # the kinds of readiness that are asked for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator
    from typing import Protocol, TypeAlias

    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.runtime.machine import Machine

    Made: TypeAlias = Callable[[Machine], "Part"]
    Wanted: TypeAlias = Callable[[InitPlan, tuple[ProcessPlan, ...]], bool]

    class Part(Protocol):
        """What every part can be told and asked."""

        def adopt(self, init: InitPlan, processes: tuple[ProcessPlan, ...]) -> None:
            """Go by this plan from now on; at boot, at each reload, and after a re-exec."""

        def carried(self) -> tuple[object, tuple[int, ...]]:
            """Return what the next pyinit must know, and the descriptors it must have."""

        def resume(self, known: object) -> None:
            """Go on with what the part of another pyinit has carried."""


def _has_go(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(process.launch.runtime == "go" for process in processes)


def _go(machine: Machine) -> Part:
    from pyinit.runtime.go_limits import GoLimits

    return GoLimits(machine)


def _has_schedules(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(process.schedule is not None for process in processes)


def _schedules(machine: Machine) -> Part:
    from pyinit.runtime.schedules import Schedules

    return Schedules(machine)


def _has_probes(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(each.live or (each.ready and each.ready.kind in PROBES) for each in processes)


def _live(machine: Machine) -> Part:
    from pyinit.runtime.live import Asker

    return Asker(machine)


def _has_an_end(init: InitPlan, _processes: tuple[ProcessPlan, ...]) -> bool:
    return init.exit_when is not None


def _exit_when(machine: Machine) -> Part:
    from pyinit.runtime.exit_when import ExitWhen

    return ExitWhen(machine)


def _has_files(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(process.watch for process in processes)


def _watching(machine: Machine) -> Part:
    from pyinit.runtime.watching import Watching

    return Watching(machine)


def _has_speakers(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(notifies(each) or each.kind == "forking" for each in processes)


def _notified(machine: Machine) -> Part:
    from pyinit.runtime.notified import Notified

    return Notified(machine)


def _is_on_demand(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(process.on_demand for process in processes)


def _on_demand(machine: Machine) -> Part:
    from pyinit.runtime.on_demand import OnDemand

    return OnDemand(machine)


def _has_memory_bounds(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(process.max_memory for process in processes)


def _memory(machine: Machine) -> Part:
    from pyinit.runtime.memory_watch import MemoryWatch

    return MemoryWatch(machine)


def _has_commands(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(each.hooks or each.stop.command or each.reload_command for each in processes)


def _hooks(machine: Machine) -> Part:
    from pyinit.runtime.hooks import Hooks

    return Hooks(machine)


def _has_dependencies(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(process.depends for process in processes)


def _boot_times(machine: Machine) -> Part:
    from pyinit.runtime.boot_times import BootTimes

    return BootTimes(machine)


def _has_users(_init: InitPlan, processes: tuple[ProcessPlan, ...]) -> bool:
    return any(process.launch.uid is not None for process in processes)


def _reach(machine: Machine) -> Part:
    from pyinit.runtime.reach import Reach

    return Reach(machine)


# (name, whether a plan wants it, what imports and makes it), in the order in which they are told.
PARTS: tuple[tuple[str, Wanted, Made], ...] = (
    ("reach", _has_users, _reach),
    ("go", _has_go, _go),
    ("live", _has_probes, _live),
    ("memory", _has_memory_bounds, _memory),
    ("hooks", _has_commands, _hooks),
    ("notify", _has_speakers, _notified),
    ("schedules", _has_schedules, _schedules),
    ("exit_when", _has_an_end, _exit_when),
    ("watching", _has_files, _watching),
    ("on_demand", _is_on_demand, _on_demand),
    ("boot_times", _has_dependencies, _boot_times),
)


def adopt(
    machine: Machine, init: InitPlan, processes: Iterable[ProcessPlan], there: Container[str] = ()
) -> None:
    """Tell every part of a plan: those first that it is the first to want, or that were `there`."""
    plans = tuple(processes)
    for name, wanted, made in PARTS:
        if name not in machine.parts and (name in there or wanted(init, plans)):
            machine.parts[name] = made(machine)
        if name in machine.parts:
            machine.parts[name].adopt(init, plans)


def carried(machine: Machine) -> tuple[dict[str, object], list[int]]:
    """Return what each part carries by its name, and the descriptors of them all."""
    found = {name: part.carried() for name, part in machine.parts.items()}
    fds = [fd for _, kept in found.values() for fd in kept]
    return {name: known for name, (known, _) in found.items()}, fds


def resume(machine: Machine, known: dict[str, object]) -> None:
    """Go on as the parts of another pyinit, whose processes are those of our rows.

    What it had is made again though the plan may not want it any more: a run that is on its way out
    of the plan has its hooks, and descriptors that are kept for it.
    """
    adopt(machine, machine.plan.init, _planned(machine), known)
    for name, each in known.items():
        if name in machine.parts:
            machine.parts[name].resume(each)


def _planned(machine: Machine) -> Iterator[ProcessPlan]:
    """Give the plans of the processes there are, as their next runs will be born of them."""
    for row in machine.loop.supervisor.table:
        if not row.retired:
            yield plan_to_be(row)
