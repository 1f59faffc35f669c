"""`[socket.NAME]`, and the programs that are born with such a socket."""

from __future__ import annotations

from pyinit.config import paths, values
from pyinit.config.ini_values import address
from pyinit.config.problems import ValueFault, suggest
from pyinit.config.program_probes import socket_path
from pyinit.core.plan_listen import SocketPlan
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyinit.config.build import Builder
    from pyinit.config.reader import Section
    from pyinit.config.users import Accounts
    from pyinit.core.plan import ProcessPlan

FIX = 'write "127.0.0.1:8080", ":8080" (every address) or "unix:/run/app.sock"'
EVERYWHERE = frozenset(("tcp:", "tcp:[::]"))
EVERYWHERE_IPV4 = "tcp:0.0.0.0"
STDIN = "socket:"
MOST_WAITING = 65535
FIRST = 3  # the descriptor of the first one


def sockets(builder: Builder) -> tuple[SocketPlan, ...]:
    """Return the sockets of all files.  Faults are noted."""
    found: dict[str, SocketPlan] = {}
    for document in builder.documents:
        for name, section in builder.tables(document, "socket"):
            section.check_keys()
            plan = _socket(name, section, builder.accounts)
            if name in found:
                section.fault(f'socket "{name}" is there twice', "leave one out")
            elif other := taken_by(plan.listen, found.values(), reuse_port=plan.reuse_port):
                text = f'listen: socket "{other}" is there already'
                section.fault(text, "let programs share that one", ("listen",))
            found.setdefault(name, plan)
    return tuple(found.values())


def taken_by(listen: str, sockets: Iterable[SocketPlan], *, reuse_port: bool = False) -> str:
    """Return the name of the one of `sockets` that lets nobody else listen there, "" if none."""
    for each in sockets:
        shared = reuse_port and each.reuse_port
        if listen and (listen == each.listen or (not shared and _meet(listen, each.listen))):
            return each.name
    return ""


def _meet(one: str, other: str) -> bool:
    """Say whether one of two ports is at every address, that of the other among them."""
    host, _, port = one.rpartition(":")
    its_host, _, its_port = other.rpartition(":")
    hosts = {host, its_host}
    if port != its_port or not (host.startswith("tcp") and its_host.startswith("tcp")):
        return False
    return not EVERYWHERE.isdisjoint(hosts) or (
        EVERYWHERE_IPV4 in hosts and "[" not in host + its_host
    )


def keys(section: Section) -> tuple[tuple[str, ...], bool, float]:
    """Return the `sockets`, `on_demand` and `idle_exit` of a ProcessPlan."""
    on_demand = section.get("on_demand", values.boolean, False)
    idle_exit = section.get("idle_exit", values.duration, 0.0)
    names = section.get("sockets", _names, ())
    if on_demand and not names and section.get("stdin", stdin, "null") == "null":
        text = "on_demand: there is no socket whose first connection could start it"
        section.fault(text, "write sockets = [...], too", *_at(section, "on_demand"))
    if idle_exit and not on_demand:
        text = "idle_exit: nothing would start it again"
        section.fault(text, "write on_demand = true, too", *_at(section, "idle_exit"))
    return names, on_demand, idle_exit


def stdin(value: object) -> str:
    """Return what a program reads from: "null", or "socket:NAME"."""
    text = values.word(value)
    if text == "null" or (text.startswith(STDIN) and text != STDIN):
        return text
    raise ValueFault(f"{values.shown(value)} is no stdin", 'write "null" or "socket:NAME"')


