"""A pretend kernel in a small and nasty world, and the loop that drives the core in it.

Pids are few, so they are used again at once.  News comes late, or after the run it is about.
Children ignore TERM, sit in D state for a while, leave descendants behind that change their
session, end at once, never become ready, or say so twice.  Forks fail.  The clock only moves
when told.  Everything is drawn from one seed, so that every failure can be had again.
"""

import random

import condemning
import plans
import promises
import properties
import rolling
from cores import GENUINE

FEW_PIDS = 24
EAGAIN, ENOENT = 11, 2
KILL, STOPPING_SIGNALS = 9, (1, 2, 3, 15)
STEPS_OF_ONE_WORLD = 20_000
STEPS_A_SECOND = 100  # for those that crash and come again all the time
TICKS_AT_ONE_TIME = 12  # more than this many without the clock moving is a busy loop


class Child:
    """One process of the pretend kernel: a run's leader, or a member it left or brought up."""

    def __init__(
        self, pid, key, run_id, *, leader, group, died_at, stubborn=False, stuck_until=0.0
    ):
        self.pid, self.key, self.run_id = pid, key, run_id
        self.leader, self.group, self.died_at = leader, group, died_at
        self.stubborn, self.stuck_until = stubborn, stuck_until
        self.status = 0
        self.dead = False  # a zombie keeps its pid until it is reaped
        self.told_kill = False
        self.ours = leader  # its parent is pyinit, which reaps it
        self.leads_since = 0.0


