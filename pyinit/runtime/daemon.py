"""`pyinit -d`: a daemon on a host, whose command returns only when everything is ready.

fork, setsid, fork again, so that no terminal can become ours; the root directory, a mask of 022,
null descriptors.  The command that was typed waits on a pipe for the verdict: the status and the
text to print.  End-of-file without a verdict means that the daemon died.
"""

from __future__ import annotations

import posix

from pyinit.system.reap import reap_all

READ_BYTES = 4096
DIED = b"1\0pyinit: the daemon died before it was ready\n"


def daemonize() -> int:
    """Return the descriptor for the verdict, in the daemon; the caller's process never returns."""
    reader, writer = posix.pipe2(posix.O_CLOEXEC)
    if posix.fork() > 0:
        posix.close(writer)
        _await_verdict(reader)
    posix.close(reader)
    posix.setsid()
    if posix.fork() > 0:
        posix._exit(0)  # noqa: SLF001
    posix.chdir("/")
    posix.umask(0o022)
    null = posix.open("/dev/null", posix.O_RDWR)
    for fd in (0, 1, 2):
        posix.dup2(null, fd)
    if null > 2:
        posix.close(null)
    return writer


def _await_verdict(reader: int) -> None:
    """Wait for what the daemon has to say, say it, and exit."""
    parts = []
    while part := posix.read(reader, READ_BYTES):
        parts.append(part)
    reap_all()
    code, _, text = (b"".join(parts) or DIED).partition(b"\0")
    posix.write(1 if code == b"0" else 2, text)
    posix._exit(int(code))  # noqa: SLF001
