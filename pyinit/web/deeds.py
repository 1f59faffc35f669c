"""What a form of the page asks for, and what is said when it was done."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyinit.protocol.messages import Refused
from pyinit.web.context import Context
from pyinit.web.rows import Row, text

if TYPE_CHECKING:
    from pyinit.protocol.wire import Object

PATIENCE_S = 25.0  # for what a form asks for: then one is told that it goes on


@dataclass(frozen=True)
class Deed:
    """Something a form may ask for.

    `scope` is what it is done to: "process", "group" or "all".  `verb` is the control socket's;
    `question` and `done` are texts about {0}.  `asks` is whether it is done only when asked for
    twice: it concerns many, or cannot be undone.
    """

    scope: str
    verb: str
    button: str
    question: str
    done: str
    asks: bool = False


DEEDS = {
    "start": Deed("process", "start", "Start", "Start {0}?", "Process {0} started"),
    "stop": Deed("process", "stop", "Stop", "Stop {0}?", "Process {0} stopped"),
    "restart": Deed("process", "restart", "Restart", "Restart {0}?", "Process {0} restarted"),
    "clearlog": Deed(
        "process",
        "clear-log",
        "Clear log",
        "Clear the log of {0}?",
        "Log for {0} cleared",
        asks=True,
    ),
    "startgroup": Deed(
        "group", "start", "Start group", "Start all of group {0}?", "Group {0} started"
    ),
    "stopgroup": Deed(
        "group", "stop", "Stop group", "Stop all of group {0}?", "Group {0} stopped", asks=True
    ),
    "restartgroup": Deed(
        *("group", "restart", "Restart group", "Restart all of group {0}?", "Group {0} restarted"),
        asks=True,
    ),
    "startall": Deed("all", "start", "Start all", "Start all programs?", "All started at {1}"),
    "stopall": Deed(
        "all", "stop", "Stop all", "Stop all programs?", "All stopped at {1}", asks=True
    ),
    "restartall": Deed(
        *("all", "restart", "Restart all", "Restart all programs?", "All restarted at {1}"),
        asks=True,
    ),
}


@dataclass(frozen=True)
class Wish:
    """A deed, and the name of the process or group it is for ("" for all)."""

    action: str
    deed: Deed
    name: str

    @property
    def question(self) -> str:
        """What one is asked before it is done."""
        return self.deed.question.format(self.name)


@dataclass(frozen=True)
class Said:
    """What is told of a deed."""

    ok: bool
    text: str


def wish_of(action: str, name: str, rows: Iterable[Row]) -> Wish | Said:
    """Return what is wished for, or why that makes no sense: a name must be one that is shown.

    It is not handed to PID 1 before that: there it could mean more than one process.
    """
    deed = DEEDS.get(action)
    if deed is None:
        return Said(ok=False, text=f"there is no action '{action[:40]}'")
    if deed.scope == "all":
        return Wish(action, deed, "")
    known = {row.group: row.group for row in rows} if deed.scope == "group" else names_of(rows)
    if name not in known:
        return Said(ok=False, text=f"No such {deed.scope} named {name[:200]}")
    return Wish(action, deed, known[name])


def names_of(rows: Iterable[Row]) -> dict[str, str]:
    """Return what processes are called, `GROUP:NAME` included, and their names."""
    found = [*rows]
    both = {f"{row.group}:{row.name}": row.name for row in found}
    return {**both, **{row.name: row.name for row in found}}


async def carry_out(context: Context, wish: Wish) -> Said:
    """Do it, and tell what came of it.  Raises Gone."""
    named = {"process": wish.name, "group": f"{wish.name}:*", "all": "all"}[wish.deed.scope]
    args: Object = {"names": [named]}
    if wish.deed.verb != "clear-log":
        args["timeout_s"] = PATIENCE_S
    try:
        await context.call(wish.deed.verb, args)
    except Refused as refused:
        if refused.code == "timeout":
            about = f" {wish.name}" if wish.name else ""
            return Said(ok=True, text=f"{wish.deed.button}{about}: still under way")
        return Said(ok=False, text=text(refused.message))
    return Said(ok=True, text=wish.deed.done.format(wish.name, time.ctime()))
