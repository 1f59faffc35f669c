"""What the command `pyinit -d` is told: that everything is ready, or why it is not."""

from __future__ import annotations

from pyinit.core.phases import Over, Up, shutdown_of
from pyinit.core.states import Exited, Fatal, Running, has_failed, reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.draft import Supervisor
    from pyinit.core.phases import Phase, Shutdown
    from pyinit.core.process import Process


def find(
    supervisor: Supervisor, pid: int, socket_path: str, output: Callable[[str], str]
) -> tuple[int, str] | None:
    """Return (exit status, text) for the waiting command, None while it must wait on.

    `output` gives the last lines of a process by key.
    """
    failed = [row for row in supervisor.table if has_failed(row.state)]
    told = "".join([_told(row, output(row.plan.key)) for row in failed])
    if not isinstance(supervisor.phase, Up):
        shutdown = shutdown_of(supervisor.phase)
        if shutdown is not None and not failed and _is_success(supervisor.phase, shutdown):
            return 0, "pyinit: everything is done\n"
        cause = shutdown.cause if shutdown is not None else "stopped before anything was started"
        return 1, f"pyinit: boot failed: {cause}\n{told}"
    if not all(_is_settled(row) for row in supervisor.table if row.plan.autostart):
        return None
    if failed:
        return 1, f"pyinit: runs as pid {pid}, but not everything is ready\n{told}"
    return 0, f"{pid} {socket_path}".rstrip() + "\n"


def _is_settled(row: Process) -> bool:
    """Say whether boot need not wait for a process any more."""
    if isinstance(row.state, Running):
        return row.plan.kind != "oneshot" or row.plan.ready is not None
    return isinstance(row.state, Exited | Fatal)


def _is_success(phase: Phase, shutdown: Shutdown) -> bool:
    """Say whether pyinit ends, and nobody asked for it, because all went well."""
    return shutdown.code == 0 and not (isinstance(phase, Over) and phase.code)


def _told(row: Process, output: str) -> str:
    reason = reason_of(row.state).replace("\n", "\n  ")  # the fix stands below it
    lines = "".join([f"    {line}\n" for line in output.splitlines()])
    return f"  {row.plan.name}: {reason}\n{lines}"
