"""supervisord's sentences, as its users' tools read them from its log."""

from __future__ import annotations

from pyinit.core.phases import Booting, Over, Up
from pyinit.core.plan import DOOR
from pyinit.core.signals import DEFAULTS
from pyinit.core.slot import is_active
from pyinit.core.states import NEVER, Stopping
from pyinit.core.status import (
    ENOENT,
    ExitCode,
    NotExecuted,
    Signaled,
    from_wait,
    parted,
    signal_name,
)
from pyinit.protocol.names import process_of
from pyinit.runtime.speech import Speech
from pyinit.system import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.effects import Announce, Kill
    from pyinit.core.plan import ProcessPlan
    from pyinit.core.slot import Process
    from pyinit.core.status import ExitStatus
    from pyinit.protocol.listener import Broke
    from pyinit.runtime.history import End
    from pyinit.runtime.machine import Machine
    from pyinit.system.reap import Reaped

EACCES = 13
SIGKILL = 9
STOP_REPORT_S = 2.0  # between two lines about a process that does not stop
SHUTDOWN_REPORT_S = 3.0  # the same about all that are left
CHANNELS = ("stdout", "stderr")


class SupervisordSpeech(Speech):
    """Says what happens in a machine as supervisord does, and little else."""

    late = True
    asked = "debug"

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.log)
        self._machine = machine
        self._reports: dict[str, float] = {}  # key -> when it is said again that it stops
        self._shutdown_at = NEVER
        self._limits = self._soft_limits()  # before boot raises them
        self._copied: dict[str, Callable[[int, bytes], None]] = {}
        for row in machine.loop.supervisor.table:  # of a re-exec
            if isinstance(row.state, Stopping) and self._is_up():
                self._reports[row.plan.key] = row.state.since + STOP_REPORT_S

    def listen(self) -> None:
        """At debug level, what programs print is copied; see what is said of every process."""
        for row in self._machine.loop.supervisor.table:
            self._copy(row.plan)

    def booted(self, pid: int, *, rpc: bool) -> None:
        """Say that supervisord has started, and with what."""
        told = self._machine.plan.told
        for level, kind, text in told:
            if kind != DOOR:
                self._log.say(level, text)
        for name, soft in self._soft_limits().items():
            if soft != self._limits.get(name):
                self._log.info(f"Increased RLIMIT_{name.upper()} limit to {soft}")
        if rpc:
            self._log.info("RPC interface 'supervisor' initialized")
        for level, kind, text in told:
            if kind == DOOR:  # it opens them last
                self._log.say(level, text)
        self._log.info(f"supervisord started with pid {pid}")

    def started(self, plan: ProcessPlan, pid: int) -> str:
        """Return what is to be said of a new run."""
        self._copy(plan)
        return "" if plan.hidden else f"spawned: '{_name(plan)}' with pid {pid}"

    def changed(self, change: Announce, end: End | None, *, own: bool) -> None:  # noqa: ARG002
        """Say that a process changed its state."""
        row = self._machine.row(change.key)
        if row is None or row.plan.hidden:
            return
        name = _name(row.plan)
        if change.status is not None:
            self._reports.pop(change.key, None)
            self._ended(change, change.status, row.plan)
            if not isinstance(change.status, NotExecuted):
                self._log.debug("received SIGCHLD indicating a child quit")
        if change.now == "Running":
            lived = f"process has stayed up for > than {row.plan.start_s:g} seconds (startsecs)"
            self._log.info(f"success: {name} entered RUNNING state, {lived}")
        elif change.now == "Stopping" and self._is_up():
            self._log.info(f"waiting for {name} to stop")
            self._reports[change.key] = self._machine.desk.now() + STOP_REPORT_S
        elif change.now == "Fatal":
            why = "too many start retries too quickly"
            self._log.info(f"gave up: {name} entered FATAL state, {why}")

    def removed(self, key: str, name: str) -> None:
        """Forget a process."""
        self._copied.pop(key, None)
        self._reports.pop(key, None)
        self._log.debug(f"{name}: removed")

    def note(self, level: str, text: str) -> None:
        """Say what the core wants said; supervisord would say none of it."""
        over = isinstance(self._machine.loop.supervisor.phase, Over)  # who took how long
        quiet = level == "info" or (over and level == "warning")
        self._log.say("debug" if quiet else level, text)

    def signalled(self, signum: int) -> None:
        """Say that a signal has come, and what for."""
        action = dict(self._machine.plan.init.signals).get(signum, DEFAULTS.get(signum, ""))
        name = signal_name(signum)
        if action == "stop":
            self._log.warning(f"received {name} indicating exit request")
        elif action == "restart":
            if self._is_up():
                self._log.warning(f"received {name} indicating restart request")
            else:
                text = f"ignored {name} indicating restart request (shutdown in progress)"
                self._log.warning(text)
        elif action == "reopen":
            self._log.info(f"received {name} indicating log reopen request")

    def kill(self, effect: Kill) -> None:
        """Say that a process is about to be sent a signal."""
        row = self._machine.row(effect.key)
        if row is None or row.plan.hidden:
            return
        name, pid, which = _name(row.plan), effect.pid, signal_name(effect.signum)
        if not isinstance(row.state, Stopping):
            self._log.debug(f"sending {name} (pid {pid}) sig {which}")
            return
        if effect.signum == SIGKILL and SIGKILL not in row.plan.stop.signals:
            self._log.warning(f"killing '{name}' ({pid}) with SIGKILL")
        group = "" if effect.scope == "process" else "process group "
        self._log.debug(f"killing {name} (pid {pid}) {group}with signal {which}")

    def orphans(self, gone: list[Reaped]) -> None:
        """Say that children were reaped that are no runs."""
        for pid, status, *_ in gone:
            self._log.info(f"reaped unknown pid {pid} ({_words(from_wait(status))})")

    def reopened(self) -> None:
        """Say that the log files were opened anew."""
        self._log.info("supervisord logreopen")

    def listener_broke(self, name: str, broke: Broke, delay_s: float) -> None:
        """A listener has broken the protocol: what supervisord says, but that it is forgotten."""
        super().listener_broke(name, broke, delay_s)
        why = "this usually indicates the process violated the eventlistener protocol"
        self._log.warning(f"{name}: has entered the UNKNOWN state, {why}")

    def next_deadline(self) -> float:
        """Return when somebody is to be named who does not stop."""
        if not self._is_up() and self._shutdown_at == NEVER:
            return 0.0
        return min([self._shutdown_at, *self._reports.values()])

    def tick(self, now: float) -> None:
        """Name those who do not stop."""
        table = self._machine.loop.supervisor.table
        for key, at in [*self._reports.items()]:
            row = self._machine.row(key)
            if row is None or not self._is_up():
                del self._reports[key]
            elif at <= now:
                self._log.info(f"waiting for {_name(row.plan)} to stop")
                self._reports[key] = now + STOP_REPORT_S
        if not self._is_up() and (self._shutdown_at == NEVER or self._shutdown_at <= now):
            self._shutdown_at = now + SHUTDOWN_REPORT_S
            left = [row for row in table if is_active(row) and not row.plan.hidden]
            if left:
                names = ", ".join([_name(row.plan) for row in sorted(left, key=_order)])
                self._log.info(f"waiting for {names} to die")

    def _soft_limits(self) -> dict[str, int]:
        wanted = self._machine.plan.init.limits
        return {each.resource: limits.read_one(each.resource)[0] for each in wanted}

    def _is_up(self) -> bool:
        return isinstance(self._machine.loop.supervisor.phase, Booting | Up)

    def _ended(self, change: Announce, status: ExitStatus, plan: ProcessPlan) -> None:
        name = _name(plan)
        if isinstance(status, NotExecuted):
            self._log.info(f"spawnerr: {spawn_error(status, plan.launch.argv[0])}")
            return
        well = isinstance(status, ExitCode) and status.code in plan.success_codes
        if change.was == "Stopping":
            self._log.say("info" if well else "warning", f"stopped: {name} ({_words(status)})")
            return
        expected = well and change.was == "Running"
        verdict = "expected" if expected else "not expected"
        text = f"exited: {name} ({_words(status)}; {verdict})"
        self._log.say("info" if expected else "warning", text)

    def _copy(self, plan: ProcessPlan) -> None:
        """Copy into the log what a process prints, where that is wanted."""
        pump = self._machine.pump
        if self._log.level == "debug":
            if plan.key not in self._copied and not plan.hidden:
                call = self._copied[plan.key] = self._copier(_name(plan), plan)
                pump.follow(plan.key, call)
        elif plan.key in self._copied:
            pump.unfollow(plan.key, self._copied.pop(plan.key))

    def _copier(self, name: str, plan: ProcessPlan) -> Callable[[int, bytes], None]:
        from pyinit.protocol.listener import text

        def printed(stream: int, data: bytes) -> None:
            if not data:  # that was all of it
                return
            said = repr(data) if plan.pool is not None and stream == 0 else text(data)
            self._log.block("debug", f"'{name}' {CHANNELS[stream]} output:\n{said}")

        return printed


def spawn_error(status: NotExecuted, command: str) -> str:
    """Return why there is no run, as supervisord says it where it has words for it."""
    if status.stage == "exec" and status.errno == ENOENT:
        return f"can't find command '{command}'"
    if status.stage == "exec" and status.errno == EACCES:
        return f"command at '{command}' is not executable"
    return parted(status.detail)[0] or f"{status.stage} failed"


def _words(status: ExitStatus) -> str:
    match status:
        case ExitCode(code):
            return f"exit status {code}"
        case Signaled(signum, dumped):
            return f"terminated by {signal_name(signum)}" + (" (core dumped)" if dumped else "")
        case NotExecuted(detail=detail):
            return detail


def _name(plan: ProcessPlan) -> str:
    return process_of(plan.name, plan.group)


def _order(row: Process) -> tuple[int, str, int, str]:
    plan = row.plan
    return plan.group_priority, plan.group, plan.priority, plan.name
