"""pyinit's own log as [init.log], the environment and the command line want it."""

from __future__ import annotations

from pyinit.core.plan import Sink
from pyinit.core.record import replace
from pyinit.runtime.log import FORMATS, LEVELS, Log, from_environment
from pyinit.system import logplace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.plan import InitPlan, LogPlan
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


def place(machine: Machine, log: LogPlan) -> None:
    """Write to the file that `log` names from now on, or to stderr; and to stdout if it says so."""
    old, machine.log_file = machine.log_file, None
    write: Callable[[bytes], None] = machine.outlets[1].write
    if log.file is not None:
        sink = Sink("file", log.file, log.max_size, log.max_files)
        machine.log_file = machine.pump.file(sink)
        write = machine.log_file.write
    if log.echo and (log.file is None or logplace.own_stream(log.file) != 1):
        write = _both(write, machine.outlets[0].write)
    machine.log.redirect(write)
    if old is not None:
        machine.pump.release(old)


def differs(old: LogPlan, new: LogPlan) -> bool:
    """Say whether `place` has to be called anew."""
    return replace(old, level=new.level, format=new.format) != new


def _both(
    first: Callable[[bytes], None], second: Callable[[bytes], None]
) -> Callable[[bytes], None]:
    def write(data: bytes) -> None:
        first(data)
        second(data)

    return write


def _tell(log: Log, lines: int) -> None:
    if lines:
        log.warning(_lost("stdout", lines))
    else:
        log.warning("stdout is not read: lines are dropped until it is")


def _lost(stream: str, lines: int) -> str:
    return f"{stream} is read again: {lines} lines dropped: nobody took them"
