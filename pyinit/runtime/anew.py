"""pyinit begins anew: when all is stopped it executes itself with the words it was started with.

Nothing is kept but the process, and what clients connect to (handed): the configuration is read
again, logs are opened again, every program starts for the first time.  Signals stay pending from
the last look at them until the new pyinit catches them, so a TERM that comes between the two ends
it.
"""

from __future__ import annotations

import posix

from pyinit.runtime import handed, reexec
from pyinit.runtime.failure import termination
from pyinit.runtime.log import fault
from pyinit.runtime.reaper import SIGCHLD
from pyinit.system import files, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.machine import Machine

VARIABLE = b"PYINIT_ANEW"  # the descriptor of a waiting `pyinit -d`, -1 if nobody waits
FAILED = 1


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
        reexec.become(machine, more)
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
