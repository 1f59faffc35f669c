"""Programs that are started by their first connection, and stopped when nobody is connected.

at rest    pyinit's own poll watches the sockets; a connection waits in its queue, unseen by us
called     they are not watched any more: the program is on its way, or runs; when it is at rest
           again, whatever the reason, they are watched again
idle       now and then, while it runs, we look whether anybody is connected to its sockets

A program that ends badly, or at once time after time, is not called again at once: a client that
waits would have it started in a circle.  One that somebody has stopped is not called at all.
"""

from __future__ import annotations

import time

from pyinit.core.events import Called, Idle
from pyinit.core.phases import Up
from pyinit.core.slot import is_active
from pyinit.core.states import NEVER, Exited, RunId, Running, Stopped
from pyinit.system import connections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.core.slot import Process
    from pyinit.core.table import Table
    from pyinit.runtime.machine import Machine

    Known: TypeAlias = tuple[dict[str, tuple[int, float]], dict[str, float], dict[str, int]]

SOON_S = 5.0  # a run that ends well so soon is one of a row of them ...
FREE = 20  # ... of which so many may follow each other at once
PAUSE_S = 1.0  # between those that come after
DELAYS_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # after one that failed for good, and the next...
LOOKS = 4  # so often it is looked within the time that a program may be idle ...
LEAST_S, MOST_S = 0.2, 15.0  # ... but not more often, and not more seldom


