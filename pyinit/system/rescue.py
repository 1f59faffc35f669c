"""The last resort when the loop itself fails: forward signals, reap, end with 70.

It needs nothing that could be broken: no records, no plan, no log; only the pids of the children.
What programs print is read and thrown away: one that nobody reads would stop at the next line.
Whatever fails here, too, keeps nothing else from being done, and is tried again.
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
ROUNDS = 10  # of KILL: whoever is left then is held up by the kernel, and dies when it lets go
SIGKILL, SIGCHLD = 9, 17
READ_BYTES = 64 * 1024
PAUSE_MS = 100  # after what has failed


def rescue(
    pids: list[int],
    signal_fd: int,
    main: int = 0,
    faults_fd: int = -1,
    told: tuple[int, ...] = (),
) -> int:
    """Look after `pids` until every child is gone; return the exit status 70.

    A stop signal is forwarded to all of them, and what is left 9 seconds later is killed.  The
    main program of COMMAND mode, `main`, gets every other signal, too.  `told` are the signals
    that came before, and were not obeyed so far.
    """
    care = Care(pids, signal_fd, main, faults_fd, told)
    nobody = select.poll()
    while not care.over:
        for stage in (care.listen, care.reap, care.wait, care.forward, care.kill):
            try:
                stage()
            except BaseException:  # noqa: BLE001  it may go well in a moment; our end is theirs
                nobody.poll(PAUSE_MS)
            if care.over:
                break
    return EXIT_CODE


class Care:
    """The stages of a turn of the rescue loop, none of which needs another one to go well."""

    def __init__(
        self, pids: list[int], signal_fd: int, main: int, faults_fd: int, told: tuple[int, ...]
    ) -> None:
        self.over = False
        self._told = [*told]
        self._left = set(pids)
        self._main = main
        self._signal_fd, self._faults_fd = signal_fd, faults_fd
        self._heard: tuple[select.poll, list[int]] | None = None
        self._kill_at = 0.0
        self._rounds = 0

    def listen(self) -> None:
        """Find what tells of signals and output, once; no signal stays blocked."""
        if self._heard is None:
            signals.let_through()
            self._heard = _listen(self._signal_fd, self._faults_fd)

    def reap(self) -> None:
        """Reap whoever is gone; without a child, be it one that came to us later, all is over."""
        more = True
        while more:
            gone: list[Reaped] = []
            more = reap_all(gone)
            self._left.difference_update([each[0] for each in gone])
        if not self._left:
            self._left.update(children())
        self.over = not self._left

    def wait(self) -> None:
        """Wait for a signal, or for the time to kill; what is printed meanwhile is thrown away."""
        if self._told:
            return
        poll, pipes = self._heard or (select.poll(), [])
        left_s = self._kill_at - time.monotonic()
        timeout = None if self._kill_at == 0.0 else max(1, int(left_s * 1000))
        if self._heard is None:
            timeout = PAUSE_MS
        for fd, _ in poll.poll(timeout):
            if fd in pipes and not _read_away(fd):
                poll.unregister(fd)

    def forward(self) -> None:
        """Pass on the signals that came."""
        if not self._told:
            self._told += signals.read_signals(self._signal_fd)
            self._told += faults.read(self._faults_fd) if self._faults_fd >= 0 else ()
        while self._told:
            number = self._told.pop(0)
            if number in STOP_SIGNALS:
                self._kill_at = self._kill_at or time.monotonic() + KILL_AFTER_S
                self._send_all(number)
            elif number != SIGCHLD and self._main in self._left:
                _send(self._main, number)

    def kill(self) -> None:
        """Kill who has not obeyed, when it is time to; at last leave them to the kernel."""
        if self._kill_at == 0.0 or time.monotonic() < self._kill_at:
            return
        self._kill_at = time.monotonic() + AGAIN_S
        self._rounds += 1
        self.over = self._rounds > ROUNDS
        self._send_all(SIGKILL)

    def _send_all(self, number: int) -> None:
        try:
            self._left.update(children())
        finally:
            for pid in self._left:
                _send(pid, number)


def _listen(signal_fd: int, faults_fd: int) -> tuple[select.poll, list[int]]:
    """Return what tells of signals and output, and the pipes of the programs."""
    poll = select.poll()
    pipes = _pipes(signal_fd)
    for fd in (signal_fd, *pipes, *([faults_fd] if faults_fd >= 0 else ())):
        poll.register(fd, select.POLLIN)
    return poll, pipes


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


def _send(pid: int, number: int) -> None:
    try:
        posix.kill(pid, number)
    except OSError:  # it is gone
        return
