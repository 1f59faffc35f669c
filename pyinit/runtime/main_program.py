"""COMMAND mode: the command of the command line is a program of the plan like any other."""

from __future__ import annotations

import posix

from pyinit.core.plan import Launch, Plan, ProcessPlan, Restart
from pyinit.core.record import replace
from pyinit.runtime.compiling import Faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.runtime.options import Options

MAIN, MAIN_KEY = "main", "main:0"
PASSED = ("*", "NOTIFY_SOCKET")  # an outer manager hears it as it would without us


def adopt_command(options: Options, plan: Plan | Faults) -> Plan | Faults:
    """Return the plan with the main program of COMMAND mode in it."""
    if isinstance(plan, Faults):
        return plan
    if not options.command:
        if not plan.processes and not plan.sources:
            fix = "name one by -c, put it at /etc/pyinit/pyinit.toml, or give a COMMAND to run"
            text = f"there is no configuration and no command\n    {fix}"
            return Faults((*plan.warnings, text))  # a directory may have nothing in it
        return plan
    if any(process.program == MAIN for process in plan.processes):
        text = f'program "{MAIN}" of the configuration has the name that the COMMAND has here'
        return Faults((text + "\n    give it another name",))
    launch = Launch(options.command, session=False, terminal=_has_terminal(), stdin="inherit")
    init = plan.init
    launch = replace(launch, env=init.env, directory=init.directory, umask=init.umask)
    launch = replace(launch, env_pass=PASSED)
    main_plan = ProcessPlan(
        MAIN_KEY, MAIN, MAIN, MAIN, launch, restart=Restart("never"), start_s=0.0
    )
    warnings = plan.warnings
    if plan.exit_given:
        text = f'exit = "{init.exit}" of [init] means nothing here: the COMMAND\'s end is the end'
        fix = "leave it out, or make the command a program of the configuration"
        warnings = (*warnings, f"{text}\n  {fix}")
    init = replace(init, exit=f"main:{MAIN}")
    if not plan.sources:  # in front of a single command: only what goes wrong is worth a line
        init = replace(init, log=replace(init.log, level="warning"))
    processes = (*plan.processes, main_plan)
    return replace(plan, init=init, processes=processes, warnings=warnings)


def complete(options: Options, plan: Plan | Faults) -> Plan | Faults:
    """Return the plan with what pyinit itself adds: the main program, and the gateway."""
    found = adopt_command(options, plan)
    if isinstance(found, Plan) and found.web is not None:
        from pyinit.runtime import gateway

        return gateway.add_to(found)
    return found


def _has_terminal() -> bool:
    """Say whether we are in the foreground of a terminal: only then can we hand it on.

    In the background of an interactive shell the terminal is the shell's.
    """
    try:
        return posix.tcgetpgrp(0) == posix.getpgrp()
    except OSError:  # no terminal, or not the one of our session
        return False
