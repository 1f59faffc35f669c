"""`pyinitctl reexec`: a new pyinit takes the place of the running one, and no program notices.

The process stays the same, so the children stay ours: everything else is written down, the state
of the core, every descriptor that somebody depends on, what is kept of the programs' output and
of their ends.  It goes through a memory file that survives the execve.

check     the new pyinit, as a child, reads the state back: one that cannot, or takes too long, does
          not become PID 1
block     signals stay pending from here on, over the execve too; those we have read already are
          written down; the new pyinit catches them before it lets them through
write     the state
execve    with the interpreter, the flags and the words that we were started with
resume    the state is read back; if that fails after all, it is tried once more by another execve,
          and then the rescue loop looks after the programs
"""

from __future__ import annotations

import posix
import time

from pyinit.core.beside import beside
from pyinit.core.events import SignalReceived
from pyinit.core.record import replace
from pyinit.core.states import RunId, Starting
from pyinit.core.status import describe, from_wait
from pyinit.protocol.messages import refusal, reply
from pyinit.protocol.wire import decode, encode
from pyinit.runtime import carry, footing, notify, parts, strays
from pyinit.runtime.anew import STATE_VARIABLE, STOP_VARIABLE, become, enter
from pyinit.runtime.failure import all_of, each_of, reason_of
from pyinit.runtime.gather import gather
from pyinit.runtime.log import fault
from pyinit.runtime.loop import STOPS
from pyinit.runtime.reaper import SIGCHLD, forked
from pyinit.system import files, signals, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.protocol.wire import Json
    from pyinit.runtime.carry import Blobs, Carried, Client
    from pyinit.runtime.control_session import Session
    from pyinit.runtime.machine import Machine
    from pyinit.runtime.options import Options
    from pyinit.runtime.stream import Source, Watch

CHECK_VARIABLE = b"PYINIT_STATE_CHECK"
CHECK_S = 60.0  # for reading the state back: a megabyte takes some milliseconds
RECOVER_AGAIN_S = 600.0  # a loop that breaks again so soon is not healed by another re-exec
SETTLES = 8  # rounds of steps before the state is written down; what is left is carried
STREAMING = frozenset(("logs", "events"))  # go on with what is new
# change nothing: the new pyinit can carry them out again
LOOKING = STREAMING | {"wait", "status", "metrics", "info", "config-info"}


def check(machine: Machine) -> None:
    """Let a child of the new code read the state; `machine.desk` is told what came of it.

    One that is under way already answers whoever asks meanwhile.
    """
    desk = machine.desk
    desk.reexec_wanted = False
    if desk.reexec_checked:
        return
    fd = -1

    def read_back() -> None:
        posix.set_inheritable(fd, True)  # by its name in /proc we may not: see dumpable in proc(5)
        try:
            become(machine, {CHECK_VARIABLE: b"%d" % fd})
        except OSError as error:
            text = f"pyinit: cannot execute the new pyinit: {reason_of(error)}\n"
            files.say(2, text.encode("utf-8", "surrogateescape"))
            raise

    def done(status: int) -> None:
        late = machine.leash.untie(pid)
        desk.reexec_checked = False
        posix.close(fd)
        if status == 0:
            desk.reexec_ready = True
            return
        why = f"cannot go on from this state ({describe(from_wait(status))})"
        why = f"did not read the state within {CHECK_S:g} s" if late else why
        _give_up(machine, f"the new pyinit {why}\n  see what it says above: is it well installed?")

    try:
        carried, blobs, _ = gather(machine, ())
        fd = carry.write(carried, blobs)
        pid = forked(read_back, machine.driver.helpers, done, nice=0, keep=(fd,))
    except BaseException as error:  # noqa: BLE001  whatever it is, we go on as we are
        if fd >= 0:
            posix.close(fd)
        _give_up(machine, reason_of(error) if isinstance(error, OSError) else fault(error))
    else:
        desk.reexec_checked = True
        machine.leash.tie(pid, CHECK_S)


def read_back(fd: int) -> int:
    """Return 0 if the state in `fd` can be read here: what the child of `check` is for."""
    from pyinit.runtime import machine  # noqa: F401  all that a state is made of

    try:
        carry.read(fd)
    except (OSError, ValueError) as error:
        posix.write(2, f"pyinit: {error}\n".encode("utf-8", "surrogateescape"))
        return 1
    return 0


def reexec(machine: Machine) -> None:
    """Replace this pyinit by a new one.  Returns only if that failed, having said why."""
    kept: list[int] = []
    told: tuple[int, ...] = ()
    undo: list[Callable[[], None]] = []
    try:
        machine.log.info("re-executing")
        _settle(machine)
        here = machine.directory()
        mask = signals.block_all()
        undo.append(lambda: signals.restore(mask))
        told = (*machine.reaper.unfed, *signals.read_signals(machine.options.signal_fd))
        machine.reaper.unfed.clear()
        carried, blobs, kept = gather(machine, told)
        fd = carry.write(carried, blobs)
        undo += [lambda: posix.close(fd), lambda: enter(here)]
        for each in (*kept, fd):
            posix.set_inheritable(each, True)
        more = {STATE_VARIABLE: b"%d" % fd}
        for number in (*[each for each in told if each in STOPS], *machine.loop.stops_told()):
            more[STOP_VARIABLE] = b"%d" % number
        undo.append(strays.stand_by(machine.driver.helpers))
        become(machine, more)
    except BaseException as error:  # noqa: BLE001  whatever it is, we go on as we are
        undo.append(lambda: each_of(lambda fd: posix.set_inheritable(fd, False), kept))
        undo.append(lambda: each_of(lambda number: _heard(machine, number), told))
        reason = f"{error!r}"
        try:
            reason = fault(error)
            all_of(reversed(undo))
        finally:
            _give_up(machine, reason)


