"""The hands: performs what the core asks for, and queues the outcome as an event.

Nothing here decides, and nothing returns an outcome: whatever an effect comes to is appended to
`events` and reaches the core by the loop.  Surveys and sweeps are made once a turn, all together.
"""

from __future__ import annotations

import errno
import posix
import time

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.beside import is_beside, owner
from pyinit.core.plan import CHANNEL, Sink
from pyinit.core.record import assert_never, replace
from pyinit.core.states import Pid
from pyinit.core.status import NotExecuted
from pyinit.runtime.failure import all_of
from pyinit.runtime.reaper import Members
from pyinit.runtime.stream import Source
from pyinit.system import spawn as spawning
from pyinit.system import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.core.effects import Effect
    from pyinit.core.events import Event
    from pyinit.core.plan import Launch, Plan, ProcessPlan
    from pyinit.core.states import RunId
    from pyinit.core.table import Pids
    from pyinit.runtime.announcer import Announcer
    from pyinit.runtime.gateway import Dresser
    from pyinit.runtime.hooks import Hooks
    from pyinit.runtime.log import Log
    from pyinit.runtime.poller import Poller
    from pyinit.runtime.pump import Pump
    from pyinit.runtime.readiness import Readiness
    from pyinit.runtime.stdin import End, Stdin

    Env: TypeAlias = tuple[tuple[str, str], ...]
    Giver: TypeAlias = Callable[[ProcessPlan], list[tuple[int, str]]]  # (descriptor, name) each

SIGKILL = 9
INHERIT, COPY = (Sink("inherit"),), (Sink("copy"),)


