"""A desk to drive the core from: events in, effects out, and the world obeys when told to."""

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core import supervisor
from pyinit.core.plan import Dependency, InitPlan, Launch, Plan, ProcessPlan, Restart, Stop


def program(name, *, needs=None, instance=0, count=1, argv=(), **fields):
    """Return the plan of one process; `needs` is {program: condition, or a whole Dependency}."""
    depends = tuple(
        [
            how if isinstance(how, Dependency) else Dependency(each, how)
            for each, how in (needs or {}).items()
        ]
    )
    key = f"{name}:{instance}"
    return ProcessPlan(
        key, key if count > 1 else name, name, name, Launch((f"/bin/{name}", *argv)),
        instance=instance, depends=depends,
        **{"start_s": 0.0, "stop": Stop(kill="process"), **fields},
    )  # fmt: skip


def never():
    return Restart(policy="never")


class Desk:
    """A supervisor, its clock, and what it asked for last."""

    def __init__(self, *processes, init=None, main=None, boot=True, **settings):
        plan = Plan(init or InitPlan(**settings), processes)
        self.state = supervisor.new(plan, main=main)
        self.now = 0.0
        self.pids = 100
        self.said = []  # every effect there ever was
        if boot:
            self.boot()

    def boot(self):
        self.feed(ev.Boot())

    def feed(self, event, at=None):
        """Take one step and return its effects."""
        self.now = self.now if at is None else at
        self.state, effects = supervisor.step(self.state, event, self.now)
        self.said += effects
        return effects

    def spawn(self, *keys, executed=True):
        """Report the forks of `keys` (all that are Starting without a pid)."""
        for key in keys or [row.plan.key for row in self.state.table if self.is_forking(row)]:
            self.pids += 1
            run = self[key].state.run
            self.feed(ev.Spawned(key, run.id, self.pids, executed=executed))

    def is_forking(self, row):
        return self.name(row.plan.key) == "Starting" and row.state.run.pid == 0

    def up(self):
        """Let everything come up that can."""
        while any(self.is_forking(row) for row in self.state.table):
            self.spawn()

    def ends(self, key, status=0):
        """Let the run of `key` end with the raw `status`."""
        return self.feed(ev.Reaped(self[key].state.run.pid, status))

    def tick(self):
        """Go on to the next deadline."""
        return self.feed(ev.Tick(), supervisor.next_deadline(self.state))

    def __getitem__(self, key):
        return self.state.table[key if ":" in key else f"{key}:0"]

    def name(self, key):
        return type(self[key].state).__name__

    def names(self):
        return {row.plan.key: type(row.state).__name__ for row in self.state.table}

    @property
    def phase(self):
        return type(self.state.phase).__name__

    @property
    def code(self):
        """The exit status, None before the end."""
        exits = [each.code for each in self.said if isinstance(each, fx.Exit)]
        assert len(exits) <= 1
        return exits[0] if exits else None

    def kills(self, effects=None):
        """Return (key, signal) of the signals among `effects` (all there ever were)."""
        found = self.said if effects is None else effects
        return [(each.key, each.signum) for each in found if isinstance(each, fx.Kill)]

    def notes(self):
        return [each.text for each in self.said if isinstance(each, fx.Note)]

    def spawned(self, effects=None):
        found = self.said if effects is None else effects
        return [each.key for each in found if isinstance(each, fx.Spawn)]

    def obey(self, *, limit=100):
        """Let everything that was told to stop do so, until nothing happens any more."""
        for _ in range(limit):
            stopping = [row for row in self.state.table if self.name(row.plan.key) == "Stopping"]
            ready = [row for row in stopping if row.state.run.pid]
            if not ready:
                break
            self.feed(ev.Reaped(ready[0].state.run.pid, 15))
        if self.phase == "Sweeping":
            self.feed(ev.Swept(0))
