"""The loop: sleep until the kernel speaks or a deadline comes, step, perform, repeat.

A step that raises changes nothing: the old state stays; the event is told and tried once more
in the next turn, then dropped.  What the kernel tells only once (a death, a fork) is tried until
it can be, and before newer news of the same process.  An effect that raises is answered for with
the nearest true event; a signal is sent again.  A turn that raises all the same (a bug in a
callback, say) does everything else it has to do, is told and counted; after too many of them `run`
raises, and what follows is a re-exec and then the rescue loop.  So it is when a deadline, or being
told to stop, is what cannot be stepped: nobody can live without these.
"""

from __future__ import annotations

import errno
import time

from pyinit.core import events as ev
from pyinit.core.effects import Kill
from pyinit.core.phases import Booting, Up
from pyinit.core.supervisor import next_deadline, step
from pyinit.runtime.failure import LoopBroken, all_of
from pyinit.runtime.log import fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from pyinit.core.draft import Supervisor
    from pyinit.core.effects import Effect
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
SHORT_PAUSE_S = 0.1  # after a turn that the kernel had something too little for
SHORTAGES = frozenset((errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOBUFS))
# After so many seconds each, a step that raised is tried again: who asks can ask again, but a death
# that the core never hears of would be a run that never ends.
ASKED_AGAIN_S: tuple[float, ...] = (0.0,)
NEWS_AGAIN_S = (0.0, 0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
REST_S = 2.0  # for a part that has failed: one that always fails is no reason for a re-exec
SIGTERM = 15
STOPS = frozenset((2, 3, SIGTERM))  # whoever sends them waits, and kills us in the end ...
STOP_TRIES = 5  # ... so this is soon
NEWS = (
    *(ev.Reaped, ev.Spawned, ev.SpawnFailed, ev.Executed, ev.ExecFailed),
    *(ev.Surveyed, ev.Swept, ev.MainPid, ev.ReadyReported),
)
WINDOW_S = 60.0  # the longest turn is remembered for one or two of them


class Load:
    """Turns and the time they took: what came while one was under way has waited for its end.

    Nothing is timed for it: an idle pyinit never wakes.
    """

    __slots__ = ("_before_s", "_longest_s", "_window", "busy_s", "turns")

    def __init__(self) -> None:
        self.turns = 0
        self.busy_s = 0.0
        self._window = 0
        self._longest_s = 0.0
        self._before_s = 0.0  # the longest of the window before this one

    def add(self, awake_at: float, done_at: float) -> None:
        """A turn is done; both times are monotonic, the first is when the kernel spoke."""
        took_s = done_at - awake_at
        self.turns += 1
        self.busy_s += took_s
        self._move(done_at)
        self._longest_s = max(self._longest_s, took_s)

    def lag_s(self, now: float) -> float:
        """Return the longest turn of the last one or two minutes."""
        self._move(now)
        return max(self._longest_s, self._before_s)

    def _move(self, now: float) -> None:
        window = int(now / WINDOW_S)
        if window != self._window:
            self._before_s = self._longest_s if window == self._window + 1 else 0.0
            self._longest_s = 0.0
            self._window = window


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
        self.puts_off: Callable[[ev.SignalReceived], bool] = lambda _signal: False
        self.after_fault: Callable[[], None] = lambda: None  # sets right what it may have left
        self.load = Load()
        self._awake_at = time.monotonic()
        self._driver = driver
        self._poller = poller
        self._recorder = recorder
        self._log = log
        self._queue: list[Event] = []  # what a turn has left; newer news is with the driver
        # (when, what, how often it was tried): memory may be there in a moment
        self._again: list[tuple[float, Event | Kill, int]] = []
        self._faults: list[float] = []
        self._told_fault = ""
        self.vital: Timed | None = None  # the part that may never be left alone
        self._resting: dict[Timed, float] = {}  # parts that have failed, and until when
        self._blind: BaseException | None = None  # why it is not known when to wake up

    def feed(self, event: Event) -> None:
        """Queue an event behind all news; it is stepped in this turn of the loop or the next."""
        self._driver.events.append(event)

    def queued(self) -> tuple[Event, ...]:
        """Return the events that are not stepped yet, to be carried over a re-exec."""
        again = [event for _, event, _ in self._again if not isinstance(event, Kill)]
        return (*again, *self._queue, *self._driver.events)

    def stops_told(self) -> list[int]:
        """Return the stop signals that came and are not obeyed yet, in what way ever they came."""
        told = [each for each in self.queued() if isinstance(each, ev.SignalReceived)]
        under_way = not isinstance(self.supervisor.phase, Booting | Up)
        return [each.signum for each in told if each.signum in STOPS] + [SIGTERM] * under_way

    def fault(self, error: BaseException) -> None:
        """Tell of a fault that was lived with."""
        self._tell("a part of a turn failed", None, error)

    def run(self) -> int:
        """Turn until the core says Exit; return its code.  Raises LoopBroken."""
        while self._driver.exit is None:
            try:
                self.turn()
            except LoopBroken:
                raise
            except BaseException as error:  # noqa: BLE001  PID 1 must not die of a bug of ours
                self._failed(error)
        return self._driver.exit.code

    def turn(self, until: float | None = None) -> None:
        """Wait for news, at most until the next deadline (or `until`), and act on it."""
        stages = (self._try_due, self._tick, self.drain)
        try:
            all_of((lambda: self._wait(until), *stages, *self.after_turn))
        finally:
            self.load.add(self._awake_at, time.monotonic())

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
            done = 0
            try:
                for event in batch:
                    if self._driver.events and isinstance(event, ev.SignalReceived):
                        # A run that was started a moment ago is known first: it is to get it, too.
                        batch[done:] = _signals_last([*batch[done:], *self._driver.events])
                        self._driver.events.clear()
                        break
                    done += 1
                    self._step_or_keep(event)
            finally:
                self._queue[:0] = batch[done:]
            left -= done

    def _wait(self, until: float | None) -> None:
        try:
            self._poller.wait(self._deadline() if until is None else until)
        finally:
            self._awake_at = time.monotonic()
            self._driver.fresh()
        blind, self._blind = self._blind, None
        if blind is not None:
            raise blind

    def _try_due(self) -> None:
        """Try again what has failed, if it is time to, in order: some wait behind others."""
        now = time.monotonic()
        left, self._again = self._again, []
        try:
            while left:
                at, what, tried = left.pop(0)
                if at > now:
                    self._again.append((at, what, tried))
                elif isinstance(what, Kill):
                    self._perform_again(what, tried)
                else:
                    self._step_or_keep(what, tried)
        finally:
            self._again += left

    def _tick(self) -> None:
        """Let everything act whose deadline has come."""
        now = time.monotonic()
        first: BaseException | None = None
        for part in self.timed:
            if self._rests(part, now):
                continue
            try:
                if part.next_deadline() <= now:
                    part.tick(now)
            except BaseException as error:  # noqa: BLE001  it is raised when all had their turn
                first = first or error
                if part is not self.vital:
                    self._resting[part] = now + REST_S
        if next_deadline(self.supervisor) <= now:
            self.feed(ev.Tick())
        if first is not None:
            raise first

    def _rests(self, part: Timed, now: float) -> bool:
        """Say whether a part has failed a moment ago, and is left alone."""
        if self._resting.get(part, 0.0) > now:
            return True
        self._resting.pop(part, None)
        return False

    def _deadline(self) -> float:
        """Return when to wake up.  Who cannot say when is asked once more before long."""
        if self._queue or self._driver.events:
            return 0.0
        found = [each[0] for each in self._again]
        try:
            found.append(next_deadline(self.supervisor))
            found += [self._resting.get(part) or part.next_deadline() for part in self.timed]
        except BaseException as error:  # noqa: BLE001  the descriptors are looked at all the same
            self._blind = error
            return time.monotonic() + SHORT_PAUSE_S
        return min(found)

    def _step_or_keep(self, event: Event, tried: int = 0) -> None:
        """Step an event; where not even that can be tried, what must not be lost is kept."""
        before = self.supervisor
        try:
            self._step(event, tried)
        except LoopBroken:
            raise
        except BaseException:
            if self.supervisor is before and _lasts(event):
                self._again.append((time.monotonic() + SHORT_PAUSE_S, event, tried + 1))
            raise

    def _step(self, event: Event, tried: int = 0) -> None:
        now = time.monotonic()
        behind = self._is_behind(event) if self._again else 0.0
        if behind:
            self._again.append((behind, event, tried))
            return
        try:
            supervisor, effects = step(self.supervisor, event, now)
        except BaseException as error:  # noqa: BLE001  a step that raises changes nothing
            again = self._try_again(event, tried, lasting=_lasts(event))
            self._tell("cannot step" if again else "dropped", event, error)
            self._must_be_stepped(event, tried, error)
            return
        self.supervisor = supervisor
        for effect in effects:
            try:
                self._driver.perform(effect, supervisor.pids)
            except BaseException as error:  # noqa: BLE001  the core must hear of every effect
                try:
                    self._not_performed(effect, 0, error)
                except BaseException:  # noqa: BLE001  whatever fails of telling it
                    self._driver.failed(effect)
        self._recorder.add(now, event, effects)

    def _must_be_stepped(self, event: Event, tried: int, error: BaseException) -> None:
        """Raise LoopBroken if what cannot be stepped is what nobody can live without."""
        if isinstance(event, ev.Tick):
            self._count(error)
        elif _lasts(event) and isinstance(event, ev.SignalReceived) and tried > STOP_TRIES:
            raise LoopBroken(fault(error)) from error

    def _is_behind(self, event: Event) -> float:
        """Return when older news of its process is tried again, 0 if there is none."""
        key, pid = self._whose(event)
        found = [(at, self._whose(what)) for at, what, _ in self._again if isinstance(what, NEWS)]
        older = [at for at, (a, b) in found if a == key is not None or b == pid is not None]
        return max(older, default=0.0)

    def _whose(self, event: Event | Kill) -> tuple[str | None, int | None]:
        """Return the key and the pid that an event is news of, as far as they are known."""
        key, pid = getattr(event, "key", None), getattr(event, "pid", None)
        return key or (None if pid is None else self.supervisor.pids.get(pid)), pid

    def _perform_again(self, kill: Kill, tried: int) -> None:
        pids = self.supervisor.pids
        owner = pids.get(kill.pid)
        if owner is None and (kill.scope == "process" or self._driver.knows(kill.pid)):
            return  # it is over, and its pid may be another's
        if owner not in (None, kill.key):
            return
        try:
            self._driver.send(kill, pids)  # it may be the command before it that cannot be had
        except BaseException as error:  # noqa: BLE001  as in _step
            self._not_performed(kill, tried, error)

    def _not_performed(self, effect: Effect, tried: int, error: BaseException) -> None:
        """Tell the core the nearest truth about it; a signal is sent again."""
        if not (isinstance(effect, Kill) and self._try_again(effect, tried, lasting=True)):
            self._driver.failed(effect)
        self._tell("cannot perform", effect, error)

    def _try_again(self, what: Event | Kill, tried: int, *, lasting: bool) -> bool:
        """Say whether what has failed is tried once more, and when it is."""
        delays = NEWS_AGAIN_S if lasting else ASKED_AGAIN_S
        ever = lasting and not isinstance(what, Kill)  # a pid is somebody else's one day
        if (tried >= len(delays) and not ever) or len(self._again) >= EVENTS_A_TURN:
            return False
        delay = delays[min(tried, len(delays) - 1)]
        self._again.append((time.monotonic() + delay, what, tried + 1))
        return True

    def _failed(self, error: BaseException) -> None:
        self._tell("a turn of the loop failed", None, error)
        if _is_shortage(error):  # no fault of the loop's: a re-exec would need even more
            self._poller.pause(SHORT_PAUSE_S)
        else:
            self._count(error)

    def _count(self, error: BaseException) -> None:
        """Count a fault; raise LoopBroken if they are too many."""
        now = time.monotonic()
        self._faults = [at for at in self._faults if at > now - FAULT_WINDOW_S] + [now]
        if len(self._faults) >= FAULTS:
            raise LoopBroken(fault(error)) from error

    def _tell(self, what: str, about: Event | Effect | None, error: BaseException) -> None:
        """Say a fault, and the same fault only once in a row; where that fails, too, go on."""
        try:
            self.after_fault()
            name = f" {type(about).__name__}" if about is not None else ""
            text = f"{what}{name}: {fault(error)}"
            if text != self._told_fault:
                self._told_fault = text
                self._log.error(text)
        except BaseException:  # noqa: BLE001  a fault that cannot be told is still only a fault
            self._told_fault = ""


def _signals_last(events: list[Event]) -> list[Event]:
    """Return them in their order, but the signals behind all the others."""
    return sorted(events, key=lambda each: isinstance(each, ev.SignalReceived))


def _lasts(event: Event) -> bool:
    """Say whether an event is tried until it can be stepped."""
    is_stop = isinstance(event, ev.SignalReceived) and event.signum in STOPS
    return is_stop or isinstance(event, NEWS)


def _is_shortage(error: BaseException) -> bool:
    """Say whether the kernel had not got what was asked for."""
    return isinstance(error, MemoryError) or getattr(error, "errno", 0) in SHORTAGES
