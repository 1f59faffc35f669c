"""What is promised of rolls and of trials, told again from the outside.

The old run is left alone until the new one is up; each run is stopped in the slot it is in; a roll
ends; a reload that fails is undone as a whole, and one that does not fail is not.
"""

import dependents
from properties import fail, is_up, row_of

BESIDE = "+"


class Rolling:
    """The account of one world."""

    def __init__(self, world):
        self.world = world
        self.up = {}  # (key, run) that was announced as Running
        self.fresh = {}  # keys that a reload on trial has to bring up -> their last run before

    def before_effects(self, before, event):
        ev = self.world.core.events
        if isinstance(event, ev.PlanLoaded) and is_up(before):
            self.fresh = {}
            if event.before is not None:
                self._begin(before, event.plan)
        elif isinstance(event, ev.StopRequested):
            for key in (*event.keys, *self.world.promises.dependents.concerned):
                self.fresh.pop(key, None)
        elif isinstance(event, (ev.RestartRequested, ev.RollRequested)):
            for key in event.keys:
                row = row_of(before, key)
                if not isinstance(event, ev.RollRequested) or (
                    row is not None and not dependents.can_be_rolled(before, row)
                ):
                    self.fresh.pop(key, None)

    def _begin(self, before, plan):
        for each in plan.processes:
            row = row_of(before, each.key)
            if before.falling.get(each.key) is False:
                continue  # it is being stopped
            if row is None or row.retired:
                if not each.autostart:
                    continue
                self.fresh[each.key] = row.runs if row is not None else before.floor
            elif each.schedule is not None:
                continue  # its next run is of the new plan, and nobody waits for that
            elif type(row.state).__name__ == "Running" and row.pending is None:
                self.fresh |= {each.key: row.runs} if row.plan.launch != each.launch else {}

    def effect(self, before, effects, effect):
        fx = self.world.core.effects
        match effect:
            case fx.Exchanged(key, other):
                self._exchanged(key, other)
            case fx.PutBack():
                self.fresh = {}
            case fx.Announce() if effect.now == "Running":
                self.up[effect.key, effect.run_id] = True
                if effect.run_id > self.fresh.get(effect.key, effect.run_id):
                    del self.fresh[effect.key]
            case fx.Announce() if effect.now == "Stopped":
                self.fresh.pop(effect.key, None)  # it was to fall before the reload
            case fx.Announce():
                self._ended(effects, effect)
            case _:
                pass

    def _exchanged(self, key, other):
        run = self.world.core.states.run_of(self.world.state.table[key].state)
        if run is None or (other, run.id) not in self.up:
            fail(self.world, f"{key} is taken over by a run that is not up")
        self.up[key, run.id] = True
        if run.id > self.fresh.get(key, run.id):
            del self.fresh[key]
        left = row_of(self.world.state, other)  # it may be dropped already
        old = self.world.core.states.run_of(left.state) if left is not None else None
        if old is not None and (key, old.id) in self.up:
            self.up[other, old.id] = True

    def _ended(self, effects, said):
        """A new run that fails on trial undoes the reload at once."""
        key = said.key.removesuffix(BESIDE)
        failed = said.now in {"Backoff", "Fatal"} or (said.now == "Exited" and not said.expected)
        if said.now == "Exited" and said.run_id > self.fresh.get(key, said.run_id):
            self.fresh = {k: it for k, it in self.fresh.items() if failed or k != key}
        if not failed or said.run_id <= self.fresh.get(key, said.run_id):
            return
        if getattr(said.status, "stage", "") in {"fork", "descriptors"} and said.key == key:
            return
        if key in self.world.before.falling:
            return  # a restart that somebody has asked for comes after that, and counts
        undone = any(isinstance(each, self.world.core.effects.PutBack) for each in effects)
        if said.status is not None and is_up(self.world.state) and not undone:
            fail(self.world, f"{said.key} fails on trial, and the reload stays")

    def after_step(self, before, event, after, effects):
        ev, fx = self.world.core.events, self.world.core.effects
        if isinstance(event, ev.RollRequested) and is_up(before) and is_up(after):
            rows = [row_of(before, key) for key in event.keys]
            calm = all(row is None or dependents.can_be_rolled(before, row) for row in rows)
            there = [key for key in event.keys if row_of(before, key)]
            taken = {user for key in there for user in dependents.users(before, [key])}
            # who is down, or restarted in a roll, takes others along
            for key in [each for each in event.keys if calm and each not in taken]:
                self._spared(row_of(before, key), row_of(after, key))
        for each in effects:
            if isinstance(each, fx.PutBack):
                self._undone(each.plan, after)
        if not is_up(after):
            self.fresh = {}
            if after.rolls.going or after.trial is not None:
                fail(self.world, "a roll or a trial goes on in a shutdown")
        for row in after.table:
            if row.plan.key.endswith(BESIDE) and not row.retired:
                fail(self.world, f"{row.plan.key} stays for ever")

    def _spared(self, was, now):
        """Who is asked for a roll, and shares a socket, keeps its run in that step."""
        if was is None or type(was.state).__name__ != "Running" or was.plan.hidden:
            return
        if dependents.can_be_beside(was) and was.state != now.state:
            fail(self.world, f"{was.plan.key} is touched by the request of a roll")

    def _undone(self, plan, after):
        if not is_up(after):
            return
        rows = [row for row in after.table if not row.retired]
        now = {row.plan.key: row.pending or row.plan for row in rows}
        wanted = {each.key: each for each in plan.processes}
        if {**now, **wanted} != now or set(now) - set(wanted) - {self.world.main}:
            fail(self.world, "a reload is undone, and its plan is not the old one")

    def finally_over(self):
        """Nothing fails any more, and much time has passed."""
        state = self.world.state
        left = [row for row in state.table if row.plan.key.endswith(BESIDE)]
        lacking = [row.plan.key for row in left if self.world.promises.lacks(row)]
        if len(lacking) < len(left):
            fail(self.world, "a run beside another never ends")
        for roll in state.rolls.going:
            row = row_of(state, roll.key)
            waits = row is not None and type(row.state).__name__ == "Waiting"
            if not waits and f"{roll.key}{BESIDE}" not in lacking:
                fail(self.world, f"the roll of {roll.key} never ends")
        for key, *_ in state.trial.pending if state.trial is not None else ():
            row = row_of(state, key)
            if row is None or type(row.state).__name__ in {"Running", "Stopped", "Fatal"}:
                fail(self.world, f"the trial of {key} never ends")
