"""Who is stopped or restarted with whom, told again from the plans alone.

Those that depend on a process at any distance (`wants` does not count, nor does being at rest end
the way there) go with it, and before it; of a restart those come again that nobody wants down, and
none of them is let go by a run that was to be over.
"""

import properties

WITH_RUN = {"Starting", "Running", "Stopping", "Ending"}
AT_REST = {"Stopped", "Exited", "Fatal"}


class Dependents:
    """The account of one world."""

    def __init__(self, world):
        self.world = world
        self.asked_at = {}  # key -> when it was last asked for, by name or by what it needs
        self.concerned = set()  # keys that the request of this step is about

    def before_effects(self, before, event):
        ev = self.world.core.events
        self.concerned = set()
        if not isinstance(event, (ev.StopRequested, ev.RestartRequested)):
            return
        named = staying(before, event.keys)
        if isinstance(event, ev.StopRequested):
            named = [key for key in named if name(before.table[key]) not in AT_REST]
        self.concerned = {*named, *users(before, named)}
        self.asked_at.update(dict.fromkeys(self.concerned, self.world.now))
        if properties.is_up(before):
            self._is_told_beforehand(before, event)

    def _is_told_beforehand(self, before, event):
        """Who asks is told who goes along: those that have something to lose, and nobody else."""
        again = isinstance(event, self.world.core.events.RestartRequested)
        keys = staying(before, event.keys)
        rows = [before.table[key] for key in keys]
        told = {*self.world.core.falling.concerned(before, rows, again=again)}
        if again:
            true = {*come_again(before, keys, self.world.book.down)}
        else:
            going = staying(before, self.concerned - {*keys})
            true = {key for key in going if name(before.table[key]) not in AT_REST}
            told -= {*keys}
        if told != true:
            properties.fail(self.world, f"{sorted(told)} are said to go along, not {sorted(true)}")

    def after_step(self, before, event, after, effects):
        world, ev, fx = self.world, self.world.core.events, self.world.core.effects
        ordered = {"Up", "Draining"}
        requested = isinstance(event, (ev.StopRequested, ev.RestartRequested))
        phases = {type(before.phase).__name__, type(after.phase).__name__}
        for key, again in after.falling.items():
            self._waits_for_somebody(after, key, again=again)
        for said in effects:
            told = isinstance(said, fx.Announce) and said.now == "Stopping" and not said.reason
            if not told or not phases <= ordered or said.key.endswith("+"):
                continue
            if any(each.key == said.key for each in after.rolls.going):
                continue  # other instances serve them
            if any(isinstance(each, fx.PutBack) for each in effects):
                continue  # a reload keeps to no order, nor does its end
            if requested and said.key not in self.concerned:
                properties.fail(world, f"{said.key} has nothing to do with that, and is stopped")
            if isinstance(event, ev.PlanLoaded) or not (requested or said.key in before.falling):
                continue
            if world.promises.loaded_at <= self.asked_at.get(said.key, world.now):
                self._goes_last(after, said.key)

    def let_go(self, effect, needed, need):
        """A process starts since what it needs is there: it must not be there as it was."""
        promises, key = self.world.promises, needed.plan.key
        old = promises.wanted.get(key) == self.world.book.run_ids.get(key, 0)
        if need.hard and old and not needed.retired:
            properties.fail(self.world, f"{effect.key} is let go by the old run of {key}")

    def _goes_last(self, state, key):
        left = with_runs(state, key)
        if left:
            properties.fail(
                self.world, f"{key} is told to stop before {left[0]}, which depends on it"
            )

    def _waits_for_somebody(self, state, key, *, again):
        row = properties.row_of(state, key)
        if row is None or row.retired:
            properties.fail(self.world, f"{key} is to fall, and left the plan")
        if not again and name(row) not in WITH_RUN:
            properties.fail(self.world, f"{key} is to fall, and has no run")
        going = [
            each
            for each in with_runs(state, key)
            if each in state.falling or name(state.table[each]) in {"Stopping", "Ending"}
        ]
        if not going:
            properties.fail(self.world, f"{key} is to fall, and waits for nobody")
        if type(state.phase).__name__ not in {"Up", "Draining"} or (
            again and not properties.is_up(state)
        ):
            properties.fail(self.world, f"{key} is to fall in a shutdown")