class OnDemand:
    """Watches the sockets of programs that are away, and those that are not for idleness."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._plans: dict[str, ProcessPlan] = {}  # of those that are started on demand
        self._users: dict[str, tuple[str, ...]] = {}  # place of such a socket -> keys that have it
        self._watched: dict[int, str] = {}  # descriptor -> place
        self._seen: Table | None = None
        self._used: dict[str, tuple[int, float]] = {}  # key -> run, when it was last used
        self._born: dict[str, float] = {}  # key -> since when it is on its way
        self._bad: dict[str, int] = {}  # key -> ends in a row that were bad, or came at once
        self._again: dict[str, float] = {}  # key -> when it may be called again
        self._look_at = NEVER
        self._blind = False  # it was said that connections cannot be seen
        machine.loop.after_turn.append(self._look)
        machine.loop.timed = (*machine.loop.timed, self)

    def adopt(self, _init: InitPlan, processes: tuple[ProcessPlan, ...]) -> None:
        """Go by these plans from now on."""
        self._plans = {each.key: each for each in processes if each.on_demand}
        places = {place for each in self._plans.values() for place in each.places}
        self._users = {
            place: tuple([each.key for each in processes if place in each.places])
            for place in places
        }
        for key in {*self._born, *self._used, *self._again, *self._bad} - {*self._plans}:
            self._drop(key)
        self._seen = None
        held = self._machine.held
        if held is not None and held.kept is not None:
            held.kept.closing = self._forget

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return since when runs are idle, and whom not to call yet; the sockets are not ours."""
        return (self._used, self._again, self._bad), ()

    def resume(self, known: object) -> None:
        """Go on as another pyinit did."""
        if isinstance(known, tuple | list) and len(known) == 3:
            used, again, bad = known
            self._used = {key: (run, at) for key, (run, at) in used.items()}
            self._again, self._bad = dict(again), dict(bad)

    def next_deadline(self) -> float:
        """Return when somebody may be called again, or it is time to look for connections."""
        return min([self._look_at, *self._again.values()])

    def tick(self, now: float) -> None:
        """Act on the deadlines that have come."""
        for key in [key for key, at in self._again.items() if at <= now]:
            del self._again[key]
            self._seen = None
        if self._look_at <= now:
            self._look_for_idle(now)

    def _look(self) -> None:
        """After a turn: if any process has moved, watch what is to be watched now."""
        supervisor = self._machine.loop.supervisor
        if supervisor.table is self._seen:
            return
        now = time.monotonic()
        rows = {key: self._machine.row(key) for keys in self._users.values() for key in keys}
        for key in self._plans:
            self._note(key, rows.get(key), now)
        up = isinstance(supervisor.phase, Up)
        wanted = {
            self._fd(place): place
            for place, keys in self._users.items()
            if up and not _any_active(rows, keys) and self._callable(rows, keys)
        }
        for fd in [fd for fd in self._watched if fd not in wanted]:
            self._forget(fd)
        for fd, place in wanted.items():
            if fd >= 0 and fd not in self._watched:
                self._watch(fd, place)
        self._seen = supervisor.table  # at last: what could not be looked at is looked at again

    def _note(self, key: str, row: Process | None, now: float) -> None:
        """Note what has become of a process that is started on demand."""
        if row is None:
            self._drop(key)
            return
        self._note_use(key, row, now)
        if is_active(row):
            self._born.setdefault(key, now)
            self._again.pop(key, None)
        elif key in self._born:
            self._ended(key, row, now - self._born.pop(key), now)

    def _drop(self, key: str) -> None:
        """It is no process any more, or not started on demand."""
        self._born.pop(key, None)
        self._used.pop(key, None)
        self._again.pop(key, None)
        self._bad.pop(key, None)

    def _note_use(self, key: str, row: Process, now: float) -> None:
        idle_s = self._plans[key].idle_exit
        if not idle_s or not isinstance(row.state, Running):
            self._used.pop(key, None)
        elif self._used.get(key, (0, 0.0))[0] != row.state.run.id:
            self._used[key] = (row.state.run.id, now)
            self._look_at = min(self._look_at, now + _period(idle_s))
        else:
            self._look_at = min(self._look_at, now + _period(idle_s))

    def _ended(self, key: str, row: Process, lasted_s: float, now: float) -> None:
        """It is at rest: say when it may be called again."""
        state = row.state
        well = isinstance(state, Exited) and state.success
        if isinstance(state, Stopped) or (well and lasted_s >= SOON_S):
            self._bad.pop(key, None)
            return
        bad = self._bad[key] = self._bad.get(key, 0) + 1
        delay_s = DELAYS_S[min(bad, len(DELAYS_S)) - 1]
        if well:
            delay_s = 0.0 if bad <= FREE else PAUSE_S
        if delay_s:
            self._again[key] = now + delay_s

    def _callable(self, rows: dict[str, Process | None], keys: tuple[str, ...]) -> list[str]:
        """Return those of `keys` that a connection may start."""
        return [key for key in keys if key in self._plans and self._may_be_called(key, rows[key])]

    def _may_be_called(self, key: str, row: Process | None) -> bool:
        if row is None or key in self._again:
            return False
        return not is_active(row) and row.state != Stopped(held=True)

    def _fd(self, place: str) -> int:
        held = self._machine.held
        if held is None or held.kept is None:
            return -1
        try:
            return held.kept.fd(place)
        except OSError:  # nobody listens there
            return -1

    def _watch(self, fd: int, place: str) -> None:
        self._machine.poller.register(fd, True, False, lambda _mask: self._call(fd))
        self._watched[fd] = place

    def _forget(self, fd: int) -> None:
        """It is not to be watched any more, or about to be closed."""
        if self._watched.pop(fd, None) is not None:
            self._machine.poller.unregister(fd)

    def _call(self, fd: int) -> None:
        """Somebody has connected."""
        keys = self._users.get(self._watched[fd], ())
        rows = {key: self._machine.row(key) for key in keys}
        self._machine.loop.feed(Called(tuple(self._callable(rows, keys))))
        self._forget(fd)

    def _look_for_idle(self, now: float) -> None:
        """See who is connected; a run that nobody has used for its time is to be stopped."""
        self._look_at = NEVER
        ages = self._ages()
        for key, (run_id, used_at) in [*self._used.items()]:
            plan = self._plans[key]
            age = min([ages.get(place, 0.0) for place in plan.places])
            since = max(used_at, now - age)
            if now - since >= plan.idle_exit:
                self._machine.loop.feed(Idle(key, RunId(run_id)))
                since = now  # others may need it: it is said again when it is idle for as long
            self._used[key] = (run_id, since)
            wait_s = min(_period(plan.idle_exit), max(LEAST_S, since + plan.idle_exit - now))
            self._look_at = min(self._look_at, now + wait_s)

    def _ages(self) -> dict[str, float]:
        """Return how long ago somebody was connected, by place; nothing where we cannot see."""
        held = self._machine.held
        wanted = {place for key in self._used for place in self._plans[key].places}
        known = held.kept.places() if held is not None and held.kept is not None else {}
        try:
            return connections.ages({place: known[place] for place in wanted if place in known})
        except OSError as error:
            if not self._blind:
                self._blind = True
                self._machine.log.warning(
                    f"cannot see who is connected, so nobody is idle: {error.strerror}\n"
                    "  idle_exit needs /proc"
                )
            return {}


def _any_active(rows: dict[str, Process | None], keys: tuple[str, ...]) -> bool:
    found = [rows[key] for key in keys]
    return any(row is not None and is_active(row) for row in found)


def _period(idle_s: float) -> float:
    """Return how long to wait between two looks at who is connected."""
    return min(MOST_S, max(LEAST_S, idle_s / LOOKS))
