"""sd_notify: datagrams of programs, believed only for the run that their sender belongs to."""

from __future__ import annotations

import errno
import posix

from pyinit.protocol.places import socket_places
from pyinit.runtime import strays
from pyinit.system import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.machine import Machine
    from pyinit.system.sockets import Socket

MESSAGE_BYTES = 4096
MESSAGES_A_TURN = 64
FDS_A_TURN = 256  # that come with them: each takes a look at what it is
ABSTRACT = "@"
SHORT = (
    "cannot take the descriptors that come with a message: too many open files\n"
    "  the message is dropped; give pyinit more: nofile in [init] limits"
)


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

    `fd` is the one that another pyinit has left to us.  Descriptors that come with a message and
    are not kept are closed once it has been heard: that is what BARRIER=1 waits for.
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
    machine.poller.register(receiver.fileno(), True, False, Receiver(machine, receiver).readable)


class Receiver:
    """Hears messages, but none while too much that came with others is still to be closed."""

    def __init__(self, machine: Machine, receiver: Socket) -> None:
        self._machine = machine
        self._receiver = receiver
        self._is_short = False

    def readable(self, _mask: int) -> None:
        """Hear what has come, as much as a turn allows."""
        taken = 0
        for _ in range(MESSAGES_A_TURN):
            if taken >= FDS_A_TURN:
                return
            if strays.crowded():
                self._pause()
                self._machine.burial.relieved = self._go_on
                return
            try:
                message, pid, fds = sockets.receive(self._receiver, MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.EMFILE:
                    raise
                self._skip()
                return
            taken += len(fds)
            self._hear(message, pid, fds)

    def _hear(self, message: bytes, pid: int, fds: tuple[int, ...]) -> None:
        from pyinit.runtime.notified import Notified

        kept: set[int] = set()
        try:
            part = self._machine.parts.get("notify")
            if isinstance(part, Notified):
                kept = part.received(message, pid, fds)
        finally:
            for each in fds:
                if each not in kept:
                    strays.leave(each)

    def _skip(self) -> None:
        """There is no room for what comes with a message: somebody else takes it."""
        self._pause()
        self._machine.burial.skip(self._receiver, self._go_on, self._machine.leash)
        if not self._is_short:
            self._is_short = True
            self._machine.log.warning(SHORT)

    def _pause(self) -> None:
        self._machine.poller.modify(self._receiver.fileno(), False, False)

    def _go_on(self) -> None:
        self._machine.poller.modify(self._receiver.fileno(), True, False)
