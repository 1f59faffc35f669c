"""What a reload makes of [init], [web] and [socket.NAME]: when each of their keys holds.

A pyinit that has dropped its user, bound its socket and entered its directory does not do so
again: those keys stay as they are, and every reload tells so until pyinit is started anew.
Limits are raised at once: running out of descriptors is what nobody shall need a restart for.
Every run that starts from then on inherits them.
"""

from __future__ import annotations

import posix

from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED
from pyinit.core.plan_listen import WebPlan
from pyinit.core.record import Record, replace
from pyinit.runtime import own_log
from pyinit.runtime.compiling import Faults
from pyinit.system import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyinit.core.plan import InitPlan, Limit, Plan
    from pyinit.runtime.machine import Machine

NOW, LATER = "now", "next-start"
AT_ONCE = (
    *("exit", "exit_when", "limits_unmet", "stop_budget", "stop_order", "drain_delay"),
    *("env", "signals"),
)
DOOR = ("mode", "owner", "username", "password", "read_only")
WEB = ("idle_exit", "rpc", "tls_cert", "tls_key")
SOCKET = ("listen", "backlog", "mode", "owner", "reuse_port")
AT_START = ("umask", "directory", "pidfile")
OVERRULED = {"level": b"PYINIT_LOG_LEVEL", "format": b"PYINIT_LOG_FORMAT"}


class Changed(Record):
    """A key that differs, whether it `applies` now or from the next start on, and why.

    `section` is that of the configuration: "init", "web" or "socket.NAME".
    """

    key: str
    applies: str
    note: str = ""
    section: str = "init"

    def line(self) -> str:
        """Return it as pyinit's log says it."""
        said = "in force" if self.applies == NOW else "at the next start"
        return f"[{self.section}] {self.key}: {said}" + (f"\n  {self.note}" if self.note else "")


def changes(old: Plan, new: Plan) -> tuple[Changed, ...]:
    """Return the keys in which `new` differs from what is in force, but for those of programs."""
    return (*_init(old.init, new), *_web(old.web, new.web), *_sockets(old, new))


def _init(old: InitPlan, plan: Plan) -> tuple[Changed, ...]:
    new = plan.init
    plain = [(key, NOW) for key in AT_ONCE] + [(key, LATER) for key in AT_START]
    found = [Changed(key, at) for key, at in plain if getattr(old, key) != getattr(new, key)]
    if old.uid != new.uid:
        found.append(Changed("user", LATER))
    elif (old.gid, old.groups) != (new.gid, new.groups):
        found.append(Changed("group", LATER))
    return (*found, *_limits(old, plan), *_log(old, new), *_control(old, new))


def adopt(machine: Machine, plan: Plan) -> Faults | None:
    """Put the sockets and the [init] of `plan` in force; return why nothing was changed.

    The sockets come last of all that can be refused: one that was closed may not come back, as a
    gateway that runs has it still.
    """
    old, new = machine.plan.init, plan.init
    wanted = tuple([limit for limit in new.limits if limit not in old.limits])
    every = new.limits_unmet == "fail"
    before = limits.in_place_of(wanted)
    unmet = limits.apply_all(wanted) if every else limits.apply(wanted)
    texts = [limits.describe_unmet(each, "pyinit") for each in unmet]
    if texts and every:
        return Faults(tuple(texts))
    refused = machine.hold(plan)
    if refused is not None:
        limits.apply(before)
        return refused
    for text in texts:
        machine.log.warning(text)
    init = _in_force(old, new)
    machine.plan = replace(plan, init=init)
    own_log.style(machine, init)
    if own_log.differs(old.log, init.log):
        own_log.place(machine, init.log)
    if machine.control is not None:
        machine.control.allow = init.control.allow
    return None


