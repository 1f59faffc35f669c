"""Who is connected to a listener, as the kernel lists it for our network namespace: proc(5).

A connection that is over is still listed for a minute where the side that closed it first is
here, with the time that is left of it: so it is known when a short one was there, although nobody
was looking then.
"""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    from collections.abc import Iterable, Iterator

    from pyinit.system.sockets import Socket
else:
    import _socket

TCP, TCP6, UNIX = "/proc/net/tcp", "/proc/net/tcp6", "/proc/net/unix"
READ_BYTES = 1 << 16
MOST_BYTES = 1 << 22  # of one file; beyond it is so much going on that nobody is idle
LISTENS, WAITS = b"0A", b"03"  # the states of a TCP listener; the timer of one that is over
CONNECTED = (b"02", b"03")  # the states of a Unix socket: not accepted yet, and in use
OVER_S = 60.0  # TCP_TIMEWAIT_LEN
TICKS = 100.0  # USER_HZ
NEVER = float("inf")


def ages(listeners: dict[str, Socket]) -> dict[str, float]:
    """Return by place how many seconds ago somebody was connected: 0 is now, infinity not lately.

    Raises OSError where the lists cannot be read.
    """
    found = dict.fromkeys(listeners, NEVER)
    ports, paths = {}, {}
    for place, listener in listeners.items():
        if listener.family == _socket.AF_UNIX:
            paths[_bytes(listener.getsockname())] = place
        else:
            ports[_written(listener)] = place
    if ports:
        for name in (TCP, TCP6):
            _look(name, _tcp(ports, found), found, ports.values())
    if paths:
        _look(UNIX, _unix(paths, found), found, paths.values())
    return found


def _look(name: str, take: _Taker, found: dict[str, float], places: Iterable[str]) -> None:
    """Show each line of a list to `take`; when it is too long, everybody is connected."""
    for line in lines(name):
        if line is None:
            found.update(dict.fromkeys(places, 0.0))
            return
        take(line.split())


def _tcp(ports: dict[bytes, str], found: dict[str, float]) -> _Taker:
    def take(fields: list[bytes]) -> None:
        if len(fields) < 6 or fields[3] == LISTENS:
            return
        local, remote, timer = fields[1], fields[2], fields[5]
        over = timer[:2] == WAITS
        ends = [local]
        if over and local.rpartition(b":")[0] == remote.rpartition(b":")[0]:
            ends.append(remote)  # from this machine to itself: the client's end is here, too
        age = max(0.0, OVER_S - int(timer[3:], 16) / TICKS) if over else 0.0
        for end in ends:
            for known in (end, end[-4:]):
                if known in ports:
                    found[ports[known]] = min(found[ports[known]], age)

    return take


def _unix(paths: dict[bytes, str], found: dict[str, float]) -> _Taker:
    def take(fields: list[bytes]) -> None:
        if len(fields) > 7 and fields[5] in CONNECTED:
            place = paths.get(b" ".join(fields[7:]))
            if place is not None:
                found[place] = 0.0

    return take


def _written(listener: Socket) -> bytes:
    """Return a listener's address as the lists write it; of one at every address only the port."""
    host, port = listener.getsockname()[:2]
    packed = _socket.inet_pton(listener.family, host)
    number = b"%04X" % port
    if not any(packed):
        return number
    words = [packed[n : n + 4] for n in range(0, len(packed), 4)]
    order = -1 if _is_little() else 1
    return b"".join([word[::order].hex().upper().encode() for word in words]) + b":" + number


def _is_little() -> bool:
    import sys

    return sys.byteorder == "little"


def _bytes(path: str | bytes) -> bytes:
    return path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")


def lines(name: str) -> Iterator[bytes | None]:
    """Give the lines of a file behind the first, and None where it goes on for too long.

    What is not there (no IPv6) has none.
    """
    try:
        fd = posix.open(name, posix.O_RDONLY | posix.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rest, size, head = b"", 0, True
        while part := posix.read(fd, READ_BYTES):
            size += len(part)
            if size > MOST_BYTES:
                yield None
                return
            *lines, rest = (rest + part).split(b"\n")
            yield from lines[1:] if head else lines
            head = False
    finally:
        posix.close(fd)


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    _Taker: TypeAlias = Callable[[list[bytes]], None]
