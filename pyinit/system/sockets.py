"""Sockets: Unix ones bound with the right mode from the first moment, peers known by the kernel."""

from __future__ import annotations

import errno
import posix
import select
import sys

from pyinit.system import environment, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    import stat as _stat
    from collections.abc import Callable
    from typing import TypeAlias

    Address: TypeAlias = tuple[str, int] | str
    Ancillary: TypeAlias = list[tuple[int, int, bytes]]
else:
    import _socket
    import _stat

BACKLOG = 1024  # a crowd at once waits here, where it costs nothing, and is not refused
LONGEST_PATH = 107  # bytes: sun_path of sockaddr_un, with its final zero
CREDENTIALS_BYTES = 12  # struct ucred: pid, uid, gid, each four bytes
SUFFIX_BYTES = 4  # of the name that a socket has until it listens
FDS_A_MESSAGE = 253  # SCM_MAX_FD
SPARE = 16  # descriptors that we need ourselves, whatever is sent
DESCRIPTOR_BYTES = 4  # of an int, as SCM_RIGHTS carries them
SOCKET, KIND_OF_FILE = 0o140000, 0o170000  # of st_mode, see inode(7)
NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
FLAGS = _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK

Socket = _socket.socket


def listen_unix(
    path: str,
    mode: int,
    uid: int | None = None,
    gid: int | None = None,
    backlog: int = BACKLOG,
) -> Socket:
    """Return a listening stream socket at `path`; its directory is made, a dead one replaced.

    It is made under another name and gets its own when it listens, with its mode and its owner:
    who sees it there is not refused.  Only where that name would be too long it is made in place.

    Raises OSError: EADDRINUSE when somebody answers there already, EEXIST when a file or a link
    is there, ENAMETOOLONG.
    """
    _check_length(path)
    files.make_parents(path, 0o755)
    aside = f"{path}.{posix.urandom(SUFFIX_BYTES).hex()}"
    if len(environment.encode(aside)) > LONGEST_PATH:
        aside = path
    listener = Socket(_socket.AF_UNIX, _socket.SOCK_STREAM | FLAGS)
    bound = False
    try:
        _bind(listener, aside, mode)
        bound = True
        _give(aside, mode, uid, gid)
        listener.listen(backlog)
        if aside != path:
            _put(aside, path)
    except OSError:
        listener.close()
        if bound:
            files.remove(aside)
        raise
    return listener


def listen_at(
    place: str,
    mode: int = 0o600,
    uid: int | None = None,
    gid: int | None = None,
    backlog: int = BACKLOG,
    *,
    reuse_port: bool = False,
) -> Socket:
    """Return a listening stream socket at "unix:/path" or "tcp:HOST:PORT", as in the plan.

    HOST is a numeric address, in brackets if it has colons, or nothing: every address, of IPv4
    only where there is no IPv6.  With `reuse_port` others may listen there, too.
    Raises OSError, for Unix sockets as `listen_unix`.
    """
    kind, _, where = place.partition(":")
    if kind == "unix":
        return listen_unix(where, mode, uid, gid, backlog)
    host, _, port = where.rpartition(":")
    if host:
        return _listen_tcp(host.strip("[]"), int(port), backlog, reuse_port=reuse_port)
    try:
        return _listen_tcp("::", int(port), backlog, reuse_port=reuse_port)
    except OSError as error:
        if error.errno not in NO_IPV6:
            raise
    return _listen_tcp("0.0.0.0", int(port), backlog, reuse_port=reuse_port)  # noqa: S104  wanted


def _listen_tcp(host: str, port: int, backlog: int, *, reuse_port: bool) -> Socket:
    """Listen at an address; at "::" for IPv4, too, whatever the machine does without being told."""
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    listener = Socket(family, _socket.SOCK_STREAM | FLAGS)
    try:
        listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if host == "::":
            listener.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)
        if reuse_port:
            listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener


def adjust(listener: Socket, backlog: int, *, reuse_port: bool) -> None:
    """Let a listener that is open have another backlog, and others listen there or not."""
    listener.listen(backlog)
    if not is_unix(listener):
        listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEPORT, reuse_port)


def dress_unix(path: str, mode: int, uid: int | None = None, gid: int | None = None) -> None:
    """Give the file of a socket that is there its mode and its owner, unless it has them.

    Whoever may write there may have put something else in its place: that is left alone.
    Raises OSError, EEXIST for what is no socket.
    """
    fd = posix.open(path, posix.O_PATH | posix.O_NOFOLLOW | posix.O_CLOEXEC)
    try:
        found = posix.fstat(fd)
        if not _stat.S_ISSOCK(found.st_mode):
            raise FileExistsError(errno.EEXIST, "something that is no socket is there", path)
        if found.st_nlink > 1:
            raise FileExistsError(errno.EEXIST, "a hard link to another socket is there", path)
        name = f"/proc/self/fd/{fd}"  # O_PATH takes no fchmod
        if _stat.S_IMODE(posix.fstat(fd).st_mode) != mode:
            posix.chmod(name, mode)
        if not _belongs(posix.fstat(fd), uid, gid):
            posix.chown(name, -1 if uid is None else uid, -1 if gid is None else gid)
    finally:
        posix.close(fd)


