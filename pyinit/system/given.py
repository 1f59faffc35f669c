"""Reading a file for a program, the whole of it: variables, a secret.

It may be a pipe, into which somebody writes once it is read (a tool that unseals, say).  A child
of PID 1 waits for that, never PID 1 itself; but not for ever: a start that hangs says nothing.
"""

from __future__ import annotations

import errno
import posix
import select
import time

from pyinit.system import logplace

READ_BYTES = 64 * 1024
WAIT_S = 20.0  # for who writes into a pipe: a whole configuration may take 60 s


def read(path: str, most: int) -> bytes:
    """Return what is in a file, led astray by nobody's links.

    Raises OSError, with `path` and a reason in words: EFBIG if there are more than `most` bytes,
    ETIMEDOUT if a pipe has no end within WAIT_S.
    """
    fd = logplace.open_for_others(path)
    try:
        return _all(fd, path, most)
    except OSError as error:
        reason = error.strerror or posix.strerror(error.errno or errno.EIO)
        raise OSError(error.errno or errno.EIO, reason, path) from None
    finally:
        posix.close(fd)


def _all(fd: int, path: str, most: int) -> bytes:
    """Read up to the end; a pipe without a writer has none yet, whatever read(2) says."""
    until = time.monotonic() + WAIT_S
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    parts: list[bytes] = []
    size = 0
    while size <= most:
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise OSError(errno.ETIMEDOUT, f"nobody has written all of it within {WAIT_S:g} s")
        try:
            data = posix.read(fd, READ_BYTES)
        except BlockingIOError:
            continue
        if not data:
            return b"".join(parts)
        parts.append(data)
        size += len(data)
    raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MB", path)
