"""Tells the world what happened to processes: the log, the history, and whoever subscribed."""

from __future__ import annotations

import time

from pyinit.core import effects as fx
from pyinit.core.beside import is_beside, owner
from pyinit.core.states import PUBLIC
from pyinit.core.status import ExitCode, Signaled, describe, parted, shell_code
from pyinit.runtime.failure import each_of
from pyinit.runtime.history import End, History
from pyinit.runtime.speech import Speech

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.plan import ProcessPlan
    from pyinit.core.states import Pid
    from pyinit.protocol.wire import Json
    from pyinit.runtime.boot_times import BootTimes
    from pyinit.runtime.happenings import Happenings
    from pyinit.runtime.log import Log

TAIL_LINES = 20  # of a run's last output, in the report of its end: a panic of Go fits
SIGKILL = 9


class Birth:
    """What is to be said of a new run, once `due` is empty."""

    __slots__ = ("due", "text")

    def __init__(self, text: str, due: set[str]) -> None:
        self.text = text
        self.due = due


class Announcer:
    """One place from which transitions are told: by `speech`, and to `bus` if there is one.

    `tail(key)` gives the last output of a process; `oom_kills()` the kernel's count of processes
    killed for memory in this container, None where it cannot be read.
    """

    def __init__(
        self,
        log: Log,
        history: History,
        tail: Callable[[str], bytes],
        oom_kills: Callable[[], int | None],
    ) -> None:
        self._log = log
        self._history = history
        self._tail = tail
        self._oom_kills = oom_kills
        self._oom_seen: int | None = oom_kills()
        self._usage: dict[int, tuple[float, float, int, float]] = {}  # and how long it ran
        self._since: dict[int, float] = {}
        self._births: dict[str, Birth] = {}
        self._answers: dict[int, str] = {}  # pid -> what its probe found that was never ready
        self.main: str | None = None  # the main program: its exit code is its own business
        self.subscribers: list[Callable[[dict[str, Json]], None]] = []
        self.speech = Speech(log)
        self.bus: Happenings | None = None
        self.timing: BootTimes | None = None  # once a plan has dependencies

    def started(self, spawn: fx.Spawn, pid: Pid, now: float) -> None:
        """A run was forked; said once it was told how the one before it has ended.

        A pre_start runs after that was told.  Who speaks late of runs waits for `executed`, too.
        """
        self._since[pid] = now
        hooks = spawn.plan.hooks
        due = set() if hooks is not None and hooks.pre_start else {"announced"}
        if self.speech.late:
            due.add("executed")
        self._births[spawn.key] = Birth(self.speech.started(spawn.plan, pid), due)
        self._tell_birth(spawn.key, "")

    def expect(self, plan: ProcessPlan, pid: int) -> None:
        """A run that another pyinit has forked is still at its exec."""
        if self.speech.late:
            self._births[plan.key] = Birth(self.speech.started(plan, pid), {"executed"})

    def executed(self, key: str) -> None:
        """A run has become its program."""
        self._tell_birth(key, "executed")

    def next_deadline(self) -> float:
        """Return when `tick` must be called."""
        return self.speech.next_deadline()

    def tick(self, now: float) -> None:
        """Let be said what is said again and again."""
        self.speech.tick(now)

    def running(self) -> dict[int, float]:
        """Return since when each run has been running, by pid, to be carried over a re-exec."""
        return self._since

    @property
    def oom_seen(self) -> int | None:
        """How many kills for memory are explained, to be carried over a re-exec."""
        return self._oom_seen

    def restore(self, since: dict[int, float], oom_seen: int | None) -> None:
        """Take over what another pyinit knew."""
        self._since = dict(since)
        self._oom_seen = oom_seen

    def used(self, pid: int, user_s: float, system_s: float, max_rss_bytes: int) -> None:
        """What a reaped run has used in its life; each is 0 where it is not known."""
        if pid in self._since:
            ran_s = time.monotonic() - self._since[pid]  # what it left behind may live on
            self._usage[pid] = (user_s, system_s, max_rss_bytes, ran_s)

    def unready(self, pid: int, why: str) -> None:
        """A run is stopped since it was never ready: what its probe found belongs to its end."""
        if pid in self._since:
            self._answers[pid] = why

    def led(self, was: int, pid: int) -> None:
        """Another process leads a run: it is as old as the run."""
        if was in self._since:
            self._since[pid] = self._since.pop(was)

    def announce(self, change: fx.Announce) -> None:
        """A process changed its state; whoever cannot be told of it keeps nobody else from it."""
        end = self._end(change) if change.status is not None else None
        try:
            self._say(change, end)
        finally:
            try:
                if self.timing is not None:
                    self.timing.changed(change)
            finally:
                try:
                    if self.bus is not None:
                        self.bus.changed(change)
                finally:
                    if self.subscribers:
                        self._publish(change, end)

    def _say(self, change: fx.Announce, end: End | None) -> None:
        own = change.key == self.main and end is not None and isinstance(end.status, ExitCode)
        self.speech.changed(change, end, own=own)
        if change.now == "Starting" or not self.speech.late:
            self._tell_birth(change.key, "announced")
        elif end is not None:
            self._births.pop(change.key, None)  # it never became its program

    def _publish(self, change: fx.Announce, end: End | None) -> None:
        if PUBLIC[change.was] == PUBLIC[change.now] and end is None:
            return
        if not change.hidden:
            self.publish(event_json(change, end, time.time()))

    def removed(self, effect: fx.Removed) -> None:
        """A process left the plan."""
        if is_beside(effect.key):
            return
        self._history.forget(effect.key)
        self.speech.removed(effect.key, effect.name)
        if self.bus is not None:
            self.bus.stale()
        self.publish({"event": "removed", "name": effect.name, "at": time.time()})

    def _tell_birth(self, key: str, what: str) -> None:
        birth = self._births.get(key)
        if birth is None:
            return
        birth.due.discard(what)
        if not birth.due:
            del self._births[key]
            if birth.text:
                self._log.info(birth.text)

    def publish(self, entry: dict[str, Json]) -> None:
        """Tell everybody who follows the events."""
        each_of(lambda told: told(entry), [*self.subscribers])

    def _end(self, change: fx.Announce) -> End | None:
        status = change.status
        if status is None:
            return None
        since = self._since.pop(change.pid, None)
        lived = time.monotonic() - since if since is not None else 0.0
        user_s, system_s, rss, ran_s = self._usage.pop(change.pid, (0.0, 0.0, 0, lived))
        failed = not change.expected
        oom = self._was_oom(status) if isinstance(status, Signaled) else False
        reason, fix = parted(change.reason or describe(status))
        answer = self._answers.pop(change.pid, "")
        if answer and change.reason:
            reason += f": {answer}"
        end = End(
            run_id=change.run_id,
            pid=change.pid,
            at=time.time(),
            ran_s=ran_s,
            status=status,
            expected=bool(change.expected),
            reason=reason + (", out of memory" if oom else ""),
            oom=oom,
            user_s=user_s,
            system_s=system_s,
            max_rss_bytes=rss,
            output=self._tail(owner(change.key)).decode("utf-8", "replace") if failed else "",
            fix=fix,
        )
        self._history.add(owner(change.key), end)
        return end

    def _was_oom(self, status: Signaled) -> bool:
        """Say whether the kernel's count of memory kills has risen; one rise explains one end."""
        if status.signum != SIGKILL or self._oom_seen is None:
            return False
        count = self._oom_kills()
        if count is None:
            return False
        risen = count > self._oom_seen
        if risen:
            self._oom_seen += 1
        return risen


def status_json(end: End) -> dict[str, Json]:
    """Return the end as `status --json` and `why --json` show it."""
    found: dict[str, Json] = {}
    match end.status:
        case ExitCode(code):
            found["code"] = code
        case Signaled(signum, dumped):
            found["signal"] = signum
            found["core_dumped"] = dumped
        case _:
            found["code"] = shell_code(end.status)
    found["reason"] = end.reason
    if end.fix:
        found["fix"] = end.fix
    found["at"] = end.at
    return found


def event_json(change: fx.Announce, end: End | None, at: float) -> dict[str, Json]:
    """Return a change of state as `events` tells it; `end` of the run that was over with it."""
    reason, fix = parted(change.reason)
    entry: dict[str, Json] = {
        "event": "state",
        "name": change.name,
        "group": change.group,
        "program": change.program,
        "was": PUBLIC[change.was],
        "state": PUBLIC[change.now],
        "pid": change.pid,
        "at": at,
    }
    if reason:
        entry["reason"] = end.reason if end is not None else reason
    if fix:
        entry["fix"] = fix
    if end is not None:
        entry["exit"] = status_json(end)
        entry["expected"] = end.expected
    return entry
