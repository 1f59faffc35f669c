"""`[program.NAME]` becomes the plans of its processes."""

from __future__ import annotations

import sys

from pyinit.config import (
    paths,
    program_hooks,
    program_privileges,
    program_probes,
    program_schedule,
    program_sockets,
    program_watch,
    values,
)
from pyinit.config.limits import limit_table
from pyinit.config.output import sinks
from pyinit.config.problems import ValueFault, each
from pyinit.config.program_needs import dependencies
from pyinit.config.reader import DEEPEST
from pyinit.core.plan import (
    Launch,
    Limit,
    ProcessPlan,
    Restart,
    Stop,
)
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.config.reader import Section
    from pyinit.config.users import Account, Accounts
    from pyinit.core.plan import InitPlan

POLICIES = ("always", "on-failure", "never")
KILLS = ("tree", "group", "process")
OF_WINDOW = ("window", "max")  # of a restart: when it gives up
MAX_INSTANCES = 10_000
TIMES = values.duration


def build(
    name: str,
    section: Section,
    init: InitPlan,
    group: tuple[str, int] | None,
    accounts: Accounts,
) -> tuple[list[ProcessPlan], ProcessPlan]:
    """Return the processes of one program, and what one of them is like (there may be none).

    Faults are noted in the section.
    """
    section.check_keys()
    count = section.get("instances", values.integer(0, MAX_INSTANCES), 1)
    if not section.layers("command"):
        section.fault(f'program "{name}" has no command', 'write command = ["/path", "argument"]')
    varies = _uses_instance(section.tree) or any(_uses_instance(s.tree) for s in section.inherited)
    plain = section.variables
    plans: list[ProcessPlan] = []
    for instance in range(max(1, count)):  # what is wrong with a program of none is said, too
        if plans and not varies:
            plan = plans[0]
        else:
            section.variables = {**plain, "INSTANCE": str(instance)}
            plan = _plan(name, section, init, group, accounts)
        label = name if count == 1 else f"{name}:{instance}"
        plans.append(replace(plan, key=f"{name}:{instance}", name=label, instance=instance))
    if count > 1 and plans[0].pidfile and plans[0].pidfile == plans[1].pidfile:
        text, fix = f"pidfile: {count} processes would write the same", "write ${INSTANCE} into it"
        section.fault(text, fix, ("pidfile",), section.layers("pidfile")[0])
    return plans[:count], plans[0]


def _uses_instance(value: object, depth: int = 0) -> bool:
    if isinstance(value, str):
        return "${INSTANCE" in value
    if depth > DEEPEST or not isinstance(value, dict | list):
        return False  # what is nested deeper is a fault anyway
    items = value.values() if isinstance(value, dict) else value
    return any(_uses_instance(item, depth + 1) for item in items)


def _plan(
    name: str,
    section: Section,
    init: InitPlan,
    group: tuple[str, int] | None,
    accounts: Accounts,
) -> ProcessPlan:
    reload_signal, reload_command = program_hooks.reload(section)
    sockets, on_demand, idle_exit = program_sockets.keys(section)
    priority = section.get(
        "priority", values.integer(-9999, 9999), 999 if group is None else group[1]
    )
    kind = section.get(
        "type",
        values.choice(*program_hooks.KINDS),
        "oneshot" if section.layers("schedule") else "service",
    )
    schedule = program_schedule.build(section, kind)
    launch = _launch(section, init, accounts)
    return ProcessPlan(
        key=name,
        name=name,
        program=name,
        group=name if group is None else group[0],
        launch=launch,
        kind=kind,
        autostart=section.get("autostart", values.boolean, schedule is None and not on_demand),
        critical=section.get("critical", values.boolean, schedule is None),
        priority=priority,
        group_priority=priority if group is None else group[1],
        depends=dependencies(section),
        restart=_restart(section),
        success_codes=section.get("success_codes", values.codes, (0,)),
        start_s=section.get("start_seconds", TIMES, 1.0),
        ready=program_probes.ready(section),
        live=program_probes.live(section),
        max_memory=section.get("max_memory", values.size, 0),
        stop=_stop(section),
        schedule=schedule,
        watch=program_watch.build(section, launch.secrets),
        reload_signal=reload_signal,
        reload_command=reload_command,
        hooks=program_hooks.hooks(section),
        sockets=sockets,
        on_demand=on_demand,
        idle_exit=idle_exit,
        pidfile=program_hooks.pidfile(section, kind, launch.directory),
    )


