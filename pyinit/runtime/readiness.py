"""How runs tell that they are ready: by a line, a newline, a datagram, a file, or just time.

Nothing here blocks or waits: lines come from the pump, descriptors and datagrams from the
poller, files and delays from a deadline that the loop asks for.  Every outcome is the same one
event, ReadyReported.
"""

from __future__ import annotations

import posix
import time

from pyinit.core.events import ReadyReported
from pyinit.core.record import Record, replace
from pyinit.core.states import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.effects import Spawn
    from pyinit.core.plan import ProcessPlan, Ready
    from pyinit.core.states import RunId
    from pyinit.runtime.matching import Search
    from pyinit.runtime.poller import Poller

NOTE_BYTES = 4096  # of one read from a readiness descriptor: only a newline matters


class Asked(Record):
    """A run whose readiness we have to look for ourselves, next at `at`."""

    run_id: RunId
    ready: Ready
    at: float


class Handed(Record):
    """What a run is born with so that it can tell: descriptors (ours, in the child), variables."""

    keep: tuple[tuple[int, int], ...] = ()
    env: tuple[tuple[str, str], ...] = ()


def notifies(plan: ProcessPlan) -> bool:
    """Say whether runs of this plan are to tell by sd_notify what they are at."""
    kinds = {each.kind for each in (plan.ready, plan.live) if each is not None}
    return not kinds.isdisjoint(("notify", "watchdog"))