class Driver:
    """Performs effects.  `stdin` is what programs read from: the null device."""

    def __init__(
        self,
        poller: Poller,
        pump: Pump,
        readiness: Readiness,
        announcer: Announcer,
        log: Log,
        *,
        stdin: int,
        environ: dict[bytes, bytes],
        extra_env: tuple[tuple[str, str], ...],
    ) -> None:
        self.events: list[Event] = []
        self.exit: fx.Exit | None = None
        self.helpers: dict[int, Callable[[int], None]] = {}  # pid -> who wants its status
        self.labels: dict[str, str] = {}  # key -> PYINIT_PROCESS of its run, to know its orphans
        self._words: dict[str, str] = {}  # key -> the first word of its command, to name it
        self.on_reload: Callable[[], None] = lambda: None
        self.on_reopen: Callable[[], None] = lambda: None
        self.on_put_back: Callable[[Plan], None] = lambda _plan: None
        self.exchanged: list[Callable[[str, str], None]] = []  # who keeps something by key
        self.dressers: dict[str, Dresser] = {}  # key -> what its launch and descriptors are
        self.held: Callable[[str], int] = _nothing_held  # the descriptor of a socket of the plan
        self.share: Callable[[Launch], Env] = lambda _: ()  # variables that depend on the moment
        self.givers: list[Giver] = []  # what programs are born with, as LISTEN_FDS: sockets first
        self.hooks: Hooks | None = None  # once a program has commands around its runs
        self._stdins: Stdin | None = None  # once a program has a pipe to read from
        self._poller = poller
        self._pump = pump
        self._readiness = readiness
        readiness.equip(self.helpers, log.warning)
        self._announcer = announcer
        self._log = log
        self._stdin = stdin
        self._environ = environ
        self.extra_env = extra_env
        self._execing: dict[int, tuple[int, str, RunId]] = {}  # pid -> status fd, key, run
        self._surveys: dict[str, fx.Survey] = {}
        self._sweeps: list[int] = []
        self.members = Members(self.labels, self.helpers)

    def execing(self) -> dict[int, tuple[int, str, RunId]]:
        """Return {pid: (status descriptor, key, run)} of the execs under way, for a re-exec."""
        return self._execing

    def stdins(self) -> Stdin:
        """Return the pipes that programs read from."""
        if self._stdins is None:
            from pyinit.runtime import stdin

            self._stdins = stdin.Stdin(self._poller)
        return self._stdins

    def open_stdins(self) -> dict[str, End]:
        """Return those pipes by process, for a re-exec."""
        return {} if self._stdins is None else self._stdins.carried()

    def write_stdin(self, key: str, data: bytes) -> str:
        """Write to the stdin of a process; "" or why not: as `Stdin.write`."""
        return self.stdins().write(key, data)

    def adopt(self, pid: int, status_fd: int, key: str, run_id: RunId) -> None:
        """Wait for the news of an exec that is under way; its descriptor is ours from then on."""
        self._poller.register(status_fd, True, False, lambda _mask: self._exec_news(pid))
        self._execing[pid] = (status_fd, key, run_id)

    def perform(self, effect: Effect, pids: Pids) -> None:
        """Do what `effect` asks for; `pids` are the runs there are."""
        match effect:
            case fx.Spawn():
                if self.hooks is None or not self.hooks.starts(effect):
                    self._spawn(effect)
            case fx.Kill():
                if self.hooks is None or not self.hooks.stops(effect):  # no command goes first
                    self.send(effect, pids)
            case fx.Survey(key):
                self._readiness.stop_looking(key)  # the leader was reaped
                self._surveys[key] = effect
            case fx.Sweep(signum):
                self._sweeps.append(signum)
            case fx.Announce():
                self._announce(effect)
            case fx.Removed(key):
                self.labels.pop(key, None)
                self._words.pop(key, None)
                all_of(
                    (
                        lambda: None if is_beside(key) else self._pump.close(key),
                        lambda: self._readiness.forget(key),
                        lambda: self._announcer.removed(effect),
                    )
                )
            case fx.PutBack(plan):
                self.on_put_back(plan)
            case fx.Exchanged():
                self._exchange(effect)
            case fx.Note(level, text):
                self._announcer.speech.note(level, text)
            case fx.Reload():
                self.on_reload()
            case fx.ReopenLogs():
                self.on_reopen()
            case fx.Exit():
                self.exit = effect
            case _:
                assert_never(effect)

    def send(self, kill: fx.Kill, pids: Pids) -> None:
        """Send a signal at once, whatever command was to go before it."""
        try:
            self._announcer.speech.kill(kill)
        except BaseException as error:  # noqa: BLE001  it is sent whether that can be told or not
            self._log.error(f"cannot tell of a signal to {kill.key}: {error!r}")
        self.members.signal(kill, pids)

    def _announce(self, effect: fx.Announce) -> None:
        try:  # whoever cannot be told keeps nobody else from it
            self._announcer.announce(effect)
        finally:
            try:
                if effect.now != "Starting":
                    self._readiness.stop_looking(effect.key)
            finally:
                if self.hooks is not None:
                    self.hooks.announced(effect)

    def _exchange(self, effect: fx.Exchanged) -> None:
        """Two slots exchange their runs: what is kept by their keys follows."""
        from pyinit.runtime import exchange  # for few

        exchange.swap(self.labels, effect)
        exchange.swap(self._words, effect)
        self._readiness.exchange(effect.key, effect.other)
        for told in self.exchanged:
            told(effect.key, effect.other)
        self._log.info(exchange.words(effect))
        self._announcer.publish(exchange.event_of(effect))

    def fresh(self) -> None:
        """A new turn begins: what was read of /proc is old."""
        self.members.fresh()

    def failed(self, effect: Effect) -> None:
        """A bug of ours kept `effect` from being performed: tell the core the nearest truth."""
        match effect:
            case fx.Spawn(key, run_id):
                self.events.append(ev.SpawnFailed(key, run_id, NotExecuted("fork", 0)))
            case fx.Survey(key, run_id):
                self.events.append(ev.Surveyed(key, run_id, 0))
            case fx.Sweep():
                self.events.append(ev.Swept(0))
            case fx.Exit():
                self.exit = effect
            case _:
                pass

    def settle(self, pids: Pids) -> None:
        """Make the surveys and sweeps that were asked for in this turn."""
        sweeps, self._sweeps = self._sweeps, []
        while self._surveys:  # one by one: what one fails by keeps no other from its answer
            survey = self._surveys.pop(next(iter(self._surveys)))
            try:
                self._settle(survey, pids)
            except BaseException as error:  # noqa: BLE001  somebody waits for the answer
                self.failed(survey)
                self._log.error(f"cannot count what {survey.key} has left: {error!r}")
        if not sweeps:
            return
        found: tuple[int, ...] = ()
        try:
            found = self.members.of_nobody(pids)
            for signum, pid in [(signum, pid) for signum in sweeps if signum for pid in found]:
                tree.signal_process(pid, signum)
        finally:
            self.events.append(ev.Swept(len(found)))

    def _settle(self, survey: fx.Survey, pids: Pids) -> None:
        """Count what a run has left, and tell the core, which waits for the answer."""
        left, held = len(self.members.left(survey, pids)), False
        try:
            held = self.hooks is not None and self.hooks.holds(survey, left)
        except BaseException as error:  # noqa: BLE001
            self._log.error(f"{survey.key} ends without its post_stop: {error!r}")
        if not held:
            self.events.append(ev.Surveyed(survey.key, survey.run_id, left))

    def knows(self, pid: int) -> bool:
        """Say whether a child is a helper of ours, or a run that is still at its exec."""
        return pid in self.helpers or pid in self._execing

    def end_helpers(self) -> None:
        """Kill the helpers that are left: nobody waits for them, and they must not outlive us."""
        for pid in self.helpers:
            tree.signal_process(pid, SIGKILL)

    def reaped(self, pid: int, status: int) -> None:
        """A child is gone: news of its exec comes first, then the end itself."""
        helper = self.helpers.get(pid)
        if helper is not None:
            helper(status)  # first: who has not heard of it is told again
            if self.helpers.get(pid) is helper:
                del self.helpers[pid]
            return
        if self._stdins is not None:
            self._stdins.reaped(pid)
        try:
            if pid in self._execing:
                self._exec_news(pid)
        finally:
            self.events.append(ev.Reaped(Pid(pid), status))

    def _spawn(self, effect: fx.Spawn) -> None:
        """Fork a run of the process, and report what came of it."""
        launch, found = effect.plan.launch, self._fork(effect)
        refused: spawning.ExecFailure
        if isinstance(found, spawning.ExecFailure):
            refused = found
        else:
            try:
                self._started(effect, found)
            except BaseException as error:  # nobody would know that it runs
                watched = found.pid in self._execing
                spawning.let_go(replace(found, status_fd=-1) if watched else found)
                if not isinstance(error, OSError):
                    raise
                refused = _refused(error)
            else:
                return
        detail = spawning.describe(refused, launch.argv[0])
        failure = NotExecuted(refused.stage, refused.errno, detail)
        if launch.stdin == "pipe":
            self.stdins().close(effect.key)
        self.events.append(ev.SpawnFailed(effect.key, effect.run_id, failure))

    def _fork(self, effect: fx.Spawn) -> spawning.Spawned | spawning.ExecFailure:
        """Fork a run of the process, with its descriptors, environment and limits."""
        plan, launch = effect.plan, effect.plan.launch
        label = plan.name
        if is_beside(effect.key):  # it must not be taken for the run that it is beside
            label = f"{plan.name}{effect.run_id}"
            plan = replace(plan, key=owner(plan.key), name=owner(plan.name))
        if effect.limits:
            launch = replace(launch, limits=(*launch.limits, *effect.limits))
        env = (*self.extra_env, ("PYINIT_PROGRAM", plan.program), ("PYINIT_PROCESS", plan.name))
        if label != plan.name:
            env = (*env, ("PYINIT_RUN", label))
        self.labels[effect.key] = label
        self._words[effect.key] = launch.argv[0]
        closing: list[int] = []
        found: spawning.Spawned | spawning.ExecFailure | None = None
        try:
            handed = self._readiness.prepare(effect)
            keep = handed.keep
            closing.extend([ours for ours, _ in keep])
            if effect.key in self.dressers:
                launch, keep = self.dressers[effect.key](launch)
                closing[:] = [ours for ours, _ in keep]
            listed = [each for give in self.givers for each in give(plan)]
            if listed:
                from pyinit.runtime.handing import handed as born_with

                given, more = born_with(listed)
                keep, env = (*given, *keep), (*env, *more)
            stdin = self._input(effect, closing)
            stdout, stderr = self._outputs(effect)
            fds = (stdin, stdout, stderr)
            env = (*env, *handed.env, *self.share(launch))
            found = spawning.spawn(launch, self._environ, env, fds, keep, label)
        except OSError as error:
            found = _refused(error)
        finally:
            try:
                self._pump.close_child_ends(plan.key)
            except BaseException:
                spawning.let_go(found)
                raise
            finally:
                for fd in closing:
                    posix.close(fd)
        return found

    def _input(self, effect: fx.Spawn, closing: list[int]) -> int:
        """Return what a run reads from; what is only for it is added to `closing`."""
        how = effect.plan.launch.stdin
        if how == "inherit":
            return 0
        if how == "pipe":
            closing.append(self.stdins().open(effect.key, effect.run_id))
            return closing[-1]
        if how.startswith("socket:"):
            return self.held(how.removeprefix("socket:"))
        return self._stdin

    def _outputs(self, effect: fx.Spawn) -> tuple[int, int]:
        plan = effect.plan
        stdout, stderr = plan.launch.stdout, plan.launch.stderr
        first, second = plan.launch.channels
        watch = self._readiness.watch(effect.key, effect.run_id, plan)
        listener = plan.pool is not None
        if stdout == INHERIT and (watch is not None or listener or first != CHANNEL):
            stdout = COPY  # it must be seen: what it prints is passed on
        if stderr == INHERIT and (watch is not None or second != CHANNEL):
            stderr = COPY
        key, name = owner(effect.key), owner(plan.name)
        source = Source(key, name, plan.program, effect.run_id, plan.group)
        return self._pump.open(source, stdout, stderr, watch, (first, second), listener=listener)

    def _started(self, effect: fx.Spawn, found: spawning.Spawned) -> None:
        key, run_id, pid = effect.key, effect.run_id, Pid(found.pid)
        if effect.plan.launch.stdin == "pipe":
            self.stdins().born(key, pid)
        executed = found.status_fd < 0
        if not executed:
            self.adopt(pid, found.status_fd, key, run_id)  # first of all: it may be refused
        self._announcer.started(effect, pid, time.monotonic())
        self.events.append(ev.Spawned(key, run_id, pid, executed))
        if executed:
            self._announcer.executed(key)

    def _exec_news(self, pid: int) -> None:
        """The child's pipe says that it became its program, or why it did not."""
        status_fd, key, run_id = self._execing[pid]
        found = spawning.read_status(status_fd)
        if found is spawning.PENDING:
            return
        if isinstance(found, spawning.ExecFailure):
            detail = spawning.describe(found, self._words.get(key, key))
            failure = NotExecuted(found.stage, found.errno, detail)
            self.events.append(ev.ExecFailed(key, run_id, failure))
        else:
            self.events.append(ev.Executed(key, run_id))
        del self._execing[pid]
        self._poller.unregister(status_fd)
        posix.close(status_fd)
        if found is None:
            self._announcer.executed(key)


def _nothing_held(name: str) -> int:
    raise OSError(errno.ENOENT, "no such socket", name)


def _refused(error: OSError) -> spawning.ExecFailure:
    return spawning.ExecFailure("descriptors", error.errno or 0, spawning.detail_of(error))
