"""Tells the core when the time of a schedule has come; what it does about it is the core's matter.

An interval is monotonic and counts from the last start, whoever asked for it.  A cron line goes by
the clock on the wall.  Its times are computed ahead by a forked child (`next_times`), since no time
zone belongs into PID 1, and looked at when the next one comes, and once a minute, for clocks are
set:

    it jumps forward, or we slept     the times that were missed are one, and it comes now
    it is set back, less than 3 h     what has come does not come again
    it is set back further            it was wrong, and the times are computed anew

Without a schedule this is not imported, and without a cron line nothing is forked.
"""

from __future__ import annotations

import marshal
import time

from pyinit.core.events import ScheduleDue
from pyinit.core.states import NEVER, Stopped, run_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.runtime.machine import Machine

    Line: TypeAlias = tuple[str, str]  # as it is written, and its time zone

LOOK_S = 60.0  # the longest that a clock which was set is not noticed
BACK_S = 3 * 3600.0  # as Debian's cron: a clock set back further was wrong before
EARLY = 0.1  # of an interval, at most EARLY_S: a start just after its time moves no other
EARLY_S = 1.0
RETRY_S = 10.0  # after a child that could not compute
LINES_A_CHILD = 200  # their answer fits into a pipe ...
TIMES = 24  # ... if each has at most so many times ...
AHEAD_S = 26 * 3600.0  # ... and after the first none later than this: time zones change


class Times:
    """When a cron line comes next, and for whom; `after` is up to when that is settled."""

    __slots__ = ("after", "coming", "keys", "over")

    def __init__(self, after: float) -> None:
        self.after = after
        self.coming: list[float] = []
        self.keys: list[str] = []
        self.over = False  # it never comes again


