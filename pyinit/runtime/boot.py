"""Boot: puts pyinit together, runs it, and ends it.  The one place that knows all the parts.

signals   are caught before anything else (the command line does it on its first line)
compiler  is forked as soon as it is known what to read: it works while we import the rest
limits    of [init] are set before a program, a log or a socket exists
control   socket, pidfile, user
Boot      starts the programs; the loop runs; what Exit says becomes our status
"""

from __future__ import annotations

import errno
import posix
import sys

from pyinit import bundle
from pyinit.core.plan import Plan
from pyinit.runtime import compiling, rest
from pyinit.runtime.compiling import Faults
from pyinit.runtime.failure import fail, reason_of
from pyinit.runtime.main_program import complete
from pyinit.system import files, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.options import Options

SIGKILL = 9
DEEP = 20_000  # frames: a chain of dependencies as long as that is walked by recursion
DEFAULT_FILE = "/etc/pyinit/pyinit.toml"
STOPPING = frozenset((2, 3, 15))


def main(options: Options) -> int:
    """Run pyinit to its end; return its exit status."""
    if options.state_fd >= 0:  # whoever called us looks after the programs if this raises
        bundle.together("pyinit.runtime.machine")
        bundle.together("pyinit.runtime.later")
        from pyinit.runtime import reexec

        _begin(options)
        return reexec.resume(options)
    try:
        _begin(options)
        return _boot(options)
    except BaseException as error:  # noqa: BLE001  no program runs yet: who started us is told
        return fail(options, Faults((f"cannot start: {reason_of(error)}",), 1))


def _begin(options: Options) -> None:
    sys.setrecursionlimit(DEEP)
    rest.begin()
    files.open_standard()
    files.show_name(options.name)


def _boot(options: Options) -> int:
    compiler = _start_compiler(options)
    bundle.together("pyinit.runtime.machine")
    from pyinit.runtime.machine import Machine

    told: list[int] = []  # signals that came before there was a loop
    outcome = _read_plan(options, compiler, told)
    if outcome is None:  # told to stop before anything was started
        return fail(options, Faults(("stopped before anything was started",), 0))
    plan = complete(options, outcome)
    if isinstance(plan, Faults):
        return fail(options, plan)
    machine = Machine(options, plan)
    if isinstance(compiler, tuple):  # it is no orphan whose end is of interest
        machine.driver.helpers[compiler[1]] = lambda _status: None
    return machine.run(told)


def _start_compiler(options: Options) -> tuple[int, int] | Faults | None:
    """Fork the compiler if there may be anything to read."""
    if options.command and not options.paths and not _has_default_files():
        return None
    try:
        told = (options.paths, options.overrides, options.name, options.beside)
        return compiling.fork_compiler(*told)
    except OSError as error:
        return Faults((f"cannot read the configuration: {reason_of(error)}",), 1)


def _has_default_files() -> bool:
    if posix.environ.get(b"PYINIT_CONFIG") or _is_there(DEFAULT_FILE):
        return True
    # The image has an empty conf.d: a compiler forked for nothing would double the start.
    try:
        names = posix.listdir("/etc/pyinit/conf.d")
    except OSError as fault:
        return fault.errno not in (errno.ENOENT, errno.ENOTDIR)  # the compiler says what is wrong
    return any(name.endswith((".toml", ".conf", ".ini")) for name in names)


def _is_there(path: str) -> bool:
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def _read_plan(
    options: Options, compiler: tuple[int, int] | Faults | None, told: list[int]
) -> Plan | Faults | None:
    """Wait for the compiler; None if somebody stopped us meanwhile."""
    if compiler is None:
        return Plan()
    if isinstance(compiler, Faults):
        return compiler
    reader, pid = compiler

    def interrupted() -> bool:
        told.extend(signals.read_signals(options.signal_fd))
        return not options.command and not STOPPING.isdisjoint(told)

    try:
        data = compiling.read_all(reader, options.signal_fd, interrupted)
    finally:
        posix.close(reader)
    if isinstance(data, bytes):
        return compiling.understand(data)
    posix.kill(pid, SIGKILL)
    return data
