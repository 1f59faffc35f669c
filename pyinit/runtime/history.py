"""The last ends of every process, for `why`: how, when, after how long, and what it said last.

All ends there ever were are counted by their status, for whoever draws curves of them.
"""

from __future__ import annotations

from pyinit.core.record import Record, replace
from pyinit.core.status import ExitCode, Signaled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.status import ExitStatus

ENDS = 10  # remembered for each process
OUTPUTS = 3  # of them with their last output: a thousand programs may all be failing
OUTPUT_CHARACTERS = 4096  # of one: some lines, or the end of a very long one


class End(Record):
    """One end of a run.

    `at` is wall-clock time (seconds since the epoch); `ran_s` how long it ran; `oom` says that
    the kernel killed it for memory, as `reason` does; `output` are its last lines (stderr before
    stdout); `fix` says how to mend what kept it from being executed.
    """

    run_id: int
    pid: int
    at: float
    ran_s: float
    status: ExitStatus
    expected: bool
    reason: str
    oom: bool = False
    user_s: float = 0.0
    system_s: float = 0.0
    max_rss_bytes: int = 0
    output: str = ""
    fix: str = ""


class History:
    """Ends by the key of the process, oldest first."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[End, ...]] = {}
        self._counts: dict[str, dict[str, int]] = {}

    def add(self, key: str, end: End) -> None:
        """Remember an end; of all but the last ones, what the run said is forgotten."""
        before = self._ends.get(key, ())[-(ENDS - 1) :]
        if len(before) >= OUTPUTS and before[-OUTPUTS].output:
            silent = replace(before[-OUTPUTS], output="")
            before = (*before[:-OUTPUTS], silent, *before[len(before) - OUTPUTS + 1 :])
        if len(end.output) > OUTPUT_CHARACTERS:
            end = replace(end, output=end.output[-OUTPUT_CHARACTERS:])
        self._ends[key] = (*before, end)
        counts = self._counts.setdefault(key, {})
        status = counted_as(end.status)
        counts[status] = counts.get(status, 0) + 1

    def of(self, key: str) -> tuple[End, ...]:
        """Return the ends of a process, oldest first."""
        return self._ends.get(key, ())

    def counts_of(self, key: str) -> dict[str, int]:
        """Return how many runs of a process have ended, by `counted_as` of how."""
        return self._counts.get(key, {})

    def forget(self, key: str) -> None:
        """Drop what is remembered of a process that is no more."""
        self._ends.pop(key, None)
        self._counts.pop(key, None)

    def all(self) -> dict[str, tuple[End, ...]]:
        """Return everything, to be carried over a re-exec."""
        return self._ends

    def counts(self) -> dict[str, dict[str, int]]:
        """Return all that was counted, to be carried over a re-exec."""
        return self._counts

    def restore(
        self, ends: dict[str, tuple[End, ...]], counts: dict[str, dict[str, int]] | None = None
    ) -> None:
        """Take over what another pyinit remembered."""
        self._ends = dict(ends)
        self._counts = {key: dict(each) for key, each in (counts or {}).items()}


def counted_as(status: ExitStatus) -> str:
    """Return what a status is counted as: `code:3`, `signal:9`, or `not-executed`.

    There are some hundred of them at most, whatever programs do.
    """
    match status:
        case ExitCode(code):
            return f"code:{code}"
        case Signaled(signum):
            return f"signal:{signum}"
        case _:
            return "not-executed"