def name(row):
    return type(row.state).__name__


def depends(row, programs):
    return any(need.hard and need.program in programs for need in (row.pending or row.plan).depends)


def staying(state, keys):
    """Return those of `keys` that are processes of the plan."""
    return [key for key in keys if key in state.table and not state.table[key].retired]


def can_be_rolled(state, row):
    """Say whether a roll begins with the run that a process has: else it is a restart."""
    return name(row) == "Running" and row.plan.key not in state.falling


def can_be_beside(row):
    """Say whether the next run of a process can begin beside the one it has: both listen at once.

    Not where they would share what only one can have: a terminal, a stdin, the events of a pool.
    """
    plans = (row.plan, row.pending or row.plan)
    alone = [
        each.hidden or each.pool is not None or each.launch.terminal
        or each.kind != "service" or each.launch.stdin in {"pipe", "inherit"}
        for each in plans
    ]  # fmt: skip
    return not any(alone) and bool(_sockets(plans[0]) & _sockets(plans[1]))


def _sockets(plan):
    stdin = plan.launch.stdin
    return {*plan.sockets, *([stdin[7:]] if stdin.startswith("socket:") else [])}


def users(state, keys):
    """Return the keys of those that depend on `keys` at any distance."""
    found, programs, new = set(), set(), {state.table[key].plan.program for key in keys}
    while new - programs:
        programs |= new
        more = [row for row in state.table if depends(row, programs)]
        found |= {row.plan.key for row in more if not row.retired}
        new = {row.plan.program for row in more}
    return found - set(keys)


def come_again(state, keys, down):
    """Return the keys of those that are restarted with `keys`."""
    found = []
    for key in users(state, staying(state, keys)):
        row = state.table[key]
        by_hand = name(row) == "Stopping" and not (row.state.again or row.state.failed)
        by_hand |= name(row) == "Ending" and row.state.asked and not row.state.again
        if name(row) not in AT_REST and not by_hand and key not in down:
            found.append(key)
    return found


def on_their_way(state, row):
    """Return the keys of those that `row` needs through some that are done, and that will come."""
    found, seen, todo = [], set(), [row]
    while todo:
        one = todo.pop()
        for need in one.plan.depends:
            for key in state.graph.keys.get(need.program, ()) if need.hard else ():
                other = state.table[key]
                if other.retired or key in seen:
                    continue
                if one is not row and key in state.falling:
                    found.append(key)
                elif name(other) in {"Exited", "Fatal"}:
                    seen.add(key)
                    todo.append(other)
                elif one is not row and _will_come(other, need):
                    found.append(key)
    return found


def _will_come(row, need):
    """Say whether somebody is not there as he is needed, and will be without being told."""
    if name(row) == "Stopped" or properties.is_met(row, need.condition):
        return False
    if name(row) == "Running" and row.plan.kind != "oneshot":
        return False  # it stays as it is
    going = name(row) == "Stopping" and not (row.state.again or row.state.failed)
    return not (going or (name(row) == "Ending" and row.state.asked and not row.state.again))


def with_runs(state, key):
    """Return the keys of those with a run that depend on `key`, directly or through who has none."""
    found, seen, todo = [], set(), {state.table[key].plan.program}
    while todo:
        more = [row for row in state.table if depends(row, todo) and row.plan.key not in seen]
        seen |= {row.plan.key for row in more}
        found += [row.plan.key for row in more if name(row) in WITH_RUN]
        todo = {row.plan.program for row in more if name(row) not in WITH_RUN}
    return found
