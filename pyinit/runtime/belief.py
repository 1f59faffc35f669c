"""Whose a process is that nobody has left behind but by its own word: its mark can be forged.

Every process may set the limit that a run is known by (`system.mark`), and read from /proc what
it is of others.  What it cannot choose is its user.  So one that has the mark of a run is believed
if it has the user of that run, whose processes have each other in their power anyway, or is
root.  A run of root's may have left behind daemons of any user, but not of one as whom another
program runs: that is more likely a forger.

Where only leftovers are counted and ended (`reaper.Members`), those are believed, too: two servers
at once would be worse than a wait for a forger, who is ended with them.
"""

from __future__ import annotations

import posix

from pyinit.core.states import run_of
from pyinit.system import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.slot import Process
    from pyinit.runtime.machine import Machine


def believes(machine: Machine, key: str, pid: int) -> bool:
    """Say whether a process with the mark of the run of `key` is taken for one of it."""
    row = machine.row(key)
    user, _ = procfs.owner(pid)
    if row is None or user < 0:
        return False
    wanted = _user_of(row)
    if user in (0, wanted):
        return True
    return wanted == 0 and user not in {_user_of(each) for each in machine.loop.supervisor.table}


def _user_of(row: Process) -> int:
    """Return as whom a process is run; of pyinit's own only the process itself tells."""
    if row.plan.hidden:
        run = run_of(row.state)
        return -1 if run is None else procfs.owner(run.pid)[0]
    return posix.geteuid() if row.plan.launch.uid is None else row.plan.launch.uid
