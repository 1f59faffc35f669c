"""What must hold after every single step, whatever the world did.

A `Book` keeps its own account of runs, goals, restarts and announcements, from the effects and
the events alone, and compares: what the core believes is never taken for what is true.
"""

import dependents

KILL = 9
EPSILON = 1e-6


class Violation(AssertionError):
    """The core did what it must not do."""


def fail(world, text):
    """Raise Violation with the seed and the last steps, as a trace, unless nobody is to notice."""
    if any(said in text for said in world.muted):
        return
    steps = "".join([world.core.trace.write(*each) for each in world.log[-30:]])
    raise Violation(f"{text}\n  seed {world.seed}, at {world.now:g}\n{steps}")


def swap(account, one, other):
    """Exchange what two keys have in a dict, if they have anything."""
    first, second = account.pop(one, None), account.pop(other, None)
    for key, value in ((one, second), (other, first)):
        if value is not None:
            account[key] = value


class Book:
    """The account of one world."""

    def __init__(self, world):
        self.world = world
        self.run_ids = {}  # key -> id of its last run
        self.pids = {}  # key -> pid of its run, from the report to the reap
        self.down = set()  # keys somebody wants down
        self.taken = set()  # those of them whom nobody has named: they may wake by themselves
        self.restarts = {}
        self.said = {}  # key -> the state last announced
        self.removed = set()
        self.began_at = None  # of the shutdown
        self.hurried_at = None
        self.codes = None  # exit codes that would be true
        self.again = False  # whether it was to be a restart, and nobody has asked for an end since
        self.asked = 0  # how often somebody has asked for the end, or for a restart before that
        self.in_step = set()
        self.excused = False  # as it was before the effects of this step made news
        self.timeouts = {}  # key -> the shortest grace period its plans had

    # --- before and after each effect

    def before_effects(self, before, event, after, effects):
        world, core = self.world, self.world.core
        self.in_step = set()
        self.excused = world.excused()
        ev = core.events
        if isinstance(event, ev.Spawned) and self.run_ids.get(event.key) == event.run_id:
            self.pids[event.key] = event.pid
        if isinstance(event, ev.MainPid) and self.will_lead(event):
            self.pids[event.key] = event.pid
        if isinstance(event, ev.StopRequested):
            taken = world.promises.dependents.concerned
            self.taken.difference_update(event.keys)
            lightly = [key for key in taken if key not in (*event.keys, *self.down)]
            self.taken.update([key for key in lightly if may_wake(before.table[key])])
            self.down.update([key for key in event.keys if can_be_held(before, key)])
            self.down.update([key for key in taken if not is_at_rest(before, key)])
        elif isinstance(event, (ev.ScheduleDue, ev.Called)):
            keys = event.keys if isinstance(event, ev.Called) else (event.key,)
            woken = {*self.with_needs(before, keys), *keys} - {*before.falling}
            self.down.difference_update(self.taken & woken)
        elif isinstance(event, (ev.StartRequested, ev.RollRequested)):
            up = self.with_needs(before, event.keys)
            if isinstance(event, ev.RollRequested):  # the others are restarted, with theirs
                there = dependents.staying(before, event.keys)
                up = self.with_needs(before, there)
                rows = [before.table[key] for key in there]
                beside = [
                    each.plan.key
                    for each in rows
                    if dependents.can_be_beside(each) and dependents.can_be_rolled(before, each)
                ]
                idle = [each.plan.key for each in rows if each.plan.key not in beside]
                up |= self._back(before, up, dependents.come_again(before, idle, self.down))
            self.down.difference_update(up)
            world.promises.restarted(before, [key for key in up if key in before.falling])
        elif isinstance(event, ev.RestartRequested):
            back = dependents.come_again(before, event.keys, self.down)
            up = self.with_needs(before, dependents.staying(before, event.keys))
            self.down.difference_update(up | self._back(before, up, back))
            world.promises.restarted(before, (*event.keys, *back))
        elif isinstance(event, ev.PlanLoaded) and is_up(before):
            old = {row.plan.key for row in before.table if not row.retired}
            fresh = [each.key for each in event.plan.processes if each.key not in old]
            self.down.difference_update(self.with_needs(after, fresh))
            awake = [it.key for it in event.plan.processes if it.autostart and not is_lazy(it)]
            self.down.difference_update(self.taken & {*awake} - {*before.falling})
        for row in after.table:
            timeout = row.plan.stop.timeout
            if row.pending is not None:
                timeout = min(timeout, row.pending.stop.timeout)
            known = self.timeouts.get(row.plan.key, timeout)
            self.timeouts[row.plan.key] = min(known, timeout)
        self._watch_again(before, event, after)
        if is_up(before) and not is_up(after):
            self.began_at = world.now
            self.codes = self._true_codes(before, event, after)
        self._watch_hurry(before, event)

    def _back(self, state, up, keys):
        """Return who comes again with others, and what they need, unless somebody has stopped it."""
        found = set(keys)
        for key in keys:
            theirs = self.with_needs(state, [key])
            found |= theirs if not theirs & self.down - up - found else set()
        return found

    def effect(self, before, effect):
        fx = self.world.core.effects
        match effect:
            case fx.PutBack(plan):
                old = {row.plan.key for row in before.table if not row.retired}
                fresh = [each.key for each in plan.processes if each.key not in old]
                self.down.difference_update(self.with_needs(self.world.state, fresh))
            case fx.Exchanged(key, other):
                for account in (self.pids, self.run_ids, self.timeouts):
                    swap(account, key, other)
            case fx.Spawn():
                self._spawn(before, effect)
            case fx.Kill():
                self._kill(before, effect)
            case fx.Survey(key, run_id):
                if self.run_ids.get(key) != run_id:
                    fail(self.world, f"survey of a run that is over: {effect!r}")
            case fx.Announce():
                if effect.now == "Waiting" and self._rolls_on(before):
                    self.down.discard(effect.key)  # who is restarted in a roll needs it
                if effect.now in {"Exited", "Fatal"} and effect.key in before.falling:
                    self.down.discard(effect.key)  # it is down before its turn, and not held so
                self._announce(effect)
            case fx.Removed(key):
                if key in self.pids:
                    fail(self.world, f"{key} is forgotten while it runs")
                self.said.pop(key, None)
                self.restarts.pop(key, None)
                self.down.discard(key)
                self.timeouts.pop(key, None)
            case fx.Exit():
                self._exit(effect)
            case fx.Reload() if not is_up(before):
                fail(self.world, "a reload in the middle of a shutdown")
            case _:
                pass

    def _rolls_on(self, before):
        """Say whether the turn of a roll has come in this step."""
        return before.rolls.going != self.world.state.rolls.going

    def will_lead(self, event):
        """Say whether a MainPid is about a run that is there and a process that leads none."""
        current = self.run_ids.get(event.key) == event.run_id and event.key in self.pids
        return current and event.pid > 1 and event.pid not in self.pids.values()

    def reaped(self, child):
        """The kernel gave up a leader's pid."""
        if self.pids.get(child.key) == child.pid:
            del self.pids[child.key]

    def after_step(self, before, event, after, effects):
        world = self.world
        self._pids(after)
        self._table(after)
        self._rest(before, event, after)
        self._quiet(before, after)
        shutdown = getattr(after.phase, "shutdown", None)
        if type(after.phase).__name__ in {"Draining", "Halting"} and shutdown.asked != self.asked:
            fail(world, f"it was asked for {self.asked} times, not {shutdown.asked}")
        idle = is_up(after) and not shown(after) and after.init.exit != "never"
        if isinstance(event, world.core.events.Boot) and idle and not is_up(before):
            fail(world, "there is nothing to run, and pyinit is up")
        if self.began_at is not None and world.exit is None:
            budget = after.init.stop_budget
            if world.now > self.began_at + budget + world.slack_s + EPSILON:
                fail(world, f"the shutdown is not over within {budget:g} s")
        if world.rng.random() < 0.05:  # a third of the time of all of it, were it twice as often
            self._survives_writing(after)
        if world.rng.random() < 0.05:
            self._is_untouched(before, event, after)

    # --- effects

    def _spawn(self, before, effect):
        world, key = self.world, effect.key
        row = row_of(before, key)
        if not is_up(before) and type(before.phase).__name__ != "Booting":
            fail(world, f"spawn of {key} while everything is being stopped")
        if any(each.key == key for each in world.leaders()):
            fail(world, f"two live runs of {key}")
        if key in self.pids:
            fail(world, f"a new run of {key} before the old one was reaped")
        if key in self.down and not (row and dependents.with_runs(before, key)):
            fail(world, f"spawn of {key}, which somebody wants down")
        if effect.run_id <= self.run_ids.get(key, 0):
            fail(world, f"run id {effect.run_id} of {key} was used before")
        self._leftovers(before, effect)
        after = world.state
        now_row = after.table[key]
        undone = any(isinstance(each, world.core.effects.PutBack) for each in world.log[-1][2])
        if now_row.retired and not undone and not key.endswith("+"):
            fail(world, f"spawn of {key}, which left the plan")
        state = type(row.state).__name__ if row else "none"
        again = row is not None and state == "Ending" and row.state.again
        crashed = state in {"Backoff", "Ending", "Starting", "Running", "Stopping"}
        if crashed and not again and now_row.restarts != (row.restarts if row else 0):
            self.restarts[key] = self.restarts.get(key, 0) + 1
        elif (
            state == "Backoff" and not undone and self.world.log[-1][1].__class__.__name__ == "Tick"
        ):
            fail(world, f"a restart of {key} is not counted")
        else:
            self._needs_met(before, after, effect)
        if now_row.restarts != self.restarts.get(key, 0):
            fail(world, f"{key} counts {now_row.restarts} restarts: {self.restarts.get(key, 0)}")
        self.run_ids[key] = effect.run_id

    def _leftovers(self, before, effect):
        """What the last run left must be gone, unless it survives KILL after KILL."""
        world, key = self.world, effect.key
        row = row_of(before, key)
        if row is None or row.plan.stop.kill == "process" or row.plan.stop != effect.plan.stop:
            return
        stuck = getattr(row.state, "kills", 0) >= 5
        left = [
            each
            for each in world.children.values()
            if each.key == key and not each.leader and not each.dead
            and each.run_id == self.run_ids.get(key)
            and (row.plan.stop.kill == "tree" or each.group == self._last_group(row, each))
        ]  # fmt: skip
        if left and not stuck and type(row.state).__name__ == "Ending":
            fail(world, f"a new run of {key} beside {len(left)} of its last run")

    def _last_group(self, row, child):
        """Return the group of a child if it is one of those that count as the run's."""
        run = getattr(row.state, "run", None)
        known = run is not None and child.group in {run.pid, run.group}
        return child.group if known and child.group != child.pid else None

    def _needs_met(self, before, after, effect):
        undone = self.world.core.effects.PutBack
        if any(isinstance(each, undone) for each in self.world.log[-1][2]) or not is_up(after):
            return  # what was there before that is in no state that is told
        held_up = dependents.on_their_way(after, after.table[effect.key])
        if held_up and not self._ended_in_step() & {*held_up}:
            fail(self.world, f"{effect.key} starts, but {held_up[0]} is still on its way")
        for need in effect.plan.depends:
            for key in after.graph.keys.get(need.program, ()):
                self.world.promises.dependents.let_go(effect, after.table[key], need)
                sides = [side for side in (before, after) if key in side.table]
                if key in self._ended_in_step():
                    continue  # and another run of it was queued
                if not need.hard and key in self._ended_in_step("Backoff"):
                    continue  # and another run has taken its place
                waited = self.world.promises.waited(effect.key, need.timeout)
                if need.timeout and not need.hard and waited:
                    continue
                if not any(lets_go(side.table[key], need) for side in sides):
                    fail(self.world, f"{effect.key} starts, but {key} is not {need.condition}")

    def _ended_in_step(self, *ends):
        said = [each for each in self.world.log[-1][2] if hasattr(each, "expected")]
        return {each.key for each in said if each.now in (ends or ("Exited", "Fatal"))}

    def _kill(self, before, effect):
        world, key = self.world, effect.key
        pid = self.pids.get(key)
        if effect.pid <= 1:
            fail(world, f"signal {effect.signum} to pid {effect.pid}, which would hit everyone")
        others = [other for other, owned in self.pids.items() if owned == effect.pid != pid]
        if others:
            fail(
                world, f"signal {effect.signum} for {key} would hit {others[0]}: the pid is reused"
            )
        row = row_of(before, key)
        ending = row is not None and type(row.state).__name__ == "Ending"
        if ending and effect.scope != "process":
            if row.state.run.pid != effect.pid:
                fail(world, f"signal {effect.signum} to a strange pid: {effect!r}")
        elif pid != effect.pid:
            fail(world, f"signal {effect.signum} to pid {effect.pid}, which is not {key}")
        if row is not None and is_up(before) and is_up(world.state) and effect.signum == KILL:
            if effect.scope == "process" and row.plan.stop.kill != "process":
                return  # somebody asked for just this signal
            self._no_hurry(row, effect)

    def _no_hurry(self, row, effect):
        """Outside a shutdown nothing is killed before its grace period is over."""
        world = self.world
        asked = isinstance(world.log[-1][1], world.core.events.SignalRequested)
        since = getattr(row.state, "since", getattr(row.state, "stop_since", None))
        timeout = self.timeouts.get(effect.key, row.plan.stop.timeout)
        if asked or since is None or since == float("inf"):
            return
        if world.now < since + timeout - EPSILON:
            fail(world, f"{effect.key} is killed before its {timeout:g} s are over")

    def _announce(self, effect):
        known = self.said.get(effect.key)
        if known is not None and known != effect.was:
            fail(self.world, f"{effect.key} was {known}, not {effect.was}: {effect!r}")
        self.said[effect.key] = effect.now

    def _exit(self, effect):
        world = self.world
        if effect.again != self.again:
            fail(world, f"an exit with again={effect.again}, where {self.again} was asked for")
        if world.exit is not None:
            self._second_exit(effect)
            return
        if self.codes is None:
            return  # stopped before it booted
        alive = world.leaders()
        main = world.main
        codes = set(self.codes)
        if None in codes:
            codes.discard(None)
            row = world.state.table[main] if main is not None else None
            last = row.last if row is not None else None
            codes.add(world.core.status.shell_code(last) if last is not None else 0)
        late = world.now >= self.began_at + world.state.init.stop_budget - EPSILON
        spoilt = world.promises.reused  # who may get no KILL: it would hit another run
        if late and not self.excused and not spoilt:
            fail(world, "the whole budget is used up, and nobody was stuck")
        if 0 in codes and (alive or world.orphans() or late):
            codes.add(1)
            if alive:
                codes.discard(0)
        if effect.code not in codes:
            fail(world, f"exit code {effect.code}, where {sorted(codes)} would be true")
        if (alive or world.orphans()) and not self.excused:
            fail(world, f"{len(alive)} runs and {len(world.orphans())} orphans are left behind")
        spared = [each.key for each in alive if not each.told_kill and each.key in self.pids]
        if spared:
            fail(world, f"{spared[0]} is left behind, and nobody has killed it")
        if alive and not late:
            fail(world, f"{len(alive)} runs left behind with time to spare")
        if self.hurried_at is not None and world.healed:
            took = world.now - max(self.hurried_at, world.healed_at)
            if took > 4.0 + world.slack_s + EPSILON:
                fail(world, f"hurrying took {took:g} s")

    def _second_exit(self, effect):
        """Who asks for a stop when all is over, and was to begin anew, has the last word."""
        first = self.world.exit
        if not first.again or effect.again:
            fail(self.world, "a second exit")
        if effect.code != first.code:
            fail(self.world, f"the exit code was {first.code}, and is {effect.code}")

    # --- the whole state

    def _pids(self, after):
        known = {pid: after.pids.get(pid) for pid in after.pids.known()}
        mine = {pid: key for key, pid in self.pids.items()}
        if known != mine:
            fail(self.world, f"the pids are {mine}, the core knows {known}")
        for key, pid in self.pids.items():
            run = self.world.core.states.run_of(after.table[key].state)
            if run is None or run.pid != pid:
                fail(self.world, f"{key} has a run of pid {pid}, and does not know it")

    def _table(self, after):
        core = self.world.core
        rows = list(after.table)
        if [after.table[row.plan.key] for row in rows] != rows or len(rows) != len(after.table):
            fail(self.world, "the table's index does not fit its rows")
        if core.table.build(rows).chunks != after.table.chunks:
            fail(self.world, "a chunk does not know what its rows add up to")
        for row in rows:
            if row.due != core.states.deadline(row.state):
                fail(self.world, f"{row.plan.key} is not due when its state is")
        for program, keys in after.graph.keys.items():
            if any(key not in after.table for key in keys):
                fail(self.world, f"the graph knows processes of {program} that are gone")

    def _rest(self, before, event, after):
        """Who is at rest is woken by the operator only."""
        core, world = self.world.core, self.world
        ev = core.events
        if isinstance(event, (ev.Boot, ev.StartRequested, ev.RestartRequested, ev.PlanLoaded)):
            return
        undone = any(isinstance(each, core.effects.PutBack) for each in world.log[-1][2])
        if isinstance(event, ev.RollRequested) or undone or self._rolls_on(before):
            return
        taken = [each for each in world.log[-1][2] if isinstance(each, core.effects.Exchanged)]
        woken = {each.key for each in taken}
        woken |= self.with_needs(before, [row.plan.key for row in before.table if row.queued])
        if isinstance(event, ev.ScheduleDue) and may_come(before, event.key):
            woken |= self.with_needs(before, (event.key,))
        if isinstance(event, ev.Called) and is_up(before):
            called = [key for key in event.keys if may_be_called(before, key)]
            woken |= self.with_needs(before, called)
        for row in before.table:
            if not core.slot.is_active(row) and row.plan.key in after.table:
                now = after.table[row.plan.key]
                if core.slot.is_active(now) and row.plan.key not in woken | {*before.falling}:
                    fail(world, f"{row.plan.key} was at rest and starts by itself")

    def _quiet(self, before, after):
        """No process waits for what is there, and nobody overlooks the end of everything."""
        core, world = self.world.core, self.world
        if not is_up(after):
            return
        for row in after.table:
            waiting = isinstance(row.state, core.states.Waiting)
            if (
                waiting
                and row.plan.key not in after.falling
                and not dependents.on_their_way(after, row)
                and all(
                    (lets_go(after.table[key], need) and key not in after.falling)
                    or world.promises.forgone(row.plan.key, need)
                    for need in row.plan.depends
                    for key in after.graph.keys.get(need.program, ())
                )
            ):
                fail(world, f"{row.plan.key} waits for nothing")
            if row.retired and not core.slot.is_active(row):
                fail(world, f"{row.plan.key} left the plan, is at rest and still here")
        self._nobody_overlooked_the_end(before, after)

    def _nobody_overlooked_the_end(self, before, after):
        core, world = self.world.core, self.world
        if any(isinstance(each, core.effects.PutBack) for each in world.log[-1][2]):
            return  # who has failed on trial has not failed
        ended = [
            row
            for row in shown(after)
            if type(row.state).__name__ in {"Exited", "Fatal"}
            and row.plan.key in before.table
            and core.slot.is_active(before.table[row.plan.key])
        ]
        policy = after.init.exit
        for row in ended:
            if after.trial is not None and after.falling.get(row.plan.key):
                continue  # the reload gives it a new run, and that is judged
            failed = is_failure(row)
            if policy == "fail-fast" and failed and row.plan.critical:
                fail(world, f"{row.plan.key} gave up, and nothing ends")
        active = [row for row in shown(after) if core.slot.is_active(row)]
        held = [row for row in shown(after) if getattr(row.state, "held", False)]
        held += [row for row in shown(after) if may_wake(row)]
        if ended and not active and not held and policy in {"fail-fast", "all-done"}:
            fail(world, "nothing is left to run, and nothing ends")
        for row in ended:
            if policy == f"main:{row.plan.program}" and not any(
                each.plan.program == row.plan.program for each in active
            ):
                fail(world, "the main program has ended, and nothing else does")

    def _true_codes(self, before, event, after):
        """Return the exit codes that could be true of the shutdown that begins here.

        None stands for the main program's own status, known at the end.
        """
        core = self.world.core
        ev = core.events
        if isinstance(event, ev.ShutdownRequested):
            return {event.code}
        codes = set()
        if isinstance(event, ev.SignalReceived):
            codes.add(None)
        nothing = not any(core.slot.is_active(row) for row in shown(after))
        for said in [each for each in self.world.log[-1][2] if getattr(each, "now", "") == "Fatal"]:
            row = row_of(after, said.key)  # somebody may have started it again in the same step
            if row is not None and after.init.exit == "fail-fast" and row.plan.critical:
                codes.add((said.status is not None and core.status.shell_code(said.status)) or 1)
        for row in shown(after):
            name = type(row.state).__name__
            was = row_of(before, row.plan.key)
            fell = name == "Stopped" and row.plan.key in before.falling  # it ended before its turn
            same = was is not None and was.state == row.state
            same = same and row.plan.key not in self._ended_in_step()
            if same or (name not in {"Exited", "Fatal"} and not fell):
                continue
            code = code_of(core, row)
            if fell:
                codes.add(1 if getattr(was.state, "action", "") else code)  # as in `code_of`
                continue
            if getattr(row.state, "action", "") == "exit" and not row.plan.hidden:
                codes.add(1)
            policy, program = after.init.exit, row.plan.program
            theirs = [each for each in after.table if each.plan.program == program]
            others = [each for each in theirs if not each.plan.key.endswith("+")]
            if policy == "fail-fast" and is_failure(row) and row.plan.critical:
                codes.add(code or 1)
            elif policy == f"main:{program}" and not any(map(core.slot.is_active, others)):
                codes.add(code or int(is_failure(row)))
        if any(may_wake(row) for row in shown(after)):
            nothing = False
        if nothing and after.init.exit in {"fail-fast", "all-done"}:
            codes |= first_failure(core, after)
        if not shown(after):
            codes.add(0)
        return codes

    def _asks(self, before, event):
        """Return what an event asks for: "stop", "restart" or nothing."""
        ev = self.world.core.events
        if isinstance(event, ev.ShutdownRequested):
            return "restart" if event.again else "stop"
        if isinstance(event, ev.SignalReceived):
            given = dict(before.init.signals).get(event.signum)
            if given is not None or event.signum not in {2, 3, 15}:
                return given
            return "stop"  # or, as long as pyinit is up, something for the main program
        return None

    def _watch_again(self, before, event, after):
        asked = self._asks(before, event)
        if is_up(after):
            return
        if is_up(before):
            self.again = asked == "restart"
            self.asked = int(asked in {"stop", "restart"})
        elif asked == "stop":
            self.asked += not self.again
            self.again = False

    def _watch_hurry(self, before, event):
        shutdown = getattr(before.phase, "shutdown", None)
        halting = type(before.phase).__name__ == "Halting" and not shutdown.again
        stop = self._asks(before, event) == "stop"
        if stop and halting and shutdown.asked >= 1 and self.hurried_at is None:
            self.hurried_at = self.world.now

    def _survives_writing(self, after):
        """The state can be written out and read back, and the world goes on from that."""
        core = self.world.core
        try:
            again = core.record.from_plain(core.record.to_plain(after), core.kinds)
        except ValueError as error:
            fail(self.world, f"the state cannot be read back: {error}")
        if again != after:
            fail(self.world, "the state is not what it was after writing and reading")
        self.world.state = again

    def _is_untouched(self, before, event, after):
        """The same step again gives the same: nothing of the old state was changed in place."""
        again, _ = self.world.core.supervisor.step(before, event, self.world.now)
        if again != after:
            fail(self.world, f"the same step gives something else: {event!r}")

    def with_needs(self, state, keys):
        found, todo = set(), list(keys)
        while todo:
            key = todo.pop()
            if key in found or key not in state.table:
                continue
            found.add(key)
            for need in state.table[key].plan.depends:
                todo.extend(state.graph.keys.get(need.program, ()))
        return found


