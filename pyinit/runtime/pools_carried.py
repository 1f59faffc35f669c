"""What a re-exec carries of events: what waits in the pools, and what each listener is at."""

from __future__ import annotations

from pyinit.protocol.listener import Listener
from pyinit.runtime import carry
from pyinit.runtime.happenings import wire
from pyinit.runtime.pools import Happening

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.carry import Blobs
    from pyinit.runtime.machine import Machine
    from pyinit.runtime.pools import Member


def carried(machine: Machine, blobs: Blobs) -> carry.Events | None:
    """Return what the bus of a machine holds, None if it has none."""
    bus = machine.happenings
    if bus is None:
        return None
    pools = bus.pools
    return carry.Events(
        pools.serial,
        bus.ticked(),
        tuple(
            [
                carry.EventPool(
                    *(each.name, each.serial, each.refusals),
                    tuple([_event(event, blobs) for event in each.buffer]),
                )
                for each in pools.pools.values()
            ]
        ),
        tuple([_listener(each, blobs) for each in pools.members.values()]),
    )


def restore(machine: Machine, events: carry.Events, blobs: Blobs) -> None:
    """Go on where another pyinit stopped."""
    bus = wire(machine)
    bus.go_on(events.ticked)
    pools = bus.pools
    pools.serial = events.serial
    for each in events.pools:
        pool = pools.pools.get(each.name)
        if pool is None:
            continue
        pool.serial, pool.refusals = each.serial, each.refusals
        pool.buffer = [_happening(event, blobs) for event in each.events]
        pool.size = sum([event.size for event in pool.buffer])
    for one in events.listeners:
        member = pools.members.get(one.key)
        if member is None:
            continue
        member.run_id, member.breaks, member.restart_at = one.run_id, one.breaks, one.restart_at
        member.listener = Listener(one.state, blobs.of(one.rest), one.length)
        member.event = None if one.event is None else _happening(one.event, blobs)
    for name in pools.pools:
        pools.look(name)


def _listener(member: Member, blobs: Blobs) -> carry.EventListener:
    listener, event = member.listener, member.event
    return carry.EventListener(
        *(member.key, member.run_id, listener.state, blobs.add(listener.rest), listener.length),
        None if event is None else _event(event, blobs),
        *(member.breaks, member.restart_at),
    )


def _event(event: Happening, blobs: Blobs) -> carry.KeptEvent:
    payload = blobs.add(event.payload.encode("utf-8", "surrogateescape"))
    return carry.KeptEvent(event.serial, event.pool_serial, event.name, payload)


def _happening(event: carry.KeptEvent, blobs: Blobs) -> Happening:
    payload = blobs.of(event.payload).decode("utf-8", "surrogateescape")
    return Happening(event.serial, event.pool_serial, event.name, payload)