class Schedules:
    """The times of all schedules.  `wall` is the clock on the wall, `clock` the monotonic one."""

    def __init__(
        self,
        machine: Machine,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine = machine
        self._wall = wall
        self._clock = clock
        self._every: dict[str, tuple[float, float]] = {}  # key -> interval, when it is due
        self._lines: dict[Line, Times] = {}
        self._seen = wall()  # the wall clock when it was last looked at
        self._look_at = NEVER
        self._asking = False
        self._trouble = ""  # with the child that computes, as far as it was told
        self._next = NEVER
        machine.loop.timed = (*machine.loop.timed, self)
        machine.desk.next_run = self.next_run

    def adopt(self, _init: InitPlan, processes: tuple[ProcessPlan, ...]) -> None:
        """Go by the schedules of these processes; one that stays the same keeps its time."""
        now = self._clock()
        every, self._every = self._every, {}
        lines, self._lines = self._lines, {}
        for times in lines.values():
            times.keys = []
        for plan in processes:
            schedule = plan.schedule
            if schedule is None:
                continue
            if schedule.every:
                known = every.get(plan.key, (0.0, 0.0))
                fresh = (schedule.every, now + schedule.every)
                self._every[plan.key] = known if known[0] == schedule.every else fresh
                continue
            line = (schedule.cron, schedule.timezone)
            if line not in self._lines:
                self._lines[line] = lines.get(line) or Times(self._wall())
            self._lines[line].keys.append(plan.key)
        self._look_at = now if self._lines else NEVER
        self._settle()

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return the times that are settled: none is lost, and none comes twice."""
        every = tuple([(key, *times) for key, times in self._every.items()])
        lines = tuple([(*line, times.after) for line, times in self._lines.items()])
        return (every, lines, self._seen), ()

    def resume(self, known: object) -> None:
        """Go on with the times of another pyinit."""
        match known:
            case (tuple() as every, tuple() as lines, float() as seen):
                self._seen = seen
            case _:
                return
        for key, interval, due in every:
            if self._every.get(key, (0.0, 0.0))[0] == interval:
                self._every[key] = interval, due
        for cron, zone, after in lines:
            if (cron, zone) in self._lines:
                self._lines[cron, zone].after = after
        self._settle()

    def next_run(self, key: str) -> float | None:
        """Return when a process is started next, as seconds since the epoch, if that is known."""
        row = self._machine.row(key)
        if row is None or (isinstance(row.state, Stopped) and row.state.held):
            return None
        if key in self._every:
            return self._wall() + self._due(key) - self._clock()
        for times in self._lines.values():
            if key in times.keys:
                return times.coming[0] if times.coming else None
        return None

    def next_deadline(self) -> float:
        """Return when `tick` must be called next."""
        return self._next

    def tick(self, now: float) -> None:
        """Tell of every time that has come."""
        for key, (interval, due) in [*self._every.items()]:
            if due > now:
                continue
            moved = self._due(key)
            if moved <= now + min(EARLY_S, interval * EARLY):
                self._machine.loop.feed(ScheduleDue(key))
                moved = now + interval
            self._every[key] = interval, moved
        if self._look_at <= now:
            self._look(now, self._wall())
        self._settle()

    def _due(self, key: str) -> float:
        """Return when an interval is over: a start by hand begins it anew."""
        interval, due = self._every[key]
        row = self._machine.row(key)
        if row is None:
            return due
        run, ends = run_of(row.state), self._machine.history.of(key)
        if run is not None:
            since = run.since
        elif ends:
            since = row.last_at - ends[-1].ran_s
        else:
            return due
        return max(due, since + interval)

    def _settle(self) -> None:
        self._next = min([self._look_at, *[due for _, due in self._every.values()]])

    def _look(self, now: float, wall: float) -> None:
        """See which cron lines have come by the clock on the wall."""
        if wall < self._seen - BACK_S:
            for times in self._lines.values():
                times.coming, times.after, times.over = [], wall, False
        self._seen = wall
        for times in self._lines.values():
            if not times.coming or times.coming[0] > wall:
                continue
            times.coming = [at for at in times.coming if at > wall]
            times.after = wall
            for key in times.keys:
                self._machine.loop.feed(ScheduleDue(key))
        self._look_at = now + self._wait_s(wall) if self._lines else NEVER
        self._ask(now)

    def _wait_s(self, wall: float) -> float:
        first = min([times.coming[0] for times in self._lines.values() if times.coming], default=0)
        return min(LOOK_S, max(first - wall, 0.001)) if first else LOOK_S

    def _ask(self, now: float) -> None:
        """Have the times computed of those lines that have none."""
        wanted = [line for line, times in self._lines.items() if not (times.coming or times.over)]
        if self._asking or not wanted:
            return
        asked = [(*line, self._lines[line].after) for line in wanted[:LINES_A_CHILD]]

        def work() -> bytes:
            from pyinit.runtime.next_times import answer

            return answer(asked, AHEAD_S, TIMES)

        def done(said: bytes | None) -> None:
            self._asking = False
            self._told(asked, said)

        self._asking = True
        try:
            self._machine.desk.fork(work, done)
        except BaseException as error:
            self._asking = False
            if not isinstance(error, OSError):
                raise
            self._fail(now, str(error.strerror))

    def _told(self, asked: list[tuple[str, str, float]], said: bytes | None) -> None:
        """The child has answered: for each line its times, or why there are none."""
        now = self._clock()
        found = _understood(said or b"", len(asked))
        if found is None:
            why = "makes no sense" if said else "died" if said is not None else "does not answer"
            self._fail(now, f"the child that computes them {why}")
            return
        self._trouble = ""
        for (cron, zone, after), answer in zip(asked, found, strict=True):
            times = self._lines.get((cron, zone))
            if times is None or times.after != after:
                continue
            if isinstance(answer, str):
                self._machine.log.error(f'cannot compute the times of "{cron}": {answer}')
            times.coming = answer if isinstance(answer, list) else []
            times.over = not times.coming
        self._look_at = now
        self._settle()

    def _fail(self, now: float, why: str) -> None:
        """Say once what is wrong, and ask again later."""
        if why != self._trouble:
            self._trouble = why
            text = f"cannot compute the times of schedules: {why}"
            self._machine.log.warning(f"{text}\n  it is tried again every {RETRY_S:g} s")
        self._look_at = min(self._look_at, now + RETRY_S)
        self._settle()


def _understood(said: bytes, count: int) -> list[list[float] | str] | None:
    """Return what a child has answered about so many lines, None if it makes no sense."""
    try:
        found = marshal.loads(said)  # noqa: S302  our own child wrote it
    except (EOFError, ValueError, TypeError):
        return None
    if not isinstance(found, list) or len(found) != count:
        return None
    for each in found:
        times = each if isinstance(each, list) else []
        if not (isinstance(each, str | list) and all(isinstance(at, float) for at in times)):
            return None
    return found
