"""Where pyinit itself is to stand, by [init]: its directory, its mask, its pidfile, its user."""

from __future__ import annotations

import errno
import posix
import sys

from pyinit.core.record import replace
from pyinit.runtime import pidfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import InitPlan
    from pyinit.runtime.log import Log
    from pyinit.runtime.machine import Machine
    from pyinit.runtime.options import Options


class Unable(Exception):
    """Something that [init] asks for cannot be had; the text says what, why, and the fix."""


def enter(init: InitPlan, options: Options) -> Options:
    """Go to the directory and put the mask in force; return `options` with the mask before.

    Raises Unable.
    """
    if init.directory is not None:
        try:
            posix.chdir(init.directory)
        except OSError as error:
            raise Unable(
                f'cannot enter the directory "{init.directory}" of [init]: {error.strerror}\n'
                "  make it, or name another in [init] directory"
            ) from None
    if init.umask is None:
        return options
    return replace(options, born_mask=posix.umask(init.umask))


def become_init(log: Log) -> None:
    """Have orphans below us handed to us, as PID 1 has by nature."""
    if posix.getpid() == 1:
        return
    from pyinit.system import prctl

    try:
        prctl.become_subreaper()
    except (OSError, ImportError) as error:
        log.warning(f"not PID 1 and no subreaper ({error}): orphans are not ours to reap")


def take_rest(machine: Machine) -> None:
    """Deal with what a pyinit before this one has left and nobody has taken so far.

    This is the first moment as the user that [init] wants: what it may not read is told.
    """
    for place in _unreadable():
        machine.log.warning(
            f'user {posix.geteuid()} may not read "{place}", which pyinit itself is made of:'
            " what it has not loaded yet will be missing\n"
            "  install pyinit and its Python where that user may read them, not below /root"
        )
    if machine.options.handed:
        from pyinit.runtime import handed

        handed.take_rest(machine)


def take_pidfile(init: InitPlan) -> None:
    """Write the pidfile, if there is to be one.  Raises Unable, and AlreadyRunning."""
    if init.pidfile is None:
        return
    root = posix.geteuid() == 0  # else it is ours, and nobody else may be had
    try:
        pidfile.take(init.pidfile, init.uid if root else None, init.gid if root else None)
    except OSError as error:
        raise Unable(
            f'cannot write the pidfile "{init.pidfile}": {error.strerror}\n'
            "  name another place in [init] pidfile, or leave it out"
        ) from None


def _unreadable() -> list[str]:
    """Return the directories of pyinit and of Python that we may not read."""
    if posix.geteuid() == 0:
        return []
    files = [sys.modules[name].__file__ for name in ("pyinit", "encodings")]
    unreadable = [file for file in files if file and not posix.access(file, posix.R_OK)]
    return [file.rpartition("/")[0] for file in unreadable]


def become_user(init: InitPlan) -> None:
    """Drop groups, gid and uid, in this order.  Raises Unable."""
    if init.uid is not None:
        import fcntl  # noqa: F401  now: children need it, and the user may not read our Python
    try:
        if init.groups is not None and posix.geteuid() == 0:
            posix.setgroups(init.groups)
        if init.gid is not None:
            posix.setresgid(init.gid, init.gid, init.gid)
        if init.uid is not None:
            posix.setresuid(init.uid, init.uid, init.uid)
    except OSError as error:
        who = f"group {init.gid}" if init.uid is None else f"user {init.uid}"
        key = "group" if init.uid is None else "user"
        reason = "not permitted" if error.errno == errno.EPERM else error.strerror
        raise Unable(
            f"cannot become {who} of [init]: {reason}\n"
            f"  start pyinit as root (with the capabilities SETUID and SETGID), or leave {key} out"
        ) from None