def row_of(state, key):
    return state.table[key] if key in state.table else None  # noqa: SIM401  a Table has no get


def shown(state):
    """Return the rows that count: pyinit's own processes do not."""
    return [row for row in state.table if not row.plan.hidden]


def is_up(state):
    return type(state.phase).__name__ == "Up"


def is_at_rest(state, key):
    return type(state.table[key].state).__name__ in {"Stopped", "Exited", "Fatal"}


def can_be_held(state, key):
    """Say whether a stop of `key` has a meaning: what ended by itself is down already.

    Not so what its schedule would start again.
    """
    row = row_of(state, key)
    if row is not None and may_wake(row) and not row.retired:
        return True
    return row is not None and type(row.state).__name__ not in {"Exited", "Fatal"}


def may_wake(row):
    """Say whether a process at rest may start by itself."""
    return is_lazy(row.plan)


def is_lazy(plan):
    """Say whether what has this plan waits for the clock, or for a connection."""
    return plan.schedule is not None or plan.on_demand


def may_come(state, key):
    """Say whether the time of a process means anything."""
    row = row_of(state, key)
    return is_up(state) and row is not None and row.plan.schedule is not None and not row.retired


def may_be_called(state, key):
    """Say whether a connection means anything to a process: at rest, and nobody holds it down."""
    row = row_of(state, key)
    if row is None or not row.plan.on_demand or row.retired:
        return False
    return type(row.state).__name__ in {"Exited", "Fatal"} or (
        type(row.state).__name__ == "Stopped" and not row.state.held
    )


