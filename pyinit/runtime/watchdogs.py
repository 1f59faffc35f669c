"""Watchdogs: runs that say WATCHDOG=1 again and again, and what it means when one falls silent.

As in sd_watchdog_enabled(3) the run is told in WATCHDOG_USEC how long it may be silent; it may
choose another time itself (sd_notify(3): WATCHDOG_USEC=).  The clock runs from Running on.
"""

from __future__ import annotations

from pyinit.core.states import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.plan import Live
    from pyinit.core.states import RunId
    from pyinit.protocol.wire import Json

LATE_S = 1.0  # as in rounds: everything has stood still, and nobody could ping


class Dog:
    """What is known of one run: silent since `last`, at most for `interval_s`."""

    __slots__ = ("interval_s", "last", "live", "run_id")

    def __init__(self, run_id: RunId, live: Live, last: float) -> None:
        self.run_id = run_id
        self.live = live
        self.last = last
        self.interval_s = live.interval

    @property
    def due(self) -> float:
        """When it has been silent for too long; an interval of 0 ends the watch."""
        return self.last + self.interval_s if self.interval_s > 0 else NEVER


class Watchdogs:
    """All of them, by process; `silent(key, run, why, live)` is called once for a run."""

    def __init__(self, silent: Callable[[str, RunId, str, Live], None]) -> None:
        self._silent = silent
        self._dogs: dict[str, Dog] = {}
        self._kept: dict[str, tuple[int, float, float]] = {}

    def all(self) -> dict[str, Dog]:
        """Return every one there is."""
        return self._dogs

    def begin(self, key: str, run_id: RunId, live: Live, now: float) -> None:
        """Expect pings of a run from now on, unless that is done already."""
        found = self._dogs.get(key)
        if found is not None and (found.run_id, found.live) == (run_id, live):
            return
        found = self._dogs[key] = Dog(run_id, live, now)
        kept = self._kept.pop(key, None)
        if kept is not None and kept[0] == run_id:
            _, found.last, found.interval_s = kept

    def end(self, key: str) -> None:
        """Expect nothing any more."""
        self._dogs.pop(key, None)

    def ping(self, key: str, run_id: RunId, now: float) -> None:
        """The run is there."""
        found = self._of(key, run_id)
        if found is not None:
            found.last = now

    def trigger(self, key: str, run_id: RunId) -> None:
        """The run has found out itself that it is not well."""
        found = self._of(key, run_id)
        if found is not None:
            self._silent(key, run_id, "it says so by WATCHDOG=trigger", found.live)

    def set_interval(self, key: str, run_id: RunId, interval_s: float, now: float) -> None:
        """The run chooses another interval, which begins now; 0: it will not ping any more."""
        found = self._of(key, run_id)
        if found is not None:
            found.last, found.interval_s = now, interval_s

    def told(self, key: str, now: float) -> dict[str, Json] | None:
        """Return what is known of the watchdog of a process, None if it has none."""
        found = self._dogs.get(key)
        if found is None:
            return None
        silent_s = round(now - found.last, 3)
        return {
            "kind": "watchdog",
            "ok": True,
            "reason": "",
            "silent_s": silent_s,
            "interval_s": found.interval_s,
        }

    def carried(self) -> dict[str, tuple[int, float, float]]:
        """Return what the next pyinit must know."""
        return {key: (each.run_id, each.last, each.interval_s) for key, each in self._dogs.items()}

    def resume(self, known: dict[str, tuple[int, float, float]]) -> None:
        """Go on with what another pyinit knew, once its runs are taken up."""
        self._kept = known

    def next_deadline(self) -> float:
        """Return when `tick` must be called."""
        return min([each.due for each in self._dogs.values()], default=NEVER)

    def tick(self, now: float) -> None:
        """Report who was silent for too long; pings that have come were read before this."""
        if now - self.next_deadline() > LATE_S:
            for each in self._dogs.values():
                each.last = now
            return
        for key, each in [*self._dogs.items()]:
            if each.due <= now:
                why = f"no WATCHDOG=1 within {each.interval_s:g} s"
                self._silent(key, each.run_id, why, each.live)

    def _of(self, key: str, run_id: RunId) -> Dog | None:
        found = self._dogs.get(key)
        return found if found is not None and found.run_id == run_id else None
