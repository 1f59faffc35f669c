"""pidproxy: keeps a daemon's start command in the foreground, and its signals away from it.

It runs a command, and sends the signals that it gets to the process in a pidfile, which is the
daemon that the command has made.  pyinit itself follows such a daemon by `type = "forking"`; this
is for files that were written for supervisord.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

from pyinit.applets import bytes_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Never

USAGE = """\
pidproxy -- run a command, and pass signals on to the process in its pidfile.

Usage: {} <pidfile name> <command> [<cmdarg1> ...]
"""
PASSED = (
    *(signal.SIGTERM, signal.SIGHUP, signal.SIGINT),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT),
)
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
BAD_USAGE, NOT_RUN = 1, 127


def main() -> Never:
    """Be pidproxy with the command line of this process; never returns."""
    bytes_through.open_up()
    sys.exit(run(sys.argv[1:], sys.argv[0]))


def run(words: list[str], program: str) -> int:
    """Run the command after the pidfile; return the exit status."""
    if len(words) < 2:
        sys.stdout.write(USAGE.format(program))
        return BAD_USAGE
    pidfile, *command = words

    def pass_on(number: int, _frame: FrameType | None) -> None:
        _send(pidfile, number)

    for number in PASSED:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the image's entry blocks all for pyinit
    try:
        process = subprocess.Popen([_place(command[0]), *command[1:]])
    except OSError as error:
        sys.stderr.write(f'pidproxy: cannot run "{command[0]}": {error.strerror}\n')
        return NOT_RUN
    process.wait()
    return 0


def _place(command: str) -> str:
    """Return the path of a command: from here, as the genuine one does, else by PATH."""
    path = os.path.abspath(command)
    return path if os.path.exists(path) else shutil.which(command) or path


def _send(pidfile: str, number: int) -> None:
    """Send a signal to the process in the pidfile; one that means the end is ours, too."""
    try:
        with open(pidfile, encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, number)
    except (OSError, ValueError):
        sys.stdout.write(f"Can't read child pidfile {pidfile}!\n")
        sys.stdout.flush()
        return
    if number in ENDING:
        os._exit(0)


if __name__ == "__main__":
    main()
