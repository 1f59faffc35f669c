"""supervisorctl's commands for the configuration, and for supervisord as a whole."""

from __future__ import annotations

import errno

from pyinit.applets import supervisorctl_server as srv
from pyinit.applets.supervisorctl_session import GENERIC
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.applets.supervisorctl_server import Value
    from pyinit.applets.supervisorctl_session import Session

DOWN_QUESTION = "Really shut the remote supervisord process down y/N? "
AGAIN_QUESTION = "Really restart the remote supervisord process y/N? "


def version(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Show the server's version."""
    if _takes_nothing(session, "version", arg, explain) and session.up():
        session.say(str(session.call("getSupervisorVersion")))


def avail(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Show every process of the configuration as it is now in the files."""
    if not _takes_nothing(session, "avail", arg, explain):
        return
    try:
        found = srv.array(session.call("getAllConfigInfo"))
    except srv.Fault as fault:
        _refused(session, fault, {srv.SHUTDOWN_STATE: "ERROR: supervisor shutting down"})
        return
    for each in found:
        info = srv.struct(each)
        name = srv.namespec(str(info["group"]), str(info["name"]))
        use = "in use" if info["inuse"] else "avail"
        start = "auto" if info["autostart"] else "manual"
        order = f"{srv.number(info['group_prio'])}:{srv.number(info['process_prio'])}"
        session.say(f"{name:<32} {use:<9} {start:<9} {order}")


def reread(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Let the server read its files again, and show which groups differ."""
    if not _takes_nothing(session, "reread", arg, explain):
        return
    try:
        added, changed, gone = _reread(session)
    except srv.Fault as fault:
        words = {
            srv.SHUTDOWN_STATE: "ERROR: supervisor shutting down",
            srv.CANT_REREAD: f"ERROR: {fault.text}",
        }
        _refused(session, fault, words)
        return
    found = dict.fromkeys(added, "available")
    found |= dict.fromkeys(changed, "changed")
    found |= dict.fromkeys(gone, "disappeared")
    for name in sorted(found):
        session.say(f"{name}: {found[name]}")
    if not found:
        session.say("No config updates to processes")


def update(session: Session, arg: str) -> None:
    """Let the server read its files again, and put in force what they say of the groups."""
    try:
        added, changed, gone = _reread(session)
    except srv.Fault as fault:
        _refused(session, fault, {srv.SHUTDOWN_STATE: "ERROR: already shutting down"})
        return
    wanted = dict.fromkeys(arg.split())
    if "all" in wanted:
        wanted.clear()
    if wanted:
        known = {info.group for info in srv.infos_of(session.call("getAllProcessInfo"))}
        for name in wanted:
            if name not in known and name not in added:
                session.fail(f"ERROR: no such group: {name}")
    for group in _among(gone, wanted):
        outcomes = srv.outcomes_of(session.call("stopProcessGroup", group))
        session.say(f"{group}: stopped")
        if any(each.status == srv.FAILED for each in outcomes):
            session.fail(f"{group}: has problems; not removing")
            continue
        session.call("removeProcessGroup", group)
        session.say(f"{group}: removed process group")
    for group in _among(changed, wanted):
        session.call("stopProcessGroup", group)
        session.say(f"{group}: stopped")
        session.call("removeProcessGroup", group)
        session.call("addProcessGroup", group)
        session.say(f"{group}: updated process group")
    for group in _among(added, wanted):
        session.call("addProcessGroup", group)
        session.say(f"{group}: added process group")


def add(session: Session, arg: str) -> None:
    """Put new groups in force."""
    for name in arg.split():
        before = session.code
        try:
            session.call("addProcessGroup", name)
        except srv.Fault as fault:
            words = {
                srv.SHUTDOWN_STATE: "ERROR: shutting down",
                srv.ALREADY_ADDED: "ERROR: process group already active",
                srv.BAD_NAME: f"ERROR: no such process/group: {name}",
            }
            _refused(session, fault, words)
            if fault.code == srv.ALREADY_ADDED:
                session.code = before
        else:
            session.say(f"{name}: added process group")


def remove(session: Session, arg: str) -> None:
    """Take groups away that do not run."""
    for name in arg.split():
        try:
            session.call("removeProcessGroup", name)
        except srv.Fault as fault:
            words = {
                srv.STILL_RUNNING: f"ERROR: process/group still running: {name}",
                srv.BAD_NAME: f"ERROR: no such process/group: {name}",
            }
            _refused(session, fault, words)
        else:
            session.say(f"{name}: removed process group")


def shutdown(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Stop everything, and supervisord."""
    if not _takes_nothing(session, "shutdown", arg, explain):
        return
    if not _is_sure(session, DOWN_QUESTION):
        return
    before = session.code
    try:
        session.call("shutdown")
    except srv.Fault as fault:
        _refused(session, fault, {srv.SHUTDOWN_STATE: "ERROR: already shutting down"})
        session.code = before
    except OSError as error:
        reason = {errno.ECONNREFUSED: "refused connection", errno.ENOENT: "no such file"}
        if error.errno not in reason:
            raise
        why = reason[error.errno]
        session.fail(f"ERROR: {session.settings.url} {why} (already shut down?)")
    else:
        session.say("Shut down")


def reload(session: Session, arg: str, explain: Callable[[], None]) -> None:
    """Stop everything and begin anew, with the files as they are then."""
    if not _takes_nothing(session, "reload", arg, explain):
        return
    if not _is_sure(session, AGAIN_QUESTION):
        return
    try:
        session.call("restart")
    except srv.Fault as fault:
        words = {
            srv.SHUTDOWN_STATE: "ERROR: already shutting down",
            srv.CANT_REREAD: f"ERROR: {fault.text}",  # supervisord would end
        }
        _refused(session, fault, words)
    else:
        session.say("Restarted supervisord")


def open_url(session: Session, arg: str) -> None:
    """Talk to the server at another URL from now on."""
    from pyinit.applets.supervisorctl_state import status

    url = arg.strip()
    if url.partition(":")[0].lower() not in ("unix", "http"):
        session.fail("ERROR: url must be http:// or unix://")
        return
    session.turn_to(replace(session.settings, url=url, named=True))
    before = session.code
    status(session, "")
    session.code = before


def _takes_nothing(session: Session, name: str, arg: str, explain: Callable[[], None]) -> bool:
    if not arg:
        return True
    session.fail(f"Error: {name} accepts no arguments")
    explain()
    return False


def _is_sure(session: Session, question: str) -> bool:
    """Ask back where somebody is there who can answer."""
    return not session.settings.interactive or input(question).lower().startswith("y")


def _refused(session: Session, fault: srv.Fault, words: dict[int, str]) -> None:
    """Say what a fault means; raise it if nobody foresaw it."""
    session.code = GENERIC
    if fault.code not in words:
        raise fault
    session.say(words[fault.code])


def _reread(session: Session) -> tuple[list[str], list[str], list[str]]:
    """Return the groups that are new, that differ, and that are gone."""
    changes = srv.array(srv.array(session.call("reloadConfig"))[0])
    added, changed, gone = [_names(each) for each in changes]
    return added, changed, gone


def _names(value: Value) -> list[str]:
    return [str(each) for each in srv.array(value)]


def _among(groups: list[str], wanted: dict[str, None]) -> list[str]:
    """Return those groups that are wanted: all if none is named."""
    return [each for each in groups if not wanted or each in wanted]
