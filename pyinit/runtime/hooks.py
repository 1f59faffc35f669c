"""The part that runs commands around runs: hooks, stop.command and reload.command.

    pre_start    before the run is forked: the core sees a start whose fork is not reported yet
    post_start   once it is Running; nobody waits for it
    pre_stop     before the first signal of a stop, while the time of the stop runs already
    stop         in the place of that signal
    post_stop    when nothing of the run is left: the core sees the last count when it is over
    reload       when something asks the program to read its files again; nobody waits for it

A command is born as the program is (user, environment, directory, limits), prints where it prints,
and knows by PYINIT_HOOK what it is for and by MAINPID whom it is about.  It is a helper: its end
comes by the one reaper.  When its time is over, whatever it has started goes with it.  One that
fails is told about; a pre_start that fails is a failed start, and where the stop command fails the
signal is sent after all.
"""

from __future__ import annotations

import posix
import time

from pyinit.core import effects as fx
from pyinit.core import escalation
from pyinit.core import events as ev
from pyinit.core.beside import owner
from pyinit.core.record import Record, replace
from pyinit.core.states import NEVER, NO_PID, Ending, RunId, Running, Starting, Stopping, run_of
from pyinit.core.status import NotExecuted, describe, from_wait
from pyinit.runtime.reaper import Runs
from pyinit.runtime.stream import Source
from pyinit.system import files, tree
from pyinit.system import spawn as spawning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.core.slot import Process
    from pyinit.runtime.machine import Machine

HOOK_S = 30.0  # for a hook whose program says nothing of how long it may take
QUIT_S = 2.0  # for a pre_start that is told to stop with its program
SHARE = 3  # of the stop budget for one post_stop: others have to stop, too
SIGTERM, SIGKILL = 15, 9
NEXT = "it was ended, because the next one begins"


class Hook(Record):
    """A command under way for run `run_id`: killed at `until`, and `why` if that was so."""

    key: str
    kind: str
    run_id: RunId
    pid: int
    status_fd: int
    until: float
    why: str = ""