def _launch(section: Section, init: InitPlan, accounts: Accounts) -> Launch:
    found = section.get("user", accounts.user, None)
    account: Account | None = found
    own_group = section.get("group", accounts.group, None)
    gid, groups = accounts.become(account, own_group)
    return Launch(
        argv=_command(section),
        directory=section.get("directory", values.word, init.directory),
        umask=section.get("umask", values.mode, init.umask),
        env=_environment(section, init, account),
        env_pass=section.get("env_pass", values.strings, ("*",)),
        secrets=_secrets(section),
        uid=account.uid if account else None,
        gid=gid,
        groups=section.get("groups", _groups(accounts), groups),
        limits=in_order(section.merged("limits", limit_table)),
        limits_unmet=section.get("limits_unmet", values.choice("fail", "warn"), init.limits_unmet),
        nice=section.get("nice", values.integer(-20, 19), None),
        oom_score_adj=section.get("oom_score_adj", values.integer(-1000, 1000), None),
        cpu_affinity=section.get("cpu_affinity", values.processors, None),
        io_priority=section.get("io_priority", values.io_priority, None),
        no_new_privs=section.get("no_new_privs", values.boolean, False),
        capabilities=program_privileges.capabilities(section),
        securebits=section.get("securebits", program_privileges.securebits, None),
        runtime=program_privileges.runtime(section),
        parent_death_signal=section.get("parent_death_signal", values.signal, 0),
        stdin=section.get("stdin", program_sockets.stdin, "null"),
        stdout=sinks(section, "stdout", accounts),
        stderr=sinks(section, "stderr", accounts),
    )


def in_order(limits: dict[str, Limit | None]) -> tuple[Limit, ...]:
    """Return the limits that are to be set, by name."""
    wanted = [limits[name] for name in sorted(limits)]
    return tuple([limit for limit in wanted if limit is not None])


def _secrets(section: Section) -> tuple[tuple[str, str], ...]:
    """Return variables and the files that hold them: paths as they are from the root."""
    found: dict[str, str] = {}
    for layer in reversed(section.layers("secrets")):
        files = section.get_from(layer, "secrets", values.variables, {})
        base = directory_of(layer)
        for name in [name for name, path in files.items() if not path]:
            fix = 'write the path of its file: "/run/secrets/name"'
            section.fault(f'secrets: "{name}" names no file', fix, ("secrets", name))
        found |= {name: paths.join(base, path) for name, path in files.items()}
    return tuple(sorted(found.items()))


def _command(section: Section) -> tuple[str, ...]:
    shell = section.get("shell", values.boolean, False)

    def convert(value: object) -> tuple[str, ...]:
        if shell:
            if not isinstance(value, str):
                raise ValueFault("shell = true needs a text", "write the command as one string")
            return ("/bin/sh", "-c", values.word(value))
        if isinstance(value, str):
            from pyinit.config.split import split

            words = tuple(split(values.string(value)))
        elif isinstance(value, list):
            words = values.strings(value)
        else:
            fix = 'write command = ["/path", "argument"]'
            raise ValueFault(f"{values.shown(value)} is no command", fix)
        if not words or not words[0].strip():
            raise ValueFault("it is empty", 'write command = ["/path", "argument"]')
        return tuple([sys.intern(each) for each in words])

    found = section.get("command", convert, ("",))
    if not shell and program_probes.looks_shellish(found):
        from pyinit.config import shellish

        shellish.warn(section, "command", found, shellish.TEXT)
    return found


def _environment(
    section: Section, init: InitPlan, account: Account | None
) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = dict(init.env)
    if account is not None:
        home = account.home or "/"
        found |= {"USER": account.name, "LOGNAME": account.name, "HOME": home}
    found |= variables_of_files(section)
    found |= section.merged("env", values.variables)
    return tuple([(sys.intern(name), found[name]) for name in sorted(found)])


