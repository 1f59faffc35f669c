"""`[program.NAME]` becomes the plans of its processes."""

from __future__ import annotations

import sys

from pyinit.config import values
from pyinit.config.output import sinks
from pyinit.config.problems import ValueFault, suggest
from pyinit.config.reader import Section, env_dir, env_file
from pyinit.core.plan import (
    Capabilities,
    Dependency,
    Launch,
    Limit,
    ProcessPlan,
    Ready,
    Restart,
    Stop,
)
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.config.users import Account, Accounts
    from pyinit.core.plan import InitPlan

POLICIES = ("always", "on-failure", "never")
CONDITIONS = ("started", "ready", "completed", "done")
READY_KINDS = {
    "output": "output",
    "fd": "fd",
    "notify": "notify",
    "file": "file",
    "delay": "delay",
}
MAX_INSTANCES = 10_000
TIMES = values.duration


def build(
    name: str,
    section: Section,
    init: InitPlan,
    group: tuple[str, int] | None,
    accounts: Accounts,
) -> list[ProcessPlan]:
    """Return the processes of one program; faults are noted in the section."""
    section.check_keys()
    count = section.get("instances", values.integer(0, MAX_INSTANCES), 1)
    if "command" not in section.tree and section.holder("command") is None:
        section.fault(f'program "{name}" has no command', 'write command = ["/path", "argument"]')
        return []
    varies = _uses_instance(section.tree) or any(_uses_instance(s.tree) for s in section.inherited)
    plans: list[ProcessPlan] = []
    for instance in range(count):
        if plans and not varies:
            plan = plans[0]
        else:
            section.variables = {**section.variables, "INSTANCE": str(instance)}
            plan = _plan(name, section, init, group, accounts)
        label = name if count == 1 else f"{name}:{instance}"
        plans.append(replace(plan, key=f"{name}:{instance}", name=label, instance=instance))
    return plans


def _uses_instance(value: object) -> bool:
    if isinstance(value, str):
        return "${INSTANCE" in value
    if isinstance(value, dict):
        return any(_uses_instance(item) for item in value.values())
    return isinstance(value, list) and any(_uses_instance(item) for item in value)


def _plan(
    name: str,
    section: Section,
    init: InitPlan,
    group: tuple[str, int] | None,
    accounts: Accounts,
) -> ProcessPlan:
    reload = section.sub("reload", "program.reload")
    default_priority = 999 if group is None else group[1]
    return ProcessPlan(
        key=name,
        name=name,
        program=name,
        group=name if group is None else group[0],
        launch=_launch(section, init, accounts),
        kind=section.get("type", _type, "service"),
        autostart=section.get("autostart", values.boolean, True),
        critical=section.get("critical", values.boolean, True),
        priority=section.get("priority", values.integer(-9999, 9999), default_priority),
        depends=section.get("depends_on", _depends, ()),
        restart=_restart(section),
        success_codes=section.get("success_codes", values.codes, (0,)),
        start_s=section.get("start_seconds", TIMES, 1.0),
        ready=_ready(section),
        stop=_stop(section),
        reload_signal=0 if reload is None else reload.get("signal", values.signal, 0),
    )


def _launch(section: Section, init: InitPlan, accounts: Accounts) -> Launch:
    found = section.get("user", accounts.user, None)
    account: Account | None = found
    gid = section.get("group", accounts.group, account.gid if account else None)
    groups = account.groups if account and "group" not in section.tree else None
    limits = section.get("limits", values.limits, ())
    return Launch(
        argv=_command(section),
        directory=section.get("directory", values.word, init.directory),
        umask=section.get("umask", values.mode, init.umask),
        env=_environment(section, init, account),
        env_pass=section.get("env_pass", values.strings, ("*",)),
        secrets=tuple(sorted(section.get("secrets", values.variables, {}).items())),
        uid=account.uid if account else None,
        gid=gid,
        groups=section.get("groups", _groups(accounts), groups),
        limits=_limits(section, limits),
        limits_unmet=section.get("limits_unmet", values.choice("fail", "warn"), init.limits_unmet),
        nice=section.get("nice", values.integer(-20, 19), None),
        oom_score_adj=section.get("oom_score_adj", values.integer(-1000, 1000), None),
        cpu_affinity=section.get("cpu_affinity", values.processors, None),
        io_priority=section.get("io_priority", values.io_priority, None),
        no_new_privs=section.get("no_new_privs", values.boolean, False),
        capabilities=_capabilities(section),
        parent_death_signal=section.get("parent_death_signal", values.signal, 0),
        stdout=sinks(section, "stdout", accounts),
        stderr=sinks(section, "stderr", accounts),
    )


