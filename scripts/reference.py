"""Writes docs/reference.md: commands, exit statuses, signals, variables and files.

The manual pages are made of the same sections.  What the code knows by itself (codes, defaults,
places) is taken from there; tests hold the rest against it.
"""

from __future__ import annotations

from pyinit.cli import ctl, init, verbs
from pyinit.cli.words import Option
from pyinit.config import ini_places, load
from pyinit.core.signals import DEFAULTS
from pyinit.core.status import signal_name
from pyinit.protocol.messages import EXIT_CODES
from pyinit.protocol.places import socket_places
from pyinit.runtime.failure import TERMINATION_LOG
from pyinit.system import rescue

OPENING = """\
# Reference

*Written by `make docs` from `scripts/reference.py` and the code.*

What is told elsewhere: every key of [pyinit.toml](configuration.md), every verb of the
[control socket](control.md), every [state](states.md), every [metric and address](web.md) of the
gateway. The same is in the manual pages pyinit(1), pyinitctl(1) and pyinit.toml(5), which
`pip install` and the Debian image bring along.
"""
STATUS = (
    ("0", "an ordered stop that left nothing behind; or everything has ended well"),
    ("*N*", "what the main program, or by `[init] exit` what failed, has exited with"),
    ("128 + *N*", "signal *N* has ended it"),
    ("1", "an ordered stop has left something behind; or pyinit runs already, by its pidfile"),
    ("2", "the words of the command line make no sense"),
    ("{rescue}", "pyinit's own loop failed again and again, and its rescue loop had the last word"),
    ("{config}", "the configuration is bad, or a limit cannot be had; nothing was started"),
    ("126", "the command cannot be executed"),
    ("127", "there is no such command"),
)
DAEMON = """\
The command `pyinit -d` exits with 0 once every program is ready, else with the status of the
daemon, or 1. `pyinit --check` exits with 0 or {config}.
"""
CTL_MEANINGS = {
    0: "it is done, or it is so",
    1: "it failed, or took too long",
    2: "the words make no sense",
    3: "not running, or not ready",
    4: "there is no such program",
    5: "there is no supervisor",
    6: "denied: whoever calls has not the level of access that this takes",
    ctl.INTERRUPTED: "it was interrupted (INT)",
    ctl.BROKEN_PIPE: "nobody reads its output any more",
}
ACTIONS = {
    "stop": "an ordered stop; a second one hurries",
    "reload": "read the configuration again; what differs is started, stopped, restarted",
    "reopen": "open pyinit's log and the log files of programs again, after a rotation by others",
}
TERMINAL = 'goes to the main program, also to the one that `exit = "main:NAME"` names'
SIGNALS = """\
All others mean nothing, unless `[init] signals` says so. In front of a command
(`pyinit COMMAND`) every signal that can be caught goes to that command. Whatever has come before
pyinit could listen, in the image from its first instruction on, is not lost.
"""
READ = (
    ("PYINIT_CONFIG", "without `-c`: the files and directories to read, colons between them"),
    ("PYINIT_SOCKET", "the control socket, for pyinit and for pyinitctl"),
    ("PYINIT_LOG_LEVEL", '"error", "warning", "info" or "debug"; goes before `[init] log`'),
    ("PYINIT_LOG_FORMAT", '"text", "json" or "supervisord"; goes before `[init] log`'),
    ("XDG_RUNTIME_DIR", "a directory for the control socket, where /run cannot be written"),
    ("PATH", "where a command without a slash is looked for: the one that its program is given"),
    ("TZ", "how times of the day are read by a `schedule` that names no time zone"),
    (
        "LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID, LISTEN_PIDFDID, WATCHDOG_USEC, WATCHDOG_PID",
        "whoever started pyinit meant pyinit: programs get these only if `env_pass` names them",
    ),
    ("DOCKER_HOST, DOCKER_CONTEXT", "the engine that `pyinitctl --container` and `fleet` ask"),
)
GIVEN = (
    ("PYINIT_PROGRAM", "the name of the program"),
    ("PYINIT_PROCESS", "the name of the process: `NAME`, or `NAME:0` where there are several"),
    ("PYINIT_SOCKET", "the control socket"),
    ("PYINIT_HOOK", "in the commands of `hooks`, `reload` and `stop.command`: which of them it is"),
    ("MAINPID", "there, too: the pid of the run that they are about, while there is one"),
    ("PYINIT_RUN", "what tells this run from another one of the same process beside it"),
    ("HOME, USER, LOGNAME", "those of its `user`, where there is one"),
    ("NOTIFY_SOCKET", "with `ready.notify` or a watchdog: where sd_notify(3) sends to"),
    ("WATCHDOG_USEC", "with `live.watchdog`: how often WATCHDOG=1 is expected, in microseconds"),
    (
        "LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID",
        "with `sockets`, or descriptors in its FDSTORE: as sd_listen_fds(3) expects them",
    ),
    ("GOMEMLIMIT, GOMAXPROCS", 'with `runtime = "go"`: its share of what the container may use'),
    (
        "SUPERVISOR_ENABLED, SUPERVISOR_SERVER_URL, SUPERVISOR_PROCESS_NAME, SUPERVISOR_GROUP_NAME",
        "where a file of supervisord's is the configuration: as from there",
    ),
)
PRIVATE = (
    *("PYINIT_STATE_FD", "PYINIT_STATE_CHECK", "PYINIT_STATE_AGAIN"),
    "PYINIT_STATE_STOP",
    *("PYINIT_ANEW", "PYINIT_LISTENERS", "PYINITCTL_FAR_END"),
)
"""What pyinit tells itself over an exec, and its pyinitctl in a container: in no program's."""
PRIVATE_TEXT = """\
{names} are pyinit's own, for the moment of an exec. No program sees them, and nobody else should
set them.
"""


