"""Ends a sidecar when what it stands beside is over: a file is there, or a process is gone.

Both are looked for once a second, for there is nobody who would tell: the file may be on a file
system that notifies nobody, and the process is none of ours (Kubernetes' shareProcessNamespace).
A process must have been seen before it can be gone: the other container may start later than ours.
A file that is there from the beginning is the end all the same: a sidecar that was restarted after
its job was over would wait for ever for another one.
"""

from __future__ import annotations

import posix

from pyinit.core.events import ShutdownRequested
from pyinit.core.phases import Up
from pyinit.core.states import NEVER
from pyinit.system import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import ExitWhen as Condition
    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.runtime.machine import Machine

LOOK_S = 1.0
PIDS_A_LOOK = 256  # a few milliseconds; of more processes the next are looked at ...
PAUSE_S = 0.05  # ... so much later
COMM_BYTES = 15  # of a name that the kernel keeps
DEAD = frozenset("ZXx")


class ExitWhen:
    """Looks for the end, and asks for an ordered stop with exit status 0."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._when: Condition | None = None
        self._at = NEVER
        self._pid, self._start = 0, 0  # of the process that was seen
        self._seen = False  # the process; of a file, that it was looked for
        self._left: list[str] = []  # of a look through /proc
        machine.loop.timed = (*machine.loop.timed, self)

    def adopt(self, init: InitPlan, _processes: tuple[ProcessPlan, ...]) -> None:
        """Look for what this plan says."""
        if init.exit_when != self._when:
            self._when, self._seen, self._pid, self._left = init.exit_when, False, 0, []
        self._at = NEVER if self._when is None else 0.0

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return what was seen: the process may be gone before the next pyinit looks."""
        return self._seen, ()

    def resume(self, known: object) -> None:
        """Know what was seen."""
        self._seen = known is True

    def next_deadline(self) -> float:
        """Return when to look next."""
        return self._at

    def tick(self, now: float) -> None:
        """Look."""
        self._at = now + LOOK_S
        if self._when is None or not isinstance(self._machine.loop.supervisor.phase, Up):
            return
        if self._when.file:
            reason = self._of_file(self._when.file)
        else:
            reason = self._of_process(self._when.process, now)
        if reason:
            self._machine.loop.feed(ShutdownRequested(reason, code=0))
            self._at = NEVER

    def _of_file(self, path: str) -> str:
        try:
            posix.stat(path)
        except OSError:
            self._seen = True
            return ""
        if not self._seen:
            self._machine.log.warning(
                f'"{path}" is there already: this is the end before anything has begun\n'
                "  if an earlier run has left it, let whoever makes it remove it at its start"
            )
        return f'"{path}" is there'

    def _of_process(self, name: str, now: float) -> str:
        if self._pid:
            found = procfs.stat(self._pid)
            if found is not None and found.start == self._start and found.state not in DEAD:
                return ""
            self._pid = 0
        if not self._left:
            self._left = [each for each in posix.listdir("/proc") if each.isdigit()]
        part, self._left = self._left[:PIDS_A_LOOK], self._left[PIDS_A_LOOK:]
        for pid in part:
            if _is_called(pid, name) and self._remember(int(pid), name):
                self._left = []
                return ""
        if self._left:
            self._at = now + PAUSE_S
            return ""
        return f'no process "{name}" is left' if self._seen else ""

    def _remember(self, pid: int, name: str) -> bool:
        found = procfs.stat(pid)
        if found is None or found.state in DEAD:
            return False
        self._pid, self._start, self._seen = pid, found.start, True
        self._machine.log.info(
            f'process "{name}" is there, pid {pid}; its end is the end of pyinit'
        )
        return True


def _is_called(pid: str, name: str) -> bool:
    """Say whether a process has the name as the kernel has it, or as its command's first word."""
    wanted = name.encode("utf-8", "surrogateescape")
    comm = procfs.read(f"/proc/{pid}/comm")
    if comm is not None and comm.rstrip(b"\n") == wanted[:COMM_BYTES]:
        return len(wanted) <= COMM_BYTES or _first_word(pid) == wanted
    return _first_word(pid) == wanted


def _first_word(pid: str) -> bytes:
    words = procfs.read(f"/proc/{pid}/cmdline") or b""
    return words.split(b"\0", 1)[0].rsplit(b"/", 1)[-1]