class Readiness:
    """Looks for the readiness of runs and reports it by `post`."""

    def __init__(
        self, poller: Poller, post: Callable[[ReadyReported], None], notify_path: str | None
    ) -> None:
        self._poller = poller
        self._post = post
        self.notify_path = notify_path
        self._asked: dict[str, Asked] = {}
        self._pipes: dict[str, tuple[int, RunId]] = {}  # key -> read end, until the run has told
        self._searches: dict[str, tuple[RunId, Search]] = {}
        self._helpers: dict[int, Callable[[int], None]] = {}
        self._report: Callable[[str], None] = lambda _text: None

    def equip(
        self, helpers: dict[int, Callable[[int], None]], report: Callable[[str], None]
    ) -> None:
        """Say where the reaper looks a child up, and who is told what cannot be done."""
        self._helpers = helpers
        self._report = report

    def prepare(self, spawn: Spawn) -> Handed:
        """Return what the run must be given; raises OSError when a pipe cannot be had."""
        ready = spawn.plan.ready
        self.forget(spawn.key)
        match ready.kind if ready else "":
            case "fd" if ready is not None:
                return replace(self._pipe(spawn, int(ready.target)), env=self._told(spawn.plan))
            case "file" | "delay" if ready is not None:
                now = time.monotonic()
                wait_s = float(ready.target) if ready.kind == "delay" else 0.0
                self._asked[spawn.key] = Asked(spawn.run_id, ready, now + wait_s)
            case _:
                pass
        return Handed(env=self._told(spawn.plan))

    def _told(self, plan: ProcessPlan) -> tuple[tuple[str, str], ...]:
        """Return the variables that tell a run where it may notify us, and how often it has to.

        Without WATCHDOG_PID a ping is everybody's business that the run becomes: a program behind
        a shell has another pid (sd_watchdog_enabled(3) asks for it only where it is set).
        """
        if self.notify_path is None or not notifies(plan):
            return ()
        place = ("NOTIFY_SOCKET", self.notify_path)
        live = plan.live
        if live is None or live.kind != "watchdog":
            return (place,)
        return (place, ("WATCHDOG_USEC", str(int(live.interval * 1e6))))

    def carried(self) -> list[tuple[str, RunId, int, float]]:
        """Return (key, run, descriptor or -1, when to look next), to be carried over a re-exec."""
        pipes = [(key, run_id, fd, NEVER) for key, (fd, run_id) in self._pipes.items()]
        return [*pipes, *[(key, each.run_id, -1, each.at) for key, each in self._asked.items()]]

    def adopt(self, plan: ProcessPlan, run_id: RunId, fd: int, at: float) -> None:
        """Go on listening to a run or looking for it, as another pyinit did."""
        if fd >= 0:
            self._listen(plan.key, run_id, fd)
        elif plan.ready is not None:
            self._asked[plan.key] = Asked(run_id, plan.ready, at)

    def watch(self, key: str, run_id: RunId, plan: ProcessPlan) -> Callable[[bytes], bool] | None:
        """Return what the pump calls with each line of a run that becomes ready by its output.

        It returns whether nobody need call it any more: the run is ready, or will never be found
        to be.
        """
        ready = plan.ready
        if ready is None or ready.kind != "output":
            return None
        from pyinit.runtime.matching import plain

        pattern = ready.target.encode("utf-8", "surrogateescape")
        found = plain(pattern)
        if found is None:
            return self._search(key, run_id, plan.name, pattern)
        matches = found
        told = False

        def look(line: bytes) -> bool:
            nonlocal told
            if not told and matches(line):
                told = True
                self._post(ReadyReported(key, run_id))
            return told

        return look

    def stop_looking(self, key: str) -> None:
        """Nobody asks any more whether the run is ready: it is, it was told to stop, or it ended.

        A pipe stays until its writers close it: what a stopping run still says must not kill it.
        """
        self._asked.pop(key, None)
        self.settle(key)

    def forget(self, key: str) -> None:
        """The process is gone, or a new run of it begins: neither look nor listen."""
        self.stop_looking(key)
        fd, _ = self._pipes.pop(key, (-1, 0))
        if fd >= 0:
            self._poller.unregister(fd)
            posix.close(fd)

    def settle(self, key: str) -> None:
        """The run is not starting any more: nothing of its output matters now."""
        found = self._searches.pop(key, None)
        if found is not None:
            found[1].close()

    def exchange(self, one: str, other: str) -> None:
        """Two slots have exchanged their runs: their pipes follow.  Nobody asks about either."""
        pipes = [(each, self._pipes.pop(key, None)) for key, each in ((one, other), (other, one))]
        self.stop_looking(one)
        self.stop_looking(other)
        for key, pipe in pipes:
            if pipe is not None:
                self._poller.unregister(pipe[0])
                self._listen(key, pipe[1], pipe[0])

    def next_deadline(self) -> float:
        """Return when `tick` must be called next."""
        return min([asked.at for asked in self._asked.values()], default=NEVER)

    def tick(self, now: float) -> None:
        """Look for what is due."""
        for key, asked in [*self._asked.items()]:
            if asked.at > now:
                continue
            if asked.ready.kind == "delay" or _exists(asked.ready.target):
                del self._asked[key]
                self._post(ReadyReported(key, asked.run_id))
            else:
                self._asked[key] = Asked(asked.run_id, asked.ready, now + asked.ready.interval)

    def _search(
        self, key: str, run_id: RunId, name: str, pattern: bytes
    ) -> Callable[[bytes], bool]:
        def found() -> None:
            self._post(ReadyReported(key, run_id))

        def failed(reason: str) -> None:
            text = pattern.decode("utf-8", "replace")
            self._report(f'{name}: cannot look for "{text}" in its output: {reason}')

        known = self._searches.get(key)
        if known is not None and known[0] == run_id:
            return known[1].look  # of its other stream
        from pyinit.runtime.matching import Search

        self.settle(key)
        search = Search(self._poller, self._helpers, pattern, found, failed)
        self._searches[key] = (run_id, search)
        return search.look

    def _pipe(self, spawn: Spawn, number: int) -> Handed:
        ours, theirs = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
        self._listen(spawn.key, spawn.run_id, ours)
        return Handed(keep=((theirs, number),))

    def _listen(self, key: str, run_id: RunId, fd: int) -> None:
        self._pipes[key] = (fd, run_id)

        def readable(_mask: int) -> None:
            try:
                said = posix.read(fd, NOTE_BYTES)
            except BlockingIOError:
                return
            if b"\n" in said:
                self._post(ReadyReported(key, run_id))
            if b"\n" in said or not said:
                self.forget(key)

        self._poller.register(fd, True, False, readable)


def _exists(path: str) -> bool:
    try:
        posix.stat(path)
    except OSError:
        return False
    return True
