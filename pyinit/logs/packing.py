"""Compressing old log files: in a child of its own, never in PID 1."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


def pack_old(name: str) -> None:
    """Pack what rotation has left of the log `name` in the current directory, newest first.

    One that is rotated on meanwhile is left for the next time.  Raises OSError.
    """
    import os

    there = os.listdir(".")
    numbers = [each.removeprefix(name + ".") for each in there if each.startswith(name + ".")]
    for rest in numbers:
        number, _, pid = rest.partition(".gz.")
        if number.isdecimal() and pid.isdecimal() and not _lives(int(pid)):
            os.unlink(f"{name}.{rest}")  # of one that was interrupted
    for old in sorted([int(rest) for rest in numbers if rest.isdecimal()]):
        try:
            pack(f"{name}.{old}")
        except FileNotFoundError:
            continue


def pack(path: str) -> None:
    """Replace `path` by `path`.gz.  Raises OSError; an interrupted one leaves the original.

    Root does this in directories of others: neither the file nor the new one may be a link.
    """
    import contextlib
    import os

    temporary = f"{path}.gz.{os.getpid()}"
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as source:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # of one that was interrupted: PIDs come again
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        target = os.open(temporary, flags, 0o600)
        try:
            _compress(source, target)
            _check_still_there(path, source)
            os.rename(temporary, f"{path}.gz")
        except BaseException:
            os.unlink(temporary)
            raise
    os.unlink(path)


def _lives(pid: int) -> bool:
    import os

    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no pid at all: not ours to judge
        return True
    return pid != os.getpid()


def _check_still_there(path: str, source: BinaryIO) -> None:
    import errno
    import os

    if not os.path.samestat(os.fstat(source.fileno()), os.lstat(path)):
        raise FileNotFoundError(errno.ENOENT, "rotated on while it was compressed", path)


def _compress(source: BinaryIO, target: int) -> None:
    """Write what `source` holds into the descriptor `target`, with its mode and its owner."""
    import gzip
    import os
    import shutil

    status = os.fstat(source.fileno())
    with open(target, "wb") as file, gzip.GzipFile("", "wb", 6, file) as packed:
        shutil.copyfileobj(source, packed, 1 << 20)
        os.fchown(target, status.st_uid, status.st_gid)
        os.fchmod(target, status.st_mode & 0o7777)
