"""What the command `pyinit -d` is told: that everything is ready, or why it is not."""

from __future__ import annotations

import posix

from pyinit.core.phases import Over, Up, shutdown_of
from pyinit.core.record import replace
from pyinit.core.states import Exited, Fatal, Running, has_failed, reason_of
from pyinit.system import files

# the pipe to the command holds 64 KB, and pyinit does not wait until there is room
OUTPUT_BYTES = 4096  # of one process
VERDICT_BYTES = 60 * 1024
CUT = b"\n  (and more)\n"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.draft import Supervisor
    from pyinit.core.phases import Phase, Shutdown
    from pyinit.core.slot import Process
    from pyinit.runtime.machine import Machine


def tell(machine: Machine) -> None:
    """Tell the waiting command once everything is ready, or that it failed; else do nothing."""
    fd = machine.options.daemon_fd
    if fd < 0:
        return
    supervisor, socket_path = machine.loop.supervisor, machine.socket_path
    found = find(supervisor, posix.getpid(), socket_path, machine.last_lines)
    if found is None:
        return
    code, text = found
    files.say(fd, packed(code, text))
    posix.close(fd)
    machine.options = replace(machine.options, daemon_fd=-1)


def find(
    supervisor: Supervisor, pid: int, socket_path: str, output: Callable[[str], str]
) -> tuple[int, str] | None:
    """Return (exit status, text) for the waiting command, None while it must wait on.

    `output` gives the last lines of a process by key.
    """
    rows = [row for row in supervisor.table if not row.plan.hidden]
    failed = [row for row in rows if has_failed(row.state)]
    told = "".join([_told(row, output(row.plan.key)) for row in failed])
    if not isinstance(supervisor.phase, Up):
        shutdown = shutdown_of(supervisor.phase)
        if shutdown is not None and shutdown.again:
            return None  # the command waits for the pyinit that begins anew
        if shutdown is not None and not failed and _is_success(supervisor.phase, shutdown):
            return 0, "pyinit: everything is done\n"
        cause = shutdown.cause if shutdown is not None else "stopped before anything was started"
        return 1, f"pyinit: boot failed: {cause}\n{told}"
    if not all(_is_settled(row) for row in rows if row.plan.autostart):
        return None
    if failed:
        return 1, f"pyinit: runs as pid {pid}, but not everything is ready\n{told}"
    return 0, f"{pid} {socket_path}".rstrip() + "\n"


def packed(code: int, text: str) -> bytes:
    """Return a verdict as it is written to the command, no longer than its pipe holds."""
    data = text.encode("utf-8", "surrogateescape")
    if len(data) > VERDICT_BYTES:
        data = data[: VERDICT_BYTES - len(CUT)] + CUT
    return b"%d\0" % code + data


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
    last = output.encode("utf-8", "surrogateescape")[-OUTPUT_BYTES:]
    shown = last.decode("utf-8", "replace").splitlines()
    lines = "".join([f"    {line}\n" for line in shown])
    return f"  {row.plan.name}: {reason}\n{lines}"
