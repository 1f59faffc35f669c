"""The pidfile: taken at boot unless its pyinit still runs, given back at the end."""

from __future__ import annotations

import errno
import posix

from pyinit.system import files, logplace, procfs, trust

NAME = b"pyinit"
PID_BYTES = 32
READING = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK | posix.O_NOFOLLOW
WRITING = posix.O_WRONLY | posix.O_CLOEXEC | posix.O_NONBLOCK | posix.O_NOFOLLOW


class AlreadyRunning(Exception):
    """Another pyinit has this pidfile."""


def take(path: str, uid: int | None = None, gid: int | None = None) -> None:
    """Write our pid to `path`, for a pyinit that will be `uid`.  Raises OSError, AlreadyRunning.

    A stale one is replaced: its process is gone, is no pyinit, or is we ourselves (in a container
    every pyinit is process 1).
    """
    here, name = _find(path, make=True)
    try:
        pid = _read(here, name)
        if pid is not None and pid != posix.getpid() and _is_pyinit(pid):
            raise AlreadyRunning(f"pid {pid} of pidfile {path!r} is a pyinit that runs")
        text = b"%d\n" % posix.getpid()
        try:
            files.atomic_write(name, text, uid=uid, gid=gid, dir_fd=here)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM) or not _is_empty(here, name):
                raise
            _write(here, name, text)
    finally:
        posix.close(here)


def give_back(path: str) -> None:
    """Remove the pidfile if it is still ours; where its directory is not, leave it empty."""
    try:
        here, name = _find(path, make=False)
    except OSError:
        return
    try:
        if _read(here, name) == posix.getpid():
            _remove(here, name)
    finally:
        posix.close(here)


def _remove(here: int, name: str) -> None:
    try:
        posix.unlink(name, dir_fd=here)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM):
            return
        try:
            _write(here, name, b"")
        except OSError:
            return


def _find(path: str, *, make: bool) -> tuple[int, str]:
    """Return the directory of the pidfile and its name there, whatever others have put on the way.

    Raises OSError.
    """
    try:
        return logplace.find(path, make=make)
    except logplace.OwnStream:
        raise OSError(errno.EINVAL, "that is where pyinit prints", path) from None


def _read(here: int, name: str) -> int | None:
    try:
        fd = posix.open(name, READING, dir_fd=here)
    except OSError:
        return None
    try:
        text = posix.read(fd, PID_BYTES).strip()
    except OSError:
        return None
    finally:
        posix.close(fd)
    return int(text) if text.isdigit() else None


def _is_empty(here: int, name: str) -> bool:
    """Say whether there is what a pyinit leaves that may not remove its pidfile."""
    try:
        return posix.stat(name, dir_fd=here, follow_symlinks=False).st_size == 0
    except OSError:
        return False


def _write(here: int, name: str, text: bytes) -> None:
    """Let a pidfile that is there hold nothing but `text`.  Raises OSError."""
    fd = posix.open(name, WRITING, dir_fd=here)
    try:
        trust.check_name(here, name, posix.fstat(fd))
        posix.truncate(fd, 0)
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
