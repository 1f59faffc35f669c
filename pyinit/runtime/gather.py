"""Collects what a re-exec carries: everything of a running machine that the next one needs."""

from __future__ import annotations

from pyinit.core.plan import CHANNEL
from pyinit.core.record import replace
from pyinit.core.states import NEVER
from pyinit.runtime import carry, parts
from pyinit.runtime.stream import rests_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import Channel
    from pyinit.protocol.wire import Json
    from pyinit.runtime.carry import Blobs, Carried, Client
    from pyinit.runtime.control_session import Session
    from pyinit.runtime.machine import Machine
    from pyinit.runtime.pump import Pump
    from pyinit.runtime.stream import Stream


def gather(machine: Machine, told: tuple[int, ...]) -> tuple[Carried, Blobs, list[int]]:
    """Return everything, and the descriptors that must stay open."""
    blobs = carry.Blobs()
    loop, pump, control = machine.loop, machine.pump, machine.control
    listener_fd = machine.listener.fileno() if machine.listener is not None else -1
    known, more = parts.carried(machine)
    carried = carry.Carried(
        supervisor=loop.supervisor,
        plan=replace(machine.plan, processes=()),  # the rows of the supervisor have them
        options=machine.options,
        directory=machine.directory(),
        socket_path=machine.socket_path,
        listener_fd=listener_fd,
        notify_path=machine.readiness.notify_path or "",
        notify_fd=machine.notify_fd,
        pipes=_pipes(machine, blobs),
        kept=_kept(pump, blobs),
        logs=_logs(machine, blobs),
        outlets=tuple([_stalled(outlet.carried(), blobs) for outlet in machine.outlets]),
        packing=machine.packer.wanted(),
        ends=machine.history.all(),
        counts=machine.history.counts(),
        labels=machine.driver.labels,
        since=machine.announcer.running(),
        oom_seen=machine.announcer.oom_seen,
        warned=machine.watch.warned(),
        execing=tuple(
            [carry.Execing(pid, *each) for pid, each in machine.driver.execing().items()]
        ),
        asked=tuple(
            [
                carry.Asked(key, run_id, fd, at)
                for key, run_id, fd, at in machine.readiness.carried()
            ]
        ),
        queue=loop.queued(),
        signals=told,
        clients=tuple(
            [_client(each, blobs) for each in (control.sessions() if control is not None else ())]
        ),
        recorded=tuple(machine.recorder.entries()),
        held=_listeners(machine),
        gateway_secret=_secret(machine),
        reread=machine.desk.reread,
        reload_waits=machine.desk.reload_waits,
        stdins=tuple(
            [
                carry.InPipe(key, end.run_id, end.pid, end.fd, blobs.add(bytes(end.pending)))
                for key, end in machine.driver.open_stdins().items()
            ]
        ),
        auto_logs=pump.special.auto.files if pump.special.auto is not None else None,
        syslog=_syslog(machine, blobs),
        events=_events(machine, blobs),
        parts=known,
    )
    return carried, blobs, [*_descriptors(carried), *more]


def _events(machine: Machine, blobs: Blobs) -> carry.Events | None:
    if machine.happenings is None:
        return None
    from pyinit.runtime import pools_carried

    return pools_carried.carried(machine, blobs)


def _descriptors(carried: Carried) -> list[int]:
    fds = [carried.options.daemon_fd, carried.listener_fd, carried.notify_fd]
    for group in (
        *(carried.pipes, carried.logs, carried.outlets),
        *(carried.execing, carried.asked, carried.clients, carried.stdins),
    ):
        fds += [each.fd for each in group]
    fds += [each.fd for each in carried.held or ()]
    return [fd for fd in fds if fd >= 0]


def _kept(pump: Pump, blobs: Blobs) -> tuple[carry.KeptOutput, ...]:
    return tuple(
        [
            carry.KeptOutput(
                key,
                tuple([(kind, blobs.add(data)) for kind, data in each.ring.parts()]),
                each.count,
                each.ring.fresh,
            )
            for key, each in pump.kept().items()
        ]
    )


def _pipes(machine: Machine, blobs: Blobs) -> tuple[carry.Pipe, ...]:
    return tuple(
        [
            carry.Pipe(
                stream.fd,
                stream.source,
                stream.kind,
                stream.sinks,
                tuple([blobs.add(rest) for rest in rests_of(stream)]),
                *_sieve(stream, blobs),
            )
            for stream in machine.pump.streams()
        ]
    )


def _sieve(stream: Stream, blobs: Blobs) -> tuple[Channel, bool, tuple[int, ...]]:
    sieve = stream.sieve
    if sieve is None:
        return CHANNEL, False, ()
    return sieve.channel, sieve.listener, tuple([blobs.add(each) for each in sieve.carried()])


def _syslog(machine: Machine, blobs: Blobs) -> carry.Unsent | None:
    syslog = machine.pump.special.syslog
    if syslog is None:
        return None
    waiting, unsaid = syslog.carried()
    return carry.Unsent(tuple([blobs.add(each) for each in waiting]), unsaid)


def _listeners(machine: Machine) -> tuple[carry.Listener, ...] | None:
    held = machine.held
    return None if held is None else tuple([carry.Listener(*each) for each in held.carried()])


def _secret(machine: Machine) -> str:
    gateway = machine.held.gateway if machine.held is not None else None
    return "" if gateway is None else gateway.secret.hex()


def _logs(machine: Machine, blobs: Blobs) -> tuple[carry.OpenLog, ...]:
    found = []
    for file in machine.pump.log_files().values():
        fd, kept, dropped_bytes, trouble = file.carried()
        found.append(carry.OpenLog(file.sink, fd, blobs.add(kept), dropped_bytes, trouble))
    return tuple(found)


def _stalled(state: tuple[bytes, int, int, int], blobs: Blobs) -> carry.Stalled:
    pending, *rest = state
    return carry.Stalled(blobs.add(pending), *rest)


def _client(session: Session, blobs: Blobs) -> Client:
    requests = tuple([blobs.add(line) for _, line in session.open])
    unsent, unread = blobs.add(session.unsent), blobs.add(session.unread)
    peer = session.peer
    return carry.Client(
        *(session.fd, peer.pid, peer.uid, peer.level),
        *(unsent, unread, requests, session.dropped),
        gateway=session.gateway,
        untold=session.untold,
        resumed=tuple([_resumed(session, number) for number, _ in session.open]),
    )


def _resumed(session: Session, number: Json) -> carry.Resumed:
    deadlines = [each.deadline for each in session.held if each.number == number]
    halves = {
        key: tuple([half.decode("utf-8", "surrogateescape") for half in both])
        for each, _, known in session.streams
        if each == number
        for key, both in known.items()
        if any(both)
    }
    return carry.Resumed(min(deadlines, default=NEVER), halves)