def _in_force(old: InitPlan, new: InitPlan) -> InitPlan:
    """Return `new` with everything that only a start can change as it was."""
    control, was = new.control, old.control
    control = replace(control, path=was.path, mode=was.mode, uid=was.uid, gid=was.gid)
    kept = {key: getattr(old, key) for key in (*AT_START, "uid", "gid", "groups")}
    return replace(new, limits=(*new.limits, *_given_up(old, new)), control=control, **kept)


def _given_up(old: InitPlan, new: InitPlan) -> list[Limit]:
    """Return the limits that the new plan leaves alone: what they were before, nobody knows."""
    named = [limit.resource for limit in new.limits]
    return [limit for limit in old.limits if limit.resource not in named]


def _limits(old: InitPlan, plan: Plan) -> Iterator[Changed]:
    for limit in plan.init.limits:
        if limit not in old.limits:
            whose = _who_inherits(plan, limit.resource)
            words = f"pyinitctl limits {whose} {limit.resource}={_words(limit)}"
            note = f"what runs keeps its own; change that, too: {words}"
            yield Changed(f"limits.{limit.resource}", NOW, note if whose else "")
    for limit in _given_up(old, plan.init):
        yield Changed(f"limits.{limit.resource}", LATER)


def _who_inherits(plan: Plan, resource: str) -> str:
    """Return the programs that say nothing themselves of a limit; "all" if that is each of them."""
    shown = [each for each in plan.processes if not each.hidden]
    own = {each.program for each in shown if resource in {it.resource for it in each.launch.limits}}
    others = dict.fromkeys([each.program for each in shown if each.program not in own])
    return " ".join(others) if own else "all"


def _log(old: InitPlan, new: InitPlan) -> Iterator[Changed]:
    for key in ("level", "format", "file", "max_size", "max_files", "echo"):
        if getattr(old.log, key) != getattr(new.log, key):
            name = OVERRULED.get(key, b"")
            note = f"{name.decode()} goes before it" if posix.environ.get(name) else ""
            yield Changed(f"log.{key}", NOW, note)


def _control(old: InitPlan, new: InitPlan) -> Iterator[Changed]:
    was, now = old.control, new.control
    if was.allow != now.allow:
        yield Changed("control.allow", NOW)
    if was.path != now.path:
        yield Changed("control.path", LATER)
    if was.mode != now.mode:
        yield Changed("control.mode", LATER)
    if (was.uid, was.gid) != (now.uid, now.gid):
        yield Changed("control.owner", LATER)


def _web(old: WebPlan | None, new: WebPlan | None) -> Iterator[Changed]:
    """Give the keys of [web]; without the section nothing listens."""
    was, now = old or WebPlan(), new or WebPlan()
    before = {door.listen: door for door in was.doors}
    after = {door.listen: door for door in now.doors}
    found = ["listen"] if before.keys() != after.keys() else []
    both = [(before[place], door) for place, door in after.items() if place in before]
    found += [key for key in DOOR if any(_differ(key, *pair) for pair in both)]
    found += [key for key in WEB if old and new and _differ(key, was, now)]
    for key in found:
        yield Changed(key, NOW, "" if new else "nobody listens any more", "web")


def _sockets(old: Plan, new: Plan) -> Iterator[Changed]:
    """Give the keys of sockets that stay; one that comes or goes does so with its programs."""
    before = {each.name: each for each in old.sockets if each.kept}
    for each in new.sockets:
        was = before.get(each.name)
        for key in SOCKET if was is not None and each.kept else ():
            if _differ(key, was, each):
                yield Changed(key, NOW, section=f"socket.{each.name}")


def _differ(key: str, one: Record | None, other: Record) -> bool:
    names = ("uid", "gid") if key == "owner" else (key,)
    return any(getattr(one, name) != getattr(other, name) for name in names)


def _words(limit: Limit) -> str:
    """Return a limit in the words of pyinitctl."""
    names = {MAXIMUM: "max", UNLIMITED: "unlimited"}
    soft, hard = [names.get(half, str(half)) for half in (limit.soft, limit.hard)]
    return soft if limit.hard == KEEP or soft == hard == "unlimited" else f"{soft}:{hard}"