class World:
    """The kernel, the operator, and the core between them."""

    def __init__(self, seed=0, core=GENUINE, plan=None, *, main=None, calm=False, muted=()):
        self.core, self.seed, self.rng = core, seed, random.Random(seed)
        self.muted = muted  # what of that which is broken nobody is to notice
        self.now = 0.0
        self.calm = calm  # nothing happens unless an operation says so
        rng = self.rng
        self.lateness = 0.0 if calm else rng.choice((0.0, 0.3, 0.8))
        self.fork_fails = 0.0 if calm else rng.choice((0.0, 0.0, 0.2))
        self.too_early = 0.3  # of the starts that fail, those that do before the fork
        self.exec_fails = 0.0 if calm else rng.choice((0.0, 0.0, 0.2))
        self.crashing = 0.0 if calm else rng.choice((0.0, 0.2, 0.8))
        self.stubborn = 0.0 if calm else rng.choice((0.0, 0.3, 0.9))
        self.sticking = 0.0 if calm else rng.choice((0.0, 0.0, 0.3))
        self.breeding = 0.0 if calm else rng.choice((0.0, 0.3))
        self.healed, self.healed_at = calm, 0.0
        self.was_stuck = 0.0  # until when somebody was that has been reaped
        self.plan = plan if plan is not None else plans.draw(core, rng)
        keys = [each.key for each in self.plan.processes if not each.hidden]
        if main is None and keys and not calm and rng.random() < 0.2:
            main = rng.choice(keys)
        self.main = main
        self.state = core.supervisor.new(self.plan, main=main, seed=seed)
        self.children = {}  # pid -> Child
        self.news = {}  # key, or pid of an orphan -> events in their order
        self.due = []  # (when, key, run_id, what): things children will do
        self.exit = None
        self.steps = 0
        self.ticks_now = 0
        self.log = []
        self.slack_s = 0.0  # what the loop itself may be late
        self.overslept_s = 0.0 if calm else rng.choice((0.0, 0.0, 0.2))
        self.book = properties.Book(self)
        self.promises = promises.Promises(self)
        self.condemning = condemning.Condemning(self)
        self.rolling = rolling.Rolling(self)
        if not calm and rng.random() < 0.02:
            self.feed(rng.choice(self._early()))
        if self.exit is None:
            self.feed(core.events.Boot())

    def _early(self):
        """Return what may come before the boot."""
        ev = self.core.events
        asked = (ev.SignalReceived(15), ev.ShutdownRequested("before the boot"))
        return (*asked, ev.SignalReceived(28), ev.DrainRequested(on=True), ev.Tick())

    # --- the loop

    def feed(self, event):
        """Step the core once, let the properties look at it, and perform the effects."""
        before = self.state
        try:
            after, effects = self.core.supervisor.step(before, event, self.now)
        except Exception as error:  # noqa: BLE001  whatever it is, it must not happen
            properties.fail(self, f"step raised {type(error).__name__}: {error} at {event!r}")
        self.steps += 1
        if self.steps > STEPS_OF_ONE_WORLD + STEPS_A_SECOND * self.now:
            properties.fail(self, "this never comes to an end")
        self.note(event, effects)
        self.state = after
        self.before = before
        self.promises.dependents.before_effects(before, event)
        self.book.before_effects(before, event, after, effects)
        self.promises.before_effects(before, event)
        self.condemning.before_effects(before, event)
        self.rolling.before_effects(before, event)
        for effect in effects:
            self.rolling.effect(before, effects, effect)
            self.promises.effect(before, event, effect)
            self.condemning.effect(before, effect)
            self.book.effect(before, effect)
            self.perform(effect)
        self.book.after_step(before, event, after, effects)
        self.promises.after_step(before, event, after, effects)
        self.condemning.after_step(before, event, after, effects)
        self.rolling.after_step(before, event, after, effects)
        if not self.rng.random() < self.lateness:
            self.deliver_all()

    def note(self, event, effects):
        """Keep the last steps, for those who look into what has come of them."""
        self.log.append((self.now, event, effects))
        del self.log[:-60]

    def perform(self, effect):
        """Do what the core asked for; the outcome becomes news."""
        fx, ev = self.core.effects, self.core.events
        match effect:
            case fx.Spawn(key, run_id, plan):
                self._spawn(key, run_id, plan)
            case fx.Kill(key, pid, signum, scope, group):
                for child in self._scope(key, pid, scope, group):
                    self._signal(child, signum)
            case fx.Survey(key, run_id, pid, scope, group):
                left = [each for each in self._scope(key, pid, scope, group) if not each.leader]
                self._tell(key, ev.Surveyed(key, run_id, len(left)))
            case fx.Sweep(signum):
                orphans = self.orphans()
                for child in orphans if signum else ():
                    self._signal(child, signum)
                self._tell("sweep", ev.Swept(len(orphans)))
            case fx.Exchanged(key, other):
                self._exchange(key, other)
            case fx.PutBack(plan):
                self.plan = plan
            case fx.Exit():
                self.exit = effect
            case _:
                pass

    def _exchange(self, key, other):
        """The runs of two slots change places; news that is on its way keeps its old address."""
        swapped = {key: other, other: key}
        for child in self.children.values():
            child.key = swapped.get(child.key, child.key)
        self.due = [(at, swapped.get(k, k), run_id, what) for at, k, run_id, what in self.due]

    def deliver(self):
        """Hand over one piece of news; which one is drawn.  Say whether there was any."""
        waiting = [source for source, events in self.news.items() if events]
        if not waiting or self.exit is not None:
            return False
        source = self.rng.choice(waiting)
        event = self.news[source].pop(0)
        if not self.news[source]:
            del self.news[source]
        if isinstance(event, self.core.events.Reaped):
            child = self.children.pop(event.pid)
            self.was_stuck = max(self.was_stuck, child.stuck_until)
            if child.leader:
                if child.run_id == self.book.run_ids.get(child.key):
                    self.promises.reaped(child.key)
                self.book.reaped(child)
                self._inherit_orphans(child)
        if isinstance(event, self.core.events.MainPid) and self.book.will_lead(event):
            self.children[self.book.pids[event.key]].leader = False
            self.children[event.pid].leader = True
            self.children[event.pid].leads_since = self.now
        self.feed(event)
        return True

    def deliver_all(self):
        while self.deliver():
            pass

    def sleep(self, seconds):
        """Let time pass: every deadline and everything children do happens in its turn."""
        until = self.now + seconds
        while self.exit is None:
            self.deliver_all()
            at = min(self.deadline(), min([each[0] for each in self.due], default=float("inf")))
            if at > until or self.exit is not None:
                break
            if at > self.now:
                late_s = self.rng.random() * self.overslept_s
                self.now, self.ticks_now = at + late_s, 0
                self.slack_s = max(self.slack_s, 2 * late_s)
            self._happen()
            if self.deadline() <= self.now and self.exit is None:
                self.ticks_now += 1
                if self.ticks_now > TICKS_AT_ONE_TIME:
                    properties.fail(self, "a Tick that changes nothing: the loop spins")
                    self.now += 0.01  # nobody was to notice: let it end
                self.feed(self.core.events.Tick())
        self.now, self.ticks_now = max(self.now, until), 0

    def freeze(self, seconds):
        """Let nothing happen for a while: the whole container is frozen, and thaws."""
        self.now += seconds
        self.slack_s = max(self.slack_s, 2 * self.overslept_s) + seconds

    def deadline(self):
        return self.core.supervisor.next_deadline(self.state)

    def heal(self):
        """From now on nothing fails by itself, and whatever is told to end, ends."""
        self.overslept_s = 0.0
        self.lateness = self.fork_fails = self.exec_fails = self.crashing = 0.0
        self.stubborn = self.sticking = self.breeding = 0.0
        self.healed, self.healed_at = True, self.now
        stuck = [each.stuck_until for each in self.children.values()]
        self.was_stuck = min(max([self.was_stuck, *stuck]), self.now)
        for child in self.children.values():
            child.stubborn, child.stuck_until = False, 0.0
        self.due = [
            (self.now if what == "thawed" else at, key, run_id, what)
            for at, key, run_id, what in self.due
        ]
        self.deliver_all()

    def outlive(self):
        """Tell the core what may still come after its Exit: it does nothing but take back `again`.

        A stop that is asked for then makes an end of what was to be a restart.
        """
        ev = self.core.events
        late = (
            *(ev.Tick(), ev.Swept(0), ev.Reaped(9999, 0), ev.PlanLoaded(self.plan)),
            *(ev.StartRequested(tuple(self.state.table.index)), ev.SignalReceived(15)),
            *(ev.ShutdownRequested("too late"), ev.ShutdownRequested("too late", again=True)),
            *(ev.SignalReceived(1), ev.DrainRequested(on=True), ev.Boot()),
        )
        for event in self.rng.sample(late, 3):
            self.feed(event)

    def excused(self):
        """Say whether somebody may be left behind: in D state, or the loop itself was late."""
        stuck = [each.stuck_until for each in self.children.values()]
        late = max([self.was_stuck, *stuck]) > self.now - 1.5
        return late or self.slack_s > 0 or self.lateness > 0 or bool(self.news)

    # --- what children do

    def leaders(self):
        return [each for each in self.children.values() if each.leader and not each.dead]

    def orphans(self):
        """Return what lives below pyinit and is no run, as a look at /proc would show it."""
        alive = {(each.key, each.run_id) for each in self.leaders()}
        return [
            each
            for each in self.children.values()
            if not each.leader and not each.dead and (each.key, each.run_id) not in alive
        ]

    def crash(self, pid, status):
        """End a child by itself."""
        child = self.children.get(pid)
        if child is not None and not child.dead:
            self._die(child, status)

    def breed(self, key, *, escaped=False, stubborn=False, stuck_s=0.0):
        """Let the run of `key` have one descendant more; say whether it could."""
        leader = next((each for each in self.leaders() if each.key == key), None)
        pid = self._free_pid()
        if leader is None or pid is None:
            return False
        self.children[pid] = Child(
            pid, key, leader.run_id, leader=False,
            group=pid if escaped else leader.group, died_at=None, stubborn=stubborn,
        )  # fmt: skip
        if self.rng.random() < self.sticking:
            stuck_s = max(stuck_s, self.rng.choice((1.0, 5.0, 40.0)))
        self.children[pid].stuck_until = self.now + stuck_s if stuck_s else 0.0
        return True

    def lead(self, key):
        """Let another process of the run of `key`, which is pyinit's child by now, lead it."""
        members = [
            each
            for each in self.children.values()
            if each.key == key and each.run_id == self.book.run_ids.get(key)
            and not (each.leader or each.dead or each.ours)
        ]  # fmt: skip
        if members:
            heir = self.rng.choice(members)
            heir.ours = True
            self._tell(key, self.core.events.MainPid(key, heir.run_id, heir.pid))

    def ready(self, key, run_id):
        self._tell(key, self.core.events.ReadyReported(key, run_id))

    def _spawn(self, key, run_id, plan):
        ev, rng = self.core.events, self.rng
        pid = self._free_pid()
        if pid is None or rng.random() < self.fork_fails:
            early = pid is not None and rng.random() < self.too_early
            stage = "pre_start" if early else "fork"
            failure = self.core.status.NotExecuted(stage, EAGAIN)
            self._tell(key, ev.SpawnFailed(key, run_id, failure))
            return
        child = Child(
            pid, key, run_id, leader=True, group=pid, died_at=None,
            stubborn=rng.random() < self.stubborn,
        )  # fmt: skip
        if rng.random() < self.sticking:
            child.stuck_until = self.now + rng.choice((1.0, 5.0, 40.0))
        self.children[pid] = child
        executed = rng.random() < 0.5
        failing = not executed and rng.random() < self.exec_fails
        hasty = plan.ready is not None and run_id % 4 == 3 and not self.calm
        if hasty and pid % 2:  # what it was to be ready by was there already
            self.ready(key, run_id)
        self._tell(key, ev.Spawned(key, run_id, pid, executed))
        if hasty and not pid % 2:
            self.ready(key, run_id)
        if plan.ready is not None and run_id % 4 == 1 and not self.calm:
            self._tell(key, ev.Extended(key, run_id, 10.0 * (1 + pid % 3)))
        if failing:
            failure = self.core.status.NotExecuted("exec", ENOENT)
            self._tell(key, ev.ExecFailed(key, run_id, failure))
            self._die(child, 127 << 8)
            return
        if not executed:
            self._tell(key, ev.Executed(key, run_id))
        self._fate(child, plan)

    def _fate(self, child, plan):
        """Draw what becomes of a run that executed."""
        rng = self.rng
        if self.calm:
            return
        if plan.ready is not None and (self.healed or rng.random() < 0.7):
            delay = rng.choice((0.0, 0.3, 3.0)) if not self.healed else 0.1
            self.due.append((self.now + delay, child.key, child.run_id, "ready"))
        if rng.random() < self.crashing:
            soonest = 0.05 if plan.restart.delay == 0 else 0.0  # nobody dies in no time for ever
            delay = rng.choice((soonest, soonest, 0.2, 1.0, 1.5, 20.0))
            status = rng.choice((0, 1 << 8, 3 << 8, 11, 9))
            if delay == 0.0:
                self._die(child, status)
                return
            self.due.append((self.now + delay, child.key, child.run_id, status))
        elif plan.kind == "forking":
            delay = rng.choice((0.0, 0.3)) if self.healed else rng.choice((0.0, 0.5, 3.0, 50.0))
            self.due.append((self.now + delay, child.key, child.run_id, "forks"))
        elif plan.kind == "oneshot":
            delay = rng.choice((0.1, 2.0))
            status = 0 if self.healed else rng.choice((0, 0, 256))
            self.due.append((self.now + delay, child.key, child.run_id, status))
        while rng.random() < self.breeding:
            self.breed(child.key, escaped=rng.random() < 0.5, stubborn=rng.random() < self.stubborn)

    def _happen(self):
        """Let children do what they were to do by now."""
        ready = [each for each in self.due if each[0] <= self.now]
        self.due = [each for each in self.due if each[0] > self.now]
        for _, key, run_id, what in ready:
            if what == "ready":  # late news of a run that is gone comes too
                self.ready(key, run_id)
                continue
            if what == "forks":
                self._fork_away(key, run_id)
                continue
            if what == "thawed":
                for child in list(self.children.values()):
                    if child.pid == key and child.run_id == run_id and not child.dead:
                        self._die(child, KILL)
                continue
            for child in self.leaders():
                if child.key == key and child.run_id == run_id:
                    self._die(child, what)
        self.deliver_all()

    def _fork_away(self, key, run_id):
        """Let the first process of a run leave another one behind, or nobody, and end."""
        for child in self.leaders():
            if (child.key, child.run_id) == (key, run_id):
                if self.healed or self.rng.random() < 0.8:
                    self.breed(key, escaped=self.rng.random() < 0.5)
                    self.lead(key)
                self._die(child, 0 if self.healed else self.rng.choice((0, 0, 256)))

    def _signal(self, child, signum):
        if child.dead or signum == 0:
            return
        child.told_kill |= signum == KILL
        if signum == KILL:
            if child.stuck_until > self.now:
                self.due.append((child.stuck_until, child.pid, child.run_id, "thawed"))
            else:
                self._die(child, KILL)
        elif signum in STOPPING_SIGNALS and not child.stubborn and child.stuck_until <= self.now:
            if self.healed or not child.leader or self.rng.random() < 0.6:
                self._die(child, signum if self.rng.random() < 0.5 else 0)
            else:
                delay = self.rng.choice((0.2, 1.0, 2.0))
                self.due.append((self.now + delay, child.key, child.run_id, 0))

    def _die(self, child, status):
        child.dead, child.status = True, status
        reaped = self.core.events.Reaped(child.pid, status)
        if child.leader or child.ours:
            self._tell(child.key, reaped)
        elif any(
            each.leader and (each.key, each.run_id) == (child.key, child.run_id)
            for each in self.children.values()
            if each is not child
        ):
            pass  # its parent lives: it is reaped there, or by us when that is gone
        else:
            self._tell(child.pid, reaped)

    def _inherit_orphans(self, leader):
        """The dead members of a run whose leader was reaped are ours now."""
        for child in self.children.values():
            if child.dead and not (child.leader or child.ours):
                same = (child.key, child.run_id) == (leader.key, leader.run_id)
                if same and child.pid not in self.news:
                    self._tell(child.pid, self.core.events.Reaped(child.pid, child.status))

    def _scope(self, key, pid, scope, group=0):
        """Return the living children that a signal to the run of `key` reaches."""
        run_id, leader = self.book.run_ids.get(key), self.children.get(pid)
        if leader is not None and leader.leader and leader.key == key:
            run_id = leader.run_id
        run = [each for each in self.children.values() if (each.key, each.run_id) == (key, run_id)]
        if scope == "process":
            run = [each for each in run if each.pid == pid]
        elif scope == "group":
            own = self.children[pid].group if pid in self.children else pid
            run = [each for each in run if each.group in {pid, own, group}]
        return [each for each in run if not each.dead]

    def _free_pid(self):
        groups = {each.group for each in self.children.values()}
        last = max(FEW_PIDS, 2 * len(self.plan.processes))
        free = [pid for pid in range(2, 2 + last) if pid not in self.children and pid not in groups]
        return free[0] if free else None

    def _tell(self, source, event):
        self.news.setdefault(source, []).append(event)
