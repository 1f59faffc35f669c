"""What is done when the programs are up and nothing else is to do: memory is given back.

Until then Python's cycle collector is off (`begin`): boot makes a great many objects that live as
long as pyinit does, and looking through them for garbage again and again is a tenth of the start.
Then the modules that no start needs are imported, too, and all is looked through once and set apart
for good, so that later collections, rare as they are, look only at what is new.

Whatever pyinit does later needs memory again for a moment: program text, the answer to a client, a
plan.  So once it has done something, and at most once a minute, it gives that back, too: one
wake-up more for what had woken it anyway.  An idle pyinit never wakes.
"""

from __future__ import annotations

import gc
import time

from pyinit import bundle
from pyinit.system import trim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.poller import Poller

AFTER_S = 1.0  # the time after which a start counts, so pyinit is awake anyway
AGAIN_S = 60.0
YOUNG = 10_000  # objects more than before: a hundred programs that stop are no reason to look
NEVER = float("inf")


def begin() -> None:
    """Boot begins: no collection until `Rest` is due."""
    gc.disable()


class Rest:
    """Gives back memory at `AFTER_S` after the boot, and again when something was done since."""

    def __init__(self, now: float, poller: Poller) -> None:
        self._poller = poller
        self._at = now + AFTER_S
        self._next = NEVER  # not before
        self._has_rested = False
        self._later: tuple[object, ...] = ()  # what no start needs, once it is here

    def next_deadline(self) -> float:
        """Return when it is time."""
        return self._at

    def tick(self, now: float) -> None:
        """Do it: the time has come."""
        is_first = self._next == NEVER
        self._at, self._next, self._has_rested = NEVER, now + AGAIN_S, True
        if is_first:
            gc.enable()
            gc.set_threshold(YOUNG, 10, 10)
        if not self._later:
            bundle.together("pyinit.runtime.later")
            from pyinit.runtime import later

            self._later = later.MODULES
            gc.collect()
            gc.freeze()
        self._poller.before_sleep = trim.give_back()

    def after_turn(self) -> None:
        """What was done in this turn is rested from later; the rest itself is not."""
        if self._at == NEVER and not self._has_rested:
            self._at = max(time.monotonic() + AFTER_S, self._next)
        self._has_rested = False
