"""Says why pyinit did not start, or why it ended: to whoever started it, and to Kubernetes."""

from __future__ import annotations

import posix
import sys

from pyinit.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.compiling import Faults
    from pyinit.runtime.options import Options

SUPERVISORD_FAILED = 2
TERMINATION_LOG = "/dev/termination-log"


def fail(options: Options, faults: Faults) -> int:
    """Say why nothing was started, to whoever started us and to Kubernetes; return the status.

    The command that waits for a daemon fails in any case: there is none.  Under the name of
    supervisord its words are said, and its status for all that is wrong is returned.
    """
    if options.handed:
        from pyinit.runtime.handed import drop

        drop(options.handed)
    genuine = options.name == "supervisord"
    lines = [f"Error: {line}" if genuine else f"pyinit: {line}" for line in faults.lines]
    if genuine:
        lines.append(f"For help, use {sys.argv[0]} -h")
    text = "\n".join(lines) + "\n"
    data = text.encode("utf-8", "surrogateescape")
    files.say(2, data)
    if options.daemon_fd >= 0:
        files.say(options.daemon_fd, b"%d\0" % (faults.code or 1) + data)
    if faults.code:
        termination(text)
    return SUPERVISORD_FAILED if genuine and faults.code else faults.code


def termination(text: str) -> None:
    """Write the reason of an end where Kubernetes reads it; elsewhere there is no such file."""
    try:
        fd = posix.open(TERMINATION_LOG, posix.O_WRONLY | posix.O_CLOEXEC | posix.O_TRUNC)
    except OSError:
        return
    try:
        posix.write(fd, text.encode("utf-8", "surrogateescape")[:4096])
    finally:
        posix.close(fd)
