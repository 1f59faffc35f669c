"""pyinit's own log as [init.log], the environment and the command line want it."""

from __future__ import annotations

from pyinit.core.plan import Sink
from pyinit.runtime.log import FORMATS, LEVELS, Log, from_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import InitPlan
    from pyinit.runtime.machine import Machine


def style(machine: Machine, init: InitPlan) -> tuple[str, ...]:
    """Set level and form of what pyinit says; return what is wrong with the environment's."""
    level, wrong = from_environment(b"PYINIT_LOG_LEVEL", LEVELS, init.log.level)
    form, odd = from_environment(b"PYINIT_LOG_FORMAT", FORMATS, init.log.format)
    log = machine.log
    log.level = "debug" if machine.options.verbose else level
    log.style = form
    out, err = machine.outlets
    out.notice = lambda _lines: b""  # who reads the programs' JSON must not meet anything else
    out.tell = lambda lines: _tell(log, lines)
    err.notice = lambda lines: log.line("warning", _lost("stderr", lines))
    return (*wrong, *odd)


def place(machine: Machine, path: str | None) -> None:
    """Write to the file `path` from now on, or to stderr."""
    old, machine.log_file = machine.log_file, None
    write = machine.outlets[1].write
    if path is not None:
        machine.log_file = machine.pump.file(Sink("file", path))
        write = machine.log_file.write
    machine.log.redirect(write)
    if old is not None:
        machine.pump.release(old)


def _tell(log: Log, lines: int) -> None:
    if lines:
        log.warning(_lost("stdout", lines))
    else:
        log.warning("stdout is not read: lines are dropped until it is")


def _lost(stream: str, lines: int) -> str:
    return f"{stream} is read again: {lines} lines dropped: nobody took them"
