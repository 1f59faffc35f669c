"""Verbs about what the kernel knows of processes: limits, set-limits, env."""

from __future__ import annotations

import posix

from pyinit.core.events import LimitsSet
from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED, Limit
from pyinit.core.states import NO_PID, run_of
from pyinit.protocol.messages import Refused
from pyinit.protocol.names import nearest
from pyinit.system import environment, procfs
from pyinit.system import limits as rlimits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from pyinit.core.process import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service

TICKS = posix.sysconf("SC_CLK_TCK")
SLICE = 10  # processes whose limits and descriptors are read in one turn: about a millisecond
MASK = "********"
SECRET_WORDS = frozenset(
    ("PASSWORD", "PASSWD", "PASS", "PWD", "SECRET", "SECRETS", "TOKEN", "KEY", "APIKEY")
) | frozenset(("CREDENTIAL", "CREDENTIALS", "PRIVATE", "AUTH", "DSN"))
PLAIN_NAMES = frozenset(("PWD", "OLDPWD"))
STATUS_FIELDS = {
    b"VmSize": "as",
    b"VmData": "data",
    b"VmStk": "stack",
    b"VmLck": "memlock",
    b"VmRSS": "rss",
    b"SigQ": "sigpending",
}
SIZES = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def limits(ask: Ask, service: Service) -> None:
    """Tell soft, hard and used of every limit of every process that runs."""
    ask.work(_read_limits(service.rows(ask)))


def set_limits(ask: Ask, service: Service) -> Object:
    """Change limits of running processes at once, and of their later runs."""
    given = ask.args["limits"]
    assert isinstance(given, dict)
    wanted = tuple([read_limit(name, str(value)) for name, value in given.items()])
    told: list[Json] = []
    failed: list[str] = []
    good: list[str] = []
    for row in service.rows(ask):
        message = _apply(row, wanted)
        entry: dict[str, Json] = {"name": row.plan.name, "ok": not message, "pid": _pid(row)}
        if message:
            entry["message"] = message
            failed.append(message)
        else:
            good.append(row.plan.key)
            entry["limits"] = {limit.resource: _pair(row, limit) for limit in wanted}
        told.append(entry)
    if good:
        service.desk.feed(LimitsSet(tuple(good), wanted))
    if failed:
        raise Refused("failed", "\n".join(failed), {"processes": told})
    return {"processes": told}


def env(ask: Ask, service: Service) -> Object:
    """Tell the environment of processes; secrets, and what looks like one, are masked."""
    told: list[Json] = []
    for row in service.rows(ask):
        running = procfs.environ(_pid(row)) if _pid(row) else None
        found = running if running is not None else _planned(row, service)
        secrets = {name for name, _ in row.plan.launch.secrets}
        variables: dict[str, Json] = dict.fromkeys(sorted(secrets), MASK)
        for name, value in sorted(found.items()):
            shown = name.decode("utf-8", "surrogateescape")
            text = value.decode("utf-8", "surrogateescape")
            variables[shown] = masked(shown, text, secret=shown in secrets)
        source = "process" if running is not None else "plan"
        told.append({"name": row.plan.name, "from": source, "env": variables})
    return {"processes": told}


def read_limit(resource: str, text: str) -> Limit:
    """Return the limit of `nofile` and `65536`, `SOFT:HARD`, `unlimited`, `max`, `64MB`, `inherit`.

    Raises Refused.
    """
    name = resource.lower().removeprefix("rlimit_")
    if name not in rlimits.NUMBERS:
        near = nearest(name, rlimits.NUMBERS)
        fix = f"did you mean '{near}'?" if near else "known: " + ", ".join(rlimits.NUMBERS)
        raise Refused("bad-request", f"no such limit: '{resource}'\n  {fix}")
    soft, colon, hard = text.strip().partition(":")
    if not colon:
        both = UNLIMITED if soft == "unlimited" else KEEP
        return Limit(name, _half(name, soft, "max"), both)
    return Limit(name, _half(name, soft, "max"), _half(name, hard, ""))


