"""The part that hears what runs say by sd_notify(3), and does what can be done about it.

READY is news for the core, so are EXTEND_TIMEOUT_USEC and MAINPID; pings go to the part that
looks after watchdogs, descriptors to the store.  STATUS, RELOADING, STOPPING and ERRNO are kept
for those who ask what a process is doing.

A sender belongs to a run if one of its parents leads it, or if it carries the run's mark (a
daemon has left its parents behind) and is of its user.  Nobody else is believed.
"""

from __future__ import annotations

import posix

from pyinit.core import events as ev
from pyinit.core.states import RESTING, Pid, RunId, run_of
from pyinit.protocol.notify import parse
from pyinit.runtime.belief import believes
from pyinit.runtime.changed import Changed
from pyinit.runtime.failure import each_of
from pyinit.runtime.fdstore import Store
from pyinit.runtime.heirs import Heirs
from pyinit.system import mark, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.protocol.notify import Notice
    from pyinit.protocol.wire import Json
    from pyinit.runtime.machine import Machine

MAX_DEPTH = 32  # parents looked at on the way from a sender up to a run


class Said:
    """What a run has said of itself last."""

    __slots__ = ("errno", "exit_status", "reloading", "run_id", "status", "stopping")

    def __init__(self, run_id: RunId) -> None:
        self.run_id = run_id
        self.status = ""
        self.reloading = False
        self.stopping = False
        self.errno = 0
        self.exit_status: int | None = None

    def plain(self) -> tuple[int, str, bool, bool, int, int | None]:
        """Return it as a re-exec carries it."""
        told = (self.run_id, self.status, self.reloading, self.stopping)
        return (*told, self.errno, self.exit_status)


class Notified:
    """Hears the messages."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._said: dict[str, Said] = {}
        self._numbers: dict[str, int] = {}  # label -> its mark: computed once
        self._changed = Changed()
        self._mark = 0
        self.store = Store(machine)
        self.heirs = Heirs(machine)
        machine.reaper.heirs = self.heirs.before_ends
        machine.loop.timed = (*machine.loop.timed, self.heirs)
        machine.loop.after_turn.append(self._look)
        machine.driver.exchanged.append(self._exchanged)
        machine.driver.givers.append(self.store.given)
        machine.desk.said = self.told

    def adopt(self, _init: InitPlan, _processes: tuple[ProcessPlan, ...]) -> None:
        """Nothing to do: a run is heard whatever the plan of the next one says."""

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return what runs have said, who is to lead them, and the descriptors they have stored."""
        said = {key: each.plain() for key, each in self._said.items()}
        known, fds = self.store.carried()
        return (said, self.heirs.carried(), known), fds

    def resume(self, known: object) -> None:
        """Go on with that."""
        if not (isinstance(known, tuple) and len(known) == 3):
            return
        said, heirs, stored = known
        for key, (run_id, *rest) in said.items():
            each = self._said[key] = Said(RunId(run_id))
            each.status, each.reloading, each.stopping, each.errno, each.exit_status = rest
        self.heirs.resume(heirs)
        self.store.resume(stored)

    def received(self, message: bytes, pid: int, fds: tuple[int, ...]) -> set[int]:
        """Hear a message of process `pid`; return those of the descriptors that are kept."""
        key = self._key_of(pid)
        row = self._machine.row(key) if key else None
        run = run_of(row.state) if row is not None else None
        if row is None or run is None:
            return set()
        notice = parse(message)
        self._note(key, run.id, notice)
        feed = self._machine.loop.feed
        if notice.main_pid:
            self.heirs.named(key, run, notice.main_pid)
        if notice.extend_s:
            feed(ev.Extended(key, run.id, notice.extend_s))
        if notice.ready:
            feed(ev.ReadyReported(key, run.id))
        self._watch(key, run.id, notice)
        if notice.remove:
            self.store.remove(key, notice.fd_name)
        return self.store.add(row.plan, notice, fds) if notice.store else set()

    def told(self, key: str) -> dict[str, Json]:
        """Return what `status` shows of what the run of a process has said."""
        said = self._said.get(key)
        shown: dict[str, Json] = {}
        if said is not None:
            if said.status:
                shown["status_text"] = said.status
            if said.reloading:
                shown["reloading"] = True
            if said.stopping:
                shown["stopping"] = True
            if said.errno:
                shown["errno"] = said.errno
            if said.exit_status is not None:
                shown["exit_status"] = said.exit_status
        stored = self.store.names(key)
        if stored:
            shown["stored_fds"] = [*stored]
        return shown

    def _note(self, key: str, run_id: RunId, notice: Notice) -> None:
        said = self._said.get(key)
        if said is None or said.run_id != run_id:
            said = self._said[key] = Said(run_id)
        if notice.status is not None:
            said.status = notice.status
        if notice.reloading or notice.ready:
            said.reloading = notice.reloading
        said.stopping |= notice.stopping
        if notice.errno is not None:
            said.errno = notice.errno
        if notice.exit_status is not None:
            said.exit_status = notice.exit_status

    def _watch(self, key: str, run_id: RunId, notice: Notice) -> None:
        if not (notice.watchdog or notice.watchdog_s is not None):
            return
        from pyinit.runtime.live import Asker

        part = self._machine.parts.get("live")
        if not isinstance(part, Asker):
            return
        if notice.watchdog_s is not None:
            part.set_interval(key, run_id, notice.watchdog_s)
        if notice.watchdog == "ping":
            part.ping(key, run_id)
        elif notice.watchdog == "trigger":
            part.trigger(key, run_id)

    def _key_of(self, pid: int) -> str:
        """Return the process whose run the sender `pid` belongs to, "" if there is none."""
        pids, us = self._machine.loop.supervisor.pids, posix.getpid()
        for _ in range(MAX_DEPTH):
            key = pids.get(Pid(pid))
            if key is not None:
                return key
            found = procfs.stat(pid) if pid > 1 and pid != us else None
            if found is None:
                return ""
            if found.ppid == us:
                return self._marked(pid)
            pid = found.ppid
        return ""

    def _marked(self, pid: int) -> str:
        """Return the process that a child of ours was left behind by."""
        wanted = mark.of(pid)
        labels = self._machine.driver.labels
        for key, label in labels.items() if wanted else ():
            number = self._numbers.get(label)
            if number is None:
                number = self._numbers[label] = mark.number(label)
            if number == wanted and believes(self._machine, key, pid):
                return key
        return ""

    def _exchanged(self, one: str, other: str) -> None:
        first, second = self._said.pop(one, None), self._said.pop(other, None)
        if first is not None:
            self._said[other] = first
        if second is not None:
            self._said[one] = second
        self.heirs.exchanged(one, other)

    def _look(self) -> None:
        """Forget what runs have said that are over, and close what nobody will be given."""
        if not (self._said or self.store.any() or self._numbers):
            return
        state = self._machine.loop.supervisor
        keys, mark = self._changed.since(self._mark, state)
        if keys is None:
            keys = [*self._said, *self.store.keys()]
            labels = {*self._machine.driver.labels.values()}
            self._numbers = {each: n for each, n in self._numbers.items() if each in labels}
        each_of(self._look_at, keys)
        self._mark = mark  # at last: what could not be looked at is looked at again

    def _look_at(self, key: str) -> None:
        row = self._machine.row(key)
        run = run_of(row.state) if row is not None else None
        said = self._said.get(key)
        if said is not None and (run is None or run.id != said.run_id):
            del self._said[key]
            self.heirs.forget(key)
        if row is None or isinstance(row.state, RESTING):
            self.store.drop(key)
