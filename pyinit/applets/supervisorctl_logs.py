"""supervisorctl's commands for what programs print, and for talking to one."""

from __future__ import annotations

import sys

from pyinit.applets import supervisorctl_server as srv
from pyinit.applets.supervisorctl_session import GENERIC
from pyinit.applets.supervisorctl_state import CLEAR, do

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

    from pyinit.applets.supervisorctl_session import Session

LAST_BYTES = 1600
LEAVE = "==> Press Ctrl-C to exit <=="
READ_FAULTS = {
    srv.NO_FILE: "no log file",
    srv.FAILED: "unknown error reading log",
    srv.BAD_NAME: "no such process name",
}


def tail(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Show the end of a program's log, or follow it."""
    if not session.up():
        return
    words = arg.split()
    if not 1 <= len(words) <= 3:
        session.fail(f"Error: too {'many' if words else 'few'} arguments")
        explain()
        return
    modifier = words.pop(0) if words[0].startswith("-") else ""
    if not words:
        session.fail("Error: tail requires process name")
        return
    channel = words[-1].lower() if len(words) > 1 else "stdout"
    if channel not in ("stdout", "stderr"):
        session.fail(f"Error: bad channel {channel!r}")
        return
    count = _count(session, modifier)
    if count is None:
        return
    if not count:
        follow(session, f"/logtail/{words[0]}/{channel}")
        return
    method = "readProcessStdoutLog" if channel == "stdout" else "readProcessStderrLog"
    _show(session, words[0], READ_FAULTS, method, words[0], -count[0], 0)


def maintail(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Show the end of supervisord's own log, or follow it."""
    if not session.up():
        return
    words = arg.split()
    if len(words) > 1:
        session.fail("Error: too many arguments")
        explain()
        return
    if words and not words[0].startswith("-"):
        session.fail(f"Error: bad argument {words[0]}")
        return
    count = _count(session, words[0] if words else "")
    if count is None:
        return
    if not count:
        follow(session, "/mainlogtail")
        return
    faults = {code: text for code, text in READ_FAULTS.items() if code != srv.BAD_NAME}
    _show(session, "supervisord", faults, "readLog", -count[0], 0)


def clear(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Empty the logs of programs."""
    if not session.up():
        return
    if not arg.split():
        session.fail("Error: clear requires a process name")
        explain()
        return
    do(session, CLEAR, arg.split())


def foreground(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Show what a program prints, and send it what is typed, line by line."""
    if not session.up():
        return
    names = arg.split()
    if not names:
        session.fail("ERROR: no process name supplied")
        explain()
        return
    if len(names) > 1:
        session.fail("ERROR: too many process names supplied")
        return
    try:
        info = srv.info_of(session.call("getProcessInfo", names[0]))
    except srv.Fault as fault:
        if fault.code == srv.BAD_NAME:
            session.fail("ERROR: bad process name supplied")
        else:
            session.say(f"ERROR: {fault}")
        return
    if info.state != srv.RUNNING:
        session.fail("ERROR: process not running")
        return
    session.say(LEAVE)
    _attend(session, names[0])


def follow(session: Session, path: str) -> None:
    """Print what comes at `path` until the server ends it or somebody presses Ctrl-C."""
    session.say(LEAVE)
    server = session.reach(session.settings)
    try:
        _print_all(server, path)
    except KeyboardInterrupt:
        session.say("")
    finally:
        server.close()


def _count(session: Session, modifier: str) -> tuple[int, ...] | None:
    """Return (bytes,) to show, () to follow; None if it is neither, having said so."""
    if not modifier:
        return (LAST_BYTES,)
    if modifier == "-f":
        return ()
    try:
        return (int(modifier[1:]),)
    except ValueError:
        session.fail(f"Error: bad argument {modifier}")
        return None


def _show(
    session: Session, name: str, faults: dict[int, str], method: str, *params: str | int
) -> None:
    try:
        text = session.call(method, *params)
    except srv.Fault as fault:
        session.code = GENERIC
        if fault.code not in faults:
            raise
        session.say(f"{name}: ERROR ({faults[fault.code]})")
    else:
        session.say(str(text))


def _attend(session: Session, name: str) -> None:
    """Send lines to a program until it is gone or nothing more is typed."""
    servers = [session.reach(session.settings) for _ in range(2)]
    readers = []
    try:
        for server, channel in zip(servers, ("stdout", "stderr"), strict=True):
            readers.append(_reader(server, f"/logtail/{name}/{channel}"))
        while _send(session, name, input() + "\n"):
            pass
    except (KeyboardInterrupt, EOFError):
        session.say("Exiting foreground")
    finally:
        for server in servers:
            server.close()
        for reader in readers:
            reader.join()


def _send(session: Session, name: str, line: str) -> bool:
    """Send a line; say that it is over, and return False, if the program is gone."""
    try:
        session.call("sendProcessStdin", name, line)
        if srv.info_of(session.call("getProcessInfo", name)).state == srv.RUNNING:
            return True
        session.say("Process got killed")
    except srv.Fault as fault:
        gone = fault.code == srv.NOT_RUNNING
        session.say("Process got killed" if gone else f"ERROR: {fault}")
    session.say("Exiting foreground")
    return False


def _reader(server: srv.Server, path: str) -> Thread:
    from threading import Thread

    thread = Thread(target=_print_all, args=(server, path), daemon=True)
    thread.start()
    return thread


def _print_all(server: srv.Server, path: str) -> None:
    """Print what is followed; why it cannot be is said on stderr."""
    sys.stdout.flush()
    try:
        for data in server.follow(path):
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
    except srv.NotFollowed as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
