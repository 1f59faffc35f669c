"""The flight recorder: the last steps, so that a bug report is a test.

What is remembered must not keep anything else alive: a plan is a hundred times as large as the
news about it, and may hold secrets.  So a plan is remembered by name only, and the number of
effects is bounded as well as the number of steps: a shutdown of a thousand programs is one step.
"""

from __future__ import annotations

from pyinit.core.effects import Note, PutBack, Spawn
from pyinit.core.events import PlanLoaded
from pyinit.core.plan import Launch, Plan, ProcessPlan
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pyinit.core.effects import Effect, Effects
    from pyinit.core.events import Event

    Entry: TypeAlias = tuple[float, Event, Effects]

ENTRIES = 500  # about a minute of a busy container; some hundred kilobytes at the very most
EFFECTS = 4000  # of all entries together
EFFECTS_A_STEP = 1000  # the rest of a larger step is only counted
STUBS = 2000  # plans known by name
NOTHING = Launch(())


class Recorder:
    """Keeps the last ENTRIES of (now, event, effects), plans reduced to their names."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._effects = 0
        self._stubs: dict[str, ProcessPlan] = {}

    def add(self, now: float, event: Event, effects: Effects) -> None:
        """Remember a step."""
        if isinstance(event, PlanLoaded):
            before = None if event.before is None else self._brief(event.before)
            event = replace(event, plan=self._brief(event.plan), before=before)
        if len(effects) > EFFECTS_A_STEP:
            more = Note("debug", f"and {len(effects) - EFFECTS_A_STEP} more effects")
            effects = (*effects[:EFFECTS_A_STEP], more)
        kept = tuple([self._named(each) for each in effects])
        self._entries.append((now, event, kept))
        self._effects += len(kept)
        while len(self._entries) > ENTRIES or self._effects > EFFECTS:
            self._effects -= len(self._entries.pop(0)[2])

    def entries(self) -> list[Entry]:
        """Return what is remembered, oldest first."""
        return [*self._entries]

    def restore(self, entries: tuple[Entry, ...]) -> None:
        """Take over what another pyinit has recorded."""
        for entry in entries:
            self.add(*entry)

    def _named(self, effect: Effect) -> Effect:
        if isinstance(effect, Spawn):
            return replace(effect, plan=self._stub(effect.plan))
        if isinstance(effect, PutBack):
            return replace(effect, plan=self._brief(effect.plan))
        return effect

    def _brief(self, plan: Plan) -> Plan:
        return Plan(processes=tuple([self._stub(each) for each in plan.processes]))

    def _stub(self, plan: ProcessPlan) -> ProcessPlan:
        """Return a plan with nothing in it but who it is of."""
        stub = self._stubs.get(plan.key)
        if stub is None or stub.name != plan.name:
            if len(self._stubs) >= STUBS:
                self._stubs.clear()
            stub = ProcessPlan(plan.key, plan.name, plan.program, plan.group, NOTHING)
            self._stubs[plan.key] = stub
        return stub
