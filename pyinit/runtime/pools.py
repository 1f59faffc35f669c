"""Pools of event listeners: who is told of what happens, one of each pool, and again if need be.

A pool is a group of processes with `plan.pool`.  An event that it subscribes to gets serials and
waits in its buffer, in order, until a member is READY and its process RUNNING: that one is written
the event, and is BUSY until it has answered.  An event that was refused, or whose member died
over it, goes back to the head of the buffer; a buffer that is full loses its oldest.

supervisord never sends anything again to a listener that broke the protocol, and lets it run.
Here it is restarted, a bit later each time as long as it takes no event in between, and not twice
within a second.

Nothing is written to a pipe here: `write` keeps what does not fit, and one event at a time is all
that a member has, so a listener that reads slowly holds up its own pool only.
"""

from __future__ import annotations

import time

from pyinit.core.events import RestartRequested
from pyinit.core.plan import Pool as PoolPlan
from pyinit.core.record import Record
from pyinit.core.states import NEVER, Running, Starting
from pyinit.protocol import listener as protocol
from pyinit.protocol.listener import READY, UNKNOWN, Answered, Became, Listener
from pyinit.protocol.names import process_of
from pyinit.runtime.stdin import DONE, FULL, PENDING_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyinit.core.events import Event
    from pyinit.core.slot import Process
    from pyinit.protocol.listener import Broke
    from pyinit.runtime.speech import Speech

BUFFER_CHARS = 16 << 20  # of the events that wait in one pool, however many its buffer may hold
EVENT_CHARS = 256  # that an event takes beside its payload
PAUSE_S = 1.0  # before an event that was refused twice is sent again: else both would spin
RESTART_S = 1.0  # before a listener that broke the protocol again is restarted; then twice that
RESTART_MOST_S = 60.0


class Happening(Record):
    """An event as a pool has it."""

    serial: int
    pool_serial: int
    name: str
    payload: str

    @property
    def size(self) -> int:
        """How much of the room of a pool it takes."""
        return EVENT_CHARS + len(self.payload)


class Member:
    """A listener: its run, what it is at, and how often it broke the protocol in a row."""

    __slots__ = (
        *("breaks", "broke_at", "event", "key", "listener", "name", "pool", "restart_at", "run_id"),
    )

    def __init__(self, key: str, name: str, pool: Pool) -> None:
        self.key = key
        self.name = name
        self.pool = pool
        self.run_id = 0
        self.listener = Listener()
        self.event: Happening | None = None
        self.breaks = 0
        self.broke_at = -NEVER
        self.restart_at = NEVER


class Pool:
    """One pool: what waits for its members.  Nothing is sent before `paused_until`."""

    __slots__ = ("buffer", "members", "name", "paused_until", "plan", "refusals", "serial", "size")

    def __init__(self, name: str) -> None:
        self.name = name
        self.plan = PoolPlan(())
        self.members: list[Member] = []
        self.buffer: list[Happening] = []
        self.size = 0  # of the events in the buffer
        self.serial = 0
        self.refusals = 0  # in a row
        self.paused_until = NEVER


