"""The loop: sleep until the kernel speaks or a deadline comes, step, perform, repeat.

A step that raises changes nothing: the event is told and dropped, the old state stays.  An
effect that raises is answered for with the nearest true event.  A turn that raises all the same
(a bug in a callback, say) is told and counted; after too many of them `run` raises, and boot
tries a re-exec and then the rescue loop.
"""

from __future__ import annotations

import time

from pyinit.core import events as ev
from pyinit.core.supervisor import next_deadline, step
from pyinit.runtime.log import fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from pyinit.core.draft import Supervisor
    from pyinit.core.events import Event
    from pyinit.runtime.driver import Driver
    from pyinit.runtime.log import Log
    from pyinit.runtime.poller import Poller
    from pyinit.runtime.recorder import Recorder

    class Timed(Protocol):
        """A part of the runtime with deadlines of its own."""

        def next_deadline(self) -> float:
            """Return when `tick` must be called, infinity if it need not."""
            ...

        def tick(self, now: float) -> None:
            """Do what is due at `now`."""
            ...


EVENTS_A_TURN = 4096  # then the kernel is asked again: a storm must not keep signals waiting
FAULTS = 20  # failing turns ...
FAULT_WINDOW_S = 10.0  # ... within this time are more than a loop can live with


class LoopBroken(Exception):
    """The loop itself keeps failing."""


class Loop:
    """Holds the state and drives it."""

    def __init__(
        self,
        supervisor: Supervisor,
        driver: Driver,
        poller: Poller,
        recorder: Recorder,
        log: Log,
    ) -> None:
        self.supervisor = supervisor
        self.timed: Sequence[Timed] = ()
        self.after_turn: list[Callable[[], None]] = []
        self._driver = driver
        self._poller = poller
        self._recorder = recorder
        self._log = log
        self._queue: list[Event] = []
        self._faults: list[float] = []
        self._told_fault = ""

    def feed(self, event: Event) -> None:
        """Queue an event; it is stepped in this turn of the loop or the next."""
        self._queue.append(event)

    def queued(self) -> tuple[Event, ...]:
        """Return the events that are not stepped yet, to be carried over a re-exec."""
        return (*self._queue, *self._driver.events)

    def run(self) -> int:
        """Turn until the core says Exit; return its code.  Raises LoopBroken."""
        while self._driver.exit is None:
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001  PID 1 must not die of a bug of ours
                self._failed(error)
        return self._driver.exit.code

    def turn(self, until: float | None = None) -> None:
        """Wait for news, at most until the next deadline (or `until`), and act on it."""
        self._poller.wait(self._deadline() if until is None else until)
        self._driver.fresh()
        now = time.monotonic()
        if next_deadline(self.supervisor) <= now:
            self._queue.append(ev.Tick())
        for part in self.timed:
            if part.next_deadline() <= now:
                part.tick(now)
        self.drain()
        for call in self.after_turn:
            call()

    def drain(self) -> None:
        """Step every queued event and what it leads to, within the bound of a turn."""
        left = EVENTS_A_TURN
        while left > 0:
            self._queue.extend(self._driver.events)
            self._driver.events.clear()
            if not self._queue:
                self._driver.settle(self.supervisor.pids)
                if not self._driver.events:
                    return
                continue
            batch, self._queue = self._queue, []
            for event in batch:
                self._step(event)
            left -= len(batch)

    def _deadline(self) -> float:
        if self._queue or self._driver.events:
            return 0.0
        return min(next_deadline(self.supervisor), *[part.next_deadline() for part in self.timed])

    def _step(self, event: Event) -> None:
        now = time.monotonic()
        try:
            supervisor, effects = step(self.supervisor, event, now)
        except Exception as error:  # noqa: BLE001  a step that raises changes nothing
            self._tell(f"dropped {event!r}: {fault(error)}")
            return
        self._recorder.add(now, event, effects)
        self.supervisor = supervisor
        for effect in effects:
            try:
                self._driver.perform(effect, supervisor.pids)
            except Exception as error:  # noqa: BLE001  the core must hear of every effect
                self._tell(f"cannot perform {type(effect).__name__}: {fault(error)}")
                self._driver.failed(effect)

    def _failed(self, error: Exception) -> None:
        now = time.monotonic()
        self._tell(f"a turn of the loop failed: {fault(error)}")
        self._faults = [at for at in self._faults if at > now - FAULT_WINDOW_S] + [now]
        if len(self._faults) >= FAULTS:
            raise LoopBroken(fault(error)) from error

    def _tell(self, text: str) -> None:
        """Say a fault, and the same fault only once in a row."""
        if text != self._told_fault:
            self._told_fault = text
            self._log.error(text)
