"""Where a log file really is, and opening it there without being led elsewhere.

Root writes logs into directories of other users.  Whoever owns such a directory could put a
symbolic link there, in the place of the file or of a directory on the way, and have root write
to any file of the machine.  So the way is walked name by name, and a link is followed only if
root or we have made it, in a directory that nobody else may write to (see `trust`).
`/dev/stdout -> /proc/self/fd/1` is such a link; where it leads is not opened but told as the
stream it is: a socket cannot be opened, and a file would be written over from its beginning.
"""

from __future__ import annotations

import errno
import posix

from pyinit.system import files, trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    import stat as _stat
else:
    import _stat

MAX_LINKS = 40  # as the kernel: more is a loop
DIRECTORY = posix.O_PATH | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC
STREAMS = {"stdout": 1, "stderr": 2, "fd/1": 1, "fd/2": 2}


class OwnStream(Exception):
    """The path means pyinit's own stdout or stderr: `number` is 1 or 2."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


READING = posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NOCTTY
EMPTYING = posix.O_WRONLY | (READING & ~posix.O_RDONLY)


def find(path: str, *, make: bool = True, strangers: set[int] | None = None) -> tuple[int, str]:
    """Return the directory of a log file, opened and made where it is missing, and its name there.

    Raises OwnStream, and OSError: ELOOP for a link that is not to be trusted, ENOENT for what is
    missing if nothing is to be made.  With `strangers` such links are followed, and who may have
    made them is added to it: the caller must not give them what is not theirs.
    """
    _check_own(path)
    left = _split(path)
    here = _open_start(path)
    links = 0
    try:
        while True:
            name = left.pop(0) if left else "."
            target = _link(here, name, strangers)
            if target is not None:
                links += 1
                _check_links(links, path)
                left = [*_split(target), *left]
                if target.startswith("/"):
                    _check_own("/" + "/".join(left))
                    posix.close(here)
                    here = _open_start(target)
                continue
            if not left:
                return here, name
            below = _enter(here, name, make=make)
            posix.close(here)
            here = below
    except BaseException:
        posix.close(here)
        raise


def names(here: int) -> list[str]:
    """Return the names in a directory that `find` gave.  Raises OSError."""
    listing = posix.open(".", posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC, dir_fd=here)
    try:
        return posix.listdir(listing)
    finally:
        posix.close(listing)


def open_file(path: str, mode: int | None, uid: int | None, gid: int | None) -> int:
    """Open a log file for appending, as `files.open_log`.  Raises OwnStream, OSError."""
    here, name = find(path)
    try:
        return files.open_log(name, mode, uid, gid, dir_fd=here)
    finally:
        posix.close(here)


def open_existing(path: str, flags: int) -> int:
    """Open a log file that is there, with READING or EMPTYING.  Raises OwnStream, OSError.

    What is no regular file raises FileNotFoundError: a device or a FIFO keeps nothing.
    """
    here, name = find(path, make=False)
    try:
        if not _stat.S_ISREG(posix.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
            raise FileNotFoundError(errno.ENOENT, "it is no regular file", path)
        fd = posix.open(name, flags, dir_fd=here)  # it may be another by now: look at what we have
        try:
            found = posix.fstat(fd)
            if not _stat.S_ISREG(found.st_mode):
                raise FileNotFoundError(errno.ENOENT, "it is no regular file", path)
            trust.check_name(here, name, found)
        except OSError:
            posix.close(fd)
            raise
    finally:
        posix.close(here)
    return fd


def open_for_others(path: str) -> int:
    """Open a file to read it for a program, as `given` does.  Raises OSError.

    Whoever may make links on the way to it (the user of the program, say) is not given what only
    root may read: links of a user lead to nothing but files of that user.
    """
    strangers: set[int] = set()
    try:
        here, name = find(path, make=False, strangers=strangers)
    except OwnStream:
        raise OSError(errno.EINVAL, "that is where pyinit prints", path) from None
    try:
        fd = posix.open(name, READING, dir_fd=here)
        try:
            trust.check_given(here, fd, path, strangers)
        except OSError:
            posix.close(fd)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        posix.close(here)
    return fd


def own_stream(path: str) -> int:
    """Return 1 or 2 if a path means pyinit's own stdout or stderr, else 0."""
    try:
        here, _ = find(path, make=False)
    except OwnStream as own:
        return own.number
    except OSError:
        return 0
    posix.close(here)
    return 0


def _check_links(links: int, path: str) -> None:
    if links > MAX_LINKS:
        raise OSError(errno.ELOOP, posix.strerror(errno.ELOOP), path)


def _check_own(path: str) -> None:
    for place in ("/dev/", "/proc/self/", f"/proc/{posix.getpid()}/"):
        number = STREAMS.get(path.removeprefix(place)) if path.startswith(place) else None
        if number is not None:
            raise OwnStream(number)


def _split(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def _open_start(path: str) -> int:
    return posix.open("/" if path.startswith("/") else ".", DIRECTORY)


def _link(here: int, name: str, strangers: set[int] | None) -> str | None:
    """Return where the link `name` leads, None if it is no link.  Raises OSError: not trusted."""
    try:
        found = posix.stat(name, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not _stat.S_ISLNK(found.st_mode):
        return None
    try:
        trust.check_link(here, name, found)
    except OSError:
        if strangers is None:
            raise
        strangers |= trust.makers(here, found)
    return posix.readlink(name, dir_fd=here)


def _enter(here: int, name: str, *, make: bool) -> int:
    try:
        return posix.open(name, DIRECTORY, dir_fd=here)
    except FileNotFoundError:
        if not make:
            raise
        try:  # noqa: SIM105  contextlib is an import
            posix.mkdir(name, 0o755, dir_fd=here)
        except FileExistsError:
            pass
        return posix.open(name, DIRECTORY, dir_fd=here)