def _limits(section: Section, own: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Return the program's limits over those of [defaults]; "inherit" takes one away."""
    written = section.tree.get("limits", {})
    named = {str(name).lower() for name in written} if isinstance(written, dict) else set()
    base: dict[str, Limit] = {}
    for each in reversed(section.inherited):
        for limit in each.get("limits", values.limits, ()):
            base[limit.resource] = limit
    merged = {name: limit for name, limit in base.items() if name not in named}
    merged.update({limit.resource: limit for limit in own})
    return tuple([merged[name] for name in sorted(merged)])


def _command(section: Section) -> tuple[str, ...]:
    shell = section.get("shell", values.boolean, False)

    def convert(value: object) -> tuple[str, ...]:
        if shell:
            if not isinstance(value, str):
                raise ValueFault("shell = true needs a text", "write the command as one string")
            return ("/bin/sh", "-c", value)
        if isinstance(value, str):
            import shlex

            try:
                words = tuple(shlex.split(value))
            except ValueError as error:
                raise ValueFault(f"cannot split it: {error}".lower()) from None
        else:
            words = values.strings(value) if isinstance(value, list) else (values.string(value),)
        if not words or not words[0]:
            raise ValueFault("it is empty", 'write command = ["/path", "argument"]')
        return tuple([sys.intern(each) for each in words])

    return section.get("command", convert, ("",))


def _environment(
    section: Section, init: InitPlan, account: Account | None
) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = dict(init.env)
    if account is not None and account.name is not None:
        found |= {"USER": account.name, "LOGNAME": account.name, "HOME": account.home or "/"}
    elif account is not None:
        found["HOME"] = "/"

    def files(value: object) -> dict[str, str]:
        merged: dict[str, str] = {}
        for path in values.strings(value):
            merged |= env_file(path)
        return merged

    found |= section.get("env_file", files, {})
    found |= section.get("env_dir", lambda value: env_dir(values.word(value)), {})
    for each in reversed(section.inherited):
        found |= each.get("env", values.variables, {})
    found |= section.get("env", values.variables, {})
    return tuple([(sys.intern(name), found[name]) for name in sorted(found)])


def _groups(accounts: Accounts) -> Callable[[object], tuple[int, ...]]:
    def convert(value: object) -> tuple[int, ...]:
        items = value if isinstance(value, list) else [value]
        return tuple(sorted({accounts.group(item) for item in items}))

    return convert


def _capabilities(section: Section) -> Capabilities | None:
    sub = section.sub("capabilities", "program.capabilities")
    if sub is None:
        return None
    keep = sub.get("keep", values.capabilities, None)
    return Capabilities(keep, sub.get("ambient", values.capabilities, ()))


def _type(value: object) -> str:
    if value == "forking":
        fix = "run it in the foreground if it can (most daemons have an option for that)"
        raise ValueFault('"forking" is not available in this version', fix)
    return values.choice("service", "oneshot")(value)


def _depends(value: object) -> tuple[Dependency, ...]:
    if isinstance(value, str):
        return (Dependency(value, "started"),)
    if isinstance(value, list):
        return tuple([Dependency(name, "started") for name in values.strings(value)])
    found = []
    for program, condition in values.table(value).items():
        if condition not in CONDITIONS:
            fault = ValueFault(
                f'"{condition}" is no condition', suggest(str(condition), CONDITIONS)
            )
            fault.path = (program,)
            raise fault
        found.append(Dependency(program, str(condition)))
    return tuple(found)


def _restart(section: Section) -> Restart:
    holder = section.holder("restart")
    if holder is None:
        return Restart()
    if not isinstance(holder.tree["restart"], dict):
        return Restart(section.get("restart", values.choice(*POLICIES), "on-failure"))
    sub = section.sub("restart", "program.restart")
    assert sub is not None  # the holder has it
    base = Restart()
    return Restart(
        policy=sub.get("policy", values.choice(*POLICIES), base.policy),
        delay=sub.get("delay", TIMES, base.delay),
        factor=sub.get("factor", values.number(1, 1000), base.factor),
        max_delay=sub.get("max_delay", TIMES, base.max_delay),
        jitter=sub.get("jitter", values.number(0, 1), base.jitter),
        window=sub.get("window", TIMES, base.window),
        max=sub.get("max", values.integer(0), base.max),
    )


def _stop(section: Section) -> Stop:
    holder = section.holder("stop")
    if holder is None:
        return Stop()
    if not isinstance(holder.tree["stop"], dict):
        return Stop(section.get("stop", values.signals_in_turn, (15,)))
    sub = section.sub("stop", "program.stop")
    assert sub is not None  # the holder has it
    found = sub.get("signal", values.signals_in_turn, (15,))
    if not found:
        sub.fault("signal: at least one is needed", "", ("signal",))
    return Stop(
        signals=found or (15,),
        timeout=sub.get("timeout", TIMES, 10.0),
        kill=sub.get("kill", values.choice("tree", "group", "process"), "tree"),
        dump_signal=sub.get("dump_signal", values.signal, 0),
    )


def _ready(section: Section) -> Ready | None:
    sub = section.sub("ready", "program.ready")
    if sub is None:
        return None
    kinds = [key for key in READY_KINDS if key in sub.tree and sub.tree[key] is not False]
    unavailable = any(key in sub.tree for key in ("http", "tcp", "unix", "exec"))
    if len(kinds) != 1:
        if not unavailable:
            known = ", ".join(READY_KINDS)
            sub.fault(f"ready: one of {known} is needed, not {len(kinds)}")
        return None
    kind = kinds[0]
    target = ""
    match kind:
        case "output":
            target = sub.get("output", _expression, "")
        case "fd":
            target = str(sub.get("fd", values.integer(3, 255), 3))
        case "file":
            target = sub.get("file", values.word, "")
        case "delay":
            target = repr(sub.get("delay", TIMES, 0.0))
        case _:
            sub.get("notify", values.boolean, True)
    timeout = sub.get("timeout", TIMES, 30.0)
    return Ready(kind, target, timeout, max(0.05, sub.get("interval", TIMES, 1.0)))


def _expression(value: object) -> str:
    import re

    text = values.word(value)
    try:
        re.compile(text.encode("utf-8", "surrogateescape"))
    except re.error as error:
        raise ValueFault(f'"{text}" is no regular expression: {error}') from None
    return text
