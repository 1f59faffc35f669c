"""What pyinit says of itself and its processes, as the methods see it."""

from __future__ import annotations

from pyinit.core.record import Record
from pyinit.rpc import names
from pyinit.rpc.calls import Call, number_of, objects_of, text_of
from pyinit.rpc.describe import capped, description
from pyinit.rpc.faults import Fault
from pyinit.rpc.states import NUMBERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from pyinit.protocol.wire import Object
    from pyinit.rpc.calls import Value


class Row(Record):
    """One process.  `label` is what pyinit calls it, `key` what identifies it there."""

    name: str
    group: str
    label: str
    key: str
    state: str
    start: float
    stop: float
    spawnerr: str
    exitstatus: int
    pid: int
    stdout_logfile: str
    stderr_logfile: str
    priority: int
    group_priority: int

    @property
    def namespec(self) -> str:
        """The name by which supervisord's tools show it."""
        return names.namespec(self.group, self.name)

    @property
    def rank(self) -> tuple[int, str, int, str]:
        """What processes are sorted by where they are started or stopped."""
        return (self.group_priority, self.group, self.priority, self.name)

    def struct(self, now: int) -> dict[str, Value]:
        """Return the struct of getProcessInfo."""
        return {
            "name": self.name,
            "group": self.group,
            "start": capped(self.start),
            "stop": capped(self.stop),
            "now": capped(now),
            "state": NUMBERS[self.state],
            "statename": self.state,
            "spawnerr": self.spawnerr,
            "exitstatus": self.exitstatus,
            "logfile": self.stdout_logfile,
            "stdout_logfile": self.stdout_logfile,
            "stderr_logfile": self.stderr_logfile,
            "pid": self.pid,
            "description": description(self, now),
        }


class View(Record):
    """pyinit at one moment, and those of its processes that were asked for."""

    pid: int
    identifier: str
    now: int
    rows: tuple[Row, ...]


def observe(group: str | None = None, process: str | None = None) -> Generator[Call, Object, View]:
    """Return what there is in `group` ("": no process, None: all), or that one process of it.

    Raises Fault (SHUTDOWN_STATE) where pyinit is ending or beginning anew: every method of
    supervisord but one is refused then, whatever is asked.
    """
    args: Object = {}
    if group is not None:
        args["group"] = group
    if process is not None:
        args["process"] = process
    found = yield Call("info", args)
    if text_of(found, "state") != "RUNNING":
        raise Fault("SHUTDOWN_STATE")
    return View(
        pid=int(number_of(found, "pid")),
        identifier=text_of(found, "identifier"),
        now=int(number_of(found, "now")),
        rows=tuple([_row(each) for each in objects_of(found, "processes")]),
    )


def observe_all() -> Generator[Call, Object, View]:
    """Return everything, in the order in which processes are started and stopped."""
    found = yield from observe()
    rows = sorted(found.rows, key=lambda row: row.rank)
    return View(found.pid, found.identifier, found.now, tuple(rows))


def find(name: str) -> Generator[Call, Object, tuple[View, Row]]:
    """Return the process that `name` means.  Raises Fault (BAD_NAME) for none, or a group."""
    group, process = names.split(name)
    view = yield from observe(group, process or "")
    if process is None or not view.rows:
        raise Fault("BAD_NAME", name)
    return view, view.rows[0]


def group_of(group: str, name: str) -> Generator[Call, Object, tuple[Row, ...]]:
    """Return the processes of `group`, in order.  Raises Fault (BAD_NAME) with what was asked."""
    view = yield from observe(group)
    if not view.rows:
        raise Fault("BAD_NAME", name)
    return tuple(sorted(view.rows, key=lambda row: row.rank))


def _row(found: Object) -> Row:
    return Row(
        name=text_of(found, "name"),
        group=text_of(found, "group"),
        label=text_of(found, "label"),
        key=text_of(found, "key"),
        state=text_of(found, "state"),
        start=number_of(found, "start"),
        stop=number_of(found, "stop"),
        spawnerr=text_of(found, "spawnerr"),
        exitstatus=int(number_of(found, "exitstatus")),
        pid=int(number_of(found, "pid")),
        stdout_logfile=text_of(found, "stdout_logfile"),
        stderr_logfile=text_of(found, "stderr_logfile"),
        priority=int(number_of(found, "priority")),
        group_priority=int(number_of(found, "group_priority")),
    )
