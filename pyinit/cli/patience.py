"""Says what a verb still waits for, when that takes long: nobody has to guess why it hangs."""

from __future__ import annotations

import signal
from contextlib import contextmanager

from pyinit.cli.present import objects, say
from pyinit.client import Client, NoSupervisor
from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 5.0
ON_THE_WAY = frozenset(("STARTING", "STOPPING", "BACKOFF"))


@contextmanager
def impatient(path: str) -> Iterator[None]:
    """While the block waits for the pyinit at `path`: say every five seconds what has changed.

    For the main thread; the timer of the process is used, and given back.
    """
    said: list[str] = []

    def tell(_signum: int, _frame: object) -> None:
        found = under_way(path)
        if found and found != said:
            said[:] = found
            say("\n".join(["pyinitctl: still waiting", *[f"  {line}" for line in found]]), 2)

    before = signal.signal(signal.SIGALRM, tell)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def under_way(path: str) -> list[str]:
    """Return what is neither up nor at rest, and why, a line each; nothing if nobody answers."""
    try:
        with Client(path) as client:
            rows = objects(client.call("status"), "processes")
    except (NoSupervisor, Refused):
        return []
    return [
        f"{each['name']} is {each['state']}" + (f": {each['reason']}" if each["reason"] else "")
        for each in rows
        if each["state"] in ON_THE_WAY
    ]
