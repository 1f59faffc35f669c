"""`pyinit -d`: a daemon on a host, whose command returns only when everything is ready.

fork, setsid, fork again, so that no terminal can become ours; the root directory, a mask of 022,
null descriptors.  The command that was typed waits on a pipe for the verdict: the status and the
text to print.  End-of-file without a verdict means that the daemon died.  The command may be
interrupted; the daemon goes on then.
"""

from __future__ import annotations

import posix

from pyinit.system import files, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Never

READ_BYTES = 4096
DIED = b"1\0pyinit: the daemon died before it was ready\n"
ROOTED = (b"PYINIT_CONFIG", b"PYINIT_SOCKET")


def daemonize() -> int:
    """Return the descriptor for the verdict, in the daemon; the caller's process never returns.

    Raises OSError.
    """
    _root_environment()
    files.open_standard()
    reader, writer = posix.pipe2(posix.O_CLOEXEC)
    mask = signals.block_all()  # whoever is not the daemon must not write to its signal pipe
    if posix.fork() > 0:
        signals.reset_in_child()
        posix.close(writer)
        _await_verdict(reader)
    posix.close(reader)
    posix.setsid()
    if posix.fork() > 0:
        posix._exit(0)  # noqa: SLF001
    signals.restore(mask)
    posix.chdir("/")
    posix.umask(0o022)
    posix.set_blocking(writer, False)  # a command that was stopped must not hold up PID 1
    _to_null()
    return writer


def go_on(fd: int) -> int:
    """Be the daemon that this process is already; return `fd`, where its command waits, or -1."""
    posix.chdir("/")
    return fd


def _root_environment() -> None:
    """Make what names a file do so from the root, which the daemon goes to."""
    here = posix.getcwdb()
    for name in ROOTED:
        value = posix.environ.get(name)
        if value:
            words = [here + b"/" + word if word[:1] != b"/" else word for word in value.split(b":")]
            posix.environ[name] = b":".join(words)


def _to_null() -> None:
    """Let 0, 1 and 2 lead nowhere, and nothing hold the terminal open."""
    try:
        null = posix.open("/dev/null", posix.O_RDWR)
    except OSError:  # no devices: something that can only fail
        null = posix.open("/", posix.O_RDONLY)
    for fd in (0, 1, 2):
        posix.dup2(null, fd)
    if null > 2:
        posix.close(null)


def _await_verdict(reader: int) -> Never:
    """Wait for what the daemon has to say, say it, and exit."""
    parts = []
    while part := posix.read(reader, READ_BYTES):
        parts.append(part)
    code, _, text = (b"".join(parts) or DIED).partition(b"\0")
    files.say(1 if code == b"0" else 2, text)
    posix._exit(int(code))  # noqa: SLF001
