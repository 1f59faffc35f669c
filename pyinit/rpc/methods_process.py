"""Methods that start and stop processes, and that tell what they do."""

from __future__ import annotations

from pyinit.rpc import names
from pyinit.rpc.carrying import carry_out, statuses
from pyinit.rpc.faults import Fault
from pyinit.rpc.states import RUNNING_STATES
from pyinit.rpc.view import find, group_of, observe, observe_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pyinit.protocol.wire import Object
    from pyinit.rpc.calls import Args, Call, Steps
    from pyinit.rpc.carrying import Told
    from pyinit.rpc.view import Row

NO_FILE = {"no-such-file": "NO_FILE", "not-executable": "NOT_EXECUTABLE"}


def get_process_info(args: Args) -> Steps:
    """Return the struct of one process; a group has none."""
    view, row = yield from find(args.text(0))
    return row.struct(view.now)


def get_all_process_info(_args: Args) -> Steps:
    """Return the structs of all, in the order of their names."""
    view = yield from observe()
    rows = sorted(view.rows, key=lambda row: (row.group, row.name))
    return [row.struct(view.now) for row in rows]


def start_process(args: Args) -> Steps:
    """Start one process, or a group by GROUP:*."""
    name, wait = args.text(0), args.flag(1, default=True)
    group, process = names.split(name)
    if process is None:
        return (yield from _start_group(group, name, wait=wait))
    _, row = yield from find(name)
    if row.state in RUNNING_STATES:
        raise Fault("ALREADY_STARTED", name)
    (fault,) = yield from _start([row], wait=wait)
    if fault is not None:
        raise fault
    return True


def start_process_group(args: Args) -> Steps:
    """Start the processes of a group that do not run."""
    name = args.text(0)
    return (yield from _start_group(name, name, wait=args.flag(1, default=True)))


def start_all_processes(args: Args) -> Steps:
    """Start the processes that do not run."""
    view = yield from observe_all()
    return (yield from _start_each(view.rows, wait=args.flag(0, default=True)))


def stop_process(args: Args) -> Steps:
    """Stop one process, or a group by GROUP:*."""
    name, wait = args.text(0), args.flag(1, default=True)
    group, process = names.split(name)
    if process is None:
        return (yield from _stop_group(group, name, wait=wait))
    _, row = yield from find(name)
    if row.state not in RUNNING_STATES:
        raise Fault("NOT_RUNNING", name)
    yield from _stop([row], wait=wait)
    return True


def stop_process_group(args: Args) -> Steps:
    """Stop the processes of a group that run."""
    name = args.text(0)
    return (yield from _stop_group(name, name, wait=args.flag(1, default=True)))


def stop_all_processes(args: Args) -> Steps:
    """Stop the processes that run."""
    view = yield from observe_all()
    return (yield from _stop_each(view.rows, wait=args.flag(0, default=True)))


def _start_group(group: str, name: str, *, wait: bool) -> Steps:
    rows = yield from group_of(group, name)
    return (yield from _start_each(rows, wait=wait))


def _stop_group(group: str, name: str, *, wait: bool) -> Steps:
    rows = yield from group_of(group, name)
    return (yield from _stop_each(rows, wait=wait))


def _start_each(rows: Sequence[Row], *, wait: bool) -> Steps:
    """Start what does not run; with `wait` what was not even tried is told first."""
    resting = [row for row in rows if row.state not in RUNNING_STATES]
    faults = yield from _start(resting, wait=wait)
    found = [*zip(resting, faults, strict=True)]
    if wait:
        found.sort(key=lambda each: each[1] is None or each[1].name not in NO_FILE.values())
    return statuses(found)


def _stop_each(rows: Sequence[Row], *, wait: bool) -> Steps:
    running = [row for row in rows if row.state in RUNNING_STATES]
    yield from _stop(running, wait=wait)
    return statuses([(row, None) for row in running])


def _start(rows: Sequence[Row], *, wait: bool) -> Generator[Call, Object, list[Fault | None]]:
    """Start processes all at once; return why it did not work, for each."""
    told = yield from carry_out("start", rows, {"wait": wait, "precheck": True})
    return [_judge_start(row, told.get(row.label)) for row in rows]


def _judge_start(row: Row, told: Told | None) -> Fault | None:
    if told is None:
        return Fault("ABNORMAL_TERMINATION", row.namespec)
    if told.code in NO_FILE:
        return Fault(NO_FILE[told.code], told.message)
    if told.ok and told.state not in ("BACKOFF", "FATAL"):
        return None
    bad = ("BACKOFF", "FATAL", "EXITED")
    return Fault("SPAWN_ERROR" if told.state in bad else "ABNORMAL_TERMINATION", row.namespec)


def _stop(rows: Sequence[Row], *, wait: bool) -> Generator[Call, Object, dict[str, Told]]:
    """Stop processes all at once; that one was started again meanwhile is nobody's fault."""
    return (yield from carry_out("stop", rows, {"wait": wait}))