def is_failure(row):
    return type(row.state).__name__ == "Fatal" or not row.state.success


def code_of(core, row):
    """Return the exit status that a process at rest stands for; 1 if it was condemned."""
    status = getattr(row.state, "status", row.last)
    if getattr(row.state, "action", "") or status is None:
        return 1
    return core.status.shell_code(status)


def first_failure(core, state):
    """Return the code of the process that failed first of those that are failed now."""
    failed = [row for row in shown(state) if getattr(row.state, "success", None) is False]
    failed += [row for row in shown(state) if type(row.state).__name__ == "Fatal"]
    ran = sorted([row for row in failed if row.last is not None], key=lambda row: row.last_at)
    codes = {code_of(core, row) or 1 for row in ran if row.last_at == ran[0].last_at}
    return codes or ({1} if failed else {0})


def is_met(row, condition):
    """Say whether a dependency holds: written anew, not asked of the core."""
    if row.retired:
        return True  # it left the plan: nobody can wait for what will not come
    name = type(row.state).__name__
    well = name == "Exited" and row.state.success
    oneshot = row.plan.kind == "oneshot"
    proven = name == "Running" and (row.plan.ready is not None or not oneshot)
    return {
        "started": name == "Running" or well,
        "ready": proven or (oneshot and well),
        "completed": well,
        "done": name in {"Exited", "Fatal"},
    }[condition]


def lets_go(row, need):
    """Say whether a dependency holds up nobody: it is there, or is only wanted and not coming."""
    if is_met(row, need.condition):
        return True
    if need.hard:
        return False
    return type(row.state).__name__ in {"Stopped", "Backoff", "Exited", "Fatal"}
