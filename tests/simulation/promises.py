"""What pyinit promises its users, told again from the outside.

Restarts by the policy and no others, none lost; nothing of a run outlives it; the reverse order
of the dependencies; the drain; a reload that touches only what differs.  Like the `Book`, these
keep their own account from effects and events, and never ask the core what is right.
"""

import dependents
import rolling
from properties import (
    EPSILON,
    fail,
    is_met,
    is_up,
    lets_go,
    may_be_called,
    may_come,
    row_of,
    shown,
    swap,
)

KILL = 9
KILLS_BEFORE_GIVING_UP = 5
LEAST_S_WITHOUT_A_CHILD = 0.5
LEAST_S_AFTER_A_QUICK_SUCCESS = 0.1
LEAST_S_BETWEEN_STARTS = 1.0
FORKS_S = 30.0
VERDICTS = ("not ready", "not in the background", "not live")  # of ours, on a run


class Promises:
    """The account of one world."""

    def __init__(self, world):
        self.world = world
        self.failed = {}  # key -> when its runs failed, since somebody last wanted it up
        self.tries = {}  # key -> failed runs in a row
        self.ended_at = {}  # key -> when its leader was last reaped
        self.born_at = {}  # (key, run) -> when it was asked for
        self.childless = {}  # key -> forks in a row that failed
        self.up = set()  # keys whose run was announced as Running
        self.wanted = {}  # key -> the run it had when a restart was asked for
        self.kills = {}  # key -> KILLs since its leader was reaped
        self.killed = set()  # (key, run) that was killed because it overstayed
        self.given_up = set()  # keys whose members survived, in this step
        self.reused = set()  # keys whose leader is gone and whose pid is another run's
        self.executed = {}  # (key, run) -> when it was known to have executed
        self.unexecuted = set()  # (key, run) whose exec failed
        self.led = {}  # (key, run) -> (when another process first led it, its first leader)
        self.granted = {}  # (key, run) -> until when it has asked for time
        self.proven = set()  # (key, run) that said ready
        self.limits = {}  # key -> {resource: Limit} set by hand
        self.loaded_at = -1.0  # when the plan was last changed under a run
        self.plans = {each.key: each for each in world.plan.processes}
        self.above = by_resource(world.plan.init.limits)
        self.queued = set()  # keys whose time came while they were on their way
        self.owed = set()  # ... and that are at rest now
        self.idle = set()  # keys that were stopped because nobody used them, and by nobody else
        self.dependents = dependents.Dependents(world)
        self.waits = {}  # key -> since when it is waiting for its dependencies
        self.drained_at = 0.0  # since when traffic stays away from what is stopped now
        self.patient = {}  # key -> since when it does for one that was restarted meanwhile

    def reaped(self, key):
        """The leader of `key` is gone."""
        self.kills[key] = 0
        self.reused.discard(key)
        self.ended_at[key] = self.world.now

    def _hear(self, before, event):
        """Note the news itself."""
        ev, now = self.world.core.events, self.world.now
        if isinstance(event, (ev.Spawned, ev.MainPid)):
            for row in before.table:
                if type(row.state).__name__ == "Ending" and row.state.run.pid == event.pid:
                    self.reused.add(row.plan.key)
        match event:
            case ev.Spawned(key, run_id, executed=True) | ev.Executed(key, run_id):
                self.executed[key, run_id] = now
            case ev.ExecFailed(key, run_id):
                self.unexecuted.add((key, run_id))
            case ev.SpawnFailed(key, run_id) if self.world.book.run_ids.get(key) == run_id:
                self.ended_at[key] = now  # nothing will be reaped
            case ev.ReadyReported(key, run_id):
                self.proven.add((key, run_id))
            case ev.MainPid(key, run_id) if self.world.book.pids.get(key) == event.pid:
                first = row_of(before, key).state.run.pid
                if first != event.pid:
                    self.led.setdefault((key, run_id), (now, first))
            case ev.Extended(key, run_id, by_s) if is_up(before):
                self._grants(before, key, run_id, now + by_s)
            case ev.StopRequested(keys) | ev.RestartRequested(keys) if is_up(before):
                for run in [each for each in self.granted if each[0] in keys]:
                    del self.granted[run]
            case ev.LimitsSet(keys, limits):
                for key in {each.removesuffix(rolling.BESIDE) for each in keys}:
                    if key in before.table:  # in a roll both runs are meant
                        known = self.limits.setdefault(key, {})
                        known.update({limit.resource: limit for limit in limits})
            case ev.PlanLoaded(plan) if is_up(before):
                self._is_planned(plan)
            case _:
                pass

    def _is_planned(self, plan):
        """A plan is in force from now on: who has left is not owed a new run if he comes back."""
        self.loaded_at = self.world.now
        self.granted.clear()
        self._is_limited_anew(plan)
        self.plans.update({each.key: each for each in plan.processes})
        there = {each.key for each in plan.processes}
        self.wanted = {key: run for key, run in self.wanted.items() if key in there}

    def _is_limited_anew(self, plan):
        """What was set by hand gives way to what is configured otherwise now."""
        above, self.above = self.above, by_resource(plan.init.limits)
        for each in plan.processes:
            own = by_resource(each.launch.limits)
            was = by_resource(self.plans[each.key].launch.limits) if each.key in self.plans else {}
            for resource in {*self.limits.get(each.key, ())}:
                inherits = resource not in own and above.get(resource) != self.above.get(resource)
                if inherits or own.get(resource) != was.get(resource):
                    del self.limits[each.key][resource]

    def _grants(self, before, key, run_id, until):
        """Note what a run on its way up or down has asked for; the KILL cannot be put off."""
        row = row_of(before, key)
        name = type(row.state).__name__ if row is not None else ""
        if name not in {"Starting", "Stopping"} or row.state.run.id != run_id:
            return
        waited_for = row.plan.ready is not None or row.plan.kind == "forking"
        if name == "Starting" and not waited_for:
            return
        if name == "Starting" and row.state.executed and row.state.ready_by == float("inf"):
            return
        if (key, run_id) not in self.killed:
            self.granted[key, run_id] = max(until, self.granted.get((key, run_id), 0.0))

    def before_effects(self, before, event):
        ev = self.world.core.events
        self._hear(before, event)
        self._are_patient(before, event, self.world.state)
        self.given_up = set()
        if not is_up(before):
            self.wanted.clear()
            return
        if isinstance(event, ev.StopRequested):
            for key in (*event.keys, *self.dependents.concerned):
                self.wanted.pop(key, None)
                self._asked_again(key)
        elif isinstance(event, ev.ScheduleDue) and may_come(before, event.key):
            self._time_came(before, before.table[event.key])

    def _asked_again(self, key):
        """Who asks for a stop that is under way waits for no longer than after any other."""
        for run in [run for run in self.granted if run[0] == key]:
            del self.granted[run]

    def _are_patient(self, before, event, after):
        """The patience of those who wait for what is restarted may count from then on."""
        ev = self.world.core.events
        if isinstance(event, ev.PlanLoaded) or self._is_undone():
            for row in after.table:
                was = row_of(before, row.plan.key)
                if was is not None and is_born_otherwise(was.plan, row.plan):
                    self.patient[row.plan.key] = self.world.now  # it is wanted anew
        asked = isinstance(event, (ev.RestartRequested, ev.RollRequested))
        rolls = before.rolls.going or after.rolls.going
        if asked or rolls or set(before.falling) - set(after.falling):
            for row in after.table:
                self.patient[row.plan.key] = self.world.now

    def restarted(self, before, keys):
        """Somebody wants new runs of `keys`, and of nobody else: of those that stay in the plan."""
        if is_up(before):
            for key in keys:
                if key in before.table and not before.table[key].retired:
                    self.wanted[key] = self.world.book.run_ids.get(key, 0)

    def effect(self, before, event, effect):
        fx = self.world.core.effects
        match effect:
            case fx.Spawn():
                self._spawned(effect)
            case fx.Kill(key, _, signum):
                self._reaches(before, event, effect)
                if signum == KILL:
                    self.kills[key] = self.kills.get(key, 0) + 1
            case fx.Exchanged(key, other):
                self._exchanged(key, other)
            case fx.PutBack(plan):
                self._is_planned(plan)
            case fx.Removed(key):
                for account in (
                    self.failed, self.childless, self.wanted, self.kills, self.limits
                ):  # fmt: skip
                    account.pop(key, None)
                self.queued.discard(key)
                self.owed.discard(key)
                self.up.discard(key)
            case fx.Note(_, text) if "survive SIGKILL" in text:
                self._gives_up_killing(before, text)
            case fx.Announce():
                self._announced(before, event, effect)
            case _:
                pass

    def _exchanged(self, key, other):
        """The runs of two slots are each other's now, and so is what is known of them.

        Who waits to come up anew is up by that.
        """
        if type(row_of(self.world.before, key).state).__name__ == "Waiting":
            self.wanted.pop(key, None)
        swapped = {key: other, other: key}
        for account in (self.born_at, self.executed, self.granted, self.led):
            moved = {run: account.pop(run) for run in [*account] if run[0] in swapped}
            account.update({(swapped[k], run_id): it for (k, run_id), it in moved.items()})
        for known in (self.unexecuted, self.proven, self.killed):
            moved = {run for run in known if run[0] in swapped}
            known.difference_update(moved)
            known.update({(swapped[k], run_id) for k, run_id in moved})
        was_up = {each for each in (key, other) if each in self.up}
        self.up.difference_update(was_up)
        self.up.update({swapped[each] for each in was_up})
        self.failed[key], self.childless[key], self.tries[key] = [], 0, 0
        for account in (self.kills, self.ended_at):
            swap(account, key, other)

    def after_step(self, before, event, after, effects):
        if isinstance(event, self.world.core.events.ScheduleDue):
            self._at_its_time(before, event.key, after)
        if isinstance(event, self.world.core.events.Called):
            self._called(before, event.keys, after)
        self._idled(before, event, after)
        for key in set(before.falling) - set(after.falling) if is_up(after) else ():
            self._asked_again(key)  # it is told to stop now
        owed = self.owed - set(after.falling)  # who is to fall comes again after that
        if owed and is_up(after):
            fail(self.world, f"the queued run of {min(owed)} is lost")
        self._hidden_last(after)
        self.dependents.after_step(before, event, after, effects)
        self._order(event, after, effects)
        self._drain(before, event, after, effects)
        self._told(before, after, effects)
        self._hurries()
        if is_up(after):
            self._waits_in_vain(after)
        if isinstance(event, self.world.core.events.StartRequested) and is_up(before):
            self._started(event, after, effects)
        if isinstance(event, self.world.core.events.StopRequested):
            for key in event.keys:
                row = row_of(after, key)
                waits = key in after.falling  # then it is told when its turn comes
                if row is not None and getattr(row.state, "held", True) is False and not waits:
                    fail(self.world, f"{key} was stopped by hand, and does not know it")
        if isinstance(event, self.world.core.events.PlanLoaded) and is_up(before):
            self._untouched(before, event.plan, after)

    def finally_restarted(self):
        """No restart that was asked for has been forgotten."""
        for key in self.wanted:
            if not self.lacks(self.world.state.table[key]):
                fail(self.world, f"the restart of {key} is lost")

    def lacks(self, row):
        """Say whether a process waits for what it needs, and that is not there."""
        table, graph = self.world.state.table, self.world.state.graph
        met = all(
            lets_go(table[each], need) or self.forgone(row.plan.key, need)
            for need in row.plan.depends
            for each in graph.keys.get(need.program, ())
        )
        held_up = not met or dependents.on_their_way(self.world.state, row)
        return type(row.state).__name__ == "Waiting" and bool(held_up)

    # --- starts

    def _spawned(self, effect):
        world, key = self.world, effect.key
        self.born_at[key, effect.run_id] = world.now
        if effect.run_id > self.wanted.get(key, effect.run_id):
            del self.wanted[key]
        limits = {limit.resource: limit for limit in effect.limits}
        if key.endswith(rolling.BESIDE):
            if effect.plan.launch != self.plans[key.removesuffix(rolling.BESIDE)].launch:
                fail(world, f"{key} is born of a launch that is not in force")
            return
        if limits != self.limits.get(key, {}):
            fail(world, f"{key} is born with {limits}, not {self.limits.get(key, {})}")
        if effect.plan != self.plans[key] and not self._is_undone():
            fail(world, f"{key} is born of a plan that is not in force")

    def _is_up(self, said, plan):
        """Judge whether a run may be called Running."""
        run = (said.key, said.run_id)
        since = self.executed.get(run)
        if since is None:
            fail(self.world, f"{said.key} is up, and has not become its program")
        if run in self.proven:
            return
        if plan.ready is not None:
            fail(self.world, f"{said.key} is up, and never said ready")
        if since <= self.loaded_at:
            return
        if plan.kind == "forking":
            if run not in self.led:
                fail(self.world, f"{said.key} is up, and has not gone into the background")
            since = self.led[run][0]
        if plan.kind != "oneshot" and self.world.now < since + plan.start_s - EPSILON:
            fail(self.world, f"{said.key} is up before its {plan.start_s:g} s are over")

    def _told(self, before, after, effects):
        """Who is to stop has been told, and who is to be up is so in time."""
        world, fx = self.world, self.world.core.effects
        told = {each.pid for each in effects if isinstance(each, fx.Kill)}
        for row in after.table:
            state, name = row.state, type(row.state).__name__
            if name == "Stopping" and state.run.pid and state.run.pid not in told:
                was = row_of(before, row.plan.key)
                again = was is not None and type(was.state).__name__ == name
                in_tree = (
                    row.plan.key,
                    state.run.id,
                ) in self.led and row.plan.stop.kill != "process"
                if not again or (was.state.run != state.run and not in_tree):
                    fail(world, f"{row.plan.key} is to stop, and nobody tells it")
            since = self.executed.get((row.plan.key, row.runs))
            said = (row.plan.key, row.runs) in self.proven
            in_front = row.plan.kind == "forking" and (row.plan.key, row.runs) not in self.led
            if name == "Running" and in_front:
                fail(world, f"{row.plan.key} is up, and has not gone into the background")
            if name == "Starting" and since is not None and said and not in_front:
                fail(world, f"{row.plan.key} has become its program and said ready, and is not up")
            if name == "Starting" and since is not None and since > self.loaded_at:
                ready = row.plan.ready
                longest = row.plan.start_s if ready is None else ready.timeout
                if row.plan.kind == "forking" and ready is None:
                    led_at, _ = self.led.get((row.plan.key, row.runs), (since + FORKS_S, 0))
                    longest += led_at - since
                until = max(since + longest, self.granted.get((row.plan.key, row.runs), 0.0))
                if world.now > until + world.slack_s + EPSILON:
                    fail(world, f"{row.plan.key} has been starting since {since:g}")

    def _waits_in_vain(self, state):
        for row in state.table:
            if type(row.state).__name__ != "Waiting" or row.plan.key in state.falling:
                continue
            for need in row.plan.depends:
                keys = state.graph.keys.get(need.program, ())
                if any(key in state.falling for key in keys):
                    continue  # its time has not begun
                for key in keys:
                    falls = key in state.falling
                    if need.hard and is_lost(state.table[key], need.condition) and not falls:
                        fail(self.world, f"{row.plan.key} waits for {key}, which is lost")
                met = all(lets_go(state.table[key], need) for key in keys)
                late = self._is_late(row.plan.key, need)
                if need.hard and need.timeout and not met and late:
                    fail(self.world, f"{row.plan.key} waits for {need.program} for too long")

    def forgone(self, key, need):
        """Say whether `key` has waited for what it only wants for as long as it is to."""
        return need.timeout and not need.hard and self._is_late(key, need)

    def _is_late(self, key, need):
        """Say whether `key` has waited for longer than for a need, however one counts."""
        since = max(self.patient.get(key, 0.0), self.waits.get(key, self.world.now))
        return self.world.now > since + need.timeout + self.world.slack_s + 2 * EPSILON

    def waited(self, key, seconds):
        """Say whether `key` has been waiting for what it needs for that long."""
        return self.world.now >= self.waits.get(key, self.world.now) + seconds - EPSILON

    def _started(self, event, after, effects):
        """Whoever is started has a chance: what it needs is brought up, and what has failed again."""
        told = [each for each in effects if isinstance(each, self.world.core.effects.Announce)]
        lost = [each for each in told if (each.was, each.now) == ("Waiting", "Fatal")]
        if lost and not any("within" in each.reason for each in lost):  # nobody's time is over
            fail(self.world, f"{lost[0].key} is given up by a start: {lost[0].reason}")
        if not is_up(after):
            return  # that somebody's time was over is the end of everything
        for key in event.keys:
            row = row_of(after, key)
            for need in row.plan.depends if row is not None else ():
                for each in after.graph.keys.get(need.program, ()):
                    other = after.table[each]
                    down = type(other.state).__name__ == "Stopped" and not other.retired
                    if down and not after.falling.get(each):
                        fail(self.world, f"{key} is to be up, and {each} stays stopped")

    # --- schedules

    def _time_came(self, before, row):
        """Note what a time means for a process, before the core has acted on it."""
        key = row.plan.key
        if type(row.state).__name__ in {"Stopped", "Waiting", "Exited", "Fatal"} or is_going(row):
            return
        if before.falling.get(key) is False:  # somebody wants it down
            return
        if row.plan.schedule.overlap == "queue":
            self.queued.add(key)
        elif row.plan.schedule.overlap == "replace":
            self.wanted[key] = self.world.book.run_ids.get(key, 0)

    def _at_its_time(self, before, key, after):
        """The time of `key` has come: see that it did what it had to do, and nothing else."""
        was, now = row_of(before, key), row_of(after, key)
        if was is None:
            return
        state = type(was.state).__name__
        held = state == "Stopped" and was.state.held
        if not may_come(before, key) or held or is_going(was):
            if now != was:
                fail(self.world, f"{key} has no time now, and is touched")
        elif key in self.world.state.falling:
            pass  # it comes when its turn is there
        elif state in {"Stopped", "Exited", "Fatal"}:
            if not self.world.core.slot.is_active(now) and type(now.state).__name__ != "Fatal":
                fail(self.world, f"the time of {key} has come, and it stays down")
            if now == was and state != "Fatal":  # what it needs may be lost still
                fail(self.world, f"the time of {key} has come, and nothing happens")
        elif (
            state != "Waiting" and was.plan.schedule.overlap != "replace" and was.state != now.state
        ):
            fail(self.world, f"{key} is on its way, and is touched by its schedule")

    def _of_the_queue(self, event, said):
        """A process came to rest, or is wanted again: see whether a run was queued for it."""
        ev, key = self.world.core.events, said.key
        if said.now in {"Exited", "Fatal"} and key in self.queued:
            self.queued.discard(key)
            self.owed.add(key)
        elif said.now == "Stopped":
            self.queued.discard(key)
            self.owed.discard(key)  # somebody has waited for his turn to stop it
        elif said.now == "Waiting" and said.was in {"Exited", "Fatal"}:
            book, before = self.world.book, self.world.before
            by_reload = before.rolls.going != self.world.state.rolls.going or self._is_undone()
            told = (
                ev.StartRequested,
                ev.RestartRequested,
                ev.RollRequested,
                ev.PlanLoaded,
                ev.ScheduleDue,
                ev.Called,
                ev.Boot,
            )
            wanted = key in {*book.with_needs(before, self.owed), *before.falling}
            if not wanted and not isinstance(event, told) and not by_reload:
                fail(self.world, f"{key} came to rest, and nobody wants it up")
            self.owed.discard(key)

    # --- on demand

    def _called(self, before, keys, after):
        """Somebody has connected: those whom he may wake are woken, unless they need one held."""
        for key in keys:
            was, now = row_of(before, key), row_of(after, key)
            if was is None or not is_up(before) or not may_be_called(before, key):
                continue
            asleep = type(now.state).__name__ in {"Stopped", "Exited"}
            if asleep and not (after.falling.get(key) or self._needs_one_held(before, was)):
                fail(self.world, f"somebody has connected to {key}, and it stays down")

    def _needs_one_held(self, state, row):
        """Say whether a process needs, at any distance, one that is down or on its way there."""
        seen, stack = set(), [row]
        while stack:
            for need in stack.pop().plan.depends:
                for each in state.graph.keys.get(need.program, ()):
                    other, falls = state.table[each], state.falling.get(each) is False
                    if falls or getattr(other.state, "held", False) or is_going(other):
                        return True
                    if each not in seen:
                        seen.add(each)
                        stack.append(other)
        return False

    def _is_used(self, state, row):
        """Say whether a process that is not at rest needs this one directly."""
        users = state.graph.needed_by.get(row.plan.program, ())
        keys = [key for user in users for key in state.graph.keys.get(user, ())]
        return any(self.world.core.slot.is_active(state.table[key]) for key in keys)

    def _idled(self, before, event, after):
        """Who stops for idleness is held by nobody; and nobody else stops for it."""
        ev = self.world.core.events
        if isinstance(event, ev.Idle):
            was, now = row_of(before, event.key), row_of(after, event.key)
            if was is not None and type(was.state) is not type(now.state):
                if not was.plan.idle_exit or type(was.state).__name__ != "Running":
                    fail(self.world, f"{event.key} is not to stop for idleness, and does")
                if was.state.run.id != event.run_id or not is_up(before):
                    fail(self.world, f"{event.key} stops by old news")
                if self._is_used(before, was):
                    fail(self.world, f"{event.key} stops for idleness, and others need it")
                self.idle.add(event.key)
        elif isinstance(event, ev.PlanLoaded):
            self.idle.clear()
        elif isinstance(event, ev.StopRequested):
            self.idle.difference_update(event.keys, self.dependents.concerned)
        for key in [*self.idle]:
            row = row_of(after, key)
            if row is None or type(row.state).__name__ not in {"Stopping", "Ending"}:
                self.idle.discard(key)
                if row is not None and getattr(row.state, "held", False):
                    fail(self.world, f"{key} stopped for idleness, and is held")

    # --- restarts

    def _announced(self, before, event, said):
        key = said.key
        row = row_of(self.world.state, key) or row_of(before, key)
        if key.endswith(rolling.BESIDE) and said.now == "Running":
            row = row_of(self.world.state, key.removesuffix(rolling.BESIDE))  # they have exchanged
        if self._is_undone():
            row = row_of(before, key) or row
        if row is None:
            return  # it came and went with a reload that was undone in this step
        if said.now == "Waiting" or not self._is_undone():
            self._patience(said, row.plan)
        if said.status is not None:
            if ((key, said.run_id) in self.unexecuted) > hasattr(said.status, "stage"):
                fail(self.world, f"the exec of {key} failed, and its end does not say so")
            self._nothing_left(before, said)
            if said.now in {"Backoff", "Fatal", "Starting"}:
                self._failed_or_not(said, row.plan)
            elif said.now == "Exited":
                self._may_end(said, row, row_of(before, key))
            self.up.discard(key)
        if said.now == "Stopping" and not said.reason.startswith("not ready"):
            self.granted.pop((key, said.run_id), None)  # that was for its start
        if said.now == "Stopping" and said.reason.startswith("not ready"):
            until = self.granted.get((key, said.run_id), 0.0)
            if self.world.now < until - EPSILON and is_up(before):
                fail(self.world, f"{key} has asked for time until {until:g}, and is given up")
        self._of_the_queue(event, said)
        if said.now == "Running":
            self._is_up(said, row.plan)
            self.up.add(key)
        elif said.now == "Waiting":
            self.failed[key], self.childless[key], self.tries[key] = [], 0, 0
        elif said.now == "Fatal":
            self.wanted.pop(key, None)
            swapped = key.endswith(rolling.BESIDE) and said.was == "Running"
            if said.status is None and "it needs" not in said.reason and not swapped:
                fail(self.world, f"{key} is given up without a run")

    def _patience(self, said, plan):
        """Nobody who waits is given up before the time is over that a dependency has."""
        if said.now == "Waiting":
            self.waits[said.key] = self.world.now
        elif said.was == "Waiting" and said.now == "Fatal" and "within" in said.reason:
            times = [
                each.timeout
                for each in plan.depends
                if each.hard and f"'{each.program}'" in said.reason
            ]
            if not any(time and self.waited(said.key, time) for time in times):
                fail(self.world, f"{said.key} is given up too early: {said.reason}")

    def _well(self, said, plan):
        status = said.status
        alone = (said.key, said.run_id) not in self.led and said.key not in self.up
        if plan.kind == "forking" and alone and said.was == "Starting":
            return False  # it left nobody behind
        code = getattr(status, "code", None)
        verdict = any(said.reason.count(text) for text in VERDICTS)
        return code in plan.success_codes and not verdict

    def _failed_or_not(self, said, plan):
        """Judge an end after which another run follows, or none ever."""
        world, key, policy = self.world, said.key, plan.restart
        times = self.failed.setdefault(key, [])
        if said.expected != (self._well(said, plan) and said.now != "Fatal"):
            fail(world, f"the end of {key} is said to be {'' if said.expected else 'un'}expected")
        if getattr(said.status, "stage", "") in {"fork", "descriptors"}:
            self.childless[key] = self.childless.get(key, 0) + 1
            if said.now != "Backoff":
                fail(world, f"{key} had no child and is {said.now}")
            return self._delay(said, policy, self.childless[key], LEAST_S_WITHOUT_A_CHILD)
        self.childless[key] = 0
        if policy.retries is not None:
            return self._retried(said, plan)
        failing = not self._well(said, plan)
        quick = not failing and key not in self.up
        if failing:
            times.append(world.now)
        if failing or quick:
            lasted_s = self.ended_at[key] - self.born_at[key, said.run_id]
            self.tries[key] = self.tries.get(key, 0) + 1 if lasted_s <= policy.window else 1
        else:
            self.tries[key] = 0
        recent = [at for at in times if at > world.now - policy.window]
        too_many = failing and 0 < policy.max < len(recent)
        if (said.now == "Fatal") != too_many:
            fail(world, f"{key} is {said.now} after {len(recent)} failures, max {policy.max}")
        if said.now != "Fatal":
            least_s = LEAST_S_AFTER_A_QUICK_SUCCESS if quick else 0.0
            self._delay(said, policy, max(1, self.tries[key]), least_s)
        return None

    def _retried(self, said, plan):
        """Judge by supervisord's rule: that many tries more, each a second later than the last."""
        world, key, retries = self.world, said.key, plan.restart.retries
        starts = self.tries[key] = 0 if key in self.up else self.tries.get(key, 0) + 1
        if not self._well(said, plan):
            self.failed[key].append(world.now)
        if (said.now == "Fatal") != (starts > retries):
            fail(world, f"{key} is {said.now} after {starts} starts with {retries} retries")
        if said.tries != starts:
            fail(world, f"{key} tells of {said.tries} tries, not {starts}")
        since = self.born_at[key, said.run_id]
        wait_s = starts or max(0.0, since + LEAST_S_BETWEEN_STARTS - world.now)
        if said.now != "Fatal" and abs(said.retry_s - wait_s) > EPSILON:
            fail(world, f"{key} waits {said.retry_s:g} s, not {wait_s:g}, after {starts} starts")

    def _delay(self, said, policy, attempt, least_s):
        base = min(policy.delay * policy.factor ** min(attempt - 1, 64), policy.max_delay)
        low = max(least_s, base * (1 - policy.jitter))
        high = max(least_s, base * (1 + policy.jitter))
        if not low - EPSILON <= said.retry_s <= high + EPSILON:
            text = f"{said.key} waits {said.retry_s:g} s, not {low:g} to {high:g}"
            fail(self.world, f"{text}, after {attempt} failures")

    def _may_end(self, said, row, was):
        """Judge an end after which nothing follows."""
        policy = row.plan.restart.policy
        ends = [getattr(each.state, "action", "") for each in (row, was or row)]
        if {"stop", "exit"}.intersection(ends):
            return  # it was condemned to this
        well = self._well(said, row.plan)
        calm = well and (policy == "on-failure" or row.plan.kind == "oneshot")
        early = row.plan.restart.retries is not None and said.key not in self.up
        if is_up(self.world.state) and early and not row.closing:
            fail(self.world, f"{said.key} was not up, and is not tried again")
        if is_up(self.world.state) and not calm and policy != "never" and not row.closing:
            fail(self.world, f"{said.key} is to be restarted, and is left {said.now}")

    # --- what a run leaves

    def _nothing_left(self, before, said):
        stop = row_of(before, said.key).plan.stop
        scope = widest(stop) if (said.key, said.run_id) in self.killed else stop.kill
        if scope == "process" or said.key in self.given_up:
            return
        left = [
            each.pid
            for each in self.world.children.values()
            if (each.key, each.run_id) == (said.key, said.run_id)
            and not each.leader and not each.dead
            and scope in ("tree", _group(each, said.pid), _group(each, self._first(said)))
        ]  # fmt: skip
        if left:
            fail(self.world, f"{said.key} is {said.now}, and {left} of its run live on")

    def _first(self, said):
        """Return the first leader of a run, and so its first group."""
        return self.led.get((said.key, said.run_id), (0.0, said.pid))[1]

    def _in_time(self, run):
        """Nobody is killed within the time that he has asked for."""
        until = self.granted.get(run, 0.0) if is_up(self.world.state) else 0.0
        if self.world.now < until - EPSILON:
            fail(self.world, f"{run} has asked for time until {until:g}, and is killed")

    def _reaches(self, before, event, effect):
        """Judge how far a signal goes, if it is one of those that end a run."""
        ev, row = self.world.core.events, row_of(before, effect.key)
        if effect.key.endswith(rolling.BESIDE):
            return  # it may have the run of another slot since
        if isinstance(event, (ev.SignalRequested, ev.SignalReceived)) or row is None:
            return
        run = self.world.core.states.run_of(row.state)
        if run is None or (isinstance(event, ev.Spawned) and effect.signum == KILL):
            return
        wanted = widest(row.plan.stop) if effect.signum == KILL else row.plan.stop.kill
        if effect.scope != wanted and self.loaded_at < self.world.now:
            fail(self.world, f"signal {effect.signum} to the {effect.scope} of {effect.key}")
        if effect.signum == KILL:
            if type(row.state).__name__ == "Stopping":
                self._in_time((effect.key, run.id))
            self.killed.add((effect.key, run.id))

    def _gives_up_killing(self, before, text):
        keys = [row.plan.key for row in before.table if text.startswith(row.plan.name + ": ")]
        self.given_up.update(keys)
        for key in keys:
            if key in self.reused:
                continue  # no KILL may be sent: it would hit another run
            if self.kills.get(key, 0) < KILLS_BEFORE_GIVING_UP:
                fail(self.world, f"{key} is given up after {self.kills.get(key, 0)} KILLs")
            if not self.world.excused():
                fail(self.world, f"what {key} left does not get its KILLs")

    # --- the way down

    def _order(self, event, after, effects):
        """Nobody is told to stop while somebody who needs it is active."""
        ev = self.world.core.events
        hasty = getattr(after.phase, "shutdown", None) is None or after.phase.shutdown.asked > 1
        by_hand = (ev.StopRequested, ev.RestartRequested, ev.RollRequested, ev.PlanLoaded)
        # not by the shutdown alone; a reload, and its undoing, keep to no order
        told = isinstance(event, by_hand) or self._is_undone()
        if type(after.phase).__name__ != "Halting" or hasty or told:
            return
        active = [row.plan.key for row in shown(after) if self.world.core.slot.is_active(row)]
        if after.init.stop_order == "groups":
            self._group_order(after, effects)
        for said in effects:
            if not _tells_to_stop(self.world, said) or said.key.endswith(rolling.BESIDE):
                continue
            if said.hidden and active:
                fail(self.world, f"{said.key} is hidden, and is stopped before {active[0]}")
            users = self._users(after, said.program) if after.init.stop_order == "graph" else ()
            for user in users:
                fail(self.world, f"{said.key} is stopped before {user}, which needs it")

    def _hidden_last(self, after):
        """Once all others are at rest, pyinit's own processes are stopped."""
        active = {row.plan.key for row in after.table if self.world.core.slot.is_active(row)}
        if type(after.phase).__name__ != "Halting" or active & {r.plan.key for r in shown(after)}:
            return
        for key in active:
            if type(after.table[key].state).__name__ not in {"Stopping", "Ending"}:
                fail(self.world, f"all others are at rest, and {key} is not told to stop")

    def _group_order(self, after, effects):
        """One group after another, the last first, all of it at once."""
        active = [row for row in shown(after) if self.world.core.slot.is_active(row)]
        level = {row.plan.key: (row.plan.group_priority, row.plan.group) for row in after.table}
        turn = max([level[row.plan.key] for row in active], default=None)
        for said in effects:
            told = _tells_to_stop(self.world, said) and not said.hidden
            if told and turn is not None and level[said.key] < turn:
                fail(self.world, f"{said.key} is stopped before the group {turn}")
        for row in active:
            if level[row.plan.key] == turn and type(row.state).__name__ not in {
                "Stopping", "Ending",
            }:  # fmt: skip
                fail(self.world, f"it is the turn of {row.plan.key}, and it is not stopped")

    def _users(self, state, program):
        """Return the active processes that need `program`, at any distance."""
        found, todo = {program}, [program]
        while todo:
            needed = todo.pop()
            for row in state.table:
                plan = row.pending or row.plan
                if plan.program not in found and needed in {each.program for each in plan.depends}:
                    found.add(plan.program)
                    todo.append(plan.program)
        return [
            row.plan.key
            for row in state.table
            if row.plan.program in found - {program} and self.world.core.slot.is_active(row)
        ]

    def _hurries(self):
        """Once somebody has lost patience, a second is all that anybody gets."""
        world = self.world
        since = world.book.hurried_at
        if since is None or world.news or world.now < since + 1.0 + world.slack_s + EPSILON:
            return
        for child in world.leaders():
            late = world.now > child.leads_since + 1.0 + world.slack_s + EPSILON
            if late and not child.told_kill:  # who leads by now may be younger than the last KILL
                fail(world, f"{child.key} is not killed, though everything hurries")

    def _drain(self, before, event, after, effects):
        world, ev = self.world, self.world.core.events
        was, phase = type(before.phase).__name__, type(after.phase).__name__
        asked = isinstance(event, (ev.ShutdownRequested, ev.SignalReceived))
        quiet = not any(world.core.slot.is_active(row) for row in shown(after))
        if phase == "Draining" != was:
            self.drained_at = min(after.drained_at, after.phase.shutdown.began)
        if phase == "Draining" and not isinstance(event, ev.StopRequested):
            for said in effects:
                if not _tells_to_stop(world, said) or said.key.endswith(rolling.BESIDE):
                    continue
                if said.key not in before.falling:
                    fail(world, f"{said.key} is stopped while everything drains")
        if was == "Draining" and phase == "Halting" and not asked and not quiet:
            waited, init = world.now - before.phase.shutdown.began, after.init
            wanted = min(init.drain_delay, init.stop_budget * 0.75)
            since = self.drained_at
            if waited < min(wanted, since + init.drain_delay - world.now + waited) - EPSILON:
                fail(world, f"drained for {waited:g} s, not {wanted:g}")
        if was == "Up" and phase == "Halting" and isinstance(event, ev.ShutdownRequested):
            still = any(world.core.slot.is_active(row) for row in shown(before))
            if still and min(before.drained_at, world.now) + after.init.drain_delay > world.now:
                awake = {"Starting", "Running", "Stopping", "Ending"}
                if any(type(row.state).__name__ in awake for row in shown(before)):
                    fail(world, "nothing is drained")

    # --- reload

    def _is_undone(self):
        """Say whether this very step has put an older plan back."""
        effects = self.world.log[-1][2]
        return any(isinstance(each, self.world.core.effects.PutBack) for each in effects)

    def _still_falls(self, key, before, plan, after):
        """Whom somebody has stopped, and who waits for his turn, no reload brings back.

        But one that adds who needs him does.
        """
        row = row_of(after, key)
        there = {each.plan.key for each in before.table if not each.retired}
        if row.plan.program in needed(
            [each for each in plan.processes if each.key not in there], plan
        ):
            return
        waits = after.falling.get(key) is False and type(row.state).__name__ == "Running"
        if not (waits or is_going(row) or self._is_undone()):
            fail(self.world, f"{key} is to fall, and a reload has other plans with it")

    def _untouched(self, before, plan, after):
        if not is_up(after):
            return  # it was the end of somebody's patience, too
        wanted = {each.key: each for each in plan.processes}
        for row in before.table:
            key = row.plan.key
            if row.retired or wanted.get(key) != (row.pending or row.plan):
                continue
            if key in before.falling:
                continue  # it may be its turn, now that others do not depend on it
            if type(row.state).__name__ in {"Starting", "Running", "Backoff"}:
                now = row_of(after, key)
                if now is None or now.state != row.state:
                    if self._is_undone():
                        continue
                    fail(self.world, f"{key} does not differ, and is touched by a reload")
        self._keep_their_runs(before, wanted, after)
        for row in before.table:
            key, now = row.plan.key, row_of(after, row.plan.key)
            if key in wanted or key == self.world.main or now is None or self._is_undone():
                continue
            if key.endswith(rolling.BESIDE):
                continue
            if not now.retired or type(now.state).__name__ not in {"Stopping", "Ending"}:
                fail(self.world, f"{key} left the plan, and is {type(now.state).__name__}")
        for row in before.table:
            key, state = row.plan.key, type(row.state).__name__
            new = wanted.get(key)
            job = new is not None and new.schedule
            if job and row.plan.kind == "service" and state == "Running" and not row.retired:
                self._has_its_times(before, key, after)
            if state == "Running" and not row.retired and new is not None and not job:
                if not is_up(after):
                    continue
                differs = is_born_otherwise(row.plan, new)
                if before.falling.get(key) is False:
                    self._still_falls(key, before, plan, after)
                    continue
                rolled = any(key in (each.key, *each.waiting) for each in after.rolls.going)
                again = getattr(row_of(after, key).state, "again", False) or after.falling.get(key)
                rolled |= key in dict(after.rolls.failed)
                if differs and not (again or rolled or self._is_undone()):
                    fail(self.world, f"{key} differs, and is not given a new run")

    def _has_its_times(self, before, key, after):
        """What becomes a job is stopped, and has no run before its time."""
        now = row_of(after, key)
        told = key in before.falling or not is_up(after) or self._is_undone()
        if not told and now.state.__class__.__name__ == "Running":
            fail(self.world, f"{key} is a job now, and goes on as a service")
        if not told and getattr(now.state, "again", False) and not self._is_used(after, now):
            fail(self.world, f"{key} is a job now, and is run at once")

    def _keep_their_runs(self, before, wanted, after):
        """Another policy is taken over by the run that there is."""
        run_of = self.world.core.states.run_of
        for row in before.table:
            new, now = wanted.get(row.plan.key), row_of(after, row.plan.key)
            young = type(row.state).__name__ in {"Starting", "Running"} and row.pending is None
            if row.retired or not young or new is None or is_born_otherwise(row.plan, new):
                continue
            if row.plan.key in before.falling:
                continue  # as above
            goes_on = now is not None and type(now.state) is type(row.state)
            same = goes_on and run_of(now.state) == run_of(row.state)
            if not same and not self._is_undone():
                fail(self.world, f"only the policy of {row.plan.key} differs, and its run ends")


