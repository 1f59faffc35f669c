"""What can be done to a world: the moves of the operator, of the kernel, and of bad luck."""

import plans
import properties
import rolling

SIGNALS = (1, 2, 3, 10, 12, 15, 17, 18, 28, 40)
STATUSES = (0, 1 << 8, 3 << 8, 9, 11)
HEALING_S = 400.0  # longer than every deadline a plan can have


def move(world, kind, a, b):
    """Make one move; `a` and `b` (0 to 999) choose what it is about."""
    if world.exit is None:
        MOVES[kind](world, a, b)
        if world.rng.random() >= world.lateness:
            world.deliver_all()


def finish(world):
    """Heal the world, see that everything comes to rest when told, and end it."""
    ev, core = world.core.events, world.core
    world.heal()
    world.sleep(0.0)
    if properties.is_up(world.state):
        world.slack_s = 0.0
    if world.exit is None and properties.is_up(world.state):
        world.sleep(HEALING_S)
    if world.exit is None and properties.is_up(world.state):
        world.promises.finally_restarted()
        world.rolling.finally_over()
        world.feed(ev.StopRequested(tuple(world.state.table.index)))
        world.sleep(HEALING_S)
        if world.exit is None:
            active = [row.plan.key for row in world.state.table if core.slot.is_active(row)]
            if active:
                properties.fail(world, f"told to stop and still not at rest: {active}")
            if world.leaders():
                properties.fail(world, "all processes are at rest, and runs live on")
    if world.exit is None and properties.is_up(world.state):
        world.feed(ev.StartRequested(tuple(world.state.table.index)))
        world.sleep(HEALING_S)
        stuck = [row for row in world.state.table if type(row.state).__name__ == "Stopped"]
        if world.exit is None and stuck:
            properties.fail(world, f"told to start and stays stopped: {stuck[0].plan.key}")
    if world.exit is None:
        world.feed(ev.ShutdownRequested("the end"))
        if not properties.is_up(world.state) and world.rng.random() < 0.3:
            world.feed(ev.ShutdownRequested("a restart, too late", again=True))
        world.sleep(HEALING_S)
    if world.exit is None:
        properties.fail(world, "the shutdown never ends")
    world.outlive()
    return world


def _keys(world, a, b):
    keys = [key for key in world.state.table.index if not key.endswith(rolling.BESIDE)]
    if not keys:
        return ("nobody:0",)
    if b % 7 == 0:
        return tuple(keys)
    if b % 31 == 1:
        return ("nobody:0",)
    return (keys[a % len(keys)],)


def _start(world, a, b):
    world.feed(world.core.events.StartRequested(_keys(world, a, b)))


def _stop(world, a, b):
    world.feed(world.core.events.StopRequested(_keys(world, a, b)))


def _restart(world, a, b):
    world.feed(world.core.events.RestartRequested(_keys(world, a, b)))


def _time_comes(world, a, b):
    jobs = [row.plan.key for row in world.state.table if row.plan.schedule is not None]
    keys = (jobs[a % len(jobs)],) if jobs and b % 5 else _keys(world, a, b)
    for key in keys:
        world.feed(world.core.events.ScheduleDue(key))


