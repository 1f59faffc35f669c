"""supervisord's files become a plan: its semantics, unless a section [pyinit] says otherwise."""

from __future__ import annotations

from pyinit.config import (
    ini_groups,
    ini_init,
    ini_program,
    ini_servers,
    ini_told,
    ini_values,
    values,
)
from pyinit.config.build import stop_budget
from pyinit.config.ini_parse import Block
from pyinit.config.ini_section import Section, World, check_words
from pyinit.config.problems import suggest
from pyinit.core.plan import InitPlan, Plan
from pyinit.core.plan_listen import WebPlan
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.ini_read import Ini
    from pyinit.config.problems import Problems
    from pyinit.core.plan import ProcessPlan

MAIN = "supervisord"


def build(
    ini: Ini,
    problems: Problems,
    *,
    name: str = "pyinit",
    strict: bool = False,
    instead: dict[str | int, str | int] | None = None,
) -> Plan:
    """Return the plan of all sections; it means something only if there are no problems.

    `name` is whom pyinit is called: as supervisord it logs like it.  With `strict` what
    supervisord would pass over in silence is a problem.  `instead` as in World.
    """
    world = World(ini, problems, strict=strict)
    world.instead = instead or {}
    own = ini.blocks.get("pyinit")
    own_section = None if own is None else Section(world, own, world.names)
    if own_section is not None:
        world.strict |= own_section.flag("strict")
        world.insecure = own_section.flag("insecure")
    check_words(world)
    main = _main(world)
    world.common = ini_init.common(main, "")
    world.names |= {f"ENV_{key}": value for key, value in world.common.environment}
    web = ini_servers.web(world)
    world.common = replace(world.common, server_url=ini_servers.server_url(web))
    init = ini_init.init(main, own_section, name)
    processes = ini_groups.processes(world)
    _check_exit(own_section, init, processes)
    budget = ini_program.stop_budget(processes) + init.drain_delay
    if own_section is not None:
        budget = own_section.get("stop_budget", stop_budget, budget)
        web = _web(own_section, web)
    return Plan(
        replace(init, stop_budget=budget),
        tuple(processes),
        tuple(ini.files),
        tuple(problems.warnings),
        own_section is not None and own_section.has("exit"),
        tuple([world.sockets[socket] for socket in sorted(world.sockets)]),
        web,
        ini_told.told(world, main, init.uid) if name == ini_init.PERSONALITY else (),
    )


def _main(world: World) -> Section:
    """Return [supervisord]; noted as a problem if there is none, but for the command line's."""
    block = world.ini.blocks.get(MAIN)
    if block is None or not block.line:
        file = world.ini.files[0] if world.ini.files else MAIN
        if world.ini.files:
            text = ".ini file does not include supervisord section"
            world.problems.add(file, (), text, "write a line [supervisord]")
        block = block or Block(MAIN, file, 0)
    return Section(world, block, world.names)


def _check_exit(own: Section | None, init: InitPlan, processes: list[ProcessPlan]) -> None:
    programs = {process.program for process in processes}
    if own is not None and init.exit.startswith("main:") and init.exit[5:] not in programs:
        own.fault(
            f'there is no program "{init.exit[5:]}"', "exit", suggest(init.exit[5:], programs)
        )


def _web(own: Section, web: WebPlan | None) -> WebPlan | None:
    """Return the gateway with what [pyinit] says of it."""
    if web is None:
        return None
    base = own.world.common.base
    return replace(
        web,
        idle_exit=own.get("idle_exit", values.duration, web.idle_exit),
        tls_cert=own.get("tls_cert", lambda text: ini_values.path(text, base), None),
        tls_key=own.get("tls_key", lambda text: ini_values.path(text, base), None),
    )
