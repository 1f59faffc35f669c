"""supervisord's names: GROUP:PROCESS, of which GROUP may be left out where both are one word."""

from __future__ import annotations

from pyinit.protocol.names import process_of

__all__ = ["EVERY", "namespec", "process_of", "split"]

EVERY = "*"


def namespec(group: str, process: str) -> str:
    """Return the name by which supervisord's tools show a process."""
    return process if group == process else f"{group}:{process}"


def split(name: str) -> tuple[str, str | None]:
    """Return the group and the process that a namespec means, no process for the whole group."""
    group, colon, process = name.partition(":")
    if not colon:
        return name, name
    return group, None if process in ("", EVERY) else process
