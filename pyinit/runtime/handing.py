"""What sd_listen_fds(3) finds in a run: descriptors from 3 on, and the variables that say so."""

from __future__ import annotations

FIRST = 3  # SD_LISTEN_FDS_START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Keep: TypeAlias = tuple[tuple[int, int], ...]  # (ours, number in the child)
    Variables: TypeAlias = tuple[tuple[str, str], ...]


def handed(listed: list[tuple[int, str]]) -> tuple[Keep, Variables]:
    """Return where the (descriptor, name) of `listed` go, and what the run is told of them.

    LISTEN_PID is empty here: the child is the first to know it, and writes it (`system.child`).
    """
    keep = tuple([(fd, number) for number, (fd, _) in enumerate(listed, FIRST)])
    names = ":".join([name for _, name in listed])
    variables = (("LISTEN_FDS", str(len(listed))), ("LISTEN_FDNAMES", names), ("LISTEN_PID", ""))
    return keep, variables
