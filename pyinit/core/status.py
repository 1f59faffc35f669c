"""Exit statuses: how a run ended, as a type and never as a bare number."""

from __future__ import annotations

from .record import Record, assert_never

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

# Names of the classic Linux signals, numbers 1 to 31 (signal(7), x86 and ARM numbering).
SIGNAL_NAMES = (
    "",
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV"),
    *("USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN"),
    *("TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"),
)
ENOENT = 2
NO_CHILD_STAGES = ("fork", "descriptors")  # what fails here is short of something, not wrong


class ExitCode(Record):
    """The run called exit(`code`), 0 to 255."""

    code: int


class Signaled(Record):
    """The run was killed by signal `signum`; `dumped` says that it left a core."""

    signum: int
    dumped: bool = False


class NotExecuted(Record):
    """The run never became its program: `stage` of the child's set-up failed with `errno`."""

    stage: str
    errno: int
    detail: str = ""


if TYPE_CHECKING:
    ExitStatus: TypeAlias = ExitCode | Signaled | NotExecuted


def from_wait(status: int) -> ExitCode | Signaled:
    """Return what a raw status of wait(2) says; stops and continues never come here."""
    signum = status & 0x7F
    return Signaled(signum, bool(status & 0x80)) if signum else ExitCode((status >> 8) & 0xFF)


def shell_code(status: ExitStatus) -> int:
    """Return `status` as a shell gives it: the code, 128 + signal, 127 not found, 126 otherwise."""
    match status:
        case ExitCode(code):
            return code
        case Signaled(signum):
            return 128 + signum
        case NotExecuted(stage, errno):
            return 127 if stage == "exec" and errno == ENOENT else 126
        case _:
            assert_never(status)


def is_machines_fault(status: ExitStatus) -> bool:
    """Say whether there was no child at all: no reason ever to give a program up."""
    return isinstance(status, NotExecuted) and status.stage in NO_CHILD_STAGES


def signal_name(signum: int) -> str:
    """Return `SIGTERM` for 15; real-time signals are `SIGRTMIN+n` (34 is SIGRTMIN)."""
    if 0 < signum < len(SIGNAL_NAMES):
        return "SIG" + SIGNAL_NAMES[signum]
    if signum >= 34:
        return f"SIGRTMIN+{signum - 34}"
    return f"signal {signum}"


def describe(status: ExitStatus) -> str:
    """Return `status` in words, as logs and `why` show it."""
    match status:
        case ExitCode(code):
            return f"exit status {code}"
        case Signaled(signum, dumped):
            return f"killed by {signal_name(signum)}" + (" (core dumped)" if dumped else "")
        case NotExecuted(stage, _, detail):
            return detail or f"not executed: {stage} failed"
        case _:
            assert_never(status)


def parted(reason: str) -> tuple[str, str]:
    """Return the line that says why, and how to mend it ("" where nobody knows)."""
    line, _, fix = reason.partition("\n")
    return line, fix.strip()