def variables_of_files(section: Section) -> dict[str, str]:
    """Return the variables of `env_file` and `env_dir`: relative to the file that names them."""
    found: dict[str, str] = {}
    for layer in section.layers("env_file")[:1]:
        found |= section.get_from(layer, "env_file", files_of(directory_of(layer)), {})
    for layer in section.layers("env_dir")[:1]:
        found |= section.get_from(layer, "env_dir", _directory_in(layer), {})
    return found


def _directory_in(layer: Section) -> Callable[[object], dict[str, str]]:
    """Return the converter of `env_dir` as `layer` says it, which is warned of what is missing."""

    def convert(value: object) -> dict[str, str]:
        from pyinit.config import envfiles

        path, base = values.word(value), directory_of(layer)
        for link in envfiles.lost(path, base)[:1]:
            fix = "mend the link, or remove it"
            text = f'env_dir: "{link}" is a link to nothing: there is no such variable'
            layer.problems.doubt(layer.file, (*layer.path, "env_dir"), text, fix)
        return envfiles.env_dir(path, base)

    return convert


def files_of(base: str) -> Callable[[object], dict[str, str]]:
    """Return the converter of `env_file`: paths relative to `base` become their variables."""

    def convert(value: object) -> dict[str, str]:
        from pyinit.config import envfiles

        items = [value] if isinstance(value, str) else list(values.strings(value))
        found: dict[str, str] = {}
        for one in each(
            enumerate(items), lambda _, path: envfiles.env_file(values.word(path), base)
        ).values():
            found |= one
        return found

    return convert


def directory_of(section: Section) -> str:
    """Return the directory of the file that a section stands in."""
    return paths.directory_of(paths.absolute(section.file))


def _groups(accounts: Accounts) -> Callable[[object], tuple[int, ...]]:
    def convert(value: object) -> tuple[int, ...]:
        items = value if isinstance(value, list) else [value]
        found = each(enumerate(items), lambda _, item: accounts.group(item))
        return tuple(sorted(set(found.values())))

    return convert


def _restart(section: Section) -> Restart:
    sub = section.sub("restart", "program.restart", short="policy")
    base = Restart()
    if sub is None:
        return base
    delay = sub.get("delay", TIMES, base.delay)
    longest = sub.get("max_delay", TIMES, max(base.max_delay, delay))
    if longest < delay:
        sub.fault("max_delay: it is less than delay", "write at least as much", ("max_delay",))
    if sub.layers("retries"):
        for key in [key for key in OF_WINDOW if key in sub.tree]:
            text = f"{key}: it counts for nothing beside retries, which is supervisord's rule"
            sub.problems.doubt(sub.file, (*sub.path, key), text, "leave one of them out")
    return Restart(
        retries=sub.get("retries", values.integer(0), None),
        policy=sub.get("policy", values.choice(*POLICIES), base.policy),
        delay=delay,
        factor=sub.get("factor", values.number(1, 1000), base.factor),
        max_delay=longest,
        jitter=sub.get("jitter", values.number(0, 1), base.jitter),
        window=sub.get("window", TIMES, base.window),
        max=sub.get("max", values.integer(0), base.max),
    )


def _stop(section: Section) -> Stop:
    sub = section.sub("stop", "program.stop", short="signal")
    base = program_privileges.stop_of(section)
    if sub is None or (sub.short and _is_time(section, sub)):
        return base
    return Stop(
        signals=sub.get("signal", values.signals_in_turn, (15,)),
        timeout=sub.get("timeout", TIMES, 10.0),
        kill=sub.get("kill", values.choice(*KILLS), "tree"),
        dump_signal=sub.get("dump_signal", values.signal, base.dump_signal),
        last=sub.get("last", values.choice(*KILLS), ""),
        command=program_probes.beside(sub, "command"),
    )


def _is_time(section: Section, sub: Section) -> bool:
    """Say, and note as a fault, that `stop` is a number or a duration: 10 is USR1 to nobody."""
    value = sub.tree["signal"]
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, list | bool) or not values.is_number(text.lower().rstrip("smhd")):
        return False
    shown = values.shown(value)
    fix = f"write stop = {{ timeout = {shown} }}"
    if isinstance(value, int):
        fix += f", or {{ signal = {shown} }}"
    section.fault(f"stop: {shown} alone is no signal", fix, ("stop",), section.layers("stop")[0])
    return True