def page() -> str:
    """Return docs/reference.md."""
    return "\n".join(
        [
            OPENING,
            f"## pyinit\n\n```text\n{init.USAGE}```\n",
            f"## pyinitctl\n\n{ctl_verbs()}",
            f"## Exit status of pyinit\n\n{exit_status()}",
            f"## Exit status of pyinitctl\n\n{ctl_exit_status()}",
            f"## Signals to pyinit\n\n{signals()}",
            f"## Environment\n\n### What is read\n\n{read()}",
            f"### What a program sees\n\n{given()}\n{private()}",
            f"## Files\n\n{files()}",
        ]
    )


def ctl_verbs() -> str:
    """Return what pyinitctl can do, each verb with its options."""
    rows = []
    for name, verb in verbs.VERBS.items():
        words = f"{name} {verb.operands}".strip()
        options = "; ".join([f"{spelling(each)}: {each.doc}" for each in verb.options])
        rows.append((_code(words), f"{verb.doc}. {options}" if options else verb.doc))
    common = "\n".join([f"- {spelling(option)}: {option.doc}" for option in verbs.PLAIN])
    return f"With every verb:\n\n{common}\n\n{_table('verb', rows)}"


def spelling(option: Option) -> str:
    """Return how an option is written."""
    value = f" {option.value}" if option.value else ""
    return ", ".join([f"`{name}{value}`" for name in option.names])


def _code(words: str) -> str:
    return f"`{words}`".replace("|", "\\|")


def exit_status() -> str:
    """Return what pyinit exits with."""
    numbers = {"rescue": str(rescue.EXIT_CODE), "config": str(bad_configuration())}
    rows = [(status.format(**numbers), meaning) for status, meaning in STATUS]
    return _table("status", rows) + "\n" + DAEMON.format(**numbers)


def bad_configuration() -> int:
    """Return the exit status of a pyinit that starts nothing."""
    from pyinit.runtime.compiling import Faults

    return Faults(()).code


def ctl_exit_status() -> str:
    """Return what pyinitctl exits with, and the codes of the control socket that mean it."""
    rows = []
    for status, meaning in CTL_MEANINGS.items():
        codes = sorted([code for code, exits in EXIT_CODES.items() if exits == status])
        shown = ", ".join([f"`{code}`" for code in codes])
        rows.append((str(status), f"{meaning} ({shown})" if shown else meaning))
    return _table("status", rows)


def signals() -> str:
    """Return what signals do."""
    names: dict[str, list[str]] = {}
    for number, action in DEFAULTS.items():
        names.setdefault(action, []).append(signal_name(number).removeprefix("SIG"))
    rows = [(", ".join(found), ACTIONS[action]) for action, found in names.items()]
    rows.append(("WINCH, CONT", TERMINAL))
    return _table("signal", rows) + "\n" + SIGNALS


def read() -> str:
    """Return the variables that are read."""
    return _table("variable", [(_names(names), text) for names, text in READ])


def given() -> str:
    """Return the variables that programs see."""
    return _table("variable", [(_names(names), text) for names, text in GIVEN])


def private() -> str:
    """Return those that nobody should care for."""
    return PRIVATE_TEXT.format(names=_names(", ".join(PRIVATE)))


def files() -> str:
    """Return where files are that have a place of their own."""
    sockets = ", ".join([f"`{place}`" for place in _sockets()])
    genuine = [place for place in ini_places.places("/usr/bin/pyinit") if place[0] == "/"]
    rows = [
        (f"`{load.DEFAULT_FILE}`", "the configuration, where neither `-c` nor $PYINIT_CONFIG is"),
        (f"`{load.DEFAULT_DIRECTORY}/*.toml`", "drop-ins, read after it in the order of names"),
        (
            ", ".join([f"`{place}`" for place in dict.fromkeys(genuine)]),
            "supervisord's file, where there is none of these",
        ),
        (sockets, "the control socket: the first that can be made"),
        (f"`{TERMINATION_LOG}`", "why pyinit ended, where Kubernetes has made the file"),
    ]
    return _table("file", rows)


def _sockets() -> tuple[str, ...]:
    places = socket_places({b"XDG_RUNTIME_DIR": b"$XDG_RUNTIME_DIR"}, 0)
    return tuple([place.replace("pyinit-0", "pyinit-UID") for place in places])


def _names(names: str) -> str:
    return ", ".join([f"`{name}`" for name in names.split(", ")])


def _table(head: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"| {head} | meaning |", "|---|---|"]
    return "\n".join([*lines, *[f"| {first} | {text} |" for first, text in rows]]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
