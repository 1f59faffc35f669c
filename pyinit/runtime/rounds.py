"""Probes of many runs, each asked again and again: when, how many at a time, and what came of it.

A round is of one run.  It asks, takes the answer (no answer in time is one, too), and asks again
an interval after it asked last.  Of one run there is never more than one question on its way: a
child that survives its KILL is a bad answer each time, not one more child each time.

Not more than a few questions begin in one turn of the loop and not more than some children are
there at a time: a thousand programs that come up together are not asked together.  Who has to
wait for that is asked later, and nothing is held against it.

A machine that was suspended, or a container that was paused, has kept the programs from answering
as much as us from asking: a deadline that is found to have passed long ago is put off.
"""

from __future__ import annotations

import time

from pyinit.core.states import NEVER
from pyinit.runtime.asking import ANOTHER, UNABLE, Connection, Question, needs_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.plan import Live, ProcessPlan, Ready
    from pyinit.core.states import Run
    from pyinit.runtime.asking_child import Child
    from pyinit.runtime.machine import Machine
    from pyinit.runtime.witness import Witness

A_TURN = 4  # questions begun in one turn: a fork takes a millisecond
AT_ONCE = 32  # children that ask at a time
WAIT_S = 0.1  # until it is looked again whether there is room for another child
KILLED_S = 1.0  # is what a child that was killed may take to go
LATE_S = 1.0  # nothing of ours takes a turn so long: everything has stood still
FIRST_DELAY_S = 0.05  # between the first tries of who is still on its way; doubled each time
SURVIVES = "its last probe is still there, though it was killed"


class Round:
    """The asking of one run, as `about` says in its plan; the next question is at `at`.

    `bad` answers came in a row (`was_bad`: until the last one), for the reason `why`; `asked` and
    `failed` count all.  `interval_s` is from one question to the next; with `hasty` the first
    ones come sooner.
    """

    __slots__ = (
        "about",
        "answer",
        "asked",
        "asking",
        "at",
        "bad",
        "delay_s",
        "failed",
        "hasty",
        "interval_s",
        "plan",
        "question",
        "run",
        "since",
        "took_s",
        "until",
        "was_bad",
        "why",
    )

    def __init__(
        self,
        run: Run,
        plan: ProcessPlan,
        about: Ready | Live,
        timeout_s: float,
        at: float,
        answer: Callable[[Round], None],
        *,
        hasty: bool = False,
    ) -> None:
        self.run = run
        self.plan = plan
        self.about = about
        self.question = Question(about.kind, about.target, about.argv, timeout_s)
        self.interval_s = about.interval
        self.delay_s = min(about.interval, FIRST_DELAY_S) if hasty else about.interval
        self.hasty = hasty
        self.at = at
        self.answer = answer
        self.asking: Connection | Child | None = None
        self.since = 0.0
        self.until = NEVER
        self.bad = 0
        self.was_bad = False
        self.why = ""
        self.asked = 0
        self.failed = 0
        self.took_s = 0.0

    @property
    def due(self) -> float:
        """When something is to be done: as long as a question is open, the next one waits."""
        if self.until == NEVER:
            return self.at
        look_at = self.asking.look_at if self.asking is not None else NEVER
        return min(self.until, look_at)


