"""Who leads a run when its first process ends: daemons, and programs that replace themselves.

A run is over when the process that leads it is reaped, and only children of pyinit are.  So
whom a program names (sd_notify's MAINPID) leads at once if it is our child, and else from the
moment that its parent, who led before, has ended.  A program of type "forking" names nobody: its
pidfile does, or else the oldest process that it has left behind leads on, as often as need be in
the first moments, since a daemon forks twice.

A name is believed if it is that of a process of the run: below its leader, or with its mark and
of its user.  A pidfile that is left over from another life, or that somebody else can write,
leads nowhere.
"""

from __future__ import annotations

import posix
import time

from pyinit.core.events import MainPid, Spawned
from pyinit.core.record import replace
from pyinit.core.states import NEVER, Pid, RunId, Running, Starting, Stopping, run_of
from pyinit.runtime.belief import believes
from pyinit.runtime.reaper import Runs
from pyinit.system import procfs, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pyinit.core.slot import Process
    from pyinit.core.states import Run
    from pyinit.runtime.machine import Machine
    from pyinit.system.reap import Reaped

    Named: TypeAlias = tuple[RunId, int, int]  # a run, and who is to lead it: pid and start time
    Kept: TypeAlias = tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, float]]]

SETTLE_S = 2.0  # after a program has gone into the background, who leads it may hand on again
LOOK_S = 0.05  # between two looks at a pidfile that is not there yet, or names nobody of ours
PIDFILE_S = 10.0  # for a daemon to write its pidfile
PIDFILE_BYTES = 32
LOOKS = 100  # for an heir among those that fork and end: each look finds a later one of them
GONE = "ZX"


