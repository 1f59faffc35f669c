"""The part that asks runs whether they are ready, and whether they still live.

`ready` probes are asked from the moment a run has become its program until it is ready; `live`
probes, and for the pings of a watchdog, while it is Running.  The part follows the table of the
core: a run that moves on ends its round.  What it finds is news for the core: ReadyReported, and
Condemned for a run that has failed often enough.
"""

from __future__ import annotations

import time

from pyinit.core import events as ev
from pyinit.core.states import NEVER, Running, Starting, Stopping
from pyinit.runtime.asking import KINDS, Question, needs_child
from pyinit.runtime.changed import Changed
from pyinit.runtime.failure import each_of
from pyinit.runtime.rounds import Round, Rounds
from pyinit.runtime.watchdogs import Watchdogs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pyinit.core.plan import InitPlan, Live, ProcessPlan, Ready
    from pyinit.core.slot import Process
    from pyinit.core.states import Run, RunId
    from pyinit.protocol.wire import Json
    from pyinit.runtime.machine import Machine

    Kept: TypeAlias = tuple[int, float, int, int, int]  # run, at, bad, asked, failed

READY_ASK_S = 5.0  # for one question whether it is ready


class Asker:
    """Asks the runs that there are."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._rounds = Rounds(machine)
        self._watchdogs = Watchdogs(self._silent)
        self._changed = Changed()
        self._mark = 0
        self._kept: dict[str, Kept] = {}  # of another pyinit, until its rounds are taken up
        machine.loop.timed = (*machine.loop.timed, self._rounds, self._watchdogs)
        machine.loop.after_turn.append(self._look)
        machine.desk.asked = self.told

    def adopt(self, _init: InitPlan, processes: tuple[ProcessPlan, ...]) -> None:
        """Have at hand what it takes to ask: later there may be no descriptor to read it by.

        Nothing else is to do: each run is asked as the plan says that it has.
        """
        if any(needs_child(each) for plan in processes for each in _questions(plan)):
            from pyinit.runtime import asking_child  # noqa: F401

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return what is known of each run, and the children to be cleared away."""
        rounds = {
            key: (each.run.id, each.at, each.bad, each.asked, each.failed)
            for key, each in self._rounds.all().items()
        }
        return (rounds, self._watchdogs.carried(), self._rounds.children()), ()

    def resume(self, known: object) -> None:
        """Go on asking; a question that was on its way is asked anew."""
        if isinstance(known, tuple) and len(known) == 3:
            self._kept, dogs, children = known
            self._watchdogs.resume(dogs)
            self._rounds.clear(children)
        self._look()
        self._kept = {}

    def ping(self, key: str, run_id: RunId) -> None:
        """The run says by WATCHDOG=1 that it lives."""
        self._watchdogs.ping(key, run_id, time.monotonic())

    def trigger(self, key: str, run_id: RunId) -> None:
        """The run says by WATCHDOG=trigger that it is not well."""
        self._watchdogs.trigger(key, run_id)

    def set_interval(self, key: str, run_id: RunId, interval_s: float) -> None:
        """The run says by WATCHDOG_USEC how often it is going to ping."""
        self._watchdogs.set_interval(key, run_id, interval_s, time.monotonic())

    def told(self, key: str) -> dict[str, Json] | None:
        """Return what is known of the probes of a process, None if it is not asked."""
        found = self._rounds.get(key)
        if found is None:
            return self._watchdogs.told(key, time.monotonic())
        return {
            "kind": found.about.kind,
            "ok": not found.bad,
            "failures": found.bad,
            "reason": found.why,
            "took_s": round(found.took_s, 6),
            "asked": found.asked,
            "failed": found.failed,
        }

    def _look(self) -> None:
        """See which runs have come, moved on, and gone since the last look."""
        state = self._machine.loop.supervisor
        keys, mark = self._changed.since(self._mark, state)
        if keys is None:
            keys = [*state.table.index, *self._rounds.all(), *self._watchdogs.all()]
        each_of(self._look_at, keys)
        self._mark = mark  # at last: what could not be looked at is looked at again

    def _look_at(self, key: str) -> None:
        row = self._machine.row(key)
        if row is None:
            self._rounds.end(key)
            self._watchdogs.end(key)
        elif row.plan.live is not None or row.plan.ready is not None or self._rounds.get(key):
            self._follow(key, row)

    def _follow(self, key: str, row: Process) -> None:
        found = self._rounds.get(key)
        ready, live = row.plan.ready, row.plan.live
        match row.state:
            case Starting(run, executed=True) if ready is not None and ready.kind in KINDS:
                if found is None or (found.run, found.about) != (run, ready):
                    self._begin_ready(key, row.plan, run, ready)
            case Running(run) if live is not None and live.kind in KINDS:
                if found is None or (found.run, found.about) != (run, live):
                    self._begin_live(key, row.plan, run, live)
            case Running(run) if live is not None:
                self._rounds.end(key)
                self._watchdogs.begin(key, run.id, live, time.monotonic())
                return
            case state:
                self._end(key, row.plan, late=isinstance(state, Stopping) and bool(state.failed))
        self._watchdogs.end(key)

    def _begin_ready(self, key: str, plan: ProcessPlan, run: Run, ready: Ready) -> None:
        timeout_s = min(READY_ASK_S, ready.timeout)
        now = time.monotonic()
        found = Round(run, plan, ready, timeout_s, now, self._ready_answer, hasty=True)
        self._take_up(key, found)

    def _begin_live(self, key: str, plan: ProcessPlan, run: Run, live: Live) -> None:
        at = time.monotonic() + live.interval
        self._take_up(key, Round(run, plan, live, live.timeout, at, self._live_answer))

    def _take_up(self, key: str, found: Round) -> None:
        """Begin a round, or go on with that of another pyinit."""
        run_id, at, bad, asked, failed = self._kept.get(key, (0, 0.0, 0, 0, 0))
        if run_id == found.run.id:
            found.at, found.bad, found.asked, found.failed = at, bad, asked, failed
        self._rounds.begin(key, found)

    def _end(self, key: str, plan: ProcessPlan, *, late: bool) -> None:
        """The run is not asked any more; `late`: because it was not ready in time."""
        found = self._rounds.get(key)
        if found is not None and late and found.hasty:
            why = found.why
            if not why and found.until != NEVER and found.asking is not None:
                why = found.asking.give_up()
            if why:
                self._machine.log.warning(f"{plan.name}: was never ready: {why}")
                self._machine.announcer.unready(found.run.pid, why)
        self._rounds.end(key)

    def _ready_answer(self, found: Round) -> None:
        if not found.why:
            key = found.plan.key
            self._rounds.end(key)
            self._machine.loop.feed(ev.ReadyReported(key, found.run.id))

    def _live_answer(self, found: Round) -> None:
        live, log, name = found.plan.live, self._machine.log, found.plan.name
        if live is None:
            return
        if not found.why:
            if found.was_bad:
                log.info(f"{name}: live again")
        elif found.bad < live.failures:
            log.warning(f"{name}: not live ({found.bad} of {live.failures}): {found.why}")
        else:
            times = f", {found.bad} times in a row" if found.bad > 1 else ""
            self._condemn(found.plan.key, found.run.id, f"not live: {found.why}{times}", live)

    def _silent(self, key: str, run_id: RunId, why: str, live: Live) -> None:
        self._condemn(key, run_id, f"not live: {why}", live)

    def _condemn(self, key: str, run_id: RunId, reason: str, live: Live) -> None:
        self._rounds.end(key)
        self._watchdogs.end(key)
        self._machine.loop.feed(ev.Condemned(key, run_id, reason, live.action))


def _questions(plan: ProcessPlan) -> list[Question]:
    """Return what runs of this plan may be asked."""
    told = [each for each in (plan.ready, plan.live) if each is not None and each.kind in KINDS]
    return [Question(each.kind, each.target, each.argv, 0.0) for each in told]
