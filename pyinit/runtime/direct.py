"""The engine of tini and dumb-init: one child, signals passed on, orphans reaped, its status.

No configuration, no control socket, no output of its own kind: what a container with one program
needs, and nothing that could keep it from starting at once.

    hold signals -> begin -> fork --------------------> started -> [take a signal -> received]...
                             child: group or session, terminal, signals as they were, exec

A Wrapper is that life; tini and dumb-init each say how theirs differs by overriding `begin`,
`stage`, `started` and `received`.  An exit status that one of them returns ends it.
"""

from __future__ import annotations

import posix
import sys

from pyinit.system import direct_child, direct_terminal, signals
from pyinit.system.reap import reap_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Never

    from pyinit.system.reap import Reaped

ESRCH = 3
SIGCHLD, SIGTTIN, SIGTTOU = 17, 21, 22
FAILED = 1  # the status of a wrapper that failed itself


class Wrapper:
    """One wrapped command.

    `to_group` sends signals to the child's whole group.  Set by a subclass: `own_group` puts the
    child into a group of its own, in the foreground of the terminal; `own_session` into a session
    of its own, which gets the terminal; `clean` gives it default signals rather than ours.
    """

    own_group = False
    own_session = False
    clean = False
    ignored: tuple[int, ...] = ()

    def __init__(self, command: tuple[bytes, ...], *, to_group: bool) -> None:
        self.command = command
        self.to_group = to_group
        self.pid = 0
        self._gone = False

    def begin(self) -> int | None:
        """Do what comes before the child."""
        return None

    def stage(self, name: str, errno: int) -> int | None:
        """Hear how one step of the start went; a status returned in the child is the child's.

        "fork" is of the wrapper; "group" and "foreground", "session" and "terminal", "exec" are
        of the child.  `errno` 0 is success, of which "fork" and "exec" do not tell.
        """
        raise AssertionError(f"cannot start: stage {name} has nobody to tell {errno}")

    def started(self) -> None:
        """Do what comes after the fork, in the wrapper."""

    def received(self, number: int) -> int | None:
        """Do what is to be done about a signal."""
        raise AssertionError(f"cannot take signal {number}: nobody knows what it means")

    def run(self) -> int:
        """Live that life; return the exit status."""
        waited = self.waited()
        held = direct_child.hold(waited, self.ignored)
        code = self.begin()
        if code is not None:
            return code
        try:
            self.pid = direct_child.start(lambda: self._become(held))
        except OSError as error:
            code = self.stage("fork", error.errno or 0)
            return FAILED if code is None else code
        self.started()
        import resource  # noqa: F401  or wait4 imports it at the first death, when time counts

        while code is None:
            code = self._guarded(direct_child.wait(waited))
        return code

    def waited(self) -> frozenset[int]:
        """Return the signals that are taken and passed on."""
        return frozenset(signals.catchable()).difference(self.ignored)

    def forward(self, number: int) -> int:
        """Send a signal to the child or its group; return the errno, 0 for none.

        Of a child that was reaped only the group is left, if anybody is in it.
        """
        if self._gone:
            return direct_child.send_group(self.pid, number) if self.to_group else ESRCH
        return direct_child.send(self.pid, number, group=self.to_group)

    def reap(self) -> Iterator[Reaped]:
        """Reap everybody who is gone, one by one."""
        more = True
        while more:
            found: list[Reaped] = []
            more = reap_all(found)
            for gone in found:
                self._gone = self._gone or gone[0] == self.pid
                yield gone

    def _guarded(self, number: int) -> int | None:
        """A fault of ours must not end the child: it is told, and the signal is dropped."""
        try:
            return self.received(number)
        except Exception as error:  # noqa: BLE001
            say(2, f"cannot handle signal {number}: {error!r}\n".encode())
            return None

    def _become(self, held: direct_child.Held) -> int:
        """Be the child: every step in its order, then the command."""
        code = None
        if self.own_group:
            code = self._step("group", direct_child.new_group)
            if code is None:
                code = self._step("foreground", direct_terminal.take_foreground)
        if self.clean:
            direct_child.reset()
        else:
            direct_child.restore(held, self.ignored)
        if self.own_session:
            code = self._step("session", direct_child.new_session)
            if code is None:
                code = self._step("terminal", direct_terminal.attach)
        if code is None:
            code = self.stage("exec", direct_child.execvp(self.command))
        return FAILED if code is None else code

    def _step(self, name: str, call: Callable[[], None]) -> int | None:
        try:
            call()
        except OSError as error:
            return self.stage(name, error.errno or 0)
        return self.stage(name, 0)


def words() -> tuple[bytes, ...]:
    """Return the command line as the kernel gave it to us."""
    encoding = sys.getfilesystemencoding()
    return tuple([word.encode(encoding, "surrogateescape") for word in sys.argv])


def environ() -> dict[bytes, bytes]:
    """Return the environment we were started with."""
    return posix.environ


def say(fd: int, text: bytes) -> None:
    """Write all of `text`, or as much as can be written: nobody could be told that it failed."""
    while text:
        try:
            text = text[posix.write(fd, text) :]
        except OSError:
            return


def leave(code: int) -> Never:
    """End this process at once: Python's own farewell would only take time."""
    posix._exit(code)  # noqa: SLF001


def status_of(gone: Reaped) -> tuple[int, int]:
    """Return (exit status, 0) or (128 + signal, signal) of a process that was reaped."""
    code = posix.waitstatus_to_exitcode(gone[1])
    return (code, 0) if code >= 0 else (128 - code, -code)


def own_pid() -> int:
    """Return the pid of whoever asks: the wrapper, or the child before its command."""
    return posix.getpid()


def all_signals() -> frozenset[int]:
    """Return every signal that a process can wait for."""
    return direct_child.everything()


def reaps_orphans() -> bool:
    """Say whether orphans below us become our children.  Raises OSError if nobody can tell."""
    if posix.getpid() == 1:
        return True
    from pyinit.system import prctl

    return prctl.is_subreaper()


def become_subreaper() -> int:
    """Have the orphans below us become our children; return the errno, 0 for success."""
    from pyinit.system import prctl

    return _errno_of(prctl.become_subreaper)


def die_with_parent(number: int) -> int:
    """Have signal `number` sent to us when our parent dies; return the errno, 0 for success."""
    from pyinit.system import prctl

    return _errno_of(lambda: prctl.set_parent_death_signal(number))


def has_children() -> bool:
    """Say whether anybody is left to be reaped one day, as far as the kernel tells."""
    from pyinit.system import procfs

    return procfs.children_of_self() != []


def hand_over_terminal() -> bool:
    """Give up the terminal for the child to take; say whether HUP and CONT follow from that.

    Raises OSError when there is none to give up.
    """
    return direct_terminal.detach()


def leave_directory() -> int:
    """Keep no file system busy: move to "/"; return the errno, 0 for success."""
    return _errno_of(lambda: posix.chdir("/"))


def suspend() -> None:
    """Stop until somebody sends CONT."""
    direct_child.suspend()


def _errno_of(call: Callable[[], None]) -> int:
    try:
        call()
    except OSError as error:
        return error.errno or FAILED
    return 0