def _heard(machine: Machine, number: int) -> None:
    """A signal that was to be carried came to us after all."""
    if number == SIGCHLD:
        machine.reaper.kick()
    else:
        machine.loop.feed(SignalReceived(number))


def recover(machine: Machine) -> None:
    """Re-exec because the loop is broken; returns if that cannot be done, or was of no use."""
    now = time.monotonic()
    if now - machine.options.recovered_at < RECOVER_AGAIN_S:
        machine.log.error("a re-exec has not healed it")
        return
    machine.options = replace(machine.options, recovered_at=now)
    reexec(machine)


def resume(options: Options) -> int:
    """Go on where the pyinit before us stopped; return the exit status.  May raise anything."""
    machine = _rebuild(options, *carry_of(options))
    return machine.go(spare=options.state_fd)


def carry_of(options: Options) -> tuple[Carried, Blobs]:
    """Return what was carried, all that it is made of being imported."""
    from pyinit.runtime import machine  # noqa: F401

    return carry.read(posix.dup(options.state_fd))  # it may have to be read once more


def _settle(machine: Machine) -> None:
    """Let the core hear what is queued, as far as that goes: what is left is carried."""
    try:
        for _ in range(SETTLES):
            machine.loop.drain()
            if not machine.loop.queued():
                break
        if machine.control is not None:
            machine.control.after_turn()
    except BaseException as error:  # noqa: BLE001  the loop may be broken: that is why we are here
        machine.loop.fault(error)


def _give_up(machine: Machine, reason: str) -> None:
    machine.desk.reexec_failed = reason
    machine.log.error(f"cannot re-exec, going on: {reason}")


def _rebuild(options: Options, carried: Carried, blobs: Blobs) -> Machine:
    """Return a machine that is as the one before us was."""
    from pyinit.runtime.machine import Machine

    enter(carried.directory)
    options = replace(carried.options, signal_fd=options.signal_fd, state_fd=-1)
    for fd in (options.daemon_fd, carried.listener_fd, carried.notify_fd):
        _seal(fd)
    machine = Machine(options, carried.plan, carried.supervisor)
    machine.socket_path = carried.socket_path
    footing.become_init(machine.log)
    for outlet, each in zip(machine.outlets, carried.outlets, strict=True):
        outlet.restore(blobs.of(each.pending), each.dropped, each.unsaid, _still_open(each.fd))
    if carried.listener_fd >= 0:
        machine.open_control(carried.listener_fd, carried.notify_path, carried.notify_fd)
    elif carried.notify_fd >= 0:
        notify.listen(machine, carried.notify_path, carried.notify_fd)
    if carried.held is not None:
        _restore_held(machine, carried)
    machine.history.restore(carried.ends, carried.counts)
    machine.recorder.restore(carried.recorded)
    machine.desk.reread = carried.reread
    machine.desk.reload_waits = carried.reload_waits
    machine.driver.labels.update(carried.labels)
    machine.announcer.restore(carried.since, carried.oom_seen)
    machine.watch.restore(carried.warned)
    _restore_output(machine, carried, blobs)
    _restore_stdins(machine, carried, blobs)
    if carried.events is not None:
        from pyinit.runtime import pools_carried

        pools_carried.restore(machine, carried.events, blobs)
    parts.resume(machine, carried.parts)
    _restore_runs(machine, carried)
    machine.reaper.kick()
    machine.log.info(f"re-executed, {len(machine.loop.supervisor.pids.known())} runs kept")
    for client in carried.clients:
        try:
            _adopt_client(machine, client, blobs)
        except BaseException as error:  # noqa: BLE001  nobody else has to begin anew for it
            machine.log.error(f"a client was lost in the re-exec: {error!r}")
    return machine


def _restore_held(machine: Machine, carried: Carried) -> None:
    """Go on listening; what cannot be had any more is said, as with a reload."""
    from pyinit.runtime import sockets_held

    held = machine.held = sockets_held.Held(machine)
    for each in carried.held or ():
        held.restore(each.kind, each.name, each.fd)
    plan = carried.plan if carried.gateway_secret else replace(carried.plan, web=None)
    refused = held.adopt(plan, again=True)
    for line in refused.lines if refused is not None else ():
        machine.log.error(line)
    if carried.gateway_secret:
        from pyinit.runtime import gateway

        gateway.resume(machine, held, bytes.fromhex(carried.gateway_secret))


