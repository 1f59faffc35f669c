"""supervisorctl's commands that look at processes and change their state."""

from __future__ import annotations

from pyinit.applets import supervisorctl_server as srv
from pyinit.applets.supervisorctl_server import Outcome
from pyinit.applets.supervisorctl_session import (
    GENERIC,
    INVALID_ARGS,
    NOT_RUNNING,
    STATUS_NOT_RUNNING,
    STATUS_UNKNOWN,
)
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.applets.supervisorctl_server import Info
    from pyinit.applets.supervisorctl_session import Session

NAME_WIDTH = 30
START_FAULTS = {
    srv.BAD_NAME: "no such process",
    srv.NO_FILE: "no such file",
    srv.NOT_EXECUTABLE: "file is not executable",
    srv.ALREADY_STARTED: "already started",
    srv.SPAWN_ERROR: "spawn error",
    srv.ABNORMAL_TERMINATION: "abnormal termination",
}
SIGNAL_FAULTS = {
    srv.BAD_NAME: "no such process",
    srv.BAD_SIGNAL: "bad signal name",
    srv.NOT_RUNNING: "not running",
}


class Deed(Record):
    """One thing that is done to processes: the methods for it, and the words about it.

    `methods` are for one process, a group, and all; `params` follow the name.  `harmless` is the
    fault that is no failure; `no_group` is the exit status for a group that is not there.
    """

    methods: tuple[str, str, str]
    done: str
    faults: dict[int, str]
    params: tuple[str, ...] = ()
    harmless: int = srv.SUCCESS
    no_group: int = GENERIC
    told: bool = False  # a failure is told in the words of the server
    grouped: bool = True  # groups are meant by GROUP:*, too


START = Deed(
    ("startProcess", "startProcessGroup", "startAllProcesses"),
    "started",
    START_FAULTS,
    harmless=srv.ALREADY_STARTED,
    no_group=INVALID_ARGS,
)
STOP = Deed(
    ("stopProcess", "stopProcessGroup", "stopAllProcesses"),
    "stopped",
    SIGNAL_FAULTS,
    harmless=srv.NOT_RUNNING,
    told=True,
)
SIGNAL = ("signalProcess", "signalProcessGroup", "signalAllProcesses")
CLEAR = Deed(
    ("clearProcessLogs", "", "clearAllProcessLogs"),
    "cleared",
    {srv.BAD_NAME: "no such process", srv.FAILED: "failed"},
    grouped=False,
)


def status(session: Session, arg: str) -> None:
    """Show the state of processes; a stopped one makes the status 3, an unknown name 4."""
    if not session.up():
        session.code = STATUS_UNKNOWN
        return
    infos = srv.infos_of(session.call("getAllProcessInfo"))
    names = arg.split()
    shown = infos if not names or "all" in names else _named(session, names, infos)
    width = max([NAME_WIDTH, *[len(each.namespec) for each in shown]]) + 3
    for info in shown:
        session.say(f"{info.namespec:<{width}}{info.statename:<10}{info.description}")
        if info.state in srv.STOPPED_STATES:
            session.code = STATUS_NOT_RUNNING


def pid(session: Session, arg: str) -> None:
    """Show the pid of supervisord, or those of processes."""
    if not session.up():
        return
    names = arg.split()
    if not names:
        session.say(str(session.call("getPID")))
    elif "all" in names:
        for info in srv.infos_of(session.call("getAllProcessInfo")):
            session.say(str(info.pid))
    else:
        for name in names:
            _pid(session, name)


def start(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Start processes and wait until they are up."""
    if not session.up():
        return
    if not arg.split():
        session.fail("Error: start requires a process name", INVALID_ARGS)
        explain()
        return
    do(session, START, arg.split())


def stop(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Stop processes and wait until they are gone."""
    if not session.up():
        return
    if not arg.split():
        session.fail("Error: stop requires a process name")
        explain()
        return
    do(session, STOP, arg.split())


def restart(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Stop processes, then start them."""
    if not session.up():
        return
    if not arg.split():
        session.fail("Error: restart requires a process name")
        explain()
        return
    stop(session, arg, explain)
    start(session, arg, explain)


def signal(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Send a signal to processes."""
    if not session.up():
        return
    name, *names = arg.split() or [""]
    if not names:
        session.fail("Error: signal requires a signal name and a process name")
        explain()
        return
    do(session, Deed(SIGNAL, "signalled", SIGNAL_FAULTS, (name,), told=True), names)


def do(session: Session, deed: Deed, names: list[str]) -> None:
    """Do something to the processes that `names` stand for, and say what came of each."""
    one, group_method, every = deed.methods
    if "all" in names:
        _tell(session, deed, srv.outcomes_of(session.call(every, *deed.params)))
        return
    for name in names:
        group, process = srv.split(name)
        if process is not None or not deed.grouped:
            _tell(session, deed, [_do_one(session, deed, one, name)])
            continue
        try:
            outcomes = srv.outcomes_of(session.call(group_method, group, *deed.params))
        except srv.Fault as fault:
            if fault.code != srv.BAD_NAME:
                raise
            session.fail(f"{group}: ERROR (no such group)", deed.no_group)
        else:
            _tell(session, deed, outcomes)


def _do_one(session: Session, deed: Deed, method: str, name: str) -> Outcome:
    group, process = srv.split(name)
    try:
        session.call(method, name, *deed.params)
    except srv.Fault as fault:
        return Outcome(process or "*", group, fault.code, fault.text)
    return Outcome(process or "*", group, srv.SUCCESS, "")


def _tell(session: Session, deed: Deed, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        session.say(_sentence(deed, outcome))
        session.judge(outcome.status, deed.harmless)


def _sentence(deed: Deed, outcome: Outcome) -> str:
    name = outcome.namespec
    if outcome.status == srv.SUCCESS:
        return f"{name}: {deed.done}"
    if outcome.status in deed.faults:
        return f"{name}: ERROR ({deed.faults[outcome.status]})"
    if outcome.status == srv.FAILED and deed.told:
        return outcome.description
    raise ValueError(f"Unknown result code {outcome.status} for {name}")


def _named(session: Session, names: list[str], infos: list[Info]) -> list[Info]:
    shown: list[Info] = []
    for name in names:
        group, process = srv.split(name)
        found = [each for each in infos if each.group == group and process in (None, each.name)]
        shown += found
        if not found:
            what = f"{group}: ERROR (no such group)" if process is None else ""
            session.fail(what or f"{name}: ERROR (no such process)", STATUS_UNKNOWN)
    return shown


def _pid(session: Session, name: str) -> None:
    try:
        info = srv.info_of(session.call("getProcessInfo", name))
    except srv.Fault as fault:
        if fault.code != srv.BAD_NAME:
            raise
        session.fail(f"No such process {name}")
        return
    session.say(str(info.pid))
    if info.pid == 0:
        session.code = NOT_RUNNING
