"""What a signal to pyinit means: a stop, a restart, a reload, or something for the main program.

In COMMAND mode everything that can be caught goes to the main program, as from tini; pyinit
takes a signal for itself only once the main program is gone, or a shutdown has begun.  What a
terminal tells (WINCH, CONT) goes to the main program even then, and also to the program that
`exit = "main:NAME"` names.
"""

from __future__ import annotations

from . import shutdown
from .effects import Kill, Note, Reload, ReopenLogs
from .phases import Up
from .states import NO_PID, Running, Starting, Stopping
from .status import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .draft import Draft

SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGTERM, SIGCONT, SIGWINCH = 1, 2, 3, 10, 15, 18, 28
TERMINALS = (SIGCONT, SIGWINCH)
DEFAULTS = {
    SIGTERM: "stop",
    SIGINT: "stop",
    SIGQUIT: "stop",
    SIGHUP: "reload",
    SIGUSR1: "reopen",
}


def receive(draft: Draft, signum: int) -> None:
    """Do what the plan, the main program or the defaults make of `signum`."""
    action = dict(draft.init.signals).get(signum)
    if action is None:
        main = draft.base.main
        for_main = isinstance(draft.phase, Up) or signum in TERMINALS
        if main is not None and for_main and send(draft, (main,), signum):
            return
        if main is None and signum in TERMINALS and draft.init.exit.startswith("main:"):
            send(draft, draft.graph.keys.get(draft.init.exit[5:], ()), signum)
            return
        action = DEFAULTS.get(signum, "ignore")
    if action == "stop":
        shutdown.request(draft, f"received {signal_name(signum)}")
    elif action == "reload" and isinstance(draft.phase, Up):
        draft.effects.append(Reload())
    elif action == "restart":
        shutdown.request(draft, f"received {signal_name(signum)}", again=True)
    elif action == "reopen":
        draft.effects.append(ReopenLogs())
    elif action.startswith("forward:"):
        send(draft, draft.graph.keys.get(action[8:], ()), signum)
    elif action == "ignore" and signum not in TERMINALS:
        draft.effects.append(Note("debug", f"ignored {signal_name(signum)}"))


def send(draft: Draft, keys: Sequence[str], signum: int) -> bool:
    """Send `signum` to the leaders of those of `keys` that have one; say whether any had."""
    found = False
    for key in keys:
        if key not in draft.table:
            continue
        match draft.row(key).state:
            case Starting(run=run) | Running(run=run) | Stopping(run=run) if run.pid != NO_PID:
                draft.effects.append(Kill(key, run.pid, signum, "process"))
                found = True
            case _:
                pass
    return found
