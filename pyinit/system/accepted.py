"""Which process has taken a connection that we made to this machine, as proc(5) lists sockets.

Where two processes listen by the same socket, an answer alone does not tell whose it is.
"""

from __future__ import annotations

import posix

from pyinit.system import connections

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyinit.system.sockets import Socket

# ESTABLISHED, or one of the ends has begun to close: FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT.
OPEN = (b"01", b"04", b"05", b"08")


def inode(connection: Socket) -> int:
    """Return the inode of the other end of a TCP connection.

    0 if it is not here, not taken from its listener's queue yet, or closed already.  Raises
    OSError.
    """
    ours, theirs = (b":%04X" % place[1] for place in (connection.getsockname(), _peer(connection)))
    for name in (connections.TCP, connections.TCP6):
        for line in connections.lines(name):
            fields = (line or b"").split()
            if len(fields) < 10 or fields[3] not in OPEN:
                continue
            if fields[1].endswith(theirs) and fields[2].endswith(ours):
                return int(fields[9])
    return 0


def has(pid: int, number: int) -> bool:
    """Say whether a process has the socket of an inode.  Raises OSError: not ours to look at."""
    wanted = f"socket:[{number}]"
    place = f"/proc/{pid}/fd"
    return any(_link(f"{place}/{name}") == wanted for name in posix.listdir(place))


def among(pids: Iterable[int], number: int) -> bool:
    """Say whether one of some processes has it; those that are gone or closed to us do not."""
    for pid in pids:
        try:
            if has(pid, number):
                return True
        except OSError:
            continue
    return False


def _peer(connection: Socket) -> tuple[str, int]:
    host, port = connection.getpeername()[:2]
    return host, port


def _link(path: str) -> str:
    try:
        return posix.readlink(path)
    except OSError:  # closed meanwhile
        return ""