def listener_from_fd(fd: int) -> Socket:
    """Return the socket object of a listener of any family that survived a re-exec, as it is."""
    posix.set_inheritable(fd, False)
    return Socket(-1, -1, -1, fd)


def is_one(fd: int) -> bool:
    """Say whether a descriptor is a socket."""
    try:
        return posix.fstat(fd).st_mode & KIND_OF_FILE == SOCKET
    except OSError:
        return False


def listens(fd: int) -> bool:
    """Say whether a descriptor is a socket that listens."""
    try:
        copy = Socket(-1, -1, -1, posix.dup(fd))
        try:
            return copy.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN) == 1
        finally:
            copy.close()
    except OSError:
        return False


def is_unix(one: Socket) -> bool:
    """Say whether a socket is one by which descriptors can be sent (unix(7): SCM_RIGHTS)."""
    return one.family == _socket.AF_UNIX


def is_shut(listener: Socket) -> bool:
    """Say whether somebody who has a listener, too, has called shutdown(2) on it."""
    if not is_unix(listener):
        return listener.getsockopt(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN) == 0
    poll = select.poll()
    poll.register(listener, select.POLLRDHUP)
    return bool(poll.poll(0))


def pair() -> tuple[Socket, Socket]:
    """Return two stream sockets that are connected to each other."""
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM | FLAGS)


def bind_datagram(path: str, mode: int) -> Socket:
    """Return a datagram socket at `path` whose messages carry their sender's credentials.

    A `path` that begins with @ is a name without a file (unix(7): abstract), which everybody in
    the network namespace may send to.  Raises OSError as `listen_unix`.
    """
    _check_length(path)
    if not path.startswith("@"):
        files.make_parents(path, 0o755)
    receiver = Socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | FLAGS)
    try:
        receiver.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
        if path.startswith("@"):
            receiver.bind("\0" + path[1:])
        else:
            _bind(receiver, path, mode)
    except OSError:
        receiver.close()
        raise
    return receiver


def receive(receiver: Socket, size: int) -> tuple[bytes, int, tuple[int, ...]]:
    """Return (message, the sender's pid as we see it, descriptors).

    A pid of 0 is unknown.  Descriptors (unix(7): SCM_RIGHTS) are the caller's, who closes them.
    Raises OSError: BlockingIOError if nothing is there, EMFILE if there is no room for all of
    them, and the message stays where it is.
    """
    data, ancillary = _received(receiver, size)
    pid = 0
    for level, kind, content in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_CREDENTIALS:
            pid = int.from_bytes(content[:4], sys.byteorder)
    return data, pid, _descriptors(ancillary)


def take(connection: Socket, size: int) -> tuple[bytes, tuple[int, ...]]:
    """Return what has come on a stream, and the descriptors that somebody has sent along.

    They are the caller's.  Raises OSError as `receive`.
    """
    data, ancillary = _received(connection, size)
    return data, _descriptors(ancillary)


def _received(one: Socket, size: int) -> tuple[bytes, Ancillary]:
    """Return what has come and what came with it, if there is room for it, and SPARE more.

    A descriptor without room the kernel closes at once, and we would wait for that.  So it is
    tried first: as long as all of them are in the queue, too, no close is the last.
    """
    room = _socket.CMSG_SPACE(CREDENTIALS_BYTES)
    room += _socket.CMSG_LEN(FDS_A_MESSAGE * DESCRIPTOR_BYTES)
    flags = _socket.MSG_CMSG_CLOEXEC
    data, ancillary, told, _ = one.recvmsg(size, room, flags | _socket.MSG_PEEK)
    fds = [*_descriptors(ancillary)]
    try:
        if told & _socket.MSG_CTRUNC:
            raise OSError(errno.EMFILE, posix.strerror(errno.EMFILE))
        fds.extend(posix.dup(one.fileno()) for _ in range(SPARE if fds else 0))
    finally:
        for fd in fds:
            posix.close(fd)
    data, ancillary, _, _ = one.recvmsg(len(data), room, flags)
    return data, ancillary


