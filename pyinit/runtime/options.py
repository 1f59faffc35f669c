"""What the command line asks of the init, as boot, the machine and a re-exec hand it on."""

from __future__ import annotations

import posix

from pyinit.core.record import Record

LONG_AGO = float("-inf")


class Options(Record):
    """What the command line asks for.

    `born_in` is the directory pyinit was started in; `state_fd` is what a pyinit before this one
    has left, `recovered_at` when one was replaced because its loop was broken.  `name` is whom we
    are started as, "pyinit" or "supervisord"; `overrides` are options of [supervisord] that its
    command line sets, over those of the file.  `born_mask` is the umask pyinit was started with,
    where it has another one by now (-1: it has not).  `handed` is what a pyinit that began anew has
    left open, as long as nobody has taken it: see runtime/handed.
    """

    paths: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    daemon_fd: int = -1
    verbose: bool = False
    signal_fd: int = -1
    state_fd: int = -1
    born_in: str = "/"
    recovered_at: float = LONG_AGO
    overrides: tuple[tuple[str, str], ...] = ()
    name: str = "pyinit"
    born_mask: int = -1
    handed: tuple[tuple[str, str, int], ...] = ()

    @property
    def beside(self) -> str:
        """What is run beside the programs of the configuration, "" for nothing."""
        return self.command[0] if self.command else ""


def from_here(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths as they are from the root: a reload reads them from elsewhere."""
    if all(path.startswith("/") for path in paths):
        return paths
    here = posix.getcwd()
    return tuple([path if path.startswith("/") else f"{here}/{path}" for path in paths])
