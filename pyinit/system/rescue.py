"""The last resort when the loop itself fails: forward signals, reap, end with 70.

It needs nothing that could be broken: no records, no plan, no log; only the pids of the children.
What programs print is read and thrown away: one that nobody reads would stop at the next line.
"""

from __future__ import annotations

import posix
import select
import time

from pyinit.system import faults, signals
from pyinit.system.reap import reap_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.system.reap import Reaped

EXIT_CODE = 70
STOP_SIGNALS = frozenset((2, 3, 15))
KILL_AFTER_S = 9.0
AGAIN_S = 1.0  # between two rounds of KILL
SIGKILL, SIGCHLD = 9, 17
READ_BYTES = 64 * 1024
PAUSE_MS = 100  # after a turn that had no memory, or no descriptor


def rescue(pids: list[int], signal_fd: int, main: int = 0, faults_fd: int = -1) -> int:
    """Look after `pids` until every child is gone; return the exit status 70.

    A stop signal is forwarded to all of them, and what is left 9 seconds later is killed.  The
    main program of COMMAND mode, `main`, gets every other signal, too.
    """
    left = set(pids)
    kill_at = 0.0
    nobody = select.poll()
    heard: tuple[select.poll, list[int]] | None = None
    while True:
        try:
            heard = heard or _listen(signal_fd, faults_fd)
            if not _reap(left):
                return EXIT_CODE
            _wait(*heard, kill_at)
            for number in (*signals.read_signals(signal_fd), *faults.read(faults_fd)):
                if number in STOP_SIGNALS:
                    kill_at = kill_at or time.monotonic() + KILL_AFTER_S
                    left.update(children())
                    _send_all(left, number)
                elif number != SIGCHLD and main in left:
                    _send_all({main}, number)
            if kill_at != 0.0 and time.monotonic() >= kill_at:
                left.update(children())
                _send_all(left, SIGKILL)
                kill_at = time.monotonic() + AGAIN_S
        except (OSError, MemoryError):  # it may be there in a moment: an end of ours is theirs
            nobody.poll(PAUSE_MS)


def _listen(signal_fd: int, faults_fd: int) -> tuple[select.poll, list[int]]:
    """Return what tells of signals and output, and the pipes of the programs."""
    poll = select.poll()
    pipes = _pipes(signal_fd)
    for fd in (signal_fd, *pipes, *([faults_fd] if faults_fd >= 0 else ())):
        poll.register(fd, select.POLLIN)
    return poll, pipes


def _wait(poll: select.poll, pipes: list[int], kill_at: float) -> None:
    """Wait for a signal, or for the time to kill; what is printed meanwhile is thrown away."""
    timeout = None if kill_at == 0.0 else max(1, int((kill_at - time.monotonic()) * 1000))
    for fd, _ in poll.poll(timeout):
        if fd in pipes and not _read_away(fd):
            poll.unregister(fd)


def children() -> list[int]:
    """Return the pids of our children, as far as /proc tells."""
    own = b"%d" % posix.getpid()
    found = []
    try:
        names = posix.listdir("/proc")
    except OSError:
        return []
    for name in filter(str.isdigit, names):
        try:
            fd = posix.open(f"/proc/{name}/stat", posix.O_RDONLY | posix.O_CLOEXEC)
        except OSError:
            continue
        try:
            if posix.read(fd, 512).rpartition(b")")[2].split()[1] == own:
                found.append(int(name))
        except (OSError, IndexError):
            continue
        finally:
            posix.close(fd)
    return found


def say(text: str) -> None:
    """Say something on stderr, if that is possible without waiting."""
    poll = select.poll()
    poll.register(2, select.POLLOUT)
    if poll.poll(0):
        try:
            posix.write(2, f"pyinit: {text}\n".encode("utf-8", "surrogateescape")[:4096])
        except OSError:
            return


def _reap(left: set[int]) -> bool:
    """Reap whoever is gone; say whether any child is left, be it one that came to us later."""
    more = True
    while more:
        gone: list[Reaped] = []
        more = reap_all(gone)
        left.difference_update([each[0] for each in gone])
    if not left:
        left.update(children())
    return bool(left)


def _pipes(signal_fd: int) -> list[int]:
    """Return the pipes we read from: their other ends are programs' stdout and stderr."""
    found = []
    try:
        names = posix.listdir("/proc/self/fd")
    except OSError:
        return []
    for fd in map(int, names):
        try:
            if fd > 2 and fd != signal_fd and posix.readlink(f"/proc/self/fd/{fd}")[:5] == "pipe:":
                posix.set_blocking(fd, False)
                posix.read(fd, 0)  # a writing end is refused
                found.append(fd)
        except OSError:
            continue
    return found


def _read_away(fd: int) -> bool:
    """Read once; say whether there may be more one day."""
    try:
        return posix.read(fd, READ_BYTES) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _send_all(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            posix.kill(pid, number)
        except OSError:
            continue
