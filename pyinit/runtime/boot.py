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
from pyinit.core.plan import Launch, Plan, ProcessPlan, Restart
from pyinit.core.record import Record, replace
from pyinit.runtime import compiling, rest
from pyinit.runtime.compiling import Faults
from pyinit.system import files, signals

MAIN, MAIN_KEY = "main", "main:0"
SIGKILL = 9
TERMINATION_LOG = "/dev/termination-log"
FLUSH_S = 1.0  # for what pyinit has still to say when it ends
DEEP = 20_000  # frames: a chain of dependencies as long as that is walked by recursion
LONG_AGO = float("-inf")
STOPPING = frozenset((2, 3, 15))


class Options(Record):
    """What the command line asks for.

    `born_in` is the directory pyinit was started in; `state_fd` is what a pyinit before this one
    has left, `recovered_at` when one was replaced because its loop was broken.
    """

    paths: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    daemon_fd: int = -1
    verbose: bool = False
    signal_fd: int = -1
    state_fd: int = -1
    born_in: str = "/"
    recovered_at: float = LONG_AGO


def main(options: Options) -> int:
    """Run pyinit to its end; return its exit status."""
    sys.setrecursionlimit(DEEP)
    rest.begin()
    files.open_standard()
    files.show_name("pyinit")
    if options.state_fd >= 0:
        from pyinit.runtime import reexec

        return reexec.resume(options)
    compiler = _start_compiler(options)
    bundle.together("pyinit.runtime.machine")
    from pyinit.runtime.machine import Machine

    told: list[int] = []  # signals that came before there was a loop
    outcome = _read_plan(options, compiler, told)
    if outcome is None:  # told to stop before anything was started
        return fail(options, Faults(("stopped before anything was started",), 0))
    plan = adopt_command(options, outcome)
    if isinstance(plan, Faults):
        return fail(options, plan)
    machine = Machine(options, plan)
    return machine.run(told)


def fail(options: Options, faults: Faults) -> int:
    """Say why nothing was started, to whoever started us and to Kubernetes; return the status.

    The command that waits for a daemon fails in any case: there is none.
    """
    text = "\n".join([f"pyinit: {line}" for line in faults.lines]) + "\n"
    data = text.encode("utf-8", "surrogateescape")
    files.say(2, data)
    if options.daemon_fd >= 0:
        files.say(options.daemon_fd, b"%d\0" % (faults.code or 1) + data)
    if faults.code:
        termination(text)
    return faults.code


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


def _start_compiler(options: Options) -> tuple[int, int] | Faults | None:
    """Fork the compiler if there may be anything to read."""
    if options.command and not options.paths and not _has_default_files():
        return None
    try:
        return compiling.fork_compiler(options.paths)
    except OSError as error:
        return Faults((f"cannot read the configuration: {error}",), 1)


def _has_default_files() -> bool:
    if posix.environ.get(b"PYINIT_CONFIG"):
        return True
    try:
        posix.stat("/etc/pyinit/pyinit.toml")
    except OSError:
        pass
    else:
        return True
    # The image has an empty conf.d: a compiler forked for nothing would double the start.
    try:
        names = posix.listdir("/etc/pyinit/conf.d")
    except OSError as fault:
        return fault.errno not in (errno.ENOENT, errno.ENOTDIR)  # the compiler says what is wrong
    return any(name.endswith(".toml") for name in names)


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


def adopt_command(options: Options, plan: Plan | Faults) -> Plan | Faults:
    """Return the plan with the main program of COMMAND mode in it."""
    if isinstance(plan, Faults):
        return plan
    if not options.command:
        if not plan.processes and not plan.sources:
            fix = "name one by -c, put it at /etc/pyinit/pyinit.toml, or give a COMMAND to run"
            return Faults((f"there is no configuration and no command\n    {fix}",))
        return plan
    if any(process.program == MAIN for process in plan.processes):
        text = f'program "{MAIN}" of the configuration has the name that the COMMAND has here'
        return Faults((text + "\n    give it another name",))
    launch = Launch(options.command, session=False, terminal=_has_terminal(), stdin="inherit")
    init = plan.init
    launch = replace(launch, env=init.env, directory=init.directory, umask=init.umask)
    main_plan = ProcessPlan(
        MAIN_KEY, MAIN, MAIN, MAIN, launch, restart=Restart("never"), start_s=0.0
    )
    init = replace(init, exit=f"main:{MAIN}")
    return replace(plan, init=init, processes=(*plan.processes, main_plan))


def _has_terminal() -> bool:
    """Say whether we are in the foreground of a terminal: only then can we hand it on.

    In the background of an interactive shell the terminal is the shell's.
    """
    try:
        return posix.tcgetpgrp(0) == posix.getpgrp()
    except OSError:  # no terminal, or not the one of our session
        return False
