"""Methods that signal processes, or write to them."""

from __future__ import annotations

from pyinit.protocol.messages import Refused
from pyinit.rpc import names, signals
from pyinit.rpc.calls import Call, shown
from pyinit.rpc.carrying import address, carry_out, statuses
from pyinit.rpc.faults import Fault
from pyinit.rpc.states import SIGNALLABLE
from pyinit.rpc.view import find, group_of, observe_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pyinit.protocol.wire import Object
    from pyinit.rpc.calls import Args, Steps, Value
    from pyinit.rpc.view import Row

CHUNK = 4096  # characters written in one call: a request has 64 KB, and a character up to 12 bytes


def signal_process(args: Args) -> Steps:
    """Send a signal to one process, or to a group by GROUP:*."""
    name = args.text(0)
    group, process = names.split(name)
    if process is None:
        return (yield from _signal_group(group, name, args.any(1)))
    _, row = yield from find(name)
    signum = signals.number_of(args.any(1))
    if row.state not in SIGNALLABLE:
        raise Fault("NOT_RUNNING", name)
    (fault,) = yield from _signal([row], signum)
    if fault is not None:
        raise fault
    return True


def signal_process_group(args: Args) -> Steps:
    """Send a signal to the processes of a group that run."""
    return (yield from _signal_group(args.text(0), args.text(0), args.any(1)))


def signal_all_processes(args: Args) -> Steps:
    """Send a signal to the processes that run."""
    view = yield from observe_all()
    return (yield from _signal_each(view.rows, args.any(0)))


def send_process_stdin(args: Args) -> Steps:
    """Write to the standard input of a process; of a group nobody knows which one is meant."""
    chars = args.any(1)
    if isinstance(chars, bytes):
        chars = chars.decode("utf-8", "surrogateescape")
    if not isinstance(chars, str):
        raise Fault("INCORRECT_PARAMETERS", shown(chars))
    name = args.text(0)
    _, row = yield from find(name)
    if not row.pid or row.state == "STOPPING":
        raise Fault("NOT_RUNNING", name)
    for first in range(0, len(chars), CHUNK):
        try:
            part = chars[first : first + CHUNK]
            yield Call("write-stdin", {"name": address(row), "data": part})
        except Refused as refused:
            names_of = {"no-file": "NO_FILE", "not-running": "NOT_RUNNING"}
            if refused.code not in names_of:
                raise
            raise Fault(names_of[refused.code], name) from refused
    return True


def _signal_group(group: str, name: str, signal: Value) -> Steps:
    rows = yield from group_of(group, name)
    return (yield from _signal_each(rows, signal))


def _signal_each(rows: Sequence[Row], signal: Value) -> Steps:
    """Signal what runs; a signal that there is not is told process by process."""
    running = [row for row in rows if row.state in SIGNALLABLE]
    faults: list[Fault | None]
    try:
        signum = signals.number_of(signal)
    except Fault as fault:
        faults = [fault] * len(running)
    else:
        faults = yield from _signal(running, signum)
    return statuses([*zip(running, faults, strict=True)])


def _signal(rows: Sequence[Row], signum: int) -> Generator[Call, Object, list[Fault | None]]:
    """Send a signal; one that ended in this moment is not running."""
    if signum == signals.NOTHING:
        return [None] * len(rows)
    told = yield from carry_out("signal", rows, {"signal": str(signum)})
    good = {label for label, each in told.items() if each.ok}
    return [None if row.label in good else Fault("NOT_RUNNING", row.namespec) for row in rows]
