"""Descriptors and files: logs opened safely, pidfiles, and nothing leaked into children."""

from __future__ import annotations

import posix

from pyinit.system import trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    import stat as _stat
    from collections.abc import Container
else:
    import _stat

BIG_PIPE_BYTES = 256 * 1024
LITTLE_BYTES = 256  # so many that Python always has somewhere
ANSWER = b"pyinit "  # begins what a child of ours says ...
HEAD_BYTES = len(ANSWER) + 16  # ... and how long it is, in hexadecimal, follows
FD_DIGITS = 9  # of a number that can be a descriptor
LOG_FLAGS = (
    posix.O_WRONLY
    | posix.O_APPEND
    | posix.O_CREAT
    | posix.O_CLOEXEC
    | posix.O_NOFOLLOW
    | posix.O_NONBLOCK
    | posix.O_NOCTTY
)


def open_log(
    path: str,
    mode: int | None = None,
    uid: int | None = None,
    gid: int | None = None,
    *,
    dir_fd: int | None = None,
) -> int:
    """Open a log file for appending, its directories made when missing; return the descriptor.

    With `dir_fd`, `path` is a name in that directory.

    A symbolic link in the last place is refused (ELOOP), and so is what somebody else may have
    placed there (EPERM, see `trust`).  Raises OSError.
    """
    try:
        fd = posix.open(path, LOG_FLAGS, 0o644 if mode is None else mode, dir_fd=dir_fd)
    except FileNotFoundError:
        if dir_fd is not None:
            raise
        make_parents(path)
        fd = posix.open(path, LOG_FLAGS, 0o644 if mode is None else mode)
    try:
        found = posix.fstat(fd)
        _check(path, found, uid, dir_fd)
        if mode is not None and _stat.S_IMODE(found.st_mode) != mode:
            posix.chmod(fd, mode)
        if (uid is not None and uid != found.st_uid) or (gid is not None and gid != found.st_gid):
            posix.chown(fd, -1 if uid is None else uid, -1 if gid is None else gid)
    except OSError:
        posix.close(fd)
        raise
    return fd


def _check(path: str, found: posix.stat_result, uid: int | None, dir_fd: int | None) -> None:
    """Refuse a file that may have been placed to have us use it.  Raises OSError."""
    if dir_fd is not None:
        trust.check_file(dir_fd, path, found, uid)
        return
    head, slash, name = path.rpartition("/")
    here = posix.open((head or slash) or ".", posix.O_PATH | posix.O_CLOEXEC)
    try:
        trust.check_file(here, name, found, uid)
    finally:
        posix.close(here)


def make_parents(path: str, mode: int = 0o755) -> None:
    """Make the directories above `path` that are missing.  Raises OSError."""
    parent = path.rpartition("/")[0]
    if not parent:
        return
    try:
        posix.mkdir(parent, mode)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_parents(parent, mode)
        try:
            posix.mkdir(parent, mode)
        except FileExistsError:
            return


def own(path: str, uid: int | None, gid: int | None) -> None:
    """Give `path` itself, not what a link there leads to, to somebody; None: as it is."""
    if uid is not None or gid is not None:
        owner = (-1 if uid is None else uid, -1 if gid is None else gid)
        posix.chown(path, *owner, follow_symlinks=False)