def by_resource(limits):
    """Return limits by the name of their resource."""
    return {limit.resource: limit for limit in limits}


def is_born_otherwise(old, new):
    """Say whether a run of `new` is born with something that one of `old` does not have."""
    silent_s = [
        each.live.interval if each.live and each.live.kind == "watchdog" else 0.0
        for each in (old, new)
    ]
    kept = ("launch", "kind", "ready", "sockets", "places")
    return silent_s[0] != silent_s[1] or any(getattr(old, k) != getattr(new, k) for k in kept)


def is_going(row):
    """Say whether somebody has told the process to be down, and it is not yet."""
    state, name = row.state, type(row.state).__name__
    if name not in {"Stopping", "Ending"} or state.again or not state.held:
        return False
    return not state.failed if name == "Stopping" else state.asked


def needed(processes, plan):
    """Return the programs that any of these needs, and those that they need."""
    found, left = set(), list(processes)
    while left:
        for need in left.pop().depends:
            if need.program not in found:
                found.add(need.program)
                left += [each for each in plan.processes if each.program == need.program]
    return found


def is_lost(row, condition):
    """Say whether a dependency can never hold again by itself: written anew."""
    name = type(row.state).__name__
    at_rest = name in {"Exited", "Fatal"}
    return at_rest and condition != "done" and not is_met(row, condition)


def widest(stop):
    """Return how far a KILL reaches."""
    return next(each for each in ("tree", "group", "process") if each in {stop.kill, stop.last})


def _tells_to_stop(world, effect):
    said = isinstance(effect, world.core.effects.Announce)
    return said and effect.now == "Stopping" and not effect.reason


def _group(child, pid):
    return "group" if child.group == pid else "beyond"