class Rounds:
    """All rounds, by the key of their process."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._rounds: dict[str, Round] = {}
        self._due: float | None = NEVER  # the earliest of all, None: to be looked for
        self._leaving: list[Connection | Child] = []  # nobody wants their answers any more

    def get(self, key: str) -> Round | None:
        """Return the round of a process, None if it is not asked."""
        return self._rounds.get(key)

    def all(self) -> dict[str, Round]:
        """Return every round there is."""
        return self._rounds

    def begin(self, key: str, found: Round) -> None:
        """Ask a run from now on, in the place of what was asked before."""
        self.end(key)
        self._rounds[key] = found
        self._due = None

    def end(self, key: str) -> None:
        """Ask no more."""
        found = self._rounds.pop(key, None)
        if found is not None:
            self._due = None
            if found.asking is not None:
                found.asking.close()
                self._leaving.append(found.asking)

    def children(self) -> tuple[tuple[int, str], ...]:
        """Return (pid, label) of the children that ask, to be carried over a re-exec."""
        found = [each.asking for each in self._rounds.values()]
        there = [each for each in (*found, *self._leaving) if each is not None and each.busy]
        return tuple([(each.pid, each.label) for each in there])

    def clear(self, children: tuple[tuple[int, str], ...]) -> None:
        """Kill children that asked for another pyinit."""
        if children:
            from pyinit.runtime.asking_child import kill

            for pid, label in children:
                self._machine.driver.helpers[pid] = lambda _status: None
                kill(self._machine, pid, label)

    def next_deadline(self) -> float:
        """Return when `tick` must be called."""
        if self._due is None:
            self._due = min([each.due for each in self._rounds.values()], default=NEVER)
        return self._due

    def tick(self, now: float) -> None:
        """Ask whom it is time to ask, and give up who has not answered in time."""
        late_s = now - self.next_deadline()
        self._due = None
        if late_s > LATE_S:
            self._put_off(now)
        self._leaving = [each for each in self._leaving if each.busy]
        for each in [*self._rounds.values()]:
            if each.until <= now and each.asking is not None:
                self._answered(each, each.asking.give_up() + _within(each.question))
            elif each.asking is not None and each.asking.look_at <= now:
                each.asking.look(now)
        left = A_TURN
        # who has waited longest comes first, or the last ones would never be asked
        due = [entry for entry in self._rounds.items() if entry[1].at <= now]
        for key, each in sorted(due, key=lambda entry: entry[1].at):
            if left and self._is_free(key, each, now):
                left -= 1
                self._ask(each, now)

    def _is_free(self, key: str, found: Round, now: float) -> bool:
        """Say whether it is time to ask, and nothing is in the way."""
        if found.at > now or found.until != NEVER or self._rounds.get(key) is not found:
            return False
        if found.asking is not None and found.asking.busy:
            if now < found.since + found.took_s + KILLED_S:
                found.at = now + WAIT_S
                return False
            found.at = now + found.interval_s
            self._answered(found, SURVIVES)
            return False
        if needs_child(found.question) and self._children() >= AT_ONCE:
            found.at = now + WAIT_S
            return False
        return True

    def _children(self) -> int:
        there = [each.asking for each in self._rounds.values() if each.asking is not None]
        return sum([each.busy for each in (*there, *self._leaving)])

    def _put_off(self, now: float) -> None:
        """Give all that are asked their time anew."""
        for each in self._rounds.values():
            if each.until != NEVER:
                each.until = now + each.question.timeout_s

    def _ask(self, found: Round, now: float) -> None:
        found.asked += 1
        found.since = now
        found.until = now + found.question.timeout_s
        found.at = now + found.delay_s
        if found.hasty:
            found.delay_s = min(found.delay_s * 2, found.interval_s)
        asking = found.asking = self._asker(found)
        asking.start()

    def _asker(self, found: Round) -> Connection | Child:
        def done(answer: str) -> None:
            if found.asking is asking:
                self._answered(found, answer)

        question = found.question
        asking: Connection | Child
        if needs_child(question):
            from pyinit.runtime.asking_child import Child

            asking = Child(self._machine, found.plan, question, done)
        else:
            asking = Connection(self._machine.poller, question, done, self._witness(found))
        return asking

    def _witness(self, found: Round) -> Witness | None:
        """Return who tells whether the run itself answers, where that is a question."""
        if not (found.hasty and found.plan.sockets):
            return None
        from pyinit.runtime.witness import Witness

        def stir() -> None:
            self._due = None

        return Witness(found.plan, found.run, stir)

    def _answered(self, found: Round, why: str) -> None:
        now = time.monotonic()
        self._due = None
        found.took_s = now - found.since
        found.until = NEVER
        if why == ANOTHER:  # the next connection may be the run's
            found.at = min(found.at, now + FIRST_DELAY_S)
        if found.asking is not None and not found.asking.busy:
            found.asking = None
        if why.startswith(UNABLE):
            if why != found.why:
                self._machine.log.warning(f"{found.plan.name}: {why}")
            found.why = why
            return
        found.why = why
        found.was_bad = found.bad > 0
        found.bad = found.bad + 1 if why else 0
        found.failed += bool(why)
        found.answer(found)


def _within(question: Question) -> str:
    return f" within {question.timeout_s:g} s"
