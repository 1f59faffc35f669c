"""`pyinitctl doctor`: what pyinit can and cannot do here, why, and which knob changes it."""

from __future__ import annotations

from pyinit.cli.doctor_facts import PLACES, Facts, look
from pyinit.cli.present import say, say_json
from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from pyinit.cli.ctl import Call
    from pyinit.protocol.wire import Json

    Found: TypeAlias = "Iterator[Finding]"

OK, NOTE, DEGRADED = "ok", "note", "degraded"
MARKS = {OK: "ok  ", NOTE: "note", DEGRADED: "LESS"}
DOCKERS_GRACE_S = 10.0
FEW_FILES = 65_536
SECCOMP = {"0": "off", "1": "strict", "2": "on"}
# What root cannot do without: in Docker's and Kubernetes' defaults, lost with --cap-drop.
USUAL = {
    "setuid": "programs cannot have a `user` of their own",
    "setgid": "programs cannot have a `group` or `groups` of their own",
    "kill": "programs of other users cannot be signalled, nor stopped",
    "setpcap": "`capabilities.keep`, `drop` and `securebits` cannot be set",
    "chown": "`owner` of log files and sockets cannot be set",
    "dac_override": "files that only other users may read or write are out of reach",
}
# What nobody has who did not ask for it.
UNUSUAL = {
    "sys_resource": "hard limits cannot be raised, nor `oom_score_adj` lowered",
    "sys_nice": "`nice` cannot be below pyinit's own, nor `io_priority` realtime",
    "sys_ptrace": "environment and descriptors of programs of other users are not to be seen",
}


class Finding(Record):
    """One thing that was looked at.  `state` is OK, NOTE (good to know) or DEGRADED."""

    name: str
    state: str
    text: str
    fix: str = ""


def run(call: Call) -> int:
    """Print what was found; 0 whatever it is."""
    facts = look(call.words.given.get("socket"))
    found = judge(facts)
    if call.json:
        checks: list[Json] = [
            {"name": each.name, "state": each.state, "text": each.text, "fix": each.fix}
            for each in found
        ]
        good = all(each.state != DEGRADED for each in found)
        say_json({"ok": good, "pid": facts.pid or None, "checks": checks})
        return 0
    for each in found:
        say(f"{MARKS[each.state]}  {each.name:<12}  {each.text}")
        if each.fix:
            say(f"{'':<20}{each.fix}")
    count = sum([each.state == DEGRADED for each in found])
    say(f"{count} of {len(found)} are less than they could be" if count else "nothing is degraded")
    return 0


def judge(facts: Facts) -> list[Finding]:
    """Return all that is to be said of the facts, in the order of what matters."""
    return [finding for part in PARTS for finding in part(facts)]


def _role(facts: Facts) -> Found:
    where = f"in {facts.container}" if facts.container else "on a host or in an unknown container"
    if not facts.pid:
        fix = "this is what one started here, as this user, would have"
        yield Finding("pyinit", NOTE, f"none answers, {where}", fix)
    elif facts.pid != facts.here:
        text = f"it is pid {facts.pid} in a PID namespace that is not ours"
        text += f", and {facts.here} here" if facts.here else ", and not seen from here"
        what = "places, memory and processors" if facts.here else "all but the control socket"
        fix = f"{what} are judged as they are here: docker exec CONTAINER pyinitctl doctor"
        yield Finding("pyinit", NOTE, text, fix)
    elif facts.pid == 1:
        yield Finding("pyinit", OK, f"it is PID 1, {where}")
    else:
        text = f'pid {facts.pid}, below "{facts.first}", {where}: orphans come to it as a subreaper'
        fix = "leave out --init and shareProcessNamespace for it to be PID 1"
        yield Finding("pyinit", NOTE, text, fix)


def _user(facts: Facts) -> Found:
    if facts.uid == 0:
        yield Finding("user", OK, "root: programs may have users of their own")
        return
    text = f"uid {facts.uid}: every program runs as it; `user`, `group`, raised limits are refused"
    yield Finding("user", NOTE, text, "start the container as root and give each program its user")


def _capabilities(facts: Facts) -> Found:
    if facts.uid != 0:
        names = ", ".join(sorted(facts.capabilities)).upper() or "none"
        yield Finding("capabilities", NOTE, names)
        return
    missing = [name for name in USUAL if name not in facts.capabilities]
    for name in missing:
        yield _missing(name, DEGRADED, USUAL[name])
    for name, lost in UNUSUAL.items():
        if name not in facts.capabilities:
            yield _missing(name, NOTE, lost)
    if not missing:
        yield Finding(
            "capabilities", OK, f"{len(facts.capabilities)}, all that programs often need"
        )


def _missing(name: str, state: str, lost: str) -> Finding:
    upper = name.upper()
    fix = f"docker run --cap-add {upper}; Kubernetes: securityContext.capabilities.add [{upper}]"
    return Finding("capabilities", state, f"no {upper}: {lost}", fix)