class Heirs:
    """Finds them, and tells the core before it hears of the end of who led."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.named_pids: dict[str, Named] = {}  # by MAINPID, and not our children yet
        self._forked: dict[str, tuple[RunId, float]] = {}  # when a run went into the background
        self._heard: dict[str, float] = {}  # when a run was last asked who leads it
        self._late: dict[str, tuple[RunId, int]] = {}  # who does, by what was said since then
        self._doubted: dict[str, RunId] = {}  # of whom it was told that they name somebody else
        self._look_at = NEVER
        self._waiting: set[str] = set()  # keys whose pidfile is looked at again

    def carried(self) -> Kept:
        """Return what the next pyinit must know."""
        self._catch_up()
        return dict(self.named_pids), dict(self._forked)

    def resume(self, known: Kept) -> None:
        """Go on with that; a pidfile that was waited for is looked at again."""
        named, forked = known
        for key, (run, pid, *start) in named.items():
            if start:  # an older pyinit did not remember it: whose pid that is nobody knows
                self.named_pids[key] = (RunId(run), pid, start[0])
        self._forked.update({key: (RunId(run), at) for key, (run, at) in forked.items()})
        self._waiting.update(forked)
        self._look_at = time.monotonic()

    def exchanged(self, one: str, other: str) -> None:
        """Two slots have exchanged their runs; neither is in its first moments."""
        self._catch_up()
        first, second = self.named_pids.pop(one, None), self.named_pids.pop(other, None)
        if first is not None:
            self.named_pids[other] = first
        if second is not None:
            self.named_pids[one] = second

    def named(self, key: str, run: Run, pid: int) -> None:
        """A process of the run says that `pid` leads it.

        To see whether that is so takes a look at all that it has started, so of what is said again
        and again the last counts, in a moment.
        """
        now = time.monotonic()
        if now < self._heard.get(key, -LOOK_S) + LOOK_S:
            self._late[key] = (run.id, pid)
            self._look_at = min(self._look_at, now + LOOK_S)
            return
        self._heard[key] = now
        self._name(key, run, pid)

    def _catch_up(self) -> None:
        """Hear what was said since the last look."""
        late, self._late = self._late, {}
        for key, (run_id, pid) in late.items():
            row = self._machine.row(key)
            run = run_of(row.state) if row is not None else None
            if run is not None and run.id == run_id:
                self._heard[key] = time.monotonic()
                self._name(key, run, pid)

    def _name(self, key: str, run: Run, pid: int) -> None:
        if pid == run.pid:
            self.named_pids.pop(key, None)
            return
        found = procfs.stat(pid)
        if found is None or found.state in GONE or not self._belongs(key, run, pid):
            if self._doubted.get(key) != run.id:  # it may say so for ever
                self._doubted[key] = run.id
                self._machine.log.warning(
                    f"{self._label(key)}: process {pid} is none of it and cannot lead it"
                )
        elif found.ppid == posix.getpid():
            self._lead(key, run, pid)
        else:
            self.named_pids[key] = (run.id, pid, found.start)

    def before_ends(self, gone: list[Reaped]) -> None:
        """The processes `gone` were reaped; those among them that lead a run may have an heir."""
        self._catch_up()
        get = self._machine.loop.supervisor.pids.get
        queued = self._machine.loop.queued()
        unborn = {each.pid: each.key for each in queued if isinstance(each, Spawned | MainPid)}
        dead = {each[0] for each in gone}
        for pid, status, *_ in gone:
            key = get(Pid(pid)) or unborn.get(Pid(pid), "")
            row = self._machine.row(key)
            match row.state if row is not None else None:
                case Starting(run=run) | Running(run=run) | Stopping(run=run) if row is not None:
                    run = replace(run, pid=Pid(pid))
                    heir = self._heir(key, row, run, status, dead)
                    if heir:
                        unborn[Pid(heir)] = key
                        self._lead(key, run, heir)
                case _:
                    pass

    def next_deadline(self) -> float:
        """Return when a pidfile is looked at again."""
        return self._look_at

    def tick(self, now: float) -> None:
        """Hear who leads, and look at the pidfiles that are waited for."""
        self._catch_up()
        for key in [*self._waiting]:
            row = self._machine.row(key)
            run = run_of(row.state) if row is not None else None
            run_id, since = self._forked.get(key, (RunId(0), 0.0))
            if row is None or run is None or run.id != run_id or not row.plan.pidfile:
                self._waiting.discard(key)
                continue
            pid = self._by_pidfile(key, row, run)
            if pid and pid != run.pid:
                self._name(key, run, pid)
            if pid or now > since + PIDFILE_S:
                self._waiting.discard(key)
            if not pid and now > since + PIDFILE_S:
                text = f'no process of it in "{row.plan.pidfile}"; {run.pid} is followed'
                self._machine.log.warning(f"{row.plan.name}: {text}")
        self._look_at = now + LOOK_S if self._waiting else NEVER

    def forget(self, key: str) -> None:
        """The run that somebody was to lead is over."""
        for kept in (self._heard, self._late, self._doubted):
            kept.pop(key, None)

    def _heir(self, key: str, row: Process, run: Run, status: int, dead: set[int]) -> int:
        """Return who leads the run after the end of its leader, 0 if it is over."""
        run_id, pid, start = self.named_pids.pop(key, (RunId(0), 0, 0))
        if run_id == run.id and (pid in dead or self._is_ours(pid, start)):
            return pid
        if row.plan.kind != "forking" or status != 0 or isinstance(row.state, Stopping):
            return 0
        now = time.monotonic()
        forked, at = self._forked.get(key, (RunId(0), 0.0))
        if forked != run.id:
            self._forked[key] = (run.id, now)
        elif now > at + SETTLE_S:
            return 0
        pid = self._by_pidfile(key, row, run) if row.plan.pidfile else 0
        if pid and self._is_ours(pid):
            return pid
        if row.plan.pidfile:
            self._waiting.add(key)
            self._look_at = now + LOOK_S
        return self._oldest(key)

    def _oldest(self, key: str) -> int:
        """Return the oldest of those that the run has left behind: a master is before its men.

        One that ends while it is looked at may have left another that came too late for this
        look: whether nobody is left is known when two looks saw the same children.
        """
        before: list[int] | None = None
        for _ in range(LOOKS):
            seen = tree.Snapshot(self._runs())
            left = [procfs.stat(pid) for pid in self._believed(key, seen)]
            alive = [each for each in left if each is not None and each.state not in GONE]
            if alive:
                return min([(each.start, each.pid) for each in alive])[1]
            if seen.strangers() == before:
                break
            before = seen.strangers()
        return 0

    def _by_pidfile(self, key: str, row: Process, run: Run) -> int:
        """Return whom the pidfile names if it is a process of the run, else 0."""
        pid = _read_pid(row.plan.pidfile)
        if pid == run.pid:
            return pid
        found = procfs.stat(pid) if pid > 1 else None
        if found is None or found.state in GONE or not self._belongs(key, run, pid):
            return 0
        return pid

    def _belongs(self, key: str, run: Run, pid: int) -> bool:
        """Say whether a process is below the leader of a run, or below those it has left behind."""
        if self._machine.loop.supervisor.pids.get(Pid(pid)) is not None:
            return False
        left = self._left(key)
        below = tree.Snapshot(self._runs()).below([run.pid, *left])
        return pid in left or pid in below

    def _left(self, key: str) -> list[int]:
        return self._believed(key, tree.Snapshot(self._runs()))

    def _believed(self, key: str, seen: tree.Snapshot) -> list[int]:
        """Return those that the run has left behind, as far as they are of its user."""
        found = seen.labelled(self._label(key))
        return [pid for pid in found if believes(self._machine, key, pid)]

    def _label(self, key: str) -> str:
        return self._machine.driver.labels.get(key, key)

    def _runs(self) -> Runs:
        return Runs(self._machine.loop.supervisor.pids, self._machine.driver.helpers)

    def _is_ours(self, pid: int, start: int | None = None) -> bool:
        """Say whether a process is our child, and with `start` still the one that began then."""
        found = procfs.stat(pid)
        if found is None or found.ppid != posix.getpid():
            return False
        return start in {None, found.start}

    def _lead(self, key: str, run: Run, pid: int) -> None:
        self._machine.log.info(f"{self._label(key)}: led by process {pid} from now on")
        self._machine.announcer.led(run.pid, pid)
        # after the news of its birth, and before that of the end of who led
        self._machine.driver.events.append(MainPid(key, run.id, Pid(pid)))


def _read_pid(path: str) -> int:
    """Return the number in a file, 0 if there is none; whatever the file is, it is not waited for.

    It may stand where a program can write: it is no link that leads elsewhere, and what it says
    is not believed by itself.
    """
    flags = posix.O_RDONLY | posix.O_NONBLOCK | posix.O_NOFOLLOW | posix.O_CLOEXEC | posix.O_NOCTTY
    try:
        fd = posix.open(path, flags)
    except OSError:
        return 0
    try:
        word = posix.read(fd, PIDFILE_BYTES).split()[:1]
    except OSError:
        return 0
    finally:
        posix.close(fd)
    return int(word[0]) if word and word[0].isdigit() else 0
