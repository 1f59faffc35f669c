"""dumb-init: runs one command in a session of its own and passes every signal on to all of it.

What it does and says is dumb-init 1.2.5's; docs/compatibility.md lists where it does not, and why.
"""

from __future__ import annotations

import posix

from pyinit.applets.dumb_init_options import TERMINAL_STOPS, Answer, Settings, parse
from pyinit.runtime import direct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Never

    from pyinit.system.reap import Reaped

STDERR = 2
SIGHUP, SIGTERM, SIGCONT = 1, 15, 18
EXEC_FAILED = 2


def main() -> Never:
    """Be dumb-init with the command line of this process; never returns."""
    direct.leave(run(direct.words(), direct.environ()))


def run(argv: Sequence[bytes], environ: Mapping[bytes, bytes]) -> int:
    """Do what a command line of dumb-init asks for; return the exit status."""
    found = parse(argv, environ)
    if isinstance(found, Answer):
        direct.say(STDERR, found.err)
        return found.code
    return DumbInit(found).run()


class DumbInit(direct.Wrapper):
    """dumb-init's way of wrapping a command."""

    clean = True

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.command, to_group=settings.session)
        self.own_session = settings.session
        self._settings = settings
        self._hand_off: set[int] = set()  # signals the kernel sends us once for the terminal

    def waited(self) -> frozenset[int]:
        """Take every signal there is, those that are named after faults too."""
        return direct.all_signals()

    def begin(self) -> int | None:
        """Let go of the terminal, so that the child's session can have it."""
        for note in self._settings.notes:
            self._tell(note.decode())
        if not self.own_session:
            return None
        try:
            leader = direct.hand_over_terminal()
        except OSError as error:
            self._tell(f"Unable to detach from controlling tty ({_reason(error.errno or 0)}).")
            return None
        if leader:
            self._tell(
                "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."
            )
            self._hand_off = {SIGHUP, SIGCONT}
        else:
            self._tell("Detached from controlling tty, but was not session leader.")
        return None

    def stage(self, name: str, errno: int) -> int | None:
        """Say what failed on the way to the command, in the words of dumb-init."""
        match name:
            case "fork":
                _say(b"Unable to fork. Exiting.")
                return direct.FAILED
            case "session" if errno:
                _say(f"Unable to setsid ({_reason(errno)}). Exiting.".encode())
                return direct.FAILED
            case "terminal":
                if errno:
                    self._tell(f"Unable to attach to controlling tty ({_reason(errno)}).")
                self._tell("setsid complete.")
            case "exec":
                _say(b"%b: %b" % (self.command[0], posix.strerror(errno).encode()))
                return EXEC_FAILED
            case _:
                return None
        return None

    def started(self) -> None:
        """Tell who the child is, and hold no directory."""
        self._tell(f"Child spawned with PID {self.pid}.")
        failed = direct.leave_directory()
        if failed:
            self._tell(f'Unable to chdir("/") ({_reason(failed)})')

    def received(self, number: int) -> int | None:
        """Pass a signal on as the rewrites say; stop ourselves with the job if it stops."""
        self._tell(f"Received signal {number}.")
        if number in self._hand_off:
            self._tell(f"Ignoring tty hand-off signal {number}.")
            self._hand_off.discard(number)
        elif number == direct.SIGCHLD:
            return self._reap_children()
        else:
            self._forward(number)
            if number in TERMINAL_STOPS:
                self._tell("Suspending self due to TTY signal.")
                direct.suspend()
        return None

    def _reap_children(self) -> int | None:
        for gone in self.reap():
            code = self._tell_gone(gone)
            if gone[0] == self.pid:
                self._forward(SIGTERM)  # to whoever is left of its group
                self._tell(f"Child exited with status {code}. Goodbye.")
                return code
        return None

    def _tell_gone(self, gone: Reaped) -> int:
        code, killed_by = direct.status_of(gone)
        if killed_by:
            self._tell(f"A child with PID {gone[0]} was terminated by signal {killed_by}.")
        else:
            self._tell(f"A child with PID {gone[0]} exited with exit status {code}.")
        return code

    def _forward(self, number: int) -> None:
        sent = self._settings.rewrite.get(number, number)
        if number in self._settings.rewrite:
            self._tell(f"Translating signal {number} to {sent}.")
        if sent:
            self.forward(sent)  # whether anybody is left to get it does not matter
            self._tell(f"Forwarded signal {sent} to children.")
        else:
            self._tell("Not forwarding signal 0 to children (ignored).")

    def _tell(self, text: str) -> None:
        if self._settings.debug:
            _say(text.encode())


def _say(text: bytes) -> None:
    direct.say(STDERR, b"[dumb-init] %b\n" % text)


def _reason(number: int) -> str:
    return f"errno={number} {posix.strerror(number)}"
