"""Which programs there are in which groups: [group:x], and every program that is in none."""

from __future__ import annotations

from pyinit.config import ini_program, ini_values
from pyinit.config.ini_program import Group
from pyinit.config.ini_section import SPAWNING, Section
from pyinit.config.ini_sockets import socket_of
from pyinit.config.problems import ValueFault, suggest
from pyinit.core.plan import Pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.ini_parse import Block
    from pyinit.config.ini_section import World
    from pyinit.core.plan import ProcessPlan

HANDLER = "supervisor.dispatchers:default_handler"
EVENTS = frozenset(
    (
        *("EVENT", "PROCESS_STATE", "PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING"),
        *("PROCESS_STATE_BACKOFF", "PROCESS_STATE_STOPPING", "PROCESS_STATE_EXITED"),
        *("PROCESS_STATE_STOPPED", "PROCESS_STATE_FATAL", "PROCESS_STATE_UNKNOWN"),
        *("PROCESS_COMMUNICATION", "PROCESS_COMMUNICATION_STDOUT"),
        *("PROCESS_COMMUNICATION_STDERR", "PROCESS_LOG", "PROCESS_LOG_STDOUT"),
        *("PROCESS_LOG_STDERR", "REMOTE_COMMUNICATION", "SUPERVISOR_STATE_CHANGE"),
        *("SUPERVISOR_STATE_CHANGE_RUNNING", "SUPERVISOR_STATE_CHANGE_STOPPING"),
        *("TICK", "TICK_5", "TICK_60", "TICK_3600"),
        *("PROCESS_GROUP", "PROCESS_GROUP_ADDED", "PROCESS_GROUP_REMOVED"),
    )
)


def processes(world: World) -> list[ProcessPlan]:
    """Return the processes of all groups."""
    blocks = {kind: _blocks(world, kind) for kind in SPAWNING}
    seen: dict[str, str] = {}  # section -> the first group that names it
    found: list[ProcessPlan] = []
    owners: list[Block] = []  # the section of each process
    for block in world.ini.sections():
        section = Section(world, block, world.names)
        if section.kind == "group":
            for member, one in _group(section, blocks, seen):
                found.append(one)
                owners.append(member)
    for block in world.ini.sections():
        section = Section(world, block, world.names)
        if section.kind in SPAWNING and block.name not in seen:
            for one in _alone(section):
                found.append(one)
                owners.append(block)
    _check_names(world, found, owners)
    return found


def _blocks(world: World, kind: str) -> dict[str, Block]:
    """Return the sections of a kind by the name behind the colon."""
    wanted = f"{kind}:"
    return {
        block.name[len(wanted) :].strip(): block
        for block in world.ini.sections()
        if block.name.startswith(wanted)
    }


def _group(
    section: Section, blocks: dict[str, dict[str, Block]], seen: dict[str, str]
) -> list[tuple[Block, ProcessPlan]]:
    """Return the processes of a group, each with its program's section."""
    try:
        name = ini_values.name(section.title)
    except ValueFault as fault:
        section.fault(str(fault), "", fault.fix)
        return []
    priority = section.get("priority", ini_values.integer, 999)
    title = section.block.name
    found: list[tuple[Block, ProcessPlan]] = []
    members = section.get("programs", ini_values.words, ())
    if not members:
        section.warn(f"[{title}] has no programs", "programs", "write programs = one,two")
    for member in dict.fromkeys(members):
        plain, fcgi = blocks["program"].get(member), blocks["fcgi-program"].get(member)
        block = plain or fcgi
        if block is None:
            text = f"[{title}] names unknown program or fcgi-program {member}"
            fix = suggest(member, {**blocks["program"], **blocks["fcgi-program"]})
            section.fault(text, "programs", fix)
            continue
        if plain is not None and fcgi is not None:
            text = f"[{title}] name {member} is ambiguous (exists as program and fcgi-program)"
            section.fault(text, "programs", "give one of them another name")
            continue
        prefix = f"{name}/" if block.name in seen else ""
        seen.setdefault(block.name, name)
        stdin = socket_of(section.world, block, name) if fcgi is not None else "pipe"
        group = Group(name, priority, prefix)
        plans = ini_program.build(section.world, block, group, stdin=stdin)
        found += [(block, one) for one in plans]
    return found


def _alone(section: Section) -> list[ProcessPlan]:
    """Return the processes of a program that is its own group."""
    world, block, kind = section.world, section.block, section.kind
    default = -1 if kind == "eventlistener" else 999
    group = Group(section.title, section.get("priority", ini_values.integer, default))
    if kind == "eventlistener":
        return ini_program.build(world, block, group, _pool(section))
    stdin = socket_of(world, block, group.name) if kind == "fcgi-program" else "pipe"
    return ini_program.build(world, block, group, stdin=stdin)


def _pool(section: Section) -> Pool:
    title = section.block.name
    buffer_size = section.get("buffer_size", ini_values.integer, 10)
    if buffer_size < 1:
        text = f"[{title}] section sets invalid buffer_size ({buffer_size})"
        section.fault(text, "buffer_size", "write a number from 1")
    handler = section.text("result_handler", HANDLER).strip()
    if handler != HANDLER:
        text = f"[{title}]: the handler {handler} is not called: OK is success, all else is not"
        section.warn(text, "result_handler", "leave it out, or judge in the listener")
    events = [name.upper() for name in section.get("events", ini_values.words, ())]
    if not events:
        text = f'[{title}] section requires an "events" line'
        section.fault(text, "", "write events = PROCESS_STATE,TICK_60")
    for name in events:
        if name not in EVENTS:
            text = f"Unknown event type {name} in [{title}] events"
            section.fault(text, "events", suggest(name, EVENTS))
    if section.flag("redirect_stderr"):
        text = f"[{title}] section sets redirect_stderr=true but this is not allowed because it "
        text += "will interfere with the eventlistener protocol"
        section.fault(text, "redirect_stderr", "leave it out")
    return Pool(tuple(dict.fromkeys(events)), max(1, buffer_size))


def _check_names(world: World, found: list[ProcessPlan], owners: list[Block]) -> None:
    """Note processes that have the name of another, and keys that would be the same."""
    names: set[str] = set()
    keys: set[str] = set()
    for process, block in zip(found, owners, strict=True):
        if process.name in names or process.key in keys:
            text = f"there is a process {process.name!r} already"
            fix = "give the program another name, or another process_name"
            Section(world, block, {}).fault(text, "process_name", fix)
        names.add(process.name)
        keys.add(process.key)
