"""Notes when each program came up at boot: what `graph` shows, and finds the critical path in.

Only what starts at boot is noted, and only until it is there: a service when it is up (and ready),
a oneshot when it is done.  Times are seconds since the boot began.
"""

from __future__ import annotations

import time

from pyinit.core.phases import Booting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.effects import Announce
    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.runtime.machine import Machine

UNKNOWN = -1.0


class BootTimes:
    """`born` is when the first run of a process began, `there` when it was there, by key."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._began = time.monotonic()
        self._open: set[str] = set()
        self.born: dict[str, float] = {}
        self.there: dict[str, float] = {}
        machine.announcer.timing = self

    def adopt(self, _init: InitPlan, processes: tuple[ProcessPlan, ...]) -> None:
        """Note what starts with this plan, if it is that of the boot."""
        if isinstance(self._machine.loop.supervisor.phase, Booting):
            self._began = time.monotonic()
            self._open = _started(processes)

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return all that is known."""
        return (self._began, tuple(self._open), self.born, self.there), ()

    def resume(self, known: object) -> None:
        """Go on with what another pyinit knew."""
        match known:
            case (float(began), tuple(left), dict(born), dict(there)):
                self._began, self._open = began, set(left)
                self.born, self.there = born, there
            case _:
                pass

    def changed(self, change: Announce) -> None:
        """A process changed its state."""
        key = change.key
        if key not in self._open:
            return
        at = time.monotonic() - self._began
        if change.now == "Starting":
            self.born.setdefault(key, at)
        elif change.now == "Exited" or (change.now == "Running" and not self._is_to_end(key)):
            self._close(key, at)
        elif change.now in {"Fatal", "Stopped"}:
            self._open.discard(key)  # it never was there

    def _close(self, key: str, at: float) -> None:
        self._open.discard(key)
        self.born.setdefault(key, at)
        self.there[key] = at

    def _is_to_end(self, key: str) -> bool:
        """Say whether a process is only there when it is done."""
        row = self._machine.row(key)
        return row is not None and row.plan.kind == "oneshot" and row.plan.ready is None


def _started(processes: tuple[ProcessPlan, ...]) -> set[str]:
    """Return the keys of those that start at boot, and of those that they need."""
    needs = {each.program: each.depends for each in processes}
    programs = {each.program for each in processes if each.autostart and not each.hidden}
    stack = list(programs)
    while stack:
        more = {need.program for need in needs.get(stack.pop(), ())} - programs
        programs |= more
        stack.extend(more)
    return {each.key for each in processes if each.program in programs}
