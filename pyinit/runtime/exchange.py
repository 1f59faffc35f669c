"""What is kept by the key of a process follows its runs when two slots exchange them.

Output, history and the ends of runs are kept by the process, whichever of its slots a run is in:
there is nothing to exchange.  Parts that keep something by key put themselves into
`driver.exchanged`, and are called with the two keys.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.core.effects import Exchanged
    from pyinit.protocol.wire import Json

    Told: TypeAlias = Callable[[str, str], None]


def swap(kept: dict[str, str], effect: Exchanged) -> None:
    """Let each of the two slots have what was kept for the other."""
    one, other = effect.key, effect.other
    kept[one], kept[other] = kept.get(other, ""), kept.get(one, "")


def words(effect: Exchanged) -> str:
    """Return what the log says of it."""
    instead = f" from pid {effect.old_pid}" if effect.old_pid else ""
    return f"{effect.name}: pid {effect.pid} takes over{instead}"


def event_of(effect: Exchanged) -> dict[str, Json]:
    """Return it as `events` tells it."""
    return {
        "event": "rolled",
        "name": effect.name,
        "program": effect.key.rsplit(":", 1)[0],
        "pid": effect.pid,
        "old_pid": effect.old_pid,
        "at": time.time(),
    }
