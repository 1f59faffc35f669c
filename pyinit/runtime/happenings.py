"""supervisord's events: what happens is put into its words, for listeners and control clients.

    EVENT
      PROCESS_STATE_STARTING, _BACKOFF, _RUNNING, _STOPPING, _STOPPED, _EXITED, _FATAL, _UNKNOWN
      PROCESS_COMMUNICATION_STDOUT, _STDERR     PROCESS_LOG_STDOUT, _STDERR
      PROCESS_GROUP_ADDED, _REMOVED             SUPERVISOR_STATE_CHANGE_RUNNING, _STOPPING
      TICK_5, _60, _3600                        REMOTE_COMMUNICATION

Who subscribes to a name without its last word gets all of its kind.  Nothing is put into words,
and no tick wakes anybody, that nobody has subscribed to.  This module is imported only when there
is a listener, or a client who wants to see the events.
"""

from __future__ import annotations

import time

from pyinit.core.phases import Booting, Up
from pyinit.core.states import NEVER, NO_PID, PUBLIC, run_of
from pyinit.core.status import ExitCode, Signaled, shell_code, signal_name
from pyinit.protocol.listener import text
from pyinit.protocol.names import process_of
from pyinit.runtime.pools import Pools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.core.draft import Supervisor
    from pyinit.core.effects import Announce
    from pyinit.core.events import Event
    from pyinit.core.slot import Process
    from pyinit.runtime.machine import Machine
    from pyinit.runtime.speech import Speech
    from pyinit.runtime.stream import Source

    Told: TypeAlias = Callable[[str, str], None]

EVERY = "EVENT"
STATES = "STARTING BACKOFF RUNNING STOPPING STOPPED EXITED FATAL UNKNOWN"
NAMES = (
    *[f"PROCESS_STATE_{state}" for state in STATES.split()],
    *("PROCESS_COMMUNICATION_STDOUT", "PROCESS_COMMUNICATION_STDERR"),
    *("PROCESS_LOG_STDOUT", "PROCESS_LOG_STDERR"),
    *("PROCESS_GROUP_ADDED", "PROCESS_GROUP_REMOVED"),
    *("SUPERVISOR_STATE_CHANGE_RUNNING", "SUPERVISOR_STATE_CHANGE_STOPPING"),
    *("TICK_5", "TICK_60", "TICK_3600", "REMOTE_COMMUNICATION"),
)
TICKS = (("TICK_5", 5), ("TICK_60", 60), ("TICK_3600", 3600))
CHANNELS = ("stdout", "stderr")


