"""What the control socket may see and do: the one door between requests and the rest of PID 1."""

from __future__ import annotations

import errno
import posix
import time

from pyinit.core import events as ev
from pyinit.core.phases import Up
from pyinit.core.plan import Plan
from pyinit.runtime.reaper import Leash, forked
from pyinit.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.draft import Supervisor
    from pyinit.core.events import Event
    from pyinit.core.plan_listen import WebPlan
    from pyinit.protocol.wire import Json
    from pyinit.runtime.announcer import Announcer
    from pyinit.runtime.compiling import Compiler, Faults
    from pyinit.runtime.happenings import Happenings
    from pyinit.runtime.history import History
    from pyinit.runtime.log import Log
    from pyinit.runtime.logfile import LogFile
    from pyinit.runtime.loop import Load, Loop
    from pyinit.runtime.pump import Pump
    from pyinit.runtime.recorder import Recorder
    from pyinit.runtime.revision import Changed


PIPE_BYTES = 64 * 1024
CHILDREN = 16  # that answer at a time: on a disk that hangs they would be more and more
SUPERVISORD = "supervisord"
NOT_RELOADING = "not reloading; the old configuration stays in force:"
ANSWER_S = 2.0  # for what a child does in a millisecond


class Desk:
    """Holds the parts that requests need; `paths` are the files a reload reads.

    `helpers` are forked children by pid, and who wants to hear of their end.
    """

    def __init__(
        self,
        loop: Loop,
        pump: Pump,
        history: History,
        announcer: Announcer,
        recorder: Recorder,
        compiler: Compiler,
        log: Log,
        paths: tuple[str, ...],
        helpers: dict[int, Callable[[int], None]],
    ) -> None:
        self.pump = pump
        self.history = history
        self.announcer = announcer
        self.recorder = recorder
        self.log = log
        self.socket_path = ""
        self.reexec_wanted = False
        self.reexec_checked = False  # a new pyinit is about to show that
        self.reexec_ready = False  # the new pyinit has shown that it can go on from our state
        self.reexec_failed = ""
        self.environ: dict[bytes, bytes] = {}
        self.on_plan: Callable[[Plan], Plan | Faults] = lambda plan: plan
        self.on_load: Callable[[Plan], Faults | None] = lambda _plan: None
        self.plan: Callable[[], Plan] = Plan  # in force, but for its processes: the rows have them
        self.reload_waits = False  # for the end of another one
        self._restart: ev.SignalReceived | None = None  # waits for that, too
        self.reread: Plan | None = None  # the configuration that was read last, not put in force
        self.write_stdin: Callable[[str, bytes], str] = lambda _key, _data: "no-file"
        self.own_log: Callable[[], LogFile | None] = lambda: None
        self.web: Callable[[], WebPlan | None] = lambda: None
        self.bus: Callable[[], Happenings]
        # what the probes of a process have found, None if it has none
        self.asked: Callable[[str], dict[str, Json] | None] = lambda _key: None
        # what the run of a process has said of itself by sd_notify
        self.said: Callable[[str], dict[str, Json]] = lambda _key: {}
        self.next_run: Callable[[str], float | None] = lambda _key: None  # of its schedule
        self._loop = loop
        self._compiler = compiler
        self._paths = paths
        self._helpers = helpers
        self._leash = Leash()
        loop.puts_off = self._puts_off
        self.read_at: float | None = None  # when the configuration began to be read once more

    @property
    def state(self) -> Supervisor:
        """The supervisor as it is now."""
        return self._loop.supervisor

    @property
    def burden(self) -> Load:
        """How busy the loop is."""
        return self._loop.load

    def feed(self, event: Event) -> None:
        """Queue an event for the core."""
        self._loop.feed(event)

    def now(self) -> float:
        """Return the monotonic time."""
        return time.monotonic()

    def fork(self, work: Callable[[], bytes], done: Callable[[bytes | None], None]) -> None:
        """Do `work` in a forked child, and call `done` with its answer, b"" if it failed.

        The answer must fit into a pipe (64 KB).  A child that becomes somebody else can be held
        up by that user: after a while it is killed, and `done` gets None.  What is no whole answer
        is none: it failed, too.  Raises OSError, also where there are CHILDREN already.
        """
        if len(self._leash) >= CHILDREN:
            raise BlockingIOError(errno.EAGAIN, f"{CHILDREN} children are asked already")
        reader, writer = files.pipe()
        said: list[bytes | None] = []

        def ended(status: int) -> None:
            if not said:  # `done` may have failed: then it is told again
                late = self._leash.untie(pid)
                try:
                    answer = _read(reader) if status == 0 else b""
                finally:
                    posix.close(reader)
                said.append(None if late and status != 0 else answer)
            done(said[0])

        def answering() -> None:
            files.answer(writer, work())

        try:
            pid = forked(answering, self._helpers, ended, nice=0, keep=(writer,))
        except BaseException:
            posix.close(reader)
            raise
        finally:
            posix.close(writer)
        self._leash.tie(pid, ANSWER_S)
        if self._leash not in self._loop.timed:
            self._loop.timed = (*self._loop.timed, self._leash)

    def compile(self, done: Callable[[Plan | Faults], None]) -> bool:
        """Read the configuration again and call `done`; False if that is under way already."""
        if self._compiler.busy:
            return False
        self.read_at = time.monotonic()
        self._compiler.start(self._paths, lambda outcome: done(self._completed(outcome)))
        return True

    def load(self, plan: Plan) -> Faults | None:
        """Put `plan` in the place of the one in force; return why that cannot be done."""
        changed = self.compare(plan)
        before = self.plan()
        refused = self.on_load(plan)
        if refused is not None:
            self.refuse(refused)
            return refused
        self.log.info("reloading")
        for warning in plan.warnings:
            self.log.warning(warning)
        for each in changed:
            self.log.info(each.line())
        self.reread = None
        self.feed(ev.PlanLoaded(plan, before))
        return None

    def put_back(self, plan: Plan) -> None:
        """The core undoes a reload: put back what else of `plan` can be had."""
        refused = self.on_load(plan)
        for line in refused.lines if refused is not None else ():
            self.log.error(line)

    @property
    def on_trial(self) -> str:
        """Who keeps another reload waiting: the names of those that the last one has not seen up.

        "" if nobody does.
        """
        trial, table = self.state.trial, self.state.table
        waits = trial.pending if trial is not None else ()
        pending = [each[0] for each in waits if each[0] in table]
        return ", ".join([table[key].plan.name for key in pending])

    def adopt(self, plan: Plan) -> Faults | None:
        """Put a plan in force that was made of the one that is; as `load`, and nothing is said."""
        refused = self.on_load(plan)
        if refused is None:
            self.feed(ev.PlanLoaded(plan))
        return refused

    def compare(self, plan: Plan) -> tuple[Changed, ...]:
        """Return what another plan would change of pyinit itself."""
        from pyinit.runtime import revision

        return revision.changes(self.plan(), plan)

    def reload(self) -> None:
        """Read the configuration again and put it in force if it is good: what HUP does.

        While another reload is under way, or on trial, this one waits for its end: what it is to
        read may be newer than what the other has read.
        """

        def done(outcome: Plan | Faults) -> None:
            if isinstance(outcome, Plan) and self.on_trial:
                self._reload_later()
            elif isinstance(outcome, Plan):
                self.load(outcome)
            else:
                self.refuse(outcome)

        if self.on_trial or not self.compile(done):
            self._reload_later()

    def restart(
        self, event: Event, told: Callable[[Faults | None], None] = lambda _faults: None
    ) -> bool:
        """Let `event` stop everything and begin anew, if the configuration is good; refuse it else.

        `told` hears what is wrong.  Return False while the configuration is being read already.
        supervisord reads it when all is stopped, and ends if it is bad: so do we by that name.
        """

        def done(outcome: Plan | Faults) -> None:
            if isinstance(outcome, Plan):
                self.feed(event)
                told(None)
            else:
                self.refuse(outcome, "not restarting; everything goes on as it is:")
                told(outcome)

        if self._compiler.name == SUPERVISORD:
            self.feed(event)
            told(None)
            return True
        if self._compiler.busy:
            return False
        self._compiler.start(self._paths, done)
        return True

    def _puts_off(self, signal: ev.SignalReceived) -> bool:
        """Say whether a signal waits until the configuration to begin anew with was read."""
        if dict(self.state.init.signals).get(signal.signum) != "restart":
            return False
        if not isinstance(self.state.phase, Up):
            return False
        if not self.restart(signal):
            self._restart = signal
        return True

    def _reload_later(self) -> None:
        if not self.reload_waits:
            waits = f", which waits for {self.on_trial}" if self.on_trial else ""
            self.log.info(f"reloading once more after the reload that is under way{waits}")
        self.reload_waits = True

    def after_turn(self) -> None:
        """Begin the restart or the reload that waits, if nothing is in its way any more."""
        if self._restart is not None and not self._compiler.busy:
            signal, self._restart = self._restart, None
            self._puts_off(signal)
        if self.reload_waits and not (self.on_trial or self._compiler.busy):
            self.reload_waits = False
            self.reload()

    def refuse(self, faults: Faults, what: str = NOT_RELOADING) -> None:
        """Say in the log why a reload changes nothing."""
        self.log.error(what)
        for line in faults.lines:
            self.log.error(line)

    def _completed(self, outcome: Plan | Faults) -> Plan | Faults:
        return self.on_plan(outcome) if isinstance(outcome, Plan) else outcome


def _read(fd: int) -> bytes:
    """Return what a child that has ended well has answered, b"" if that makes no sense."""
    try:
        said = posix.read(fd, PIPE_BYTES)
    except BlockingIOError:  # nothing, while somebody it has left behind holds the pipe
        said = b""
    return files.answered(said) or b""
