"""`pyinitctl reexec`: a new pyinit takes the place of the running one, and no program notices.

The process stays the same, so the children stay ours: everything else is written down, the state
of the core, the descriptors of pipes and of the control socket, what is kept of the programs'
output and of their ends.  It goes through a memory file that survives the execve.  Signals are
blocked meanwhile and stay pending; the new pyinit catches them before it lets them through.
"""

from __future__ import annotations

import marshal
import posix
import sys
import time

from pyinit.core import draft, graph, phases, plan, process, states, status, table
from pyinit.core.record import Record, from_plain, kinds_of, to_plain
from pyinit.core.states import RunId, Starting, run_of
from pyinit.runtime import history
from pyinit.runtime.log import fault
from pyinit.system import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.boot import Options
    from pyinit.runtime.machine import Machine

STATE_VARIABLE = b"PYINIT_STATE_FD"
FORMAT = 1  # of what is written down; a reader of another format refuses it
MARSHAL_VERSION = 2  # without references between objects: every Python 3 reads it


class Pipe(Record):
    """An open stream: its descriptor here, whose it is, and its unfinished line."""

    fd: int
    key: str
    name: str
    program: str
    run_id: int
    kind: int
    rest: str


class Carried(Record):
    """Everything that one pyinit leaves to the next."""

    format: int
    supervisor: draft.Supervisor
    plan: plan.Plan
    paths: tuple[str, ...]
    command: tuple[str, ...]
    verbose: bool
    socket_path: str
    listener_fd: int
    pipes: tuple[Pipe, ...]
    rings: dict[str, tuple[tuple[int, str], ...]]
    ends: dict[str, tuple[history.End, ...]]
    labels: dict[str, str]
    since: dict[int, float]


def reexec(machine: Machine) -> None:
    """Replace this pyinit by a new one.  Returns only if that failed, having said why."""
    try:
        fd, listed = _write_down(machine)
    except (OSError, ValueError, TypeError) as error:
        machine.log.error(f"cannot re-exec, going on: {fault(error)}")
        return
    machine.log.info("re-executing")
    for outlet in machine.outlets:
        outlet.flush(time.monotonic() + 1.0)
    signals.block_all()
    try:
        for each in (*listed, fd):
            posix.set_inheritable(each, True)
        environ = dict(machine.desk.environ)
        environ[STATE_VARIABLE] = b"%d" % fd
        words = [word.encode("utf-8", "surrogateescape") for word in sys.orig_argv]
        posix.execve(sys.executable, words, environ)
    except OSError as error:
        for each in listed:
            posix.set_inheritable(each, False)
        posix.close(fd)
        signals.unblock_all()
        machine.log.error(f"cannot re-exec, going on: {error}")


def recover(machine: Machine) -> None:
    """Re-exec because the loop is broken; returns if that cannot be done."""
    try:
        reexec(machine)
    except Exception as error:  # noqa: BLE001  the rescue loop comes next
        machine.log.error(f"cannot recover: {fault(error)}")


def resume(options: Options) -> int:
    """Go on where the pyinit before us stopped; return the exit status."""
    from pyinit.core.record import replace
    from pyinit.runtime.machine import Machine

    carried = _read_back(options.state_fd)
    options = replace(
        options,
        paths=carried.paths,
        command=carried.command,
        verbose=carried.verbose,
        state_fd=-1,
    )
    machine = Machine(options, carried.plan, carried.supervisor)
    machine.socket_path = carried.socket_path
    machine.become_init()
    machine.open_control(carried.listener_fd if carried.listener_fd >= 0 else None)
    machine.history.restore(carried.ends)
    machine.driver.labels.update(carried.labels)
    machine.announcer.restore(carried.since)
    for key, parts in carried.rings.items():
        kept = tuple([(kind, text.encode("utf-8", "surrogateescape")) for kind, text in parts])
        machine.pump.restore_ring(key, kept)
    for pipe in carried.pipes:
        _adopt(machine, pipe)
    _watch_readiness(machine)
    machine.reaper.kick()
    machine.log.info(f"re-executed, {len(machine.loop.supervisor.pids.known())} runs kept")
    return machine.go()


def _write_down(machine: Machine) -> tuple[int, list[int]]:
    """Return a memory file with everything, and the descriptors to be kept open."""
    pipes = [
        Pipe(
            stream.fd,
            *(stream.source.key, stream.source.name, stream.source.program, stream.source.run_id),
            stream.kind,
            (stream.lines.rest if stream.lines else b"").decode("utf-8", "surrogateescape"),
        )
        for stream in machine.pump.streams()
    ]
    listener_fd = machine.control.listener.fileno() if machine.control is not None else -1
    carried = Carried(
        format=FORMAT,
        supervisor=machine.loop.supervisor,
        plan=machine.plan,
        paths=machine.options.paths,
        command=machine.options.command,
        verbose=machine.options.verbose,
        socket_path=machine.socket_path,
        listener_fd=listener_fd,
        pipes=tuple(pipes),
        rings={
            key: tuple(
                [(kind, data.decode("utf-8", "surrogateescape")) for kind, data in ring.parts()]
            )
            for key, ring in machine.pump.rings().items()
        },
        ends=machine.history.all(),
        labels=machine.driver.labels,
        since=machine.announcer.running(),
    )
    data = marshal.dumps(to_plain(carried), MARSHAL_VERSION)
    fd = posix.memfd_create("pyinit-state", posix.MFD_CLOEXEC)
    written = 0
    while written < len(data):
        written += posix.write(fd, data[written:])
    posix.lseek(fd, 0, 0)
    fds = [pipe.fd for pipe in pipes]
    return fd, [*fds, listener_fd] if listener_fd >= 0 else fds


def _read_back(fd: int) -> Carried:
    parts = []
    while part := posix.read(fd, 1 << 20):
        parts.append(part)
    posix.close(fd)
    core = (draft, graph, phases, plan, process, states, status, table)
    known = kinds_of(*core, history, sys.modules[__name__])
    carried = from_plain(marshal.loads(b"".join(parts)), known)  # noqa: S302  we wrote it ourselves
    if not isinstance(carried, Carried) or carried.format != FORMAT:
        raise ValueError("cannot go on: the state was written by another version")
    return carried


def _adopt(machine: Machine, pipe: Pipe) -> None:
    """Go on reading a program's pipe, into the sinks that its plan names."""
    from pyinit.runtime.pump import Source, Stream

    posix.set_inheritable(pipe.fd, False)
    supervisor = machine.loop.supervisor
    sinks: tuple[plan.Sink, ...] = ()
    watch = None
    if pipe.key in supervisor.table:
        row = supervisor.table[pipe.key]
        launch = row.plan.launch
        sinks = launch.stderr if pipe.kind else launch.stdout
        run = run_of(row.state)
        if isinstance(row.state, Starting) and run is not None and run.id == pipe.run_id:
            watch = machine.readiness.watch(pipe.key, RunId(pipe.run_id), row.plan)
    source = Source(pipe.key, pipe.name, pipe.program, pipe.run_id)
    stream = Stream(source, pipe.kind, sinks)
    machine.pump.adopt(stream, pipe.fd, pipe.rest.encode("utf-8", "surrogateescape"), watch)


def _watch_readiness(machine: Machine) -> None:
    """Look again for what runs that are not ready yet were asked to show."""
    for row in machine.loop.supervisor.table:
        if isinstance(row.state, Starting):
            machine.readiness.resume(row.plan, row.state.run.id)
