"""pyinit begins anew: when all is stopped it executes itself with the words it was started with.

Nothing is kept but the process, and what clients connect to (handed): the configuration is read
again, logs are opened again, every program starts for the first time.  Signals stay pending from
the last look at them until the new pyinit catches them, so a TERM that comes between the two ends
it.
"""

from __future__ import annotations

import errno
import posix
import sys

from pyinit.runtime import handed, strays
from pyinit.runtime.failure import termination
from pyinit.runtime.log import fault
from pyinit.runtime.reaper import SIGCHLD
from pyinit.system import environment, files, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Never

    from pyinit.runtime.machine import Machine

VARIABLE = b"PYINIT_ANEW"  # the descriptor of a waiting `pyinit -d`, -1 if nobody waits
FAILED = 1
STATE_VARIABLE = b"PYINIT_STATE_FD"
AGAIN_VARIABLE = b"PYINIT_STATE_AGAIN"
STOP_VARIABLE = b"PYINIT_STATE_STOP"  # the signal of a stop that the state knows of


def begin(machine: Machine, code: int) -> int:
    """Become a pyinit that boots.  If that fails, say why and return the exit status."""
    options = machine.options
    mask = signals.block_all()
    left = handed.gather(machine)
    try:
        _leave_pending(machine)
        if options.born_mask >= 0:
            posix.umask(options.born_mask)
        if options.daemon_fd >= 0:
            posix.set_inheritable(options.daemon_fd, True)
        for _, _, fd in left:
            posix.set_inheritable(fd, True)
        more = {VARIABLE: b"%d" % options.daemon_fd, handed.VARIABLE: handed.written(left)}
        strays.stand_by(machine.driver.helpers)
        become(machine, more)
    except Exception as error:  # noqa: BLE001  whatever it is, this is the end
        text = f"pyinit: cannot begin anew: {fault(error)}\n"
        files.say(2, text.encode("utf-8", "surrogateescape"))
        termination(text)
        handed.drop(left)
    signals.restore(mask)
    return code or FAILED


def _leave_pending(machine: Machine) -> None:
    """Leave the signals that nobody has acted on to the new pyinit; it restarts as it is."""
    actions = dict(machine.plan.init.signals)
    for number in signals.read_signals(machine.options.signal_fd):
        if number != SIGCHLD and actions.get(number) != "restart":
            posix.kill(posix.getpid(), number)


def become(machine: Machine, more: dict[bytes, bytes]) -> Never:
    """Execute pyinit, started as we were, with `more` in its environment.  Raises OSError.

    It begins where we were born: there what is relative is found.
    """
    enter(machine.options.born_in)
    _execute({**machine.desk.environ, **more})


def once_more(environ: dict[bytes, bytes], left: list[int], here: str, signal_fd: int) -> None:
    """Execute another pyinit for a state that this one could not go on with, if it is the first.

    `environ` is what this one was born with, `left` the descriptors that were handed on to it, and
    `here` the directory.
    """
    if AGAIN_VARIABLE in environ:
        return
    state_fd = int(environ[STATE_VARIABLE])
    posix.lseek(state_fd, 0, 0)
    signals.block_all()  # they stay pending from here on, and those that came are sent again
    for number in signals.read_signals(signal_fd) if signal_fd >= 0 else ():
        posix.kill(posix.getpid(), number)
    for fd in left:
        try:
            posix.set_inheritable(fd, True)
        except OSError:  # it was closed, having been of no use
            continue
    enter(here)
    _execute({**environ, AGAIN_VARIABLE: b"1"})


def enter(directory: str) -> None:
    """Go to a directory, as far as that goes."""
    try:
        posix.chdir(directory)
    except OSError:  # it is gone, or not ours to enter: what is absolute is found all the same
        return


def _execute(environ: dict[bytes, bytes]) -> Never:
    encoding = sys.getfilesystemencoding()
    executable = sys.executable or "/proc/self/exe"
    words = [word.encode(encoding, "surrogateescape") for word in (executable, *sys.orig_argv[1:])]
    try:
        posix.execve(executable, words, environ)
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        text = f"{environment.too_long(words, environ)}: {error.strerror}"
        raise OSError(errno.E2BIG, text) from error
