"""[unix_http_server], [inet_http_server] and [rpcinterface:x] become the doors of the gateway."""

from __future__ import annotations

from pyinit.config import ini_values
from pyinit.config.ini_section import Section
from pyinit.config.web import is_loopback
from pyinit.core.plan_listen import Door, WebPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.ini_section import World

FACTORY = "supervisor.rpcinterface_factory"
MAIN_FACTORY = "supervisor.rpcinterface:make_main_rpcinterface"
EVERYBODY = 0o002


def web(world: World) -> WebPlan | None:
    """Return the gateway with all of its doors, None without any."""
    inet: list[Door] = []
    unix: list[Door] = []
    for block in world.ini.sections():
        section = Section(world, block, world.names)
        if section.kind == "inet_http_server":
            inet.append(_inet(section))
        elif section.kind == "unix_http_server":
            unix.append(_unix(section))
    rpc = _interfaces(world)
    doors = tuple([door for door in (*inet, *unix) if door.listen])
    return WebPlan(doors, rpc=rpc) if doors else None


def server_url(plan: WebPlan | None) -> str:
    """Return what programs are told of the doors: the first unix one, else the first of all."""
    doors = () if plan is None else plan.doors
    for door in doors:
        if door.listen.startswith("unix:"):
            return f"unix://{door.listen[5:]}"
    if not doors:
        return ""
    host, _, port = doors[0].listen.removeprefix("tcp:").rpartition(":")
    return f"http://{'localhost' if host == '0.0.0.0' else host}:{port}"  # noqa: S104


def _unix(section: Section) -> Door:
    title = section.block.name
    if not section.has("file"):
        section.fault(f"section [{title}] has no file value", "", "write file = /run/x.sock")
    base = section.world.common.base
    path = section.get("file", lambda text: ini_values.path(text, base), "")
    mode = section.get("chmod", ini_values.octal, 0o700)
    accounts = section.world.accounts
    uid, gid = section.get("chown", lambda text: ini_values.owner(text, accounts), (None, None))
    username, password = _authentication(section)
    if mode & EVERYBODY and not username and not section.world.insecure:
        text = f"[{title}]: mode {mode:04o} lets every user of this machine control all programs"
        section.warn(text, "chmod", "write chmod = 0700, or username and password")
    return Door(f"unix:{path}" if path else "", mode, uid, gid, username, password)


def _inet(section: Section) -> Door:
    title = section.block.name
    if not section.has("port"):
        section.fault(f"section [{title}] has no port value", "", "write port = 127.0.0.1:9001")
    address = section.get("port", ini_values.address, "")
    username, password = _authentication(section)
    listen = f"tcp:{address}" if address else ""
    if not username and not is_loopback(listen) and not section.world.insecure:
        text = f"[{title}]: whoever reaches {address} controls all programs: there is no password"
        section.warn(text, "port", "write port = 127.0.0.1:PORT, or username and password")
    return Door(listen, username=username, password=password)


def _authentication(section: Section) -> tuple[str, str]:
    """Return user name and password: both, or neither."""
    username, password = section.text("username"), section.text("password")
    if section.has("username") != section.has("password"):
        text = f"Section [{section.block.name}] contains incomplete authentication: "
        text += "If a username or a password is specified, both the username and password must "
        option = "username" if section.has("username") else "password"
        section.fault(f"{text}be specified", option, "write both, or neither")
    if section.has("username") and not username:
        section.fault(f"[{section.block.name}]: the username is empty", "username", "write one")
    return username, password


def _interfaces(world: World) -> bool:
    """Say whether supervisord's own methods are wanted; warn of what cannot be had."""
    found = False
    for block in world.ini.sections():
        section = Section(world, block, world.names)
        if section.kind == "ctlplugin":
            text = f"[{block.name}]: plugins of supervisorctl are not available here"
            section.warn(text, "", "leave the section out")
        if section.kind != "rpcinterface":
            continue
        factory = section.text(FACTORY).strip()
        if not factory:
            text = f"section [{block.name}] does not specify a {FACTORY}"
            section.fault(text, "", f"write {FACTORY} = {MAIN_FACTORY}")
        elif factory == MAIN_FACTORY:
            found = True
        else:
            text = f"[{block.name}]: {factory} is not available here: its methods will be missing"
            section.warn(text, FACTORY, "leave the section out")
    return found
