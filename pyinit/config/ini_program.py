"""[program:x], [fcgi-program:x] and [eventlistener:x] become the plans of their processes."""

from __future__ import annotations

from pyinit.config import ini_values, values
from pyinit.config.ini_output import output
from pyinit.config.ini_section import Section
from pyinit.config.problems import ValueFault
from pyinit.config.program_probes import looks_shellish
from pyinit.core.plan import Launch, Pool, ProcessPlan, Restart, Stop
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.config.ini_parse import Block
    from pyinit.config.ini_section import World
    from pyinit.config.users import Account

MAX_PROCESSES = 10_000
GRACE_S = 10.0


class Group(Record):
    """The group that a program's processes are in.

    `prefix` goes before the program's name where it is in another group already, so that keys
    stay unique.
    """

    name: str
    priority: int
    prefix: str = ""


class Slots(Record):
    """How many processes, the number of the first, and what each is called."""

    count: int
    first: int
    process_name: str


def build(
    world: World, block: Block, group: Group, pool: Pool | None = None, stdin: str = "pipe"
) -> list[ProcessPlan]:
    """Return the processes of one section.  Faults are noted in the world."""
    program = block.name.partition(":")[2].strip()
    names = {**world.names, "program_name": program, "group_name": group.name}
    section = Section(world, block, names)
    try:
        ini_values.name(program)
    except ValueFault as fault:
        section.fault(str(fault), "", fault.fix)
        return []
    if not section.has("command"):
        text = f"program section {block.name} does not specify a command"
        section.fault(text, "", "write command = /path argument")
        return []
    slots = _slots(section)
    found = []
    for number in range(slots.first, slots.first + max(1, slots.count)):
        section.names = {**names, "process_num": number, "numprocs": slots.count}
        found.append(_plan(section, program, group, number, pool, stdin))
    return found[: slots.count]


def _slots(section: Section) -> Slots:
    count = section.get("numprocs", ini_values.integer, 1)
    first = section.get("numprocs_start", ini_values.integer, 0)
    if count > MAX_PROCESSES:
        section.fault(f"{count} processes are too many", "numprocs", f"at most {MAX_PROCESSES}")
        count = 1
    entry = section.entry("process_name")
    written = "%(program_name)s" if entry is None else entry.value
    if count > 1 and "%(process_num)" not in written:
        text = "%(process_num) must be present within process_name when numprocs > 1"
        option = "process_name" if entry else "numprocs"
        section.fault(text, option, "write process_name = %(program_name)s_%(process_num)02d")
        count = 1
    return Slots(max(0, count), max(0, first), written)


def _plan(
    section: Section, program: str, group: Group, number: int, pool: Pool | None, stdin: str
) -> ProcessPlan:
    environment = section.get("environment", ini_values.environment, {})
    more = {f"ENV_{name}": value for name, value in environment.items()}
    section.names = {**section.names, **more}
    process = section.get("process_name", ini_values.name, program)
    account = section.get("user", lambda text: ini_values.user(text, section.world.accounts), None)
    startsecs = section.get("startsecs", ini_values.seconds, 1.0)
    retries = max(0, section.get("startretries", ini_values.integer, 3))
    policy = section.get("autorestart", ini_values.policy, "on-failure")
    return ProcessPlan(
        key=f"{group.prefix}{program}:{number}",
        name=process if process == group.name else f"{group.name}:{process}",
        program=f"{group.prefix}{program}",
        group=group.name,
        launch=_launch(section, process, group, environment, account, stdin),
        instance=number,
        autostart=section.flag("autostart", default=True),
        priority=section.get("priority", ini_values.integer, 999),
        restart=Restart(policy, retries=retries),
        success_codes=section.get("exitcodes", ini_values.exit_codes, (0,)),
        start_s=startsecs,
        stop=_stop(section),
        group_priority=group.priority,
        command=section.get("command", str.strip, ""),
        pool=pool,
    )


def _launch(
    section: Section,
    process: str,
    group: Group,
    environment: dict[str, str],
    account: Account | None,
    stdin: str,
) -> Launch:
    common = section.world.common
    if account is not None and account.uid == common.uid:
        account = None  # pyinit is that user: nothing has to be dropped, nor could it be
    url = section.text("serverurl", "AUTO").strip()
    found = {
        "SUPERVISOR_ENABLED": "1",
        "SUPERVISOR_SERVER_URL": common.server_url if url.upper() in ("AUTO", "") else url,
        "SUPERVISOR_PROCESS_NAME": process,
        "SUPERVISOR_GROUP_NAME": group.name,
    }
    if not found["SUPERVISOR_SERVER_URL"]:
        del found["SUPERVISOR_SERVER_URL"]
    found |= dict(common.environment) | environment
    stdout, stderr, channels = output(section, common)
    return Launch(
        argv=section.get("command", _argv(section), ("",)),
        directory=section.get("directory", _directory(section), common.directory),
        umask=section.get("umask", ini_values.octal, common.umask),
        env=tuple(sorted(found.items())),
        env_pass=("*", "NOTIFY_SOCKET"),  # as supervisord's programs have it
        uid=account.uid if account else None,
        gid=account.gid if account else None,
        groups=account.groups if account else None,
        session=False,  # supervisord's programs are groups of their own, in its session
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        channels=channels,
    )


def _argv(section: Section) -> Callable[[str], tuple[str, ...]]:
    """Return what splits the command; one that makes no sense is only found out by its start."""

    def split(text: str) -> tuple[str, ...]:
        entry = section.entry("command")
        try:
            words = ini_values.command(text)
        except ValueFault as fault:
            if entry is None or "\0" in text:
                raise
            said = f"{fault}: {section.title} cannot be started"
            section.world.doubt(said, entry.file, entry.line, f"command: {fault.fix}")
            return (text,)
        if entry is not None and looks_shellish(words):
            from pyinit.config import shellish

            said, fix = shellish.warning(words, shellish.INI)
            if said:
                said = f"command of [{section.block.name}]: {said}"
                section.world.problems.doubt(entry.file, (), said, fix, entry.line)
        return words

    return split


def _directory(section: Section) -> Callable[[str], str]:
    return lambda text: ini_values.path(text, section.world.common.base)


def _stop(section: Section) -> Stop:
    as_group = section.flag("stopasgroup")
    kill_group = section.flag("killasgroup", as_group)
    if as_group and not kill_group:
        text = "Cannot set stopasgroup=true and killasgroup=false"
        section.fault(text, "killasgroup", "leave it out: it follows stopasgroup")
    return Stop(
        signals=(section.get("stopsignal", ini_values.signal, 15),),
        timeout=section.get("stopwaitsecs", ini_values.seconds, GRACE_S),
        kill="group" if as_group else "process",
        last="group" if kill_group and not as_group else "",
    )


def stop_budget(processes: list[ProcessPlan]) -> float:
    """Return how long a shutdown may take: one group after another, each as its slowest."""
    slowest: dict[str, float] = {}
    for process in processes:
        before = slowest.get(process.group, 0.0)
        slowest[process.group] = max(before, process.stop.timeout)
    return min(sum(slowest.values()) + 5.0, values.LONGEST_S - 1)