def atomic_write(
    path: str,
    data: bytes,
    mode: int = 0o644,
    uid: int | None = None,
    gid: int | None = None,
    *,
    dir_fd: int | None = None,
) -> None:
    """Write a small file so that nobody ever sees half of it, or another's.  Raises OSError.

    It is given to its owner before it has its name: what has the name later may be a link.
    With `dir_fd`, `path` is a name in that directory.
    """
    temporary = f"{path}.{posix.getpid()}"
    remove(temporary, dir_fd)  # of one that was interrupted: in a container our pid is always 1
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC | posix.O_NOFOLLOW
    fd = posix.open(temporary, flags, mode, dir_fd=dir_fd)
    try:
        while data:
            data = data[posix.write(fd, data) :]
        if uid is not None or gid is not None:
            posix.chown(fd, -1 if uid is None else uid, -1 if gid is None else gid)
        posix.rename(temporary, path, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    except OSError:
        remove(temporary, dir_fd)
        raise
    finally:
        posix.close(fd)


def remove(path: str, dir_fd: int | None = None) -> None:
    """Remove a file if it is there and may be removed."""
    try:
        posix.unlink(path, dir_fd=dir_fd)
    except OSError:
        return


def seal_inherited(keep: frozenset[int] = frozenset()) -> None:
    """Mark every descriptor above 2 close-on-exec, but for `keep`.

    Whatever pyinit was born with is not its programs' business.  /proc lists what is open; a loop
    up to the limit would take minutes where the limit is a thousand million.
    """
    try:
        names = posix.listdir("/proc/self/fd")
    except OSError:
        names = [str(fd) for fd in range(3, 1024)]
    for name in names:
        fd = int(name)
        if fd > 2 and fd not in keep:
            try:
                posix.set_inheritable(fd, False)
            except OSError:  # the descriptor of the listing itself
                continue


def descriptor(word: str) -> int:
    """Return the descriptor that a word of the environment names, -1 if that is none of ours.

    Those up to 2 are not handed on: they are everybody's.
    """
    plain = word.isascii() and word.isdigit() and len(word) <= FD_DIGITS
    return int(word) if plain and int(word) > 2 else -1


def close_all(keep: Container[int] = ()) -> None:
    """Close every descriptor above 2 but `keep`, in a child that lives on without an exec."""
    try:
        names = posix.listdir("/proc/self/fd")
    except OSError:
        names = [str(fd) for fd in range(3, 1024)]
    for name in names:
        if int(name) > 2 and int(name) not in keep:
            try:
                posix.close(int(name))
            except OSError:  # not open, or of the listing itself
                continue


def show_name(name: str) -> None:
    """Let `ps` show us as `name`: an entry that went through other programs has their name."""
    try:
        fd = posix.open("/proc/self/comm", posix.O_WRONLY | posix.O_CLOEXEC)
    except OSError:
        return  # no /proc: nobody can see it either
    try:
        posix.write(fd, name.encode())
    except OSError:
        return
    finally:
        posix.close(fd)


def open_standard() -> None:
    """Make sure that 0, 1 and 2 are open: a new descriptor must never become one of them."""
    for fd in (0, 1, 2):
        try:
            posix.fstat(fd)
        except OSError:
            try:
                posix.open("/dev/null", posix.O_RDWR)
            except OSError:  # an image without devices: something that can only fail
                posix.open("/", posix.O_RDONLY)
            posix.set_inheritable(fd, True)


def open_null() -> int:
    """Return a descriptor that reads as empty, close-on-exec, also where there is no /dev/null."""
    try:
        return posix.open("/dev/null", posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        reader, writer = posix.pipe2(posix.O_CLOEXEC)
        posix.close(writer)
        return reader


def say(fd: int, data: bytes) -> None:
    """Write `data`; if nobody can hear it, that is not worth an error."""
    try:
        while data:
            data = data[posix.write(fd, data) :]
    except OSError:
        return


def read_some(fd: int, size: int) -> bytes:
    """Read once: at most `size` bytes, fewer if there is no memory for them.  Raises OSError."""
    try:
        return posix.read(fd, size)
    except MemoryError:
        return posix.read(fd, LITTLE_BYTES)


def read_stream(fd: int, size: int) -> bytes:
    """Read what a program has printed, b"" at the end.  Raises BlockingIOError.

    An error is the end if it comes twice: who prints into a pipe that nobody reads is killed.
    """
    for _ in range(2):
        try:
            return read_some(fd, size)
        except BlockingIOError:
            raise
        except OSError:
            continue
    return b""


def pipe() -> tuple[int, int]:
    """Return (read end that never blocks, write end that blocks its writer), both close-on-exec."""
    reader, writer = posix.pipe2(posix.O_CLOEXEC)
    posix.set_blocking(reader, False)
    return reader, writer


def answer(fd: int, data: bytes) -> None:
    """Say `data` to whoever reads the pipe `fd`, such that half of it is seen to be no answer.

    Raises OSError.
    """
    said = memoryview(b"%s%016x%s" % (ANSWER, len(data), data))
    while said:
        said = said[posix.write(fd, said) :]


def due(said: bytes) -> int:
    """Return how long all of an answer is, from its beginning; -1 if it is none.

    0 as long as that cannot be told.
    """
    if not ANSWER.startswith(said[: len(ANSWER)]):
        return -1
    if len(said) < HEAD_BYTES:
        return 0
    try:
        return HEAD_BYTES + int(said[len(ANSWER) : HEAD_BYTES].decode("ascii"), 16)
    except ValueError:
        return -1


def answered(said: bytes) -> bytes | None:
    """Return what was answered; None for less than an answer, for more, and for something else."""
    return said[HEAD_BYTES:] if 0 < len(said) == due(said) else None


def enlarge_pipe(fd: int) -> bool:
    """Give a pipe room for BIG_PIPE_BYTES; say whether the kernel lets us."""
    import fcntl

    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, BIG_PIPE_BYTES)
    except OSError:
        return False
    return True
