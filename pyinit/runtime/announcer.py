"""Tells the world what happened to processes: the log, the history, and whoever subscribed."""

from __future__ import annotations

import time

from pyinit.core import effects as fx
from pyinit.core.states import NO_PID, PUBLIC
from pyinit.core.status import ExitCode, Signaled, describe, parted, shell_code
from pyinit.runtime.history import End, History

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.states import Pid
    from pyinit.protocol.wire import Json
    from pyinit.runtime.log import Log

TAIL_LINES = 20  # of a run's last output, in the report of its end: a panic of Go fits
SIGKILL = 9


class Announcer:
    """One place from which transitions are told.

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
        self._births: dict[str, str] = {}  # key -> what is to be said of a new run
        self.main: str | None = None  # the main program: its exit code is its own business
        self.subscribers: list[Callable[[dict[str, Json]], None]] = []

    def started(self, spawn: fx.Spawn, pid: Pid, now: float) -> None:
        """A run was forked; said once it was told how the one before it has ended."""
        self._since[pid] = now
        self._births[spawn.key] = f"{spawn.plan.name}: started, pid {pid}"

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
        """What a reaped run has used in its life."""
        if pid in self._since:
            ran_s = time.monotonic() - self._since[pid]  # what it left behind may live on
            self._usage[pid] = (user_s, system_s, max_rss_bytes, ran_s)

    def announce(self, change: fx.Announce) -> None:
        """A process changed its state."""
        end = self._end(change) if change.status is not None else None
        self._say(change, end)
        born = self._births.pop(change.key, None)
        if born is not None:
            self._log.info(born)
        if not self.subscribers or (PUBLIC[change.was] == PUBLIC[change.now] and end is None):
            return
        if change.hidden:
            return
        self._publish(event_json(change, end, time.time()))

    def removed(self, effect: fx.Removed) -> None:
        """A process left the plan."""
        self._history.forget(effect.key)
        self._log.info(f"{effect.name}: removed")
        self._publish({"event": "removed", "name": effect.name, "at": time.time()})

    def _publish(self, entry: dict[str, Json]) -> None:
        for subscriber in [*self.subscribers]:
            subscriber(entry)

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
            output=self._tail(change.key).decode("utf-8", "replace") if failed else "",
            fix=fix,
        )
        self._history.add(change.key, end)
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

    def _say(self, change: fx.Announce, end: End | None) -> None:
        name = change.name
        if end is not None:
            text = f"{name}: {_ended(change, end)}"
            if change.now != "Fatal":
                text += _below(end)
            own = change.key == self.main and isinstance(end.status, ExitCode)
            self._log.say("info" if end.expected or own else "warning", text)
        match change.now:
            case "Running":
                self._log.info(f"{name}: up")
            case "Stopping":
                why = f" ({change.reason})" if change.reason else ""
                self._log.info(f"{name}: stopping, pid {change.pid}{why}")
            case "Fatal":
                reason = end.reason + _below(end) if end is not None else change.reason
                self._log.error(f"{name}: gave up: {reason}")
                if end is not None and end.output:
                    self._log.error(f"{name}: its last output:\n" + end.output.rstrip("\n"))
            case _:
                pass


def _ended(change: fx.Announce, end: End) -> str:
    text = "stopped" if change.was == "Stopping" and not change.reason else "ended"
    text += f" ({parted(describe(end.status))[0]}"
    if end.oom:
        text += ", out of memory"
    text += f") after {end.ran_s:.1f} s" if change.pid != NO_PID else ")"
    if change.now == "Backoff":
        text += f"; next run in {change.retry_s:.1f} s"
    elif change.now in {"Starting", "Waiting"}:
        text += "; starting again"
    return text


def _below(end: End) -> str:
    """Return how to mend what kept a run from being executed, as a line below its end."""
    return f"\n  {end.fix}" if end.fix else ""


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
