"""sd_notify: datagrams of programs, believed only for the run that their sender belongs to."""

from __future__ import annotations

import posix

from pyinit.core.states import RunId
from pyinit.protocol.places import socket_places
from pyinit.runtime.driver import Runs
from pyinit.system import procfs, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.machine import Machine

MESSAGE_BYTES = 4096
MESSAGES_A_TURN = 64
LONGEST_USEC = 18  # digits of a number of microseconds
ABSTRACT = "@"
MAX_DEPTH = 32  # parents looked at on the way from a sender up to a run


def place(control_path: str) -> str:
    """Return where the socket is to be: beside the control socket, or without a file.

    A program of another user cannot reach a file in a directory that is ours alone.  The name
    without a file begins with @, as sd_notify(3) has it; whoever finds it can send, but is
    believed no more than others.
    """
    _, *private = socket_places(posix.environ, posix.geteuid())
    if control_path and control_path not in private:
        return control_path.removesuffix(".sock") + "-notify.sock"
    return f"{ABSTRACT}pyinit/{posix.getpid()}/{posix.urandom(8).hex()}/notify"


def listen(machine: Machine, path: str, fd: int = -1) -> None:
    """Make the socket that NOTIFY_SOCKET names: without a place for it, one without a file.

    `fd` is the one that another pyinit has left to us.
    """
    try:
        receiver = sockets.bind_datagram(path, 0o666) if fd < 0 else sockets.from_fd(fd, "dgram")
    except OSError as error:
        if path.startswith(ABSTRACT):
            machine.log.warning(f"cannot make the notify socket {path!r}: {error}")
            return
        listen(machine, place(""))
        return
    machine.readiness.notify_path = path
    machine.notify_fd = receiver.fileno()

    def readable(_mask: int) -> None:
        for _ in range(MESSAGES_A_TURN):
            try:
                message, pid = sockets.receive(receiver, MESSAGE_BYTES)
            except BlockingIOError:
                return
            _handle(machine, message, pid)

    machine.poller.register(receiver.fileno(), True, False, readable)


def _handle(machine: Machine, message: bytes, pid: int) -> None:
    supervisor = machine.loop.supervisor
    runs = Runs(supervisor.pids)
    for _ in range(MAX_DEPTH):
        if pid in runs or pid <= 1:
            break
        found = procfs.stat(pid)
        pid = 0 if found is None else found.ppid
    key = supervisor.pids.get(pid)  # type: ignore[arg-type]
    if key is not None:
        run_id = RunId(supervisor.table[key].runs)
        machine.readiness.notified(key, run_id, message)
        _pinged(machine, key, run_id, message)


def _pinged(machine: Machine, key: str, run_id: RunId, message: bytes) -> None:
    """Pass on what a message says to the watchdog of the run, if it has one."""
    if "live" not in machine.parts or b"WATCHDOG" not in message:
        return
    from pyinit.runtime.live import Asker

    live = machine.parts["live"]
    assert isinstance(live, Asker)
    for line in message.split(b"\n"):
        name, _, value = line.partition(b"=")
        if line == b"WATCHDOG=1":
            live.ping(key, run_id)
        elif line == b"WATCHDOG=trigger":
            live.trigger(key, run_id)
        elif name == b"WATCHDOG_USEC" and value.isdigit() and len(value) < LONGEST_USEC:
            live.set_interval(key, run_id, int(value) / 1e6)
