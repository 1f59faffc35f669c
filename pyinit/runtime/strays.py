"""Closes descriptors that others have made by a child: a close may last as long as they like.

close(2) of the last descriptor of a TCP connection with SO_LINGER waits until the other end has
taken everything, that of a file until its server answers (FUSE, NFS), and that of a Unix socket
for whatever is in its queue.  PID 1 never waits, so what it is sent is held open by a child while
PID 1 closes its own copy, and is closed by the end of the child: who exits lets no connection
linger, and may otherwise wait for as long as it takes.

    leave      a descriptor is not wanted any more
    hang_up    a connection is not; somebody's descriptors may lie in it, unread
    Burial     does it, after the turn in which that was
    stand_by   and before an exec, which closes most of what there is
"""

from __future__ import annotations

import posix
import select

from pyinit.core.states import NEVER
from pyinit.runtime.reaper import forked
from pyinit.system import files
from pyinit.system.tree import signal_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    import socket as _socket
    from collections.abc import Callable

    from pyinit.runtime.reaper import Leash
else:
    import _signal
    import _socket

AT_ONCE = ("pipe:[", "anon_inode:[eventfd]", "anon_inode:[pidfd]", "anon_inode:[timerfd]")
MOST = 256  # that wait for a child: then PID 1 takes no more of them
CHILDREN = 4  # at a time; more only wait for the same server
PAUSE_S = 1.0  # until a child is tried again that could not be had
HOLD_S = 60.0  # at most, for PID 1 to close its own; it kills the child then
EVERYTHING = range(1 << 30)  # that a descriptor can be
STANDARD = (0, 1, 2)
TAKE_S = 1.0  # for a child to take a message: what it has no room for, either, may take long
ROOM_BYTES = 4096  # more than comes with one

_left: list[int] = []


def leave(fd: int) -> None:
    """Close a descriptor that somebody has sent us, at once if nothing can make that last."""
    if link(fd).startswith(AT_ONCE):
        posix.close(fd)
    else:
        _left.append(fd)


def hang_up(connection: _socket.socket) -> None:
    """Close a connection; what was sent and not read may have descriptors with it."""
    if connection.family != _socket.AF_UNIX:
        connection.close()
        return
    try:
        connection.shutdown(_socket.SHUT_RD)  # nothing more can be sent from now on
        unread = connection.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
    except OSError:  # nothing is there, and nobody
        unread = b""
    if unread:
        _left.append(connection.detach())
    else:
        connection.close()


def link(fd: int) -> str:
    """Return what /proc says that a descriptor of ours is, "" if it says nothing."""
    try:
        return posix.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def crowded() -> bool:
    """Say whether so many wait that PID 1 is to take no more."""
    return len(_left) >= MOST


def stand_by(helpers: dict[int, Callable[[int], None]]) -> Callable[[], None]:
    """Have a child keep everything open until an exec has closed it here.

    Returns what lets it go if that fails.  Without a child to be had, the exec may have to wait.
    """
    fds: tuple[int, ...] = ()

    def wait() -> None:
        posix.close(writer)
        poll = select.poll()
        poll.register(reader, 0)
        poll.poll(HOLD_S * 1000)

    try:
        reader, writer = fds = files.pipe()
        forked(wait, helpers, nice=0, keep=EVERYTHING)
    except OSError:
        for fd in fds:
            posix.close(fd)
        return _nobody
    posix.close(reader)
    return lambda: posix.close(writer)


class Burial:
    """Has them closed; who has paused meanwhile is `relieved`.

    Where PID 1 itself has no room for what comes with a message, a child takes it: `skip`.
    """

    def __init__(self, helpers: dict[int, Callable[[int], None]]) -> None:
        self.relieved: Callable[[], None] = _nobody
        self._helpers = helpers
        self._children = 0
        self._at = 0.0
        self._unfit: tuple[_socket.socket, Callable[[], None], Leash] | None = None

    def skip(self, receiver: _socket.socket, done: Callable[[], None], leash: Leash) -> None:
        """Have somebody else take the next message of `receiver`; then it is `done`."""
        self._unfit = (receiver, done, leash)

    def next_deadline(self) -> float:
        """Return when something is to be done, NEVER while nothing waits."""
        waits = (_left or self._unfit) and self._children < CHILDREN
        return self._at if waits else NEVER

    def tick(self, now: float) -> None:
        """Close what waits, by a child; if there is none to be had, another time."""
        try:
            if _left and self._children < CHILDREN:
                self._close()
            if self._unfit is not None and self._children < CHILDREN:
                self._take(*self._unfit)
        except OSError:
            self._at = now + PAUSE_S

    def _close(self) -> None:
        fds = tuple(_left)
        pid = forked(_hold, self._helpers, self._ended, keep=fds)
        self._children += 1
        del _left[: len(fds)]
        for fd in fds:
            posix.close(fd)  # not the last one: the child has it, too
        signal_process(pid, _signal.SIGKILL)
        if not crowded():
            relieved, self.relieved = self.relieved, _nobody
            relieved()

    def _take(self, receiver: _socket.socket, done: Callable[[], None], leash: Leash) -> None:
        def take() -> None:
            for fd in STANDARD:
                posix.close(fd)
            receiver.recvmsg(1, ROOM_BYTES)

        def taken(status: int) -> None:
            leash.untie(pid)
            self._ended(status)
            done()

        pid = forked(take, self._helpers, taken, nice=0, keep=(receiver.fileno(),))
        leash.tie(pid, TAKE_S)
        self._children += 1
        self._unfit = None

    def _ended(self, _status: int) -> None:
        self._children -= 1


def _hold() -> None:
    """In the child: keep everything open until PID 1 has closed it, and kills us."""
    select.poll().poll(HOLD_S * 1000)


def _nobody() -> None:
    """Nobody waits."""
