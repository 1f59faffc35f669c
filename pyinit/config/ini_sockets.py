"""The socket of an [fcgi-program:x]: pyinit holds it, and every process has it as descriptor 0."""

from __future__ import annotations

from pyinit.config import ini_values
from pyinit.config.ini_section import Section
from pyinit.config.problems import ValueFault
from pyinit.core.plan_listen import SocketPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.ini_markers import Markers
    from pyinit.config.ini_parse import Block
    from pyinit.config.ini_section import World

BACKLOG = 4096  # SOMAXCONN of Linux
MODE = 0o700


def socket_of(world: World, block: Block, group: str) -> str:
    """Return what `Launch.stdin` is for the processes of a section; note its socket in the world.

    A program that is in two groups has one socket.
    """
    section = Section(world, block, world.names)
    section.names = {**world.names, "program_name": section.title, "group_name": group}
    name = section.title
    if name not in world.sockets:
        found = _socket(section, name)
        if found is not None:
            world.sockets[name] = found
    return f"socket:{name}"


def rows(plan: SocketPlan, markers: Markers) -> str:
    """Return the lines of a [socket.NAME] of TOML that is such a socket."""
    found = [f"listen = {markers.toml(plan.listen.removeprefix('tcp:'))}"]
    if plan.backlog != BACKLOG:
        found.append(f"backlog = {plan.backlog}")
    if plan.mode is not None:
        found.append(f'mode = "{plan.mode:04o}"')
    if plan.uid is not None:
        found.append(f'owner = "{plan.uid}{"" if plan.gid is None else f":{plan.gid}"}"')
    return "\n".join(found)


def _socket(section: Section, name: str) -> SocketPlan | None:
    title = section.block.name
    if not section.text("socket"):
        text = f'[{title}] section requires a "socket" line'
        section.fault(text, "", "write socket = unix:///run/x.sock or tcp://127.0.0.1:9000")
        return None
    listen = section.get("socket", lambda text: _listen(text, title), "")
    backlog = section.get("socket_backlog", _backlog, BACKLOG)
    accounts = section.world.accounts
    owner = section.get("socket_owner", lambda text: ini_values.owner(text, accounts), None)
    mode = section.get("socket_mode", ini_values.octal, None)
    if listen.startswith("tcp:"):
        if section.has("socket_owner") or section.has("socket_mode"):
            text = "socket_owner and socket_mode params should only be used with a Unix domain"
            option = "socket_owner" if section.has("socket_owner") else "socket_mode"
            section.fault(f"{text} socket in [{title}] socket", option, "leave it out")
        return SocketPlan(name, listen, backlog, kept=False)
    if owner is None:
        account = section.get("user", lambda text: ini_values.user(text, accounts), None)
        if account is not None and account.uid != section.world.common.uid:
            owner = account.uid, account.gid
    uid, gid = owner or (None, None)
    mode = MODE if mode is None else mode
    return SocketPlan(name, listen, backlog, mode, uid, gid, kept=False)


def _listen(text: str, title: str) -> str:
    if text.startswith("unix://"):
        path = text[7:]
        if not path.startswith("/"):
            found = f"Unix socket path {path} is not an absolute path in [{title}] socket"
            raise ValueFault(found, "write unix:///run/x.sock")
        return f"unix:{ini_values.path(path, '/')}"
    head, colon, port = text.removeprefix("tcp://").rpartition(":")
    if text.startswith("tcp://") and colon and head and port.isdecimal():
        return f"tcp:{ini_values.address(f'{head}:{port}')}"
    fix = "write unix:///run/x.sock or tcp://127.0.0.1:9000"
    raise ValueFault(f"Bad socket format {text} in [{title}] socket", fix)


def _backlog(text: str) -> int:
    found = ini_values.integer(text)
    if 1 <= found <= 65535:
        return found
    raise ValueFault(f"Invalid socket_backlog value {found}", "it goes from 1 to 65535")