def _descriptors(ancillary: Ancillary) -> tuple[int, ...]:
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS)
    found = [memoryview(content).cast("i") for *kind, content in ancillary if tuple(kind) == rights]
    return tuple([fd for fds in found for fd in fds])


def stream_to(address: Address) -> Socket:
    """Return a stream socket that can be connected to a (numeric host, port) or a path.

    It never blocks.  Raises OSError.
    """
    if isinstance(address, str):
        return Socket(_socket.AF_UNIX, _socket.SOCK_STREAM | FLAGS)
    family = _socket.AF_INET6 if ":" in address[0] else _socket.AF_INET
    return Socket(family, _socket.SOCK_STREAM | FLAGS)


def is_to_itself(connection: Socket) -> bool:
    """Say whether both ends of a connection are this one.

    Who connects to a port of this machine that nobody listens on may be given that very port for
    its own end, and so accept itself.
    """
    if is_unix(connection):
        return False
    try:
        return bool(connection.getsockname() == connection.getpeername())
    except OSError:  # the other end has hung up already: it was there
        return False


def answers(path: str) -> bool:
    """Say whether somebody listens on the stream socket at `path`, or where a link there leads.

    Raises OSError for what is no socket.
    """
    return _answers(path, _socket.SOCK_STREAM, posix.stat)


def accept(listener: Socket) -> Socket | None:
    """Return the next connection, None if there is none (any more).  Raises OSError (EMFILE)."""
    try:
        fd, _ = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
    except (BlockingIOError, ConnectionAbortedError):
        return None
    connection = Socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd)
    connection.setblocking(False)
    return connection


def from_fd(fd: int, kind: str = "stream") -> Socket:
    """Return the socket object of a descriptor that survived a re-exec: "stream" or "dgram"."""
    posix.set_inheritable(fd, False)
    number = _socket.SOCK_DGRAM if kind == "dgram" else _socket.SOCK_STREAM
    found = Socket(_socket.AF_UNIX, number, 0, fd)
    found.setblocking(False)
    return found


def peer(connection: Socket) -> tuple[int, int, int]:
    """Return the (pid, uid, gid) of who connected, as the kernel noted it.  Raises OSError."""
    data = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, CREDENTIALS_BYTES)
    numbers = [int.from_bytes(data[n : n + 4], sys.byteorder, signed=True) for n in (0, 4, 8)]
    return numbers[0], numbers[1], numbers[2]


def _check_length(path: str) -> None:
    if len(environment.encode(path)) > LONGEST_PATH:
        raise OSError(errno.ENAMETOOLONG, f"longer than the {LONGEST_PATH} bytes of a socket path")


def _bind(bound: Socket, path: str, mode: int) -> None:
    """Bind with `mode` in force from the start; a socket nobody listens on any more is removed."""
    mask = posix.umask(0o777 & ~mode)
    try:
        try:
            bound.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or _answers(path, bound.type):
                raise
            files.remove(path)
            bound.bind(path)
    finally:
        posix.umask(mask)


def _give(path: str, mode: int, uid: int | None, gid: int | None) -> None:
    """Give a socket to its owner: the socket, not what somebody has put in its place meanwhile."""
    if uid is None and gid is None:
        return
    try:
        posix.stat("/proc/self")
    except OSError:  # no /proc
        files.own(path, uid, gid)
    else:
        dress_unix(path, mode, uid, gid)


def _belongs(found: posix.stat_result, uid: int | None, gid: int | None) -> bool:
    return uid in (None, found.st_uid) and gid in (None, found.st_gid)


def _put(aside: str, path: str) -> None:
    """Give a socket its name: no other one's that answers, nor that of what is no socket."""
    try:
        posix.link(aside, path)  # never replaces anything, be it made this very moment
    except OSError:  # something is there, or this file system has no links
        if _answers(path, _socket.SOCK_STREAM):
            text = posix.strerror(errno.EADDRINUSE)
            raise OSError(errno.EADDRINUSE, text, path) from None
        posix.rename(aside, path)
    else:
        files.remove(aside)


def _answers(path: str, kind: int, look: Callable[[str], posix.stat_result] = posix.lstat) -> bool:
    """Say whether somebody listens there.  Raises OSError for what is no socket: it stays."""
    try:
        if not _stat.S_ISSOCK(look(path).st_mode):
            raise FileExistsError(errno.EEXIST, "something that is no socket is there", path)
    except FileNotFoundError:  # removed a moment ago
        return False
    probe = Socket(_socket.AF_UNIX, kind | FLAGS)
    try:
        probe.shutdown(_socket.SHUT_RD)  # nobody can send us what takes long to be closed
        probe.connect(path)
    except OSError as error:
        return error.errno not in (errno.ECONNREFUSED, errno.ENOENT)
    finally:
        probe.close()
    return True
