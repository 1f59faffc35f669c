"""Whether it is the run itself that answers a probe, where others listen by its socket, too.

pyinit holds the sockets of such a program: connections wait there before it runs, and while a new
run begins beside an old one the old one takes them.  So who has taken a connection is looked up
in /proc before the last line of the request is sent, since it may be gone right after the answer.
Where that cannot be seen (Unix sockets, processes of others), an answer counts once the run is up
for `start_seconds`: one that ends at once has ended by then.
"""

from __future__ import annotations

import time

from pyinit.core.states import NO_PID
from pyinit.runtime.asking import ANOTHER
from pyinit.system import accepted, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.plan import ProcessPlan
    from pyinit.core.states import Run
    from pyinit.system.sockets import Socket

EARLY = "nothing tells yet whether it is the run itself that answers"


class Witness:
    """Tells whose a connection is.

    `stir` is called when it is to be asked soon: for a look, or for another question.
    """

    def __init__(self, plan: ProcessPlan, run: Run, stir: Callable[[], None]) -> None:
        self._plan = plan
        self._run = run
        self.stir = stir

    def taken(self, connection: Socket) -> str | None:
        """Return "" if the run has taken a connection by TCP, or why it does not count.

        None: nobody has taken it so far.
        """
        try:
            number = accepted.inode(connection)
            if not number:
                return None
            if self._run.pid == NO_PID:
                return EARLY
            mine = accepted.has(self._run.pid, number)
        except OSError:
            return self.late()
        below = () if mine else procfs.descendants([self._run.pid], procfs.table())
        return "" if mine or accepted.among(below, number) else ANOTHER

    def late(self) -> str:
        """Return "" if the run is up for so long that it need not be asked, or that it is not."""
        early = time.monotonic() < self._run.since + self._plan.start_s
        return EARLY if early else ""
