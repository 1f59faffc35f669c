"""The sentences of pyinit's log about runs, events and listeners: said here, in pyinit's words.

supervisord's words for the same are in `speech_supervisord`, which is imported only where the
log has its form.
"""

from __future__ import annotations

import posix

from pyinit.core.states import NEVER, NO_PID
from pyinit.core.status import describe, parted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.effects import Announce, Kill
    from pyinit.core.plan import ProcessPlan
    from pyinit.protocol.listener import Broke
    from pyinit.runtime.happenings import Happenings
    from pyinit.runtime.history import End
    from pyinit.runtime.log import Log
    from pyinit.runtime.machine import Machine
    from pyinit.system.reap import Reaped


class Speech:
    """Says by `log` what happened.  `late`: a run is told of once it has become its program."""

    late = False
    asked = "info"  # the level of what is asked for by the control socket

    def __init__(self, log: Log) -> None:
        self._log = log

    def booted(self, _pid: int, *, rpc: bool) -> None:
        """Say that pyinit is about to start its programs; `rpc`: it serves supervisord's API."""

    def started(self, plan: ProcessPlan, pid: int) -> str:
        """Return what is to be said of a new run, "" for nothing."""
        return f"{plan.name}: started, pid {pid}"

    def changed(self, change: Announce, end: End | None, *, own: bool) -> None:
        """Say that a process changed its state; `own`: how it ended is its own business."""
        name = change.name
        if end is not None:
            text = f"{name}: {_ended(change, end)}"
            if change.now != "Fatal":
                text += _below(end)
            self._log.say("info" if end.expected or own else "warning", text)
        match change.now:
            case "Running":
                self._log.info(f"{name}: up")
            case "Stopping":
                why = f" ({change.reason})" if change.reason else ""
                who = f", pid {change.pid}" if change.pid else ""  # its pre_start may run still
                self._log.info(f"{name}: stopping{who}{why}")
            case "Fatal":
                reason = end.reason + _below(end) if end is not None else change.reason
                self._log.error(f"{name}: gave up: {reason}")
                if end is not None and end.output:
                    self._log.error(f"{name}: its last output:\n" + end.output.rstrip("\n"))
            case _:
                pass

    def removed(self, _key: str, name: str) -> None:
        """Say that a process left the plan."""
        self._log.info(f"{name}: removed")

    def note(self, level: str, text: str) -> None:
        """Say what the core wants said."""
        self._log.say(level, text)

    def signalled(self, _signum: int) -> None:
        """A signal has come, and the core is about to hear of it."""

    def kill(self, _effect: Kill) -> None:
        """A process is about to be sent a signal."""

    def orphans(self, _gone: list[Reaped]) -> None:
        """Children were reaped that are no runs."""

    def reopened(self) -> None:
        """Say that the log files were opened anew."""
        self._log.info("log files reopened")

    def listener_is(self, name: str, was: str, now: str) -> None:
        """A listener has changed its state."""
        self._log.debug(f"{name}: {was} -> {now}")

    def listener_broke(self, name: str, broke: Broke, delay_s: float) -> None:
        """A listener has broken the protocol, and is restarted after a delay."""
        did = f"said {broke.said!r} where {broke.due} was due"
        if not broke.said:
            did = "has closed its stdin"
        when = f" in {delay_s:g} s" if delay_s else ""
        text = f"{name}: broke the event listener protocol: it {did}; restarting it{when}"
        self._log.warning(text)

    def event_sent(self, serial: int, name: str) -> None:
        """An event was sent to a listener."""
        self._log.debug(f"event {serial} sent to listener {name}")

    def event_answered(self, name: str, *, ok: bool) -> None:
        """A listener is done with its event."""
        if ok:
            self._log.debug(f"{name}: event was processed")
        else:
            self._log.warning(f"{name}: event was rejected")

    def event_again(self, serial: int, pool: str) -> None:
        """An event waits for another listener, or the same."""
        self._log.debug(f"rebuffering event {serial} for pool {pool}")

    def overflowed(self, pool: str, serial: int) -> None:
        """The oldest event of a pool made room for another."""
        self._log.error(f"pool {pool} event buffer overflowed, discarding event {serial}")

    def too_long(self, pool: str, serial: int, size: int) -> None:
        """An event is too long to be sent."""
        text = f"cannot send event {serial} to pool {pool}: it has {size} bytes"
        self._log.error(f"{text}, discarding it")

    def next_deadline(self) -> float:
        """Return when `tick` must be called."""
        return NEVER

    def tick(self, now: float) -> None:
        """Say what is said again and again."""


def choose(machine: Machine) -> None:
    """Let a machine speak as its log's form wants it."""
    announcer = machine.announcer
    if machine.log.style == "supervisord":
        from pyinit.runtime.speech_supervisord import SupervisordSpeech

        if not isinstance(announcer.speech, SupervisordSpeech):
            announcer.speech = SupervisordSpeech(machine)
        announcer.speech.listen()
    else:
        announcer.speech = Speech(machine.log)


def adopt(machine: Machine) -> None:
    """A new plan is in force: speak as it wants it, and tell the listeners that it has."""
    choose(machine)
    if any(each.pool for each in machine.plan.processes):
        bus(machine)


def bus(machine: Machine) -> Happenings:
    """Return what tells of supervisord's events, made for the first who wants to know."""
    from pyinit.runtime.happenings import wire

    return wire(machine)


def boot(machine: Machine) -> None:
    """Say that the programs are about to be started, and tell the listeners."""
    web = machine.plan.web
    machine.announcer.speech.booted(posix.getpid(), rpc=web is not None and web.rpc)
    if any(each.pool for each in machine.plan.processes):
        bus(machine).booted()


def _ended(change: Announce, end: End) -> str:
    text = "stopped" if change.was == "Stopping" and not change.reason else "ended"
    text += f" ({parted(describe(end.status))[0]}"
    if end.oom:
        text += ", out of memory"
    text += f") after {end.ran_s:.1f} s" if change.pid != NO_PID else ")"
    if change.now == "Backoff":
        text += f"; next run in {change.retry_s:.1f} s"
    elif change.now in {"Starting", "Waiting"}:
        text += "; starting again"
    return text


def _below(end: End) -> str:
    """Return how to mend what kept a run from being executed, as a line below its end."""
    return f"\n  {end.fix}" if end.fix else ""