def bound(
    builder: Builder, plans: list[ProcessPlan], known: tuple[SocketPlan, ...]
) -> list[ProcessPlan]:
    """Return the processes, each with the places of its sockets.  Faults are noted."""
    where = {each.name: each.listen for each in known}
    told: set[tuple[str, str]] = set()
    found = []
    for plan in [*plans, *builder.typical.values()]:  # there may be no process of a program
        named = [("sockets", name) for name in plan.sockets]
        named += [("stdin", name) for name in _of_stdin(plan)]
        for key, name in named:
            if name not in where and (plan.program, name) not in told:
                told.add((plan.program, name))
                fix = suggest(name, where) if where else f"write [socket.{name}]"
                _fault(builder, plan.program, key, f'{key}: there is no socket "{name}"', fix)
        places = tuple([where[name] for _, name in named if name in where])
        found.append(replace(plan, places=places) if places else plan)
    used = [name for plan in found for name in (*plan.sockets, *_of_stdin(plan))]
    for each in known:
        if each.name not in used:
            text = f'socket "{each.name}" is no program\'s: who connects there waits for ever'
            builder.problems.warnings.append(text)
    _check_descriptors(builder)
    return found[: len(plans)]


def _socket(name: str, section: Section, accounts: Accounts) -> SocketPlan:
    base = paths.directory_of(paths.absolute(section.file))
    if "listen" not in section.tree:
        section.fault(f'socket "{name}" listens nowhere', f"{FIX} as listen")
    listen = section.get("listen", lambda value: _place(values.word(value), base), "")
    backlog = section.get("backlog", values.integer(1, MOST_WAITING), SocketPlan("", "").backlog)
    mode = section.get("mode", values.mode, None)
    uid, gid = section.get("owner", accounts.owner, (None, None))
    reuse_port = section.get("reuse_port", values.boolean, False)
    others = ("mode", "owner") if listen.startswith("tcp:") else ("reuse_port",)
    for key in others if listen else ():
        if key in section.tree:
            kind = "a Unix socket" if key != "reuse_port" else "a port"
            section.fault(f"{key}: it is for {kind}", "leave it out", (key,))
    return SocketPlan(name, listen, backlog, mode, uid, gid, reuse_port)


def _place(text: str, base: str) -> str:
    """Return where to listen as the plan says it; paths are relative to `base`."""
    if text.startswith(("unix:", "/")):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path.strip("/"):
            raise ValueFault(f'"{text}" names no socket', FIX)
        return f"unix:{socket_path(paths.join(base, path))}"
    bare = text.removeprefix("tcp:").removeprefix("//")
    host, _, port = bare.rpartition(":")
    if host.startswith("[") != host.endswith("]"):
        raise ValueFault(f'cannot listen at "{text}": a bracket is not closed', FIX)
    try:
        if host in ("", "*"):
            return f"tcp::{address(port).rpartition(':')[2]}"
        return f"tcp:{address(bare)}"
    except ValueFault as fault:
        raise ValueFault(f'cannot listen at "{text}": {str(fault).strip()}', FIX) from None


def _names(value: object) -> tuple[str, ...]:
    found = values.strings(value)
    for name in found:
        if found.count(name) > 1:
            raise ValueFault(f'"{name}" is there twice', "leave one out")
    return found


def _of_stdin(plan: ProcessPlan) -> list[str]:
    stdin = plan.launch.stdin
    return [stdin.removeprefix(STDIN)] if stdin.startswith(STDIN) else []


def _at(section: Section, key: str) -> tuple[tuple[str], Section]:
    """Return where a key of the section is said."""
    return (key,), section.layers(key)[0]


def _check_descriptors(builder: Builder) -> None:
    """Note who would tell that it is ready by a descriptor that is a socket."""
    for name, plan in builder.typical.items():
        last = FIRST + len(plan.sockets) - 1
        if plan.ready is not None and plan.ready.kind == "fd" and int(plan.ready.target) <= last:
            text = f"ready: descriptor {plan.ready.target} is one of its sockets"
            _fault(builder, name, "ready", text, f"write ready = {{ fd = {last + 1} }}")


def _fault(builder: Builder, program: str, key: str, text: str, fix: str) -> None:
    """Note a fault of a program's key, in the program or in the [defaults] that say it."""
    section = next(
        section
        for document in builder.documents
        for name, section in builder.tables(document, "program")
        if name == program and section.layers(key)
    )
    section.fault(text, fix, (key,), section.layers(key)[0])
