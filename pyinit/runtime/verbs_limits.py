"""Verbs about rlimits: limits tells them, set-limits changes those of processes that run.

A limit set by hand holds for the running process at once (prlimit(2)) and for its later runs.
What cannot be had changes nothing: a process gets all that was asked for, or none of it.  The
name `pyinit` stands for pyinit itself, whose limits every program started later inherits, unless
a program is called so.
"""

from __future__ import annotations

import marshal
import posix

from pyinit.core.beside import sides
from pyinit.core.events import LimitsSet
from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED, Limit
from pyinit.core.states import NO_PID, run_of
from pyinit.protocol.messages import Refused
from pyinit.protocol.names import nearest
from pyinit.runtime.verbs_service import strings
from pyinit.system import limits as rlimits
from pyinit.system import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeAlias

    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service

    Targets: TypeAlias = dict[int, str]  # pid -> name

OWN = "pyinit"
TICKS = posix.sysconf("SC_CLK_TCK")
SLICE = 10  # processes whose limits and descriptors are read in one turn: about a millisecond
DIGITS = 20  # of a number: what has more is more than any limit
STATUS_FIELDS = {
    b"VmSize": "as",
    b"VmData": "data",
    b"VmStk": "stack",
    b"VmLck": "memlock",
    b"VmRSS": "rss",
    b"SigQ": "sigpending",
}
FOREIGN = b"foreign"  # says a child that may not become whom the process belongs to
SIZES = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def limits(ask: Ask, service: Service) -> None:
    """Tell soft, hard and used of every limit of every process that runs."""
    rows, own = _rows(ask, service)
    targets = [(row.plan.name, pid_of(row)) for row in rows]
    if own:
        targets.append((OWN, posix.getpid()))
    ask.work(_read_limits(targets))


def set_limits(ask: Ask, service: Service) -> Object | None:
    """Change limits of running processes at once, and of their later runs."""
    given = ask.args["limits"]
    assert isinstance(given, dict)
    wanted = tuple([read_limit(name, str(value)) for name, value in given.items()])
    rows, own = _rows(ask, service)
    rows = _with_those_beside(rows, service)
    change = Change(service, wanted, rows, own=own)
    if change.is_done:
        return change.result()
    ask.hold(lambda: change.result() if change.is_done else None)
    return None


class Change:
    """A change of limits under way.

    A process of another user is out of reach without CAP_SYS_RESOURCE, which containers rarely
    have, but may be changed by whoever is that user: a forked child becomes it.
    """

    def __init__(
        self, service: Service, wanted: tuple[Limit, ...], rows: list[Process], *, own: bool
    ) -> None:
        self._service = service
        self._wanted = wanted
        self._rows = rows
        self._own = own
        self._messages: dict[int, str] = {}  # pid -> why it cannot be done, "" if it is done
        self._left = 0
        targets = {pid_of(row): row.plan.name for row in rows if pid_of(row)}
        if own:
            targets[posix.getpid()] = OWN
        foreign: dict[tuple[int, int], Targets] = {}
        for pid, name in targets.items():
            try:
                self._messages[pid] = set_on(pid, name, wanted)
            except PermissionError:
                foreign.setdefault(procfs.owner(pid), {})[pid] = name
            except OSError as error:
                self._messages[pid] = _text(name, error)
        for owner, theirs in foreign.items():
            self._ask_child(owner, theirs)

    @property
    def is_done(self) -> bool:
        """Whether every process was dealt with."""
        return self._left == 0

    def result(self) -> Object:
        """Return what came of it, and have it hold for later runs.  Raises Refused."""
        told: list[dict[str, Json]] = []
        good: list[str] = []
        for row in self._rows:
            entry = self._told(row.plan.name, pid_of(row), row.plan.launch.limits)
            told.append(entry)
            if entry["ok"]:
                good.append(row.plan.key)
        if self._own:
            told.append(self._told(OWN, posix.getpid()))
        if good:
            self._service.desk.feed(LimitsSet(tuple(good), self._wanted))
        failed = [str(each["message"]) for each in told if not each["ok"]]
        if failed:
            raise Refused("failed", "\n".join(failed), {"processes": list(told)})
        return {"processes": list(told)}

    def _told(self, name: str, pid: int, planned: tuple[Limit, ...] = ()) -> dict[str, Json]:
        message = self._messages.get(pid, "")
        entry: dict[str, Json] = {"name": name, "ok": not message, "pid": pid}
        if message:
            entry["message"] = message
        else:
            entry["limits"] = {
                limit.resource: _pair(pid, (*planned, limit)) for limit in self._wanted
            }
        return entry

    def _ask_child(self, owner: tuple[int, int], targets: Targets) -> None:
        """Have a child that becomes `owner` do it; its answer comes with its end."""
        uid, gid = owner
        wanted = self._wanted

        def work() -> bytes:
            try:
                if posix.geteuid() == 0:
                    posix.setgroups([])
                posix.setresgid(gid, gid, gid)
                posix.setresuid(uid, uid, uid)
            except OSError:
                return FOREIGN
            return marshal.dumps({pid: _try(pid, name, wanted) for pid, name in targets.items()})

        def done(answer: bytes | None) -> None:
            self._left -= 1
            found = _understood(answer or b"")
            why, fix = "who would do it has died", "see what holds now: pyinitctl limits"
            if answer == FOREIGN:
                why = f"it belongs to uid {uid}"
                fix = "give pyinit CAP_SYS_RESOURCE, or CAP_SETUID and CAP_SETGID"
            elif answer is None:
                why, fix = f"uid {uid} holds up who would do it", "give pyinit CAP_SYS_RESOURCE"
            for pid, name in targets.items():
                text = f"cannot set the limits of {name}: {why}\n  {fix}"
                self._messages[pid] = found.get(pid, text)

        try:
            self._service.desk.fork(work, done)
            self._left += 1
        except OSError as error:
            self._messages.update({pid: _text(name, error) for pid, name in targets.items()})


