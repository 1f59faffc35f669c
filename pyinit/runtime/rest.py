"""What is done once, when the programs are up and nothing else is to do: memory is given back.

Until then Python's cycle collector is off (`begin`): boot makes a great many objects that live as
long as pyinit does, and looking through them for garbage again and again is a tenth of the start.
Then they are looked through once and set apart for good, so that later collections, rare as they
are, look only at what is new.
"""

from __future__ import annotations

import gc

from pyinit.system import trim

AFTER_S = 1.0  # the time after which a start counts, so pyinit is awake anyway
NEVER = float("inf")


def begin() -> None:
    """Boot begins: no collection until `Rest` is due."""
    gc.disable()


class Rest:
    """Gives back memory at `AFTER_S` after the boot, once."""

    def __init__(self, now: float) -> None:
        self._at = now + AFTER_S

    def next_deadline(self) -> float:
        """Return when it is time."""
        return self._at

    def tick(self, _now: float) -> None:
        """Do it: the time has come."""
        self._at = NEVER
        gc.enable()
        gc.collect()
        gc.freeze()
        trim.give_back()
