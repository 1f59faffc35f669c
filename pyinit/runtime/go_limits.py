"""runtime = "go": tells Go programs what the container has, each its share of it.

A Go program counts the processors of the machine and takes memory until the kernel kills it: of a
container's bounds it knows nothing (GOMAXPROCS until Go 1.25, the memory to this day).  So each
run is born with GOMEMLIMIT and GOMAXPROCS, from the bounds as they are at that moment: they are no
part of the launch, and a container that is given more restarts nobody.  What the user sets wins.
"""

from __future__ import annotations

import posix

from pyinit.system import environment, quotas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import InitPlan, Launch, ProcessPlan
    from pyinit.runtime.machine import Machine

GO = "go"
RESERVE = 10  # a tenth of the memory is for what the Go heap is not: pyinit, stacks, binaries
MOST_RESERVED = 100 << 20


class GoLimits:
    """Shares the container out among the Go processes of the plan in force."""

    def __init__(self, machine: Machine) -> None:
        self._environ = dict(posix.environ)
        self._sharers = 1
        machine.driver.share = self.share

    def adopt(self, _init: InitPlan, processes: tuple[ProcessPlan, ...]) -> None:
        """Share with the processes of this plan from the next run on."""
        self._sharers = max(1, sum([process.launch.runtime == GO for process in processes]))

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Nothing is to be remembered: the plan tells it all."""
        return (), ()

    def resume(self, known: object) -> None:
        """See `carried`."""

    def share(self, launch: Launch) -> tuple[tuple[str, str], ...]:
        """Return the variables that a run of `launch` is to be born with besides its own."""
        if launch.runtime != GO:
            return ()
        own = environment.build(launch, self._environ, ())
        shares = variables(quotas.memory_limit(), quotas.processors(), self._sharers, _here(launch))
        return tuple([(name, value) for name, value in shares if name.encode() not in own])


def variables(
    memory: int | None, processors: float | None, sharers: int, here: int
) -> tuple[tuple[str, str], ...]:
    """Return GOMEMLIMIT and GOMAXPROCS for one of `sharers`, each where there is a bound.

    `memory` in bytes and `processors` are the container's; `here` is how many a run may be on.
    """
    found: list[tuple[str, str]] = []
    if memory is not None:
        usable = memory - min(memory // RESERVE, MOST_RESERVED)
        found.append(("GOMEMLIMIT", str(usable // sharers)))
    if processors is not None:
        share = -int(-processors // sharers)  # rounded up: a part of a processor needs a whole one
        found.append(("GOMAXPROCS", str(max(1, min(share, here)))))
    return tuple(found)


def _here(launch: Launch) -> int:
    """Return how many processors a run may be on at all."""
    return len(launch.cpu_affinity or posix.sched_getaffinity(0))