def _ports(facts: Facts) -> Found:
    if facts.first_port and facts.uid != 0 and "net_bind_service" not in facts.capabilities:
        text = f"ports below {facts.first_port} are refused"
        fix = "listen higher, or docker run --sysctl net.ipv4.ip_unprivileged_port_start=0"
        yield Finding("ports", NOTE, text, fix)


def _no_new_privs(facts: Facts) -> Found:
    if facts.status.get("NoNewPrivs") == "1":
        text = "on: set-user-id programs (sudo, ping) gain nothing; users can still be dropped"
        yield Finding("privileges", NOTE, f"no_new_privs is {text}")


def _seccomp(facts: Facts) -> Found:
    word = SECCOMP.get(facts.status.get("Seccomp", ""), "unknown")
    yield Finding("seccomp", OK, f"filter {word}")
    if not facts.has_memfd:
        text = "memfd_create is refused: `reexec` and recovery from a broken loop are not to be had"
        yield Finding("seccomp", DEGRADED, text, "use the engine's own profile, or a newer one")


def _memory(facts: Facts) -> Found:
    version = f"cgroup v{facts.cgroup}" if facts.cgroup else "no cgroup is to be seen"
    if facts.memory is None:
        text = f"{version}: no memory limit" if facts.cgroup else version
        fix = 'docker run --memory 512m, so that runtime = "go" has something to share out'
        yield Finding("memory", NOTE, text, fix)
    else:
        yield Finding("memory", OK, f"{version}: at most {facts.memory >> 20} MB")


def _processors(facts: Facts) -> Found:
    if facts.processors is None:
        yield Finding("processors", NOTE, "no limit", "docker run --cpus 2")
    else:
        yield Finding("processors", OK, f"at most {facts.processors:g}")
    if facts.processes is not None:
        yield Finding("processes", OK, f"at most {facts.processes} (docker run --pids-limit)")


def _limits(facts: Facts) -> Found:
    soft, hard = facts.limits["nofile"]
    shown = f"{_number(soft)} of at most {_number(hard)}"
    if 0 <= hard < FEW_FILES:
        fix = f"docker run --ulimit nofile={FEW_FILES}:{FEW_FILES}; compose `ulimits:`"
        yield Finding("descriptors", DEGRADED, f"{shown}: few for a busy service", fix)
    elif soft != hard:
        fix = '[init] limits = { nofile = "max" } raises it for pyinit and every program'
        yield Finding("descriptors", NOTE, shown, fix)
    else:
        yield Finding("descriptors", OK, shown)


def _control(facts: Facts) -> Found:
    if facts.socket:
        verb = "answers at" if facts.pid else "could be at"
        yield Finding("control", OK, f"the control socket {verb} {facts.socket}")
        return
    text = "no place for a control socket: pyinitctl, health and the gateway cannot reach pyinit"
    fix = "docker run --tmpfs /run, or set PYINIT_SOCKET to a place that can be written"
    yield Finding("control", DEGRADED, text, fix)


def _places(facts: Facts) -> Found:
    closed = [path for path in PLACES if facts.writable.get(path) is False]
    if not closed:
        yield Finding("places", OK, "all can be written: " + " ".join(facts.writable))
        return
    fix = "docker run --tmpfs PATH or -v VOLUME:PATH for what programs and log files need"
    yield Finding("places", NOTE, "not to be written: " + " ".join(closed), fix)


def _grace(facts: Facts) -> Found:
    if facts.budget is None:
        return
    budget_s, drain_s = facts.budget
    text = f"the whole stop takes {budget_s:g} s at most"
    if drain_s:
        text += f", {drain_s:g} s of it to drain"
    fix = f"the container's grace must be longer: docker run --stop-timeout {int(budget_s) + 1}, "
    fix += f"stop_grace_period, terminationGracePeriodSeconds: {int(budget_s) + 1}"
    long = budget_s >= DOCKERS_GRACE_S
    yield Finding("stop budget", NOTE if long else OK, text, fix if long else "")


def _tracking(facts: Facts) -> Found:
    if not facts.takes_marks:
        text = "RLIMIT_LOCKS is in use: daemons that leave their session are not told apart"
        fix = "leave that limit unlimited for pyinit (docker run --ulimit locks=-1:-1)"
        yield Finding("descendants", DEGRADED, text, fix)
    elif not facts.lists_children:
        text = "the kernel lists no children: all of /proc is read instead, which takes longer"
        yield Finding("descendants", NOTE, text)
    else:
        yield Finding("descendants", OK, "all are found, those that left their session, too")


def _terminal(facts: Facts) -> Found:
    yield Finding("terminal", OK, f"standard input is {facts.stdin}")
    if facts.termination_log is False:
        text = "/dev/termination-log cannot be written: Kubernetes does not see why pyinit ended"
        yield Finding("reason", DEGRADED, text, "let its user write it: securityContext.fsGroup")


def _number(value: int) -> str:
    return "unlimited" if value < 0 else str(value)


PARTS: tuple[Callable[[Facts], Found], ...] = (
    *(_role, _user, _capabilities, _no_new_privs, _seccomp, _ports, _limits, _memory, _processors),
    *(_control, _places, _grace, _tracking, _terminal),
)
