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
    is_told = False

    def listening() -> None:
        machine.poller.modify(receiver.fileno(), True, False)

    def pause() -> None:
        machine.poller.modify(receiver.fileno(), False, False)

    def skip() -> None:
        """Have a message taken by a child: what comes with it has no room here."""
        nonlocal is_told
        pause()
        machine.burial.skip(receiver, listening)
        if not is_told:
            is_told = True
            machine.log.warning(SHORT)

    def readable(_mask: int) -> None:
        from pyinit.runtime.notified import Notified

        taken = 0
        for _ in range(MESSAGES_A_TURN):
            if taken >= FDS_A_TURN:
                return
            if strays.crowded():  # so many are still to be closed: the rest waits
                pause()
                machine.burial.relieved = listening
                return
            try:
                message, pid, fds = sockets.receive(receiver, MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.EMFILE:
                    raise
                skip()
                return
            taken += len(fds)
            kept: set[int] = set()
            try:
                part = machine.parts.get("notify")
                if isinstance(part, Notified):
                    kept = part.received(message, pid, fds)
            finally:
                for each in fds:
                    if each not in kept:
                        strays.leave(each)

    machine.poller.register(receiver.fileno(), True, False, readable)