def masked(name: str, value: str, *, secret: bool) -> str:
    """Return the value as it may be shown: secrets by name, and passwords inside of URLs."""
    words = name.upper().replace("-", "_").replace(".", "_").split("_")
    if secret or (name not in PLAIN_NAMES and SECRET_WORDS.intersection(words)):
        return MASK
    scheme, found, rest = value.partition("://")
    user, at, place = rest.partition("@")
    if found and at and ":" in user and "/" not in user:
        return f"{scheme}://{user.partition(':')[0]}:{MASK}@{place}"
    return value


def _half(name: str, text: str, word: str) -> int:
    if text == "unlimited":
        return UNLIMITED
    if word and text == word:
        return MAXIMUM
    digits, factor = text, 1
    if text[-2:].upper() in SIZES:
        digits, factor = text[:-2].strip(), SIZES[text[-2:].upper()]
    if not digits.isdigit() or not digits.isascii() or int(digits) * factor >= rlimits.HUGE:
        fix = "give a number, SOFT:HARD, unlimited or max"
        raise Refused("bad-request", f"cannot set {name} to '{text}'\n  {fix}")
    return int(digits) * factor


def _read_limits(rows: list[Process]) -> Generator[None, None, Object]:
    told: list[Json] = []
    for count, row in enumerate(rows, 1):
        told.append(_limits_of(row.plan.name, _pid(row)))
        if count % SLICE == 0:
            yield
    return {"processes": told, "pyinit": _limits_of("pyinit", posix.getpid())}


def _limits_of(name: str, pid: int) -> Object:
    try:
        pairs = rlimits.read(pid) if pid else {}
    except OSError:  # it has just ended, or belongs to another user namespace
        pairs = {}
    used = _used(pid) if pairs else {}
    found: dict[str, Json] = {
        name: {"soft": soft, "hard": hard, "used": used.get(name)}
        for name, (soft, hard) in pairs.items()
    }
    return {"name": name, "pid": pid, "limits": found}


def _used(pid: int) -> dict[str, Json]:
    """Return what a process uses of its limits, as far as that is counted by process."""
    found: dict[str, Json] = {"nofile": procfs.count_fds(pid)}
    stat = procfs.stat(pid)
    if stat is not None:
        found["cpu"] = (stat.user + stat.system) // TICKS
    status = procfs.read(f"/proc/{pid}/status") or b""
    for line in status.split(b"\n"):
        name, _, value = line.partition(b":")
        resource = STATUS_FIELDS.get(name)
        words = value.split()
        if resource and words:
            if resource == "sigpending":
                found[resource] = int(words[0].partition(b"/")[0])
            else:
                found[resource] = int(words[0]) * 1024
    return found


def _apply(row: Process, wanted: tuple[Limit, ...]) -> str:
    """Set the limits on the running process; return why that cannot be done, or ""."""
    pid = _pid(row)
    if not pid:
        return ""  # its next run gets them
    try:
        unmet = rlimits.apply(wanted, pid)
    except OSError as error:
        return f"cannot set the limits of {row.plan.name}: {error.strerror}"
    return "\n".join([rlimits.describe_unmet(each, row.plan.name) for each in unmet])


def _pair(row: Process, limit: Limit) -> Json:
    pid = _pid(row)
    try:
        soft, hard = rlimits.read(pid)[limit.resource] if pid else (limit.soft, limit.hard)
    except OSError:
        soft, hard = limit.soft, limit.hard
    return {"soft": soft, "hard": hard}


def _pid(row: Process) -> int:
    run = run_of(row.state)
    return int(run.pid) if run is not None and run.pid != NO_PID else 0


def _planned(row: Process, service: Service) -> dict[bytes, bytes]:
    """Return the environment the next run will be born with."""
    extra = [("PYINIT_PROGRAM", row.plan.program), ("PYINIT_PROCESS", row.plan.name)]
    if service.desk.socket_path:
        extra.append(("PYINIT_SOCKET", service.desk.socket_path))
    return environment.build(row.plan.launch, service.desk.environ, tuple(extra))