def _restore_output(machine: Machine, carried: Carried, blobs: Blobs) -> None:
    special = machine.pump.special
    if carried.auto_logs is not None:
        special.auto_logs(machine.plan.init.identifier).files.update(carried.auto_logs)
    if carried.syslog is not None:
        waiting = tuple([blobs.of(number) for number in carried.syslog.lines])
        special.to_syslog().restore(waiting, carried.syslog.unsaid)
    for kept in carried.kept:
        parts = tuple([(kind, blobs.of(number)) for kind, number in kept.parts])
        machine.pump.restore(kept.key, parts, kept.count, kept.fresh)
    for log in carried.logs:
        _seal(log.fd)
        kept_bytes = blobs.of(log.kept)
        machine.pump.adopt_log(log.sink, log.fd, kept_bytes, log.dropped_bytes, log.trouble)
    for pipe in carried.pipes:
        _seal(pipe.fd)
        rests = tuple([blobs.of(number) for number in pipe.rests])
        watch = None
        for row in (machine.row(pipe.source.key), machine.row(beside(pipe.source.key))):
            if row is not None and isinstance(row.state, Starting):
                run_id = row.state.run.id
                if run_id == pipe.source.run_id:
                    watch = machine.readiness.watch(row.plan.key, run_id, row.plan)
        sieved = tuple([blobs.of(number) for number in pipe.sieved])
        more = (pipe.channel, sieved)
        told = (pipe.source, pipe.kind, pipe.sinks, pipe.fd, rests, watch)
        machine.pump.adopt(*told, *more, listener=pipe.listener)
        if watch is not None:
            _look_again(machine, pipe.source, pipe.kind, watch)
    machine.pump.adopted()
    for path in carried.packing:
        machine.packer.pack(path)


def _look_again(machine: Machine, source: Source, kind: int, watch: Watch) -> None:
    """What a first run has printed may still have been under examination by our predecessor.

    Of a later run we do not know where its output begins; nor of one that has printed too much.
    """
    pump = machine.pump
    if source.run_id != 1 or pump.captured_bytes(source.key) != len(pump.tail(source.key)):
        return
    for line in pump.tail(source.key, kind).split(b"\n"):
        if line and watch(line):
            return


def _restore_stdins(machine: Machine, carried: Carried, blobs: Blobs) -> None:
    for each in carried.stdins:
        _seal(each.fd)
        whose = (each.key, RunId(each.run_id), each.pid)
        machine.driver.stdins().adopt(*whose, each.fd, blobs.of(each.pending))


def _restore_runs(machine: Machine, carried: Carried) -> None:
    for execing in carried.execing:
        _seal(execing.fd)
        machine.driver.adopt(execing.pid, execing.fd, execing.key, RunId(execing.run_id))
        row = machine.row(execing.key)
        if row is not None:
            machine.announcer.expect(row.plan, execing.pid)
    for asked in carried.asked:
        _seal(asked.fd)
        row = machine.row(asked.key)
        if row is not None:
            machine.readiness.adopt(row.plan, RunId(asked.run_id), asked.fd, asked.at)
    for event in carried.queue:
        machine.loop.feed(event)
    for number in carried.signals:
        if number != SIGCHLD:
            machine.loop.feed(SignalReceived(number))


def _adopt_client(machine: Machine, client: Client, blobs: Blobs) -> None:
    """Go on with a client: what only looks is carried out again, of the rest it is told."""
    from pyinit.runtime.control_session import Peer, Session

    if machine.listener is None and not client.gateway:
        strays.leave(client.fd)
        return
    control = machine.serve_control()
    now = time.monotonic()
    peer = Peer(client.pid, client.uid, client.level)
    session = Session(sockets.from_fd(client.fd), peer, now)
    session.gateway = client.gateway
    session.dropped, session.untold = client.dropped, client.untold
    session.restore(blobs.of(client.unsent), blobs.of(client.unread), now)
    again = []
    known = client.resumed or (None,) * len(client.requests)
    for number, resumed in zip(client.requests, known, strict=True):
        line = _again(session, blobs.of(number))
        if line:
            again.append((line, resumed))
    control.adopt(session, again)


def _again(session: Session, line: bytes) -> bytes:
    """Return the request to carry out once more; b"" if it has its answer."""
    frame = decode(line)
    number, verb, args = frame.get("id"), frame.get("verb"), frame.get("args")
    if verb == "reexec":
        session.send(reply(number, {"pid": posix.getpid()}))
        return b""
    if verb in LOOKING:
        given: dict[str, Json] = dict(args) if isinstance(args, dict) else {}
        if verb in STREAMING:
            given["lines"] = 0
        return encode({**frame, "args": given})
    text = f"pyinit was re-executed while it waited to {verb}: look at the status"
    session.send(refusal(number, "interrupted", text))
    return b""


def _still_open(fd: int) -> int:
    """Return a descriptor, sealed; -1 if somebody before us has had no use for it."""
    try:
        _seal(fd)
    except OSError:
        return -1
    return fd


def _seal(fd: int) -> None:
    if fd >= 0:
        posix.set_inheritable(fd, False)
