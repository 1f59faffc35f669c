"""The commands of supervisorctl: what each does, what its help says, what its words stand for."""

from __future__ import annotations

from pyinit.applets import supervisorctl_config as config
from pyinit.applets import supervisorctl_logs as logs
from pyinit.applets import supervisorctl_state as state
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.applets.supervisorctl_session import Session

    Run: TypeAlias = Callable[[Session, str, Callable[[], None]], None]
    Simple: TypeAlias = Callable[[Session, str], None]

PROCESSES, GROUPS = "processes", "groups"


class Command(Record):
    """One command: `words` is what the completion offers after it."""

    run: Run
    help: str
    words: str = ""


def _simply(run: Simple) -> Run:
    """Return a command that has nothing to explain as one that could."""

    def with_help(session: Session, arg: str, _explain: Callable[[], None]) -> None:
        run(session, arg)

    return with_help


def _names(verb: str, what: str) -> str:
    """Return the help of a command that takes names of processes."""
    wide = "\t" if len(verb) < 7 else ""
    return f"""\
{verb} <name>\t\t{what} one process
{verb} <gname>:*\t{wide}{what} every process of a group
{verb} <name> <name>\t{what} several processes or groups
{verb} all\t\t{what} every process"""


COMMANDS = {
    "add": Command(
        _simply(config.add),
        "add <name> [...]\tPut groups in force that the files have and supervisord has not",
        GROUPS,
    ),
    "avail": Command(config.avail, "avail\t\t\tShow every process that the files configure"),
    "clear": Command(
        logs.clear,
        """\
clear <name>\t\tEmpty the logs of one process
clear <name> <name>\tEmpty the logs of several processes
clear all\t\tEmpty the logs of every process""",
        PROCESSES,
    ),
    "fg": Command(
        logs.foreground,
        """\
fg <process>\tShow the output of a process, and send it the lines you type
\t\tCtrl-C leaves it, and leaves it running""",
        PROCESSES,
    ),
    "maintail": Command(
        logs.maintail,
        """\
maintail -f \tFollow the log of supervisord itself (Ctrl-C ends it)
maintail -100\tShow the last 100 *bytes* of it
maintail\tShow the last 1600 *bytes* of it
""",
    ),
    "open": Command(
        _simply(config.open_url),
        """\
open <url>\tTalk to another supervisord from now on
\t\t(http://host:port, or unix:///path/of/socket)""",
    ),
    "pid": Command(
        _simply(state.pid),
        """\
pid\t\t\tShow the process id of supervisord
pid <name>\t\tShow the process id of one process
pid all\t\t\tShow the process id of every process, a line each""",
        PROCESSES,
    ),
    "reload": Command(config.reload, "reload \t\tStop everything and begin anew with the files"),
    "remove": Command(
        _simply(config.remove),
        "remove <name> [...]\tTake groups that do not run out of force",
        GROUPS,
    ),
    "reread": Command(
        config.reread, "reread \t\t\tRead the files again, show what differs, change nothing"
    ),
    "restart": Command(
        state.restart,
        _names("restart", "Restart") + "\nThe files are not read again: see reread and update.",
        PROCESSES,
    ),
    "shutdown": Command(config.shutdown, "shutdown \tStop every process, and supervisord"),
    "signal": Command(
        state.signal,
        """\
signal <signal name> <name>\t\tSend a signal to one process
signal <signal name> <gname>:*\t\tSend a signal to every process of a group
signal <signal name> <name> <name>\tSend a signal to several processes or groups
signal <signal name> all\t\tSend a signal to every process""",
        PROCESSES,
    ),
    "start": Command(state.start, _names("start", "Start"), PROCESSES),
    "status": Command(
        _simply(state.status),
        """\
status <name>\t\tShow the state of one process
status <gname>:*\tShow the states of a group
status <name> <name>\tShow the states of several processes
status\t\t\tShow the state of every process""",
        PROCESSES,
    ),
    "stop": Command(state.stop, _names("stop", "Stop"), PROCESSES),
    "tail": Command(
        logs.tail,
        """\
tail [-f] <name> [stdout|stderr] (default stdout)
Ex:
tail -f <name>\t\tFollow what a process prints on stdout
\t\t\tCtrl-C ends it
tail -100 <name>\tShow the last 100 *bytes* of its stdout
tail <name> stderr\tShow the last 1600 *bytes* of its stderr""",
        PROCESSES,
    ),
    "update": Command(
        _simply(config.update),
        """\
update\t\t\tRead the files again, and add, remove and restart the groups that differ
update all\t\tThe same
update <gname> [...]\tThe same for these groups only""",
        GROUPS,
    ),
    "version": Command(config.version, "version\t\t\tShow the version of the server"),
}
LEAVING = {
    "exit": "exit\tLeave this shell",
    "quit": "quit\tLeave this shell",
}
HELP = """\
help\t\tShow what commands there are
help <action>\tShow what a command does"""
EVERY = tuple(sorted([*COMMANDS, *LEAVING]))


def help_of(name: str) -> str:
    """Return the help of a command, "" if there is none of that name."""
    if name == "help":
        return HELP
    if name in COMMANDS:
        return COMMANDS[name].help
    return LEAVING.get(name, "")