class Pools:
    """All pools.  `write(key, data)` is that of the stdin pipes."""

    def __init__(
        self,
        row: Callable[[str], Process | None],
        write: Callable[[str, bytes], str],
        feed: Callable[[Event], None],
        speech: Callable[[], Speech],
        identifier: Callable[[], str],
    ) -> None:
        self.serial = 0
        self.pools: dict[str, Pool] = {}
        self.members: dict[str, Member] = {}
        self._row = row
        self._write = write
        self._feed = feed
        self._speech = speech
        self._identifier = identifier

    def refresh(self, rows: Iterable[Process]) -> None:
        """Take notice of which listeners there are; what waits for those that stay is kept."""
        old, self.pools = self.pools, {}
        for row in rows:
            plan = row.plan
            if plan.pool is None:
                continue
            pool = self.pools.get(plan.group)
            if pool is None:
                pool = self.pools[plan.group] = old.get(plan.group) or Pool(plan.group)
                pool.members = []
            pool.plan = plan.pool
            member = self.members.get(plan.key)
            if member is None or member.pool is not pool:
                member = Member(plan.key, process_of(plan.name, plan.group), pool)
            pool.members.append(member)
        self.members = {each.key: each for pool in self.pools.values() for each in pool.members}

    def accept(self, name: str, payload: str, takes: Callable[[tuple[str, ...]], bool]) -> None:
        """Put an event into the buffers of the pools that it is for: `takes(their types)`."""
        serial = -1
        for pool in self.pools.values():
            if not takes(pool.plan.events):
                continue
            if serial < 0:
                serial, self.serial = self.serial, self.serial + 1
            self._keep(pool, len(pool.buffer), Happening(serial, pool.serial, name, payload))
            pool.serial += 1
            self._dispatch(pool)

    def born(self, key: str, run_id: int) -> None:
        """A new run of a listener has begun: it has said nothing yet."""
        member = self.members.get(key)
        if member is not None and member.run_id != run_id:
            self._again(member)
            member.run_id, member.listener, member.restart_at = run_id, Listener(), NEVER

    def up(self, key: str) -> None:
        """A listener's process is RUNNING now."""
        member = self.members.get(key)
        if member is not None:
            self._dispatch(member.pool)

    def look(self, pool: str) -> None:
        """See whether somebody is there to take what waits in a pool."""
        self._dispatch(self.pools[pool])

    def ended(self, key: str) -> None:
        """The run of a listener is over: what it was at is for another."""
        member = self.members.get(key)
        if member is not None:
            self._again(member)
            member.listener, member.restart_at = Listener(UNKNOWN), NEVER
            self._dispatch(member.pool)

    def heard(self, key: str, run_id: int, data: bytes) -> None:
        """A listener has said something."""
        member = self.members.get(key)
        if member is None or run_id < member.run_id:
            return
        self.born(key, run_id)
        before = member.listener.state
        member.listener, news = protocol.heard(member.listener, data)
        for each in news:
            match each:
                case Became(state):
                    self._speech().listener_is(member.name, before, state)
                    before = state
                case Answered(ok):
                    self._answered(member, ok=ok)
                case _:
                    self._broke(member, each)
        self._dispatch(member.pool)

    def next_deadline(self) -> float:
        """Return when `tick` must be called."""
        restarts = [each.restart_at for each in self.members.values()]
        pauses = [each.paused_until for each in self.pools.values() if each.buffer]
        return min([*restarts, *pauses], default=NEVER)

    def tick(self, now: float) -> None:
        """Restart who broke the protocol, send what was refused."""
        for member in self.members.values():
            if member.restart_at <= now:
                member.restart_at = NEVER
                self._restart(member)
        for pool in self.pools.values():
            if pool.paused_until <= now:
                pool.paused_until = NEVER
                self._dispatch(pool)

    def _keep(self, pool: Pool, at: int, event: Happening) -> None:
        """Put an event into the buffer, at its end or its head; the oldest makes room."""
        while pool.buffer and (
            len(pool.buffer) >= pool.plan.buffer_size or pool.size + event.size > BUFFER_CHARS
        ):
            oldest = pool.buffer.pop(0)
            pool.size -= oldest.size
            self._speech().overflowed(pool.name, oldest.serial)
        pool.buffer.insert(at, event)
        pool.size += event.size

    def _dispatch(self, pool: Pool) -> None:
        """Send what waits, as far as somebody is there to take it."""
        while pool.buffer and pool.paused_until == NEVER:
            member = self._free(pool)
            if member is None:
                return
            event = pool.buffer[0]
            data = self._words(pool, event)
            too_long = len(data) > PENDING_BYTES
            said = DONE if too_long else self._write(member.key, data)
            if said == FULL:  # somebody else writes to it, too
                pool.paused_until = time.monotonic() + PAUSE_S
                return
            if said != DONE:
                self._broke(member, protocol.Broke(b"", ""))
                continue
            del pool.buffer[0]
            pool.size -= event.size
            if too_long:
                self._speech().too_long(pool.name, event.serial, len(data))
                continue
            member.event, member.listener = event, protocol.sent(member.listener)
            self._speech().event_sent(event.serial, member.name)

    def _words(self, pool: Pool, event: Happening) -> bytes:
        line = protocol.header(
            *(self._identifier(), event.serial, pool.name, event.pool_serial),
            *(event.name, event.payload),
        )
        return (line + event.payload).encode("utf-8", "surrogateescape")

    def _free(self, pool: Pool) -> Member | None:
        for member in pool.members:
            if member.listener.state == READY:
                row = self._row(member.key)
                if row is not None and isinstance(row.state, Running):
                    return member
        return None

    def _answered(self, member: Member, *, ok: bool) -> None:
        member.breaks = 0
        self._speech().event_answered(member.name, ok=ok)
        if ok:
            member.event, member.pool.refusals = None, 0
            return
        member.pool.refusals += 1
        if member.pool.refusals > 1:
            member.pool.paused_until = time.monotonic() + PAUSE_S
        self._again(member)

    def _again(self, member: Member) -> None:
        """Put the event that a member was at back to the head of its pool's buffer."""
        event, member.event = member.event, None
        if event is not None:
            self._speech().event_again(event.serial, member.pool.name)
            self._keep(member.pool, 0, event)

    def _broke(self, member: Member, broke: Broke) -> None:
        """Restart a listener, the later the more often that was to no avail."""
        member.listener = Listener(UNKNOWN)
        self._again(member)
        delay_s, now = 0.0, time.monotonic()
        if member.breaks:
            delay_s = min(RESTART_S * 2.0 ** (member.breaks - 1), RESTART_MOST_S)
        elif now - member.broke_at < RESTART_S:  # what it takes in between may be its own restart
            delay_s = RESTART_S
        member.broke_at = now
        member.breaks = min(member.breaks + 1, 10)
        self._speech().listener_broke(member.name, broke, delay_s)
        if delay_s:
            member.restart_at = now + delay_s
        else:
            self._restart(member)

    def _restart(self, member: Member) -> None:
        row = self._row(member.key)
        if row is not None and isinstance(row.state, Starting | Running):
            self._feed(RestartRequested((member.key,)))