class Hooks:
    """All that are under way, by process and kind: of one kind a process has one at a time."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._under_way: dict[tuple[str, str], Hook] = {}
        self._stopping: dict[str, RunId] = {}  # runs whose first signal was sent, or is not to be
        self._over: dict[str, RunId] = {}  # runs whose post_stop is over
        self._started: dict[str, RunId] = {}  # runs whose pre_start is over
        self._reading: dict[int, int] = {}  # pid -> what tells of its exec
        machine.driver.hooks = self
        machine.loop.timed = (*machine.loop.timed, self)
        machine.driver.exchanged.append(self._exchanged)

    def adopt(self, _init: InitPlan, _processes: tuple[ProcessPlan, ...]) -> None:
        """Forget what was done for processes that are gone; the rows have the plans."""
        for kept in (self._stopping, self._over, self._started):
            for key in [each for each in kept if self._machine.row(each) is None]:
                del kept[key]

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return the commands under way, which remain our children, and what is done already."""
        hooks = tuple(
            [
                (each.key, each.kind, each.run_id, each.pid, each.status_fd, each.until, each.why)
                for each in self._under_way.values()
            ]
        )
        known = (hooks, self._stopping, self._over, self._started)
        return known, tuple([each[4] for each in hooks if each[4] >= 0])

    def resume(self, known: object) -> None:
        """Go on with that."""
        if not (isinstance(known, tuple) and len(known) == 4):
            return
        hooks, *done = known
        for mine, theirs in zip((self._stopping, self._over, self._started), done, strict=True):
            mine.update({key: RunId(run_id) for key, run_id in theirs.items()})
        for key, kind, run_id, pid, status_fd, until, why in hooks:
            if status_fd >= 0:
                posix.set_inheritable(status_fd, False)
            self._watch(Hook(key, kind, RunId(run_id), pid, status_fd, until, why))

    # --- what the driver asks before it does something

    def starts(self, spawn: fx.Spawn) -> bool:
        """Say whether the fork has to wait for a pre_start; the driver is asked again after it."""
        hooks = spawn.plan.hooks
        if hooks is None or not hooks.pre_start or self._started.get(spawn.key) == spawn.run_id:
            return False
        timeout_s = spawn.plan.ready.timeout if spawn.plan.ready else HOOK_S
        self._started[spawn.key] = spawn.run_id
        failed = self._begin(spawn.key, spawn.plan, spawn.run_id, "pre_start", timeout_s)
        if failed:
            self._not_started(spawn.key, spawn.run_id, failed)
        return True

    def stops(self, kill: fx.Kill) -> bool:
        """Say whether a signal, the first of a stop, waits for a command or gives way to it."""
        row = self._machine.row(kill.key)
        if row is None or not isinstance(row.state, Stopping) or row.state.run.pid != kill.pid:
            return False
        run_id = row.state.run.id
        if kill.signum == SIGKILL:
            for kind in ("pre_stop", "stop"):
                self._kill((kill.key, kind), "killed with its program")
        first = self._stopping.get(kill.key) != run_id and kill.signum != SIGKILL
        if not first or not (row.plan.stop.command or _words(row.plan, "pre_stop")):
            return False
        self._stopping[kill.key] = run_id
        left_s = max(0.0, row.state.schedule[-1][0] - time.monotonic())
        before = _words(row.plan, "pre_stop")
        if not before or self._begin(kill.key, row.plan, run_id, "pre_stop", left_s):
            self._stop(row)
        return True

    def holds(self, survey: fx.Survey, left: int) -> bool:
        """Say whether the count of what a run has left, now that it is 0, has to wait."""
        row = self._machine.row(survey.key)
        if left or row is None or row.plan.hooks is None or not row.plan.hooks.post_stop:
            return False
        if self._over.get(survey.key) == survey.run_id:
            return False
        if (survey.key, "post_stop") not in self._under_way:
            timeout_s = min(row.plan.stop.timeout or HOOK_S, self._share())
            if self._begin(survey.key, row.plan, survey.run_id, "post_stop", timeout_s):
                self._over[survey.key] = survey.run_id
                return False
        return True

    def announced(self, change: fx.Announce) -> None:
        """A process has changed its state."""
        row = self._machine.row(change.key)
        if row is None:
            return
        if change.now == "Stopping" and (change.key, "pre_start") in self._under_way:
            self._quit((change.key, "pre_start"), row.plan)
        begun = change.now == "Running" and change.was == "Starting"
        if begun and _words(row.plan, "post_start"):
            timeout_s = row.plan.ready.timeout if row.plan.ready else HOOK_S
            self._begin(change.key, row.plan, change.run_id, "post_start", timeout_s)

    def reload(self, key: str) -> bool:
        """Run reload.command of a process, if it has one and a run; say whether."""
        row = self._machine.row(key)
        run = run_of(row.state) if row is not None else None
        if row is None or run is None or not row.plan.reload_command:
            return False
        if not isinstance(row.state, Running | Starting):
            return False
        return not self._begin(key, row.plan, run.id, "reload", HOOK_S)

    # --- deadlines

    def next_deadline(self) -> float:
        """Return when a command has used up its time."""
        return min([each.until for each in self._under_way.values()], default=NEVER)

    def tick(self, now: float) -> None:
        """Kill the commands whose time is over."""
        for place, each in [*self._under_way.items()]:
            if each.until <= now:
                self._kill(place, each.why or "it did not end in time, and was killed")

    # --- one command

    def _begin(self, key: str, plan: ProcessPlan, run_id: RunId, kind: str, within_s: float) -> str:
        """Start a command of a process; return why it cannot be, and say so."""
        argv = _words(plan, kind)
        found: spawning.Spawned | spawning.ExecFailure | None = None
        why = ""
        try:
            self._kill((key, kind), NEXT)
            found = self._spawn(key, plan, run_id, kind, argv)
            if isinstance(found, spawning.Spawned):
                until = time.monotonic() + within_s
                self._watch(Hook(key, kind, run_id, found.pid, found.status_fd, until))
        except OSError as error:
            spawning.let_go(found)
            found = spawning.ExecFailure("descriptors", error.errno or 0)
        except BaseException as error:  # noqa: BLE001  what waits for it must not wait for ever
            spawning.let_go(found)
            found, why = spawning.ExecFailure("fork", 0), f"a fault of pyinit: {error!r}"
        if isinstance(found, spawning.ExecFailure):
            why = why or spawning.describe(found, argv[0])
            self._tell(key, kind, why)
        return why

    def _spawn(
        self, key: str, plan: ProcessPlan, run_id: RunId, kind: str, argv: tuple[str, ...]
    ) -> spawning.Spawned | spawning.ExecFailure:
        machine = self._machine
        row = machine.row(key)
        run = run_of(row.state) if row is not None else None
        limits = (*plan.launch.limits, *(row.limits if row is not None else ()))
        launch = replace(plan.launch, argv=argv, terminal=False, limits=limits)
        label = _label(plan.name, kind)
        env = (
            *machine.driver.extra_env,
            *(("PYINIT_PROGRAM", plan.program), ("PYINIT_PROCESS", owner(plan.name))),
            *(("PYINIT_HOOK", kind), ("PYINIT_RUN", label)),
            *([("MAINPID", str(run.pid))] if run is not None and run.pid != NO_PID else []),
        )
        source = Source(owner(key), owner(plan.name), plan.program, run_id, plan.group)
        found: spawning.Spawned | spawning.ExecFailure | None = None
        null = files.open_null()
        try:
            out, err = machine.pump.open(
                source, launch.stdout, launch.stderr, fresh=kind == "pre_start"
            )
            fds = (null, out, err)
            found = spawning.spawn(launch, machine.desk.environ, env, fds, (), label)
        finally:
            posix.close(null)
            try:
                machine.pump.close_child_ends(owner(key))
            except BaseException:
                spawning.let_go(found)
                raise
        return found

    def _watch(self, hook: Hook) -> None:
        self._under_way[hook.key, hook.kind] = hook
        if hook.status_fd >= 0:
            self._reading[hook.pid] = hook.status_fd
        self._machine.driver.helpers[hook.pid] = lambda status: self._ended(hook, status)

    def _ended(self, begun: Hook, status: int) -> None:
        """A command was reaped."""
        hook = self._under_way.get((begun.key, begun.kind))
        if hook is None or hook.pid != begun.pid:
            hook = begun  # another one has begun in its place
        else:
            del self._under_way[hook.key, hook.kind]
        self._machine.pump.drain(owner(hook.key))
        why = self._failure(hook, status)
        row = self._machine.row(hook.key)
        if why:
            self._tell(hook.key, hook.kind, why)
        if row is not None:
            self._follow(row, hook, why)

    def _failure(self, hook: Hook, status: int) -> str:
        """Return why a command was of no use, "" if it did well."""
        status_fd = self._reading.pop(hook.pid, -1)  # once, if it is told twice of the end
        if status_fd >= 0:
            try:
                said = spawning.read_status(status_fd)
            finally:
                posix.close(status_fd)
            if isinstance(said, spawning.ExecFailure) and not hook.why:
                row = self._machine.row(hook.key)
                word = _words(row.plan, hook.kind)[:1] if row is not None else ()
                return spawning.describe(said, word[0] if word else hook.kind)
        return hook.why or ("" if status == 0 else describe(from_wait(status)))

    def _follow(self, row: Process, hook: Hook, why: str) -> None:
        """Do what the command was to come before."""
        run = run_of(row.state)
        if run is None or run.id != hook.run_id:
            return
        match hook.kind:
            case "pre_start":
                if why or not isinstance(row.state, Starting):
                    self._not_started(hook.key, hook.run_id, why or "stopped before it was done")
                else:
                    self._perform(fx.Spawn(hook.key, run.id, row.plan, row.limits))
            case "pre_stop" if _has_time(row):
                self._stop(row)
            case "stop" if _has_time(row) and why:
                self._signal(row)
            case "post_stop" if isinstance(row.state, Ending):
                self._over[hook.key] = hook.run_id
                self._machine.driver.events.append(ev.Surveyed(hook.key, hook.run_id, 0))
            case _:
                pass

    def _not_started(self, key: str, run_id: RunId, why: str) -> None:
        failure = NotExecuted("pre_start", 0, f"pre_start: {why}")
        self._machine.driver.events.append(ev.SpawnFailed(key, run_id, failure))

    def _stop(self, row: Process) -> None:
        """Stop a run: by its command, or by the signal that the command stands for."""
        state = row.state
        if not isinstance(state, Stopping):
            return
        left_s = max(0.0, state.schedule[-1][0] - time.monotonic())
        command = row.plan.stop.command
        if not command or self._begin(row.plan.key, row.plan, state.run.id, "stop", left_s):
            self._signal(row)
        else:
            self._machine.log.info(f"{row.plan.name}: stopping it by its command")

    def _signal(self, row: Process) -> None:
        run = run_of(row.state)
        if run is not None and run.pid != NO_PID:
            first = escalation.kill(row.plan, run, row.plan.stop.signals[0])
            self._perform(first)

    def _perform(self, effect: fx.Spawn | fx.Kill) -> None:
        """Let the driver do what has waited; as in the loop, the core hears of every failure."""
        driver = self._machine.driver
        try:
            driver.perform(effect, self._machine.loop.supervisor.pids)
        except BaseException as error:  # noqa: BLE001
            driver.failed(effect)
            self._machine.loop.fault(error)

    # --- the end of commands

    def _quit(self, place: tuple[str, str], plan: ProcessPlan) -> None:
        """Tell a command to end with its program, and do not wait long for it."""
        hook = self._under_way[place]
        tree.kill_tree(hook.pid, _label(plan.name, hook.kind), "tree", SIGTERM, self._seen())
        grace_s = min(QUIT_S, plan.stop.timeout, self._share())
        until = min(hook.until, time.monotonic() + grace_s)
        self._under_way[place] = replace(hook, until=until, why="stopped before it was done")

    def _kill(self, place: tuple[str, str], why: str) -> None:
        hook = self._under_way.get(place)
        if hook is None:
            return
        row = self._machine.row(hook.key)
        label = _label(row.plan.name if row is not None else hook.key, hook.kind)
        self._watch(replace(hook, until=NEVER, why=why))
        tree.kill_tree(hook.pid, label, "tree", SIGKILL, self._seen())

    def _seen(self) -> tree.Snapshot:
        return tree.Snapshot(Runs(self._machine.loop.supervisor.pids, self._machine.driver.helpers))

    def _share(self) -> float:
        return self._machine.plan.init.stop_budget / SHARE

    def _tell(self, key: str, kind: str, why: str) -> None:
        row = self._machine.row(key)
        name = row.plan.name if row is not None else key
        say = self._machine.log.info if why == NEXT else self._machine.log.warning
        say(f"{name}: {kind}: {why}")

    def _exchanged(self, one: str, other: str) -> None:
        """Two slots have exchanged their runs: what is done for them follows."""
        for kept in (self._stopping, self._over, self._started):
            first, second = kept.pop(one, None), kept.pop(other, None)
            kept.update({other: first} if first is not None else {})
            kept.update({one: second} if second is not None else {})
        names = {one: other, other: one}
        hooks = [*self._under_way.values()]
        self._under_way.clear()
        for each in hooks:
            self._watch(replace(each, key=names.get(each.key, each.key)))


def _words(plan: ProcessPlan, kind: str) -> tuple[str, ...]:
    """Return the command of a kind that a program has."""
    if kind == "stop":
        return plan.stop.command
    if kind == "reload":
        return plan.reload_command
    found = () if plan.hooks is None else getattr(plan.hooks, kind)
    return found if isinstance(found, tuple) else ()


def _has_time(row: Process) -> bool:
    """Say whether a run that is being stopped has not had its KILL, and will not at once."""
    state = row.state
    if not isinstance(state, Stopping) or state.killed:
        return False
    return state.schedule[-1][0] > time.monotonic()


def _label(name: str, kind: str) -> str:
    """Return what the descendants of a command are found by: they are none of the run."""
    return f"{name} {kind}"