def _waver(world, a, b):
    """Somebody thinks better of a stop or a restart while its dependents are still going down."""
    ev, keys = world.core.events, list(world.state.table.index) or ["nobody:0"]
    first = (ev.StopRequested, ev.RestartRequested)[b % 2]
    world.feed(first((keys[a % len(keys)],)))
    second = (ev.StartRequested, ev.RestartRequested, ev.StopRequested)[b % 3]
    if b % 11 == 0:
        world.feed(ev.ShutdownRequested("in the middle of it"))
    else:
        world.feed(second((keys[(a // 7) % len(keys)],)))


def _signal(world, a, b):
    world.feed(world.core.events.SignalRequested(_keys(world, a, b), SIGNALS[b % len(SIGNALS)]))


def _call(world, a, b):
    """Let somebody connect to one that is started on demand, or to all, or to another."""
    those = [row.plan.key for row in world.state.table if row.plan.on_demand]
    keys = (those[a % len(those)],) if those and b % 5 else _keys(world, a, b)
    world.feed(world.core.events.Called(keys))


def _idle(world, a, b):
    leaders = world.leaders()
    asked = [each for each in leaders if each.key in world.state.table]
    those = [each for each in asked if world.state.table[each.key].plan.idle_exit]
    chosen = those if those and b % 5 else asked
    if chosen:
        one = chosen[a % len(chosen)]
        world.feed(world.core.events.Idle(one.key, one.run_id))


def _roll(world, a, b):
    world.feed(world.core.events.RollRequested(_keys(world, a, b)))


def _receive(world, a, b):
    signum = SIGNALS[a % len(SIGNALS)]
    restarts = (1, "restart") in world.state.init.signals
    if (signum in {2, 3, 15} or (signum == 1 and restarts)) and b % 4:
        signum = 28  # not every move is the end of everything
    world.feed(world.core.events.SignalReceived(signum))


def _crash(world, a, b):
    leaders = world.leaders()
    if leaders:
        world.crash(leaders[a % len(leaders)].pid, STATUSES[b % len(STATUSES)])


def _orphan(world, a, b):
    leaders = world.leaders()
    if leaders:
        key = leaders[a % len(leaders)].key
        world.breed(key, escaped=b % 2 == 0, stubborn=b % 3 == 0 and not world.healed)


def _orphan_dies(world, a, b):
    members = [each for each in world.children.values() if not each.leader and not each.dead]
    if members:
        world.crash(members[a % len(members)].pid, STATUSES[b % len(STATUSES)])


def _ready(world, a, b):
    leaders = world.leaders()
    if leaders:
        leader = leaders[a % len(leaders)]
        world.ready(leader.key, leader.run_id)


def _lead(world, a, b):
    """Let a run be led by another of its processes, or say so of one that leads already."""
    leaders = world.leaders()
    if not leaders:
        return
    leader, other = leaders[a % len(leaders)], leaders[b % len(leaders)]
    if b % 5 == 0 and other.pid in world.book.pids.values():  # pyinit looks whose it is
        world.feed(world.core.events.MainPid(leader.key, leader.run_id, other.pid))
    elif world.breed(leader.key, escaped=b % 2 == 0):
        world.lead(leader.key)


def _extend(world, a, b):
    leaders = world.leaders()
    if leaders:
        leader = leaders[a % len(leaders)]
        by_s = (0.1, 2.0, 7.0, 30.0)[b % 4]
        world.feed(world.core.events.Extended(leader.key, leader.run_id, by_s))


def _stale(world, a, b):
    """Send news of runs that never were, or are long over."""
    ev = world.core.events
    key = _keys(world, a, 3)[0]
    run_id = max(0, world.book.run_ids.get(key, 0) - 1 - b % 2)
    failure = world.core.status.NotExecuted("exec", 2)
    kinds = (
        ev.ReadyReported(key, run_id),
        ev.Executed(key, run_id),
        ev.Idle(key, run_id),
        ev.ExecFailed(key, run_id, failure),
        ev.SpawnFailed(key, run_id, failure),
        ev.Extended(key, run_id, 9.0),
        ev.MainPid(key, run_id, 9999),
        ev.Surveyed(key, run_id, b % 2),
        ev.Surveyed("nobody:0", 1, 0),
        ev.Reaped(9999, 0),
        ev.Swept(b % 2),
        ev.Boot(),
        ev.Tick(),
    )
    if isinstance(event := kinds[b % len(kinds)], ev.Swept) and not properties.is_up(world.state):
        return  # while sweeping every count is a true one
    world.feed(event)


def _limits(world, a, b):
    limit = world.core.plan.Limit(("nofile", "core")[b % 2], 1024 + b)
    world.feed(world.core.events.LimitsSet(_keys(world, a, b), (limit,)))


def _reload(world, a, b):
    like = world.plan if b % 3 == 1 else None
    plan = world.plan if b % 3 == 0 else plans.draw(world.core, world.rng, serial=1, like=like)
    if world.main is not None and b % 2:
        return
    before = world.plan if a % 3 else None
    world.plan = plan
    world.feed(world.core.events.PlanLoaded(plan, before))


def _shutdown(world, a, b):
    if b % 3 == 0 or not properties.is_up(world.state):
        told = {"again": True} if b % 2 == 0 else {"code": (None, 0)[a % 2]}
        world.feed(world.core.events.ShutdownRequested("asked", **told))
        for _ in range(a // 2 % 4 - 1):  # somebody is in a hurry
            if world.exit is None:
                world.feed(world.core.events.ShutdownRequested("asked at once"))


def _drain(world, a, b):
    world.feed(world.core.events.DrainRequested(b % 2 == 0))


def _freeze(world, a, b):
    world.freeze((0.5, 5.0, 40.0)[a % 3])


def _deliver(world, a, b):
    for _ in range(1 + b % 3):
        world.deliver()


def _sleep(world, a, b):
    world.sleep((0.0, 0.05, 0.3, 1.0, 1.0, 3.0, 12.0, 70.0)[a % 8])


def _condemn(world, a, b):
    """A run does not live as it should, or one that is over did not."""
    runs = _young(world) if a % 3 == 0 else [(each.key, each.run_id) for each in world.leaders()]
    if runs and b % 9:
        key, run_id = runs[a % len(runs)]
    else:
        key = _keys(world, a, 3)[0]
        run_id = world.book.run_ids.get(key, 0) - b % 2
    action = ("restart", "restart", "restart", "stop", "exit")[b % 5]
    if action == "exit" and b % 4:
        action = "stop"
    world.feed(world.core.events.Condemned(key, run_id, "not live: no answer", action))


def _young(world):
    """Return the runs that are not up yet, as (key, id): some have no pid so far."""
    rows = [row for row in world.state.table if type(row.state).__name__ == "Starting"]
    return [(row.plan.key, row.state.run.id) for row in rows]


def _rush(world, a, b):
    """Something else is wanted of a run before anybody knows what became of its fork."""
    ev = world.core.events
    before = world.lateness, world.fork_fails, world.too_early
    world.lateness, world.fork_fails, world.too_early = 1.0, (0.0, 1.0)[b // 12 % 2], 0.7
    keys = _keys(world, a, b)
    world.feed((ev.StartRequested, ev.RestartRequested)[b % 3 == 0](keys))
    for key, run_id in _young(world):
        if key not in keys or (key, run_id) not in _young(world) or world.exit is not None:
            continue  # what was said of another one has changed it
        action = ("restart", "restart", "stop")[a % 3]
        said = (
            ev.Condemned(key, run_id, "not live: no answer", action),
            ev.Condemned(key, run_id, "not live: no answer", "restart"),
            ev.RestartRequested((key,)),
            ev.StopRequested((key,)),
            ev.Extended(key, run_id, 2.0),
        )
        world.feed(said[b % len(said)])
    world.lateness, world.fork_fails, world.too_early = before


def _leave(world, a, b):
    """A run ends by itself, and leaves somebody behind whom no KILL reaches for a while."""
    leaders = world.leaders()
    if leaders and not world.healed:
        leader = leaders[a % len(leaders)]
        world.breed(leader.key, escaped=b % 2 == 0, stubborn=True, stuck_s=40.0)
        world.crash(leader.pid, STATUSES[b % len(STATUSES)])


def _luck(world, a, b):
    """Let the temper of the world change."""
    if not world.healed:
        world.fork_fails = (0.0, 0.0, 0.5)[a % 3]
        world.lateness = (0.0, 0.3, 0.8)[b % 3]


MOVES = {
    "start": _start,
    "stop": _stop,
    "restart": _restart,
    "roll": _roll,
    "waver": _waver,
    "time comes": _time_comes,
    "call": _call,
    "idle": _idle,
    "signal": _signal,
    "receive": _receive,
    "crash": _crash,
    "orphan": _orphan,
    "orphan dies": _orphan_dies,
    "ready": _ready,
    "lead": _lead,
    "extend": _extend,
    "stale": _stale,
    "limits": _limits,
    "reload": _reload,
    "shutdown": _shutdown,
    "drain": _drain,
    "freeze": _freeze,
    "deliver": _deliver,
    "sleep": _sleep,
    "luck": _luck,
    "condemn": _condemn,
    "rush": _rush,
    "leave": _leave,
}
WEIGHTS = {
    "time comes": 3,
    "sleep": 8,
    "crash": 4,
    "start": 3,
    "stop": 3,
    "restart": 3,
    "waver": 3,
    "roll": 3,
    "deliver": 4,
    "orphan": 2,
    "rush": 2,
    "condemn": 2,
}
KINDS = tuple(MOVES)
_CHOICES = [kind for kind in KINDS for _ in range(WEIGHTS.get(kind, 1))]


def play(world, moves=40):
    """Make `moves` random moves in `world`, and end it."""
    for _ in range(moves):
        move(world, *draw(world.rng))
    return finish(world)


def draw(rng):
    """Return a random move: its kind, and two numbers that choose what it is about."""
    return rng.choice(_CHOICES), rng.randrange(1000), rng.randrange(1000)
