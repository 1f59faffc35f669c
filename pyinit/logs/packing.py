"""Compressing old log files: in a child of its own, never in PID 1.

Only the reading and the writing is done in the child.  The log may be rotated on meanwhile, so
which name the file has by then, and putting the packed one in its place, is left to the parent,
which is also the one that rotates.
"""

from __future__ import annotations

TEMPORARY = ".packing"  # after the name of the log: rotation takes no such name
LEVEL = 6
BLOCK_BYTES = 1 << 20


def pack(old: int, temporary: str) -> None:
    """Write the file of descriptor `old` packed to `temporary`, with its mode and its owner.

    Root does this in directories of others: the new file may not be a link.  Raises OSError.
    """
    import contextlib
    import gzip
    import os

    with open(old, "rb") as source:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # of one that was interrupted
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        target = os.open(temporary, flags, 0o600)
        status = os.fstat(old)
        with open(target, "wb") as file, gzip.GzipFile("", "wb", LEVEL, file) as packed:
            while data := source.read(BLOCK_BYTES):  # shutil would bring bzip2 and xz along
                packed.write(data)
            os.fchown(target, status.st_uid, status.st_gid)
            os.fchmod(target, status.st_mode & 0o777)  # a log is nobody's program: no setuid


def unpacked(name: str, there: list[str]) -> list[str]:
    """Return those of the names `there` that are old files of the log `name`, newest first."""
    found = [each.removeprefix(name + ".") for each in there if each.startswith(name + ".")]
    numbers = sorted([int(rest) for rest in found if rest.isdecimal() and str(int(rest)) == rest])
    return [f"{name}.{number}" for number in numbers]
