"""Says at boot, not when the container is to stop, that some programs cannot be signalled.

Root without CAP_KILL (docker run --cap-drop ALL --cap-add SETUID) may start programs as other
users, and nothing it sends to them arrives: a stop takes its whole budget, and leaves them behind.
"""

from __future__ import annotations

import posix

from pyinit.core.phases import Booting
from pyinit.system import prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.runtime.machine import Machine

NAMED = 3  # of the programs that are told of


class Reach:
    """Warns of the programs that are out of reach, once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def adopt(self, _init: InitPlan, processes: tuple[ProcessPlan, ...]) -> None:
        """Look at the users of the first plan's programs."""
        if not isinstance(self._machine.loop.supervisor.phase, Booting):
            return
        if prctl.CAP_KILL not in prctl.permitted_capabilities():
            text = warning(processes, posix.geteuid())
            if text:
                self._machine.log.warning(text)

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return nothing: it has all been said."""
        return (), ()

    def resume(self, known: object) -> None:
        """Go on."""


def warning(processes: tuple[ProcessPlan, ...], uid: int) -> str:
    """Return what is to be said of processes that `uid` cannot signal, "" if there are none."""
    names = [each.name for each in processes if each.launch.uid not in (None, uid)]
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    text = f"cannot signal {', '.join(names[:NAMED])}{more}, nor stop what does not end by itself"
    fix = "docker run --cap-add KILL, or leave `user` out"
    return f"{text}: another user, and pyinit has no CAP_KILL\n  {fix}"
