"""Warns when a program is about to run out of descriptors: the pit pyinit exists for.

Counting costs a look into /proc for each run, so it is done when the loop is awake anyway and
the last look is old, and by a deadline of its own once a minute, then ever more rarely.
"""

from __future__ import annotations

from pyinit.core.states import NO_PID, Running, run_of
from pyinit.system import limits, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.log import Log
    from pyinit.runtime.loop import Loop

PERIOD_S = 60.0  # a wake-up a minute is the price of a warning in a container nobody looks at
LONGEST_S = 900.0  # as long as all use less than HALF, twice as long is waited each time
EAGER_S = 5.0  # between two looks while something happens anyway
SHARE = 0.8
HALF = 0.5
CALM = 0.7  # a program is warned about again once it was below this share
A_LOOK = 200  # runs counted in one look: the rest come next


class DescriptorWatch:
    """Looks at running processes' descriptors now and then."""

    def __init__(self, loop: Loop, log: Log, now: float) -> None:
        self._loop = loop
        self._log = log
        self._period_s = PERIOD_S
        self._calm = True
        self._next = now + PERIOD_S
        self._eager = now + EAGER_S
        self._warned: set[str] = set()
        self._from = 0

    def warned(self) -> tuple[str, ...]:
        """Return the keys of the processes that were warned about, for a re-exec."""
        return tuple(self._warned)

    def restore(self, warned: tuple[str, ...]) -> None:
        """Take over what another pyinit has warned about."""
        self._warned.update(warned)

    def next_deadline(self) -> float:
        """Return when to look even if nothing happens."""
        return self._next

    def tick(self, now: float) -> None:
        """Look: the deadline has come; wait longer for the next where nothing is to be seen."""
        self._calm = True
        self.look(now)
        self._period_s = min(self._period_s * 2, LONGEST_S) if self._calm else PERIOD_S
        self._next = now + self._period_s

    def passing(self, now: float) -> None:
        """Look if the last time is long enough ago: the loop is awake anyway."""
        if now >= self._eager:
            self.look(now)

    def look(self, now: float) -> None:
        """Count the descriptors of some runs and warn of those that are nearly used up."""
        self._next, self._eager = now + self._period_s, now + EAGER_S
        rows = [row for row in self._loop.supervisor.table if isinstance(row.state, Running)]
        if not rows:
            return
        start = self._from % len(rows)
        self._from = start + A_LOOK
        for row in rows[start : start + A_LOOK]:
            run = run_of(row.state)
            if run is not None and run.pid != NO_PID:
                self._check(row.plan.key, row.plan.name, run.pid)

    def _check(self, key: str, name: str, pid: int) -> None:
        used = procfs.count_fds(pid)
        if used is None:
            return
        try:
            soft, hard = limits.read_one("nofile", pid)
        except OSError:
            return
        if 0 <= soft * HALF <= used:
            self._calm, self._period_s = False, PERIOD_S
        if soft < 0 or used < soft * CALM:
            self._warned.discard(key)
        elif used >= soft * SHARE and key not in self._warned:
            self._warned.add(key)
            self._log.warning(
                f"{name}: uses {used} of its {soft} descriptors (hard limit {hard})\n"
                f"  raise it now, without a restart: pyinitctl limits {name} nofile={soft * 4}"
            )
