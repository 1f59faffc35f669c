"""tini: runs one command, passes signals on to it, reaps orphans, exits with its status.

What it does and says is tini 0.19's; docs/compatibility.md lists where it does not, and why.
"""

from __future__ import annotations

import errno
import posix

from pyinit.applets.tini_options import Settings, parse
from pyinit.runtime import direct

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping, Sequence
    from typing import Never

    from pyinit.system.reap import Reaped
else:
    import _signal

STDOUT, STDERR = 1, 2
WARN, INFO, DEBUG, TRACE = 1, 2, 3, 4  # the verbosity from which each is said
LABELS = {WARN: "WARN ", INFO: "INFO ", DEBUG: "DEBUG", TRACE: "TRACE"}
NOT_FOUND, NOT_EXECUTABLE = 127, 126
NO_REAPER = """\
Tini is not running as PID 1 and isn't registered as a child subreaper.
Zombie processes will not be re-parented to Tini, so zombie reaping won't work.
To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER \
to register Tini as a child subreaper, or run Tini as PID 1."""
NO_SUBREAPER = "PR_SET_CHILD_SUBREAPER is unavailable on this platform. Are you using Linux >= 3.4?"


def main() -> Never:
    """Be tini with the command line of this process; never returns."""
    direct.leave(run(direct.words(), direct.environ()))


def run(argv: Sequence[bytes], environ: Mapping[bytes, bytes]) -> int:
    """Do what a command line of tini asks for; return the exit status."""
    found = parse(argv, environ)
    if isinstance(found, Settings):
        return Tini(found).run()
    direct.say(STDOUT, found.out)
    direct.say(STDERR, found.err)
    if found.fatal:
        _fatal(found.fatal)
    return found.code


class Tini(direct.Wrapper):
    """tini's way of wrapping a command."""

    own_group = True
    # The child is in the foreground, so the terminal may stop us for what we say on it.
    ignored = (direct.SIGTTIN, direct.SIGTTOU)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.command, to_group=settings.group)
        self._settings = settings

    def begin(self) -> int | None:
        """Ask the kernel for what the options ask for, and warn if orphans pass us by."""
        asked = self._settings
        if asked.parent_death_signal and direct.die_with_parent(asked.parent_death_signal):
            return _fatal(b"Failed to set up parent death signal")
        if asked.subreaper:
            failed = direct.become_subreaper()
            if failed == errno.EINVAL:
                return _fatal(NO_SUBREAPER.encode())
            if failed:
                return _fatal(b"Failed to register as child subreaper: " + _reason(failed))
            self._tell(TRACE, "Registered as child subreaper")
        try:
            reaper = direct.reaps_orphans()
        except OSError as error:
            reaper = False
            self._tell(DEBUG, f"Failed to read child subreaper attribute: {error.strerror}")
        if not reaper:
            self._tell(WARN, NO_REAPER)
        return None

    def stage(self, name: str, errno: int) -> int | None:
        """Say what failed on the way to the command, in the words of tini."""
        if errno == 0:
            return None
        if name == "foreground":
            return self._no_foreground(errno)
        if name == "exec":
            _fatal(b"exec %b failed: %b" % (self.command[0], _reason(errno)))
            return _status_of_exec(errno)
        call = "setpgid" if name == "group" else name
        return _fatal(b"%b failed: %b" % (call.encode(), _reason(errno)))

    def started(self) -> None:
        """Tell who the child is."""
        if self._settings.verbosity >= INFO:
            name = self.command[0]
            self._write(INFO, b"Spawned child process '%b' with pid '%d'" % (name, self.pid))

    def received(self, number: int) -> int | None:
        """Pass a signal on, then reap whoever is gone."""
        if number == direct.SIGCHLD:
            self._tell(DEBUG, "Received SIGCHLD")
        else:
            self._tell(DEBUG, f"Passing signal: '{_signal.strsignal(number)}'")
            failed = self.forward(number)
            if failed == errno.ESRCH:
                self._tell(WARN, "Child was dead when forwarding signal")
            elif failed:
                return _fatal(b"Unexpected error when forwarding signal: '%b'" % _reason(failed))
        code = None
        for gone in self.reap():
            self._tell(DEBUG, f"Reaped child with pid: '{gone[0]}'")
            if gone[0] == self.pid:
                code = self._child_gone(gone)
            elif self._settings.warn_on_reap:
                self._tell(WARN, f"Reaped zombie process with pid={gone[0]}")
        self._tell_end(code)
        return code

    def _child_gone(self, gone: Reaped) -> int:
        code, killed_by = direct.status_of(gone)
        if killed_by:
            name = _signal.strsignal(killed_by)
            self._tell(INFO, f"Main child exited with signal (with signal '{name}')")
        else:
            self._tell(INFO, f"Main child exited normally (with status '{code}')")
        return 0 if code in self._settings.expected else code

    def _tell_end(self, code: int | None) -> None:
        if self._settings.verbosity < TRACE:
            return
        self._tell(TRACE, "No child to reap" if direct.has_children() else "No child to wait")
        if code is not None:
            self._tell(TRACE, "Exiting: child has exited")

    def _no_foreground(self, number: int) -> int | None:
        if number == errno.ENOTTY:
            self._tell(DEBUG, "tcsetpgrp failed: no tty (ok to proceed)")
        elif number == errno.ENXIO:
            self._tell(DEBUG, "tcsetpgrp failed: no such device (ok to proceed)")
        else:
            return _fatal(b"tcsetpgrp failed: " + _reason(number))
        return None

    def _tell(self, level: int, text: str) -> None:
        if self._settings.verbosity >= level:
            self._write(level, text.encode())

    def _write(self, level: int, text: bytes) -> None:
        """Write a line: warnings to stderr, all else to stdout."""
        mark = b"[%b tini (%d)] " % (LABELS[level].encode(), direct.own_pid())
        direct.say(STDERR if level == WARN else STDOUT, mark + text + b"\n")


def _fatal(text: bytes) -> int:
    """Say why it ends here; return the status of a tini that failed."""
    direct.say(STDERR, b"[FATAL tini (%d)] %b\n" % (direct.own_pid(), text))
    return direct.FAILED


def _status_of_exec(number: int) -> int:
    if number == errno.ENOENT:
        return NOT_FOUND
    return NOT_EXECUTABLE if number == errno.EACCES else direct.FAILED


def _reason(number: int) -> bytes:
    return posix.strerror(number).encode()
