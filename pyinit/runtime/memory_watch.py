"""The part that looks how much memory runs have, and condemns those that have too much.

What counts is the resident set of every process of the run, added up: what `ps` and `top` show as
RSS, and what /proc shows to everybody.  Memory that several of them share counts for each.

Nobody is told when memory is taken, so it is looked at every now and then: only while there is a
run whose plan has a bound.
"""

from __future__ import annotations

import posix
import time

from pyinit.core.events import Condemned
from pyinit.core.states import NEVER, NO_PID, Running, Starting
from pyinit.runtime.belief import believes
from pyinit.runtime.changed import Changed
from pyinit.runtime.reaper import Runs
from pyinit.system import procfs, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.core.slot import Process
    from pyinit.runtime.machine import Machine

EVERY_S = 2.0
A_TURN = 25  # runs that are looked at in one turn of the loop: about a millisecond
PAGE_BYTES = posix.sysconf("SC_PAGESIZE")
MEGABYTE = 1 << 20


class MemoryWatch:
    """Looks at the runs whose plans have `max_memory`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._changed = Changed()
        self._mark = 0
        self._runs: dict[str, None] = {}  # keys that have a run to look at
        self._left: list[str] = []  # of them, those to be looked at in this round
        self._at = NEVER
        machine.loop.timed = (*machine.loop.timed, self)
        machine.loop.after_turn.append(self._look)

    def adopt(self, _init: InitPlan, _processes: tuple[ProcessPlan, ...]) -> None:
        """Nothing to do: each run is looked at as the plan says that it has."""

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return nothing: whoever comes next looks for himself."""
        return (), ()

    def resume(self, known: object) -> None:
        """Nothing to do."""

    def next_deadline(self) -> float:
        """Return when `tick` must be called."""
        return self._at

    def tick(self, now: float) -> None:
        """Look at some of the runs."""
        if not self._left:
            self._left = [*self._runs]
        seen = tree.Snapshot(Runs(self._machine.loop.supervisor.pids, self._machine.driver.helpers))
        for key in self._left[:A_TURN]:
            row = self._machine.row(key)
            if row is not None and _is_looked_at(row):
                self._judge(key, row, seen)
        del self._left[:A_TURN]
        self._at = now if self._left else (now + EVERY_S if self._runs else NEVER)

    def _judge(self, key: str, row: Process, seen: tree.Snapshot) -> None:
        state = row.state
        assert isinstance(state, Starting | Running)
        run = state.run
        label = self._machine.driver.labels.get(key, key)
        members = {run.pid, *tree.survey(run.pid, label, "tree", seen, first=run.group)}
        forged = [pid for pid in seen.labelled(label) if not believes(self._machine, key, pid)]
        members -= {*forged, *seen.below(forged)}
        found = [procfs.stat(pid) for pid in members]
        used = sum([each.rss_pages for each in found if each is not None]) * PAGE_BYTES
        if used > row.plan.max_memory:
            why = f"above its max_memory of {in_words(row.plan.max_memory)}: {in_words(used)}"
            self._machine.loop.feed(Condemned(key, run.id, why, "restart"))

    def _look(self) -> None:
        """See which runs have come and gone since the last look."""
        state = self._machine.loop.supervisor
        keys, mark = self._changed.since(self._mark, state)
        if keys is None:
            keys = [*state.table.index, *self._runs]
        for key in keys:
            row = self._machine.row(key)
            if row is not None and _is_looked_at(row):
                self._runs[key] = None
            else:
                self._runs.pop(key, None)
        if not self._runs:
            self._at, self._left = NEVER, []
        elif self._at == NEVER:
            self._at = time.monotonic() + EVERY_S
        self._mark = mark  # at last: what could not be looked at is looked at again


def in_words(count: int) -> str:
    """Return a number of bytes in the unit of the configuration."""
    return f"{count / MEGABYTE:.4g}MB"


def _is_looked_at(row: Process) -> bool:
    state = row.state
    return (
        row.plan.max_memory > 0
        and isinstance(state, Starting | Running)
        and state.run.pid != NO_PID
    )