def set_on(pid: int, name: str, wanted: tuple[Limit, ...]) -> str:
    """Set all of the limits on a process, or none; return why it cannot be done, "" if it is.

    Raises OSError: PermissionError for a process of somebody else, ProcessLookupError.
    """
    unmet = rlimits.apply_all(wanted, pid)
    return "\n".join([rlimits.describe_unmet(each, name) for each in unmet])


def _understood(answer: bytes) -> dict[int, str]:
    """Return what a child has answered by pid; of one that makes no sense, nothing."""
    if answer == FOREIGN:
        return {}
    try:
        found = marshal.loads(answer)  # noqa: S302  our own child wrote it
    except (EOFError, ValueError, TypeError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {pid: text for pid, text in found.items() if isinstance(text, str)}


def _try(pid: int, name: str, wanted: tuple[Limit, ...]) -> str:
    try:
        return set_on(pid, name, wanted)
    except OSError as error:
        return _text(name, error)


def _text(name: str, error: OSError) -> str:
    return f"cannot set the limits of {name}: {error.strerror}"


def _rows(ask: Ask, service: Service) -> tuple[list[Process], bool]:
    """Return the processes named, and whether pyinit itself is among them."""
    names = strings(ask.args.get("names"))
    taken = any(OWN in (row.plan.name, row.plan.program) for row in service.desk.state.table)
    if OWN not in names or taken:
        return service.rows(ask), False
    rest = [name for name in names if name != OWN]
    return service.named(rest) if rest else [], True


def _with_those_beside(rows: list[Process], service: Service) -> list[Process]:
    """Return processes with those that are to take their places, or have left them to: a roll."""
    table = service.desk.state.table
    keys = [side for row in rows for side in sides(row.plan.key)]
    return [table[key] for key in dict.fromkeys(keys) if key in table]


def read_limit(resource: str, text: str) -> Limit:
    """Return the limit of `nofile` and `65536`, `SOFT:HARD`, `unlimited`, `max`, `64MB`.

    Raises Refused.
    """
    name = resource.lower().removeprefix("rlimit_")
    if name not in rlimits.NUMBERS:
        near = nearest(name, rlimits.NUMBERS)
        fix = f"did you mean '{near}'?" if near else "known: " + ", ".join(rlimits.NUMBERS)
        raise Refused("bad-request", f"no such limit: '{resource[:DIGITS]}'\n  {fix}")
    soft, colon, hard = text.strip().partition(":")
    if not colon:
        both = UNLIMITED if soft == "unlimited" else KEEP
        return Limit(name, _half(name, soft, text, "max"), both)
    pair = Limit(name, _half(name, soft, text, "max"), _half(name, hard, text, ""))
    if pair.hard >= 0 and (pair.soft == UNLIMITED or pair.soft > pair.hard):
        fix = "write the soft limit first"
        shown = f"{name} to '{text[:DIGITS]}'"
        raise Refused("bad-request", f"cannot set {shown}: soft is above hard\n  {fix}")
    return pair


def _half(name: str, half: str, text: str, word: str) -> int:
    if half == "unlimited":
        return UNLIMITED
    if word and half == word:
        return MAXIMUM
    digits, factor = half, 1
    if half[-2:].upper() in SIZES:
        digits, factor = half[:-2].strip(), SIZES[half[-2:].upper()]
    plain = digits.isdigit() and digits.isascii() and len(digits) < DIGITS
    if not plain or int(digits) * factor >= rlimits.HUGE:
        fix = "give a number, SOFT:HARD, unlimited or max"
        raise Refused("bad-request", f"cannot set {name} to '{text[:DIGITS]}'\n  {fix}")
    return int(digits) * factor


def _read_limits(targets: list[tuple[str, int]]) -> Generator[None, None, Object]:
    told: list[Json] = []
    for count, (name, pid) in enumerate(targets, 1):
        told.append(_limits_of(name, pid))
        if count % SLICE == 0:
            yield
    return {"processes": told, "pyinit": _limits_of(OWN, posix.getpid())}


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


def _pair(pid: int, wanted: tuple[Limit, ...]) -> Json:
    """Return what a process has of the last one's resource, or what its next run is to have."""
    name = wanted[-1].resource
    found = _in_force(pid, name) if pid else None
    if found is None:  # its next run: what programs are born with, and what it is given
        found = rlimits.read_one(name)
        for each in [each for each in wanted if each.resource == name]:
            found = rlimits.meant(each, *found)
    return {"soft": found[0], "hard": found[1]}


def _in_force(pid: int, name: str) -> tuple[int, int] | None:
    try:
        return rlimits.read(pid)[name]
    except OSError:  # it has just ended
        return None


def pid_of(row: Process) -> int:
    """Return the pid of the process's run, 0 if it has none."""
    run = run_of(row.state)
    return int(run.pid) if run is not None and run.pid != NO_PID else 0
