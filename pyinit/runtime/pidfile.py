"""The pidfile: taken at boot unless its pyinit still runs, given back at the end."""

from __future__ import annotations

import errno
import posix

from pyinit.system import files, procfs

NAME = b"pyinit"
PID_BYTES = 32


class AlreadyRunning(Exception):
    """Another pyinit has this pidfile."""


def take(path: str, uid: int | None = None, gid: int | None = None) -> None:
    """Write our pid to `path`, for a pyinit that will be `uid`.  Raises OSError, AlreadyRunning.

    A stale one is replaced: its process is gone, is no pyinit, or is we ourselves (in a container
    every pyinit is process 1).
    """
    pid = _read(path)
    if pid is not None and pid != posix.getpid() and _is_pyinit(pid):
        raise AlreadyRunning(f"pid {pid} of pidfile {path!r} is a pyinit that runs")
    text = b"%d\n" % posix.getpid()
    try:
        files.make_parents(path)
        files.atomic_write(path, text, uid=uid, gid=gid)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM) or not _is_empty(path):
            raise
        _fill(path, text)


def give_back(path: str) -> None:
    """Remove the pidfile if it is still ours; where its directory is not, leave it empty."""
    if _read(path) != posix.getpid():
        return
    try:
        posix.unlink(path)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM):
            return
        try:
            posix.truncate(path, 0)
        except OSError:
            return


def _read(path: str) -> int | None:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
    except OSError:
        return None
    try:
        text = posix.read(fd, PID_BYTES).strip()
    except OSError:
        return None
    finally:
        posix.close(fd)
    return int(text) if text.isdigit() else None


def _is_empty(path: str) -> bool:
    """Say whether there is what a pyinit leaves that may not remove its pidfile."""
    try:
        return posix.stat(path).st_size == 0
    except OSError:
        return False


def _fill(path: str, text: bytes) -> None:
    fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK)
    try:
        posix.write(fd, text)
    finally:
        posix.close(fd)


def _is_pyinit(pid: int) -> bool:
    """Say whether a process lives and is a pyinit, as far as its command line tells."""
    found = procfs.stat(pid)
    if found is None or found.state in "ZX":
        return False
    words = procfs.read(f"/proc/{pid}/cmdline")
    return words is None or NAME in words