class Happenings:
    """The bus: tells the pools and whoever subscribed what happens.

    `write(key, data)` is that of the stdin pipes.
    """

    def __init__(
        self,
        state: Callable[[], Supervisor],
        write: Callable[[str, bytes], str],
        feed: Callable[[Event], None],
        speech: Callable[[], Speech],
        identifier: Callable[[], str],
    ) -> None:
        self.pools = Pools(self.row, write, feed, speech, identifier)
        self._state = state
        self._subscribers: list[Told] = []
        self._wanted: frozenset[str] = frozenset()
        self._groups: list[str] = []
        self._known: frozenset[str] = frozenset()
        self._stale = False
        self._graph = state().graph
        self._stopping = not isinstance(state().phase, Booting | Up)
        self._ticked: dict[int, int] = {}  # period -> the one that we are in
        self._tick_at = NEVER
        self._look()

    def row(self, key: str) -> Process | None:
        """Return a process as it is now."""
        table = self._state().table
        return table[key] if key in table else None  # noqa: SIM401  a table is no dict

    def booted(self) -> None:
        """Tell of the groups there are from the beginning, and that pyinit is running."""
        for group in self._groups:
            self._group("PROCESS_GROUP_ADDED", group)
        self.publish("SUPERVISOR_STATE_CHANGE_RUNNING", str)

    def subscribe(self, told: Told) -> None:
        """Call `told(name, payload)` with every event from now on."""
        self._subscribers.append(told)
        self._want()

    def unsubscribe(self, told: Told) -> None:
        """Stop calling."""
        self._subscribers.remove(told)
        self._want()

    def publish(self, name: str, payload: Callable[[], str]) -> None:
        """Tell of an event, if anybody wants to know; `payload` is only asked for then."""
        if name not in self._wanted:
            return
        said = payload()
        for told in [*self._subscribers]:
            told(name, said)
        self.pools.accept(name, said, lambda types: covers(types, name))

    def changed(self, change: Announce) -> None:
        """A process changed its state."""
        row = self.row(change.key)
        if row is not None and row.plan.hidden:
            return
        if change.group not in self._known:
            self._refresh()
        self._watch_phase()
        for name, rest in state_events(change):
            self._process(change, name, rest)
        key = change.key
        if key not in self.pools.members:
            return
        if change.status is not None:
            self.pools.ended(key)
        if change.now == "Starting":
            self.pools.born(key, row.runs if row is not None else change.run_id)
        elif change.now == "Running":
            self.pools.up(key)

    def printed(self, source: Source, stream: int, data: bytes) -> None:
        """A process has printed something on a stream whose reads are events."""
        channel = CHANNELS[stream]
        self.publish(
            f"PROCESS_LOG_{channel.upper()}",
            lambda: f"{self._origin(source)} channel:{channel}\n{text(data)}",
        )

    def captured(self, source: Source, stream: int, data: bytes) -> None:
        """A process has printed something between supervisord's tokens."""
        name = f"PROCESS_COMMUNICATION_{CHANNELS[stream].upper()}"
        self.publish(name, lambda: f"{self._origin(source)}\n{text(data)}")

    def heard(self, source: Source, data: bytes) -> None:
        """A listener has said something."""
        self.pools.heard(source.key, source.run_id, data)

    def ticked(self) -> dict[int, int]:
        """Return the last tick of each period that is told, to be carried over a re-exec."""
        return self._ticked

    def go_on(self, ticked: dict[int, int]) -> None:
        """Take over what another pyinit has told of the time."""
        self._ticked.update({each: at for each, at in ticked.items() if each in self._ticked})

    def remote(self, kind: str, data: str) -> None:
        """Somebody sends a word by the control socket."""
        self.publish("REMOTE_COMMUNICATION", lambda: f"type:{kind}\n{data}")

    def stale(self) -> None:
        """The processes there are may be others after this turn of the loop."""
        self._stale = True

    def after_turn(self) -> None:
        """Look at what no announcement tells."""
        graph = self._state().graph
        if self._stale or graph is not self._graph:
            self._stale, self._graph = False, graph  # there is another with every plan
            self._refresh()
        self._watch_phase()

    def next_deadline(self) -> float:
        """Return when `tick` must be called."""
        return min(self._tick_at, self.pools.next_deadline())

    def tick(self, now: float) -> None:
        """Tell what time it is, to those who want to know."""
        self.pools.tick(now)
        if self._tick_at > now:
            return
        stamp = int(time.time())
        for name, period in TICKS:
            this = stamp - stamp % period
            if self._ticked.get(period, this) != this:
                self._tick(name, this)
            self._ticked[period] = this
        self._tick_at = self._next_tick()

    def _next_tick(self) -> float:
        stamp = time.time()
        left = [period - stamp % period for name, period in TICKS if name in self._wanted]
        return time.monotonic() + min(left) if left else NEVER

    def _origin(self, source: Source) -> str:
        row = self.row(source.key)
        run = run_of(row.state) if row is not None else None
        pid = run.pid if run is not None and run.id == source.run_id else NO_PID
        group = row.plan.group if row is not None else source.program
        return f"processname:{process_of(source.name, group)} groupname:{group} pid:{pid}"

    def _watch_phase(self) -> None:
        if not self._stopping and not isinstance(self._state().phase, Booting | Up):
            self._stopping = True
            self.publish("SUPERVISOR_STATE_CHANGE_STOPPING", str)

    def _refresh(self) -> None:
        """Tell of groups that came and went."""
        before = self._groups
        self._look()
        known = frozenset(before)
        for group in before:
            if group not in self._known:
                self._group("PROCESS_GROUP_REMOVED", group)
        for group in self._groups:
            if group not in known:
                self._group("PROCESS_GROUP_ADDED", group)

    def _look(self) -> None:
        rows = [row for row in self._state().table if not row.plan.hidden]
        order = {row.plan.group: row.plan.group_priority for row in rows}
        self._groups = sorted(order, key=lambda group: (order[group], group))
        self._known = frozenset(self._groups)
        self.pools.refresh(rows)
        self._want()

    def _want(self) -> None:
        wanted = [each.plan.events for each in self.pools.pools.values()]
        if self._subscribers:
            wanted.append((EVERY,))
        self._wanted = frozenset([name for name in NAMES if any(covers(t, name) for t in wanted)])
        ticking = [period for name, period in TICKS if name in self._wanted]
        stamp = int(time.time())
        for _, period in TICKS:
            if period not in ticking:
                self._ticked.pop(period, None)
            else:
                self._ticked.setdefault(period, stamp - stamp % period)
        self._tick_at = self._next_tick()

    def _process(self, change: Announce, name: str, rest: str) -> None:
        process = process_of(change.name, change.group)
        words = f"processname:{process} groupname:{change.group} {rest}"
        self.publish(f"PROCESS_STATE_{name}", lambda: words)

    def _tick(self, name: str, when: int) -> None:
        self.publish(name, lambda: f"when:{when}")

    def _group(self, name: str, group: str) -> None:
        self.publish(name, lambda: f"groupname:{group}\n")


