"""inotify(7): the kernel tells of changes in directories.  For forked children of PID 1."""

from __future__ import annotations

import posix
import struct

from pyinit.system import libc

NONBLOCK, CLOEXEC = 0o4000, 0o2000000
MODIFY, ATTRIB, CLOSE_WRITE = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
ONLYDIR, MASK_ADD = 0x1000000, 0x20000000
ENTRIES = MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF | ONLYDIR | MASK_ADD
CONTENTS = MODIFY | ATTRIB | CLOSE_WRITE
OVERFLOW, IGNORED = 0x4000, 0x8000
HEAD = struct.Struct("iIII")  # watch, mask, cookie, length of the name
READ_BYTES = 1 << 16


def begin() -> int:
    """Return a descriptor that does not block.  Raises OSError."""
    return libc.call("inotify_init1", NONBLOCK | CLOEXEC)


def add(fd: int, directory: str, mask: int) -> int:
    """Watch a directory; return the number that its events have.  Raises OSError."""
    return libc.call(
        "inotify_add_watch", fd, directory.encode("utf-8", "surrogateescape") + b"\0", mask
    )


def remove(fd: int, watch: int) -> None:
    """Watch a directory no more; it may be gone."""
    try:
        libc.call("inotify_rm_watch", fd, watch)
    except OSError:
        return


def read(fd: int) -> list[tuple[int, int, str]]:
    """Return (watch, mask, name) of the events there are; [] if there are none.  Raises OSError."""
    try:
        data = posix.read(fd, READ_BYTES)
    except BlockingIOError:
        return []
    found = []
    place = 0
    while place + HEAD.size <= len(data):
        watch, mask, _, length = HEAD.unpack_from(data, place)
        place += HEAD.size
        name = data[place : place + length].rstrip(b"\0")
        place += length
        found.append((watch, mask, name.decode("utf-8", "surrogateescape")))
    return found