def wire(machine: Machine) -> Happenings:
    """Return the bus of a machine, made and connected with the first one who needs it."""
    if machine.happenings is not None:
        return machine.happenings
    from pyinit.runtime import pools_carried  # noqa: F401  later it might be of another version

    loop, announcer = machine.loop, machine.announcer
    found = machine.happenings = Happenings(
        lambda: loop.supervisor,
        machine.driver.write_stdin,
        loop.feed,
        lambda: announcer.speech,
        lambda: machine.plan.init.identifier,
    )
    announcer.bus = found
    machine.pump.on_chunk = found.printed
    machine.pump.on_captured = found.captured
    machine.pump.on_listener = found.heard
    loop.timed = (*loop.timed, found)
    loop.after_turn.append(found.after_turn)
    return found


def covers(types: tuple[str, ...], name: str) -> bool:
    """Say whether who subscribes to `types` is told of the event `name`."""
    return any(each in (EVERY, name) or name.startswith(f"{each}_") for each in types)


def state_events(change: Announce) -> list[tuple[str, str]]:
    """Return the state events of a transition: the state, and the payload from from_state on.

    One step of ours may be several of supervisord's, which goes through EXITED, BACKOFF or
    STOPPED to a new run.  Where a run is followed by another after a pause, which supervisord
    does not make, the pause is no event.
    """
    was, now = PUBLIC[change.was], PUBLIC[change.now]
    tries = f"tries:{change.tries}"
    found: list[tuple[str, str]] = []
    if change.status is not None:
        if was == "STOPPING":
            found.append(("STOPPED", f"from_state:{was} pid:{change.pid}"))
            was = "STOPPED"
        elif was == "RUNNING" or now == "EXITED":
            rest = f"expected:{int(bool(change.expected))} pid:{change.pid}{_exit(change)}"
            found.append(("EXITED", f"from_state:{was} {rest}"))
            was = "EXITED"
        elif now in ("STARTING", "FATAL"):
            found.append(("BACKOFF", f"from_state:{was} {tries}"))
            was = "BACKOFF"
    elif was == "BACKOFF" and now == "STARTING" and not change.tries:
        was = "EXITED"  # it was only a pause
    if now == was or (now == "BACKOFF" and was == "EXITED" and not change.tries):
        return found
    match now:
        case "STARTING" | "BACKOFF":
            found.append((now, f"from_state:{was} {tries}"))
        case "FATAL":
            found.append((now, f"from_state:{was}"))
        case _:
            found.append((now, f"from_state:{was} pid:{change.pid}"))
    return found


def _exit(change: Announce) -> str:
    """Return what supervisord's listeners have always missed, where they do not look for it."""
    match change.status:
        case None:
            return ""
        case ExitCode(code):
            return f" exit_code:{code}"
        case Signaled(signum):
            return f" exit_signal:{signal_name(signum)}"
        case status:
            return f" exit_code:{shell_code(status)}"
