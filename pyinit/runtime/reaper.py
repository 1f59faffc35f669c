"""Signals and deaths reach the loop here: a pipe and a signalfd to read, one waitpid to ask."""

from __future__ import annotations

import posix
import time

from pyinit.core.beside import owner
from pyinit.core.events import MainPid, Reaped, SignalReceived, Spawned
from pyinit.core.states import Pid
from pyinit.system import faults, files, procfs, reap, signals, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from pyinit.core.effects import Kill, Survey
    from pyinit.core.slot import Process
    from pyinit.core.table import Pids
    from pyinit.runtime.announcer import Announcer
    from pyinit.runtime.driver import Driver
    from pyinit.runtime.loop import Loop
    from pyinit.runtime.poller import Poller
    from pyinit.runtime.pump import Pump

SIGKILL, SIGCHLD = 9, 17
NEVER = float("inf")
GAP_S = 0.005  # orphans that die in less than this one after another are a stream
STREAM = 8  # turns for one of them each, after which they are waited for
LULL_S = 0.002
FEW = 32  # runs that are asked for by name in each portion of a burst


class Runs:
    """The pids of the runs as the core knows them now, and of our helpers, for `in`."""

    def __init__(self, pids: Pids, helpers: Container[int] = ()) -> None:
        self._pids = pids
        self._helpers = helpers

    def __contains__(self, pid: object) -> bool:
        if not isinstance(pid, int):
            return False
        return self._pids.get(Pid(pid)) is not None or pid in self._helpers


class Members:
    """Finds whom a run consists of, to count and to signal them; /proc is read once a turn.

    `labels` are {key: PYINIT_PROCESS of its run}, `helpers` are of no run.
    """

    def __init__(self, labels: dict[str, str], helpers: Container[int]) -> None:
        self.row: Callable[[str], Process | None] = lambda _: None
        self._labels = labels
        self._helpers = helpers
        self._snapshot: tree.Snapshot | None = None
        self._known = tree.Known()

    def fresh(self) -> None:
        """A new turn begins: what was read of /proc is old."""
        self._snapshot = None

    def forget(self, gone: list[reap.Reaped]) -> None:
        """Children are gone, and their pids may soon be somebody else's."""
        if self._known.marks:
            for each in gone:
                self._known.forget(each[0])

    def signal(self, kill: Kill, pids: Pids) -> None:
        """Send a signal to a run, as far as it is to reach."""
        pid = _leader(kill, pids)
        if kill.scope == "process":
            tree.signal_process(pid, kill.signum)
            return
        label, seen, user = self._whose(kill.key, pids)
        reach, first = kill.scope, kill.group
        tree.kill_tree(pid, label, reach, kill.signum, seen, first=first, user=user)

    def left(self, survey: Survey, pids: Pids) -> tuple[int, ...]:
        """Return whom a run has left whose leader is gone."""
        label, seen, user = self._whose(survey.key, pids)
        pid, reach, first = _leader(survey, pids), survey.scope, survey.group
        return tree.survey(pid, label, reach, seen, first=first, user=user)

    def of_nobody(self, pids: Pids) -> tuple[int, ...]:
        """Return, looked at anew, everybody below us who is no run."""
        self._snapshot = None
        return tree.all_descendants(self._seen(pids))

    def _whose(self, key: str, pids: Pids) -> tuple[str, tree.Snapshot, int]:
        return self._labels.get(key, key), self._seen(pids), self._user_of(key)

    def _user_of(self, key: str) -> int:
        """Return as whom a run was started, 0 also where only the run itself knows."""
        row = self.row(key)
        if row is None or row.plan.hidden:
            return 0
        return posix.geteuid() if row.plan.launch.uid is None else row.plan.launch.uid

    def _seen(self, pids: Pids) -> tree.Snapshot:
        runs = Runs(pids, self._helpers)
        if self._snapshot is None:
            self._snapshot = tree.Snapshot(runs, self._known)
        self._snapshot.runs = runs
        return self._snapshot


def _leader(about: Kill | Survey, pids: Pids) -> int:
    """Return who leads a run, or led it and has left his group; 0 if his pid is another's by now.

    Nobody is given the number of a group that lives: then the group is another's, too.
    """
    led = pids.get(about.pid) == about.key
    return about.pid if led or procfs.stat(about.pid) is None else 0


class Reaper:
    """Turns signals into events, and SIGCHLD into the ends of runs, helpers and orphans."""

    def __init__(
        self,
        poller: Poller,
        signal_fd: int,
        loop: Loop,
        driver: Driver,
        pump: Pump,
        announcer: Announcer,
    ) -> None:
        self.faults_fd = -1  # signals that mean a fault are read from it
        self._faults: tuple[int, ...] | None = None
        self._signal_fd = signal_fd
        self._poller = poller
        self._loop = loop
        self._driver = driver
        self._pump = pump
        self._announcer = announcer
        self.heirs: Callable[[list[reap.Reaped]], None] | None = None  # who leads on
        self._more = False
        self._burst = False  # a whole portion of orphans, and there may be more
        self._stream = 0  # turns for orphans alone, one soon after another
        self._last_at = 0.0  # when the last of them was
        self.unfed: list[int] = []  # signals that came, and that the loop does not know of yet
        self._gone: list[reap.Reaped] = []  # reaped, and not yet told: never to be forgotten
        loop.vital = self
        poller.register(signal_fd, True, False, self._signalled)

    def next_deadline(self) -> float:
        """Return 0 while there may be more to reap than one turn took."""
        return 0.0 if self._more or self._gone or self.unfed else NEVER

    def tick(self, _now: float) -> None:
        """Tell of the signals that could not be told of, and reap a portion."""
        try:
            if self.unfed:
                self._feed()
        finally:
            self._reap()

    def _reap(self) -> None:
        """Reap a portion; what a run has printed before its end is read first.

        The core looks around when an orphan has died, whichever it was: of a burst it is told once.
        """
        gone = self._gone
        burst, self._burst = self._burst, False
        self._more = reap.reap_all(gone, self._few_runs() if burst else None)
        if not gone:
            return
        if self.heirs is not None:
            self._guarded(self.heirs, gone)
        self._guarded(self._driver.members.forget, gone)
        ours, orphans = self._sorted(gone)
        alone = not ours
        self._burst = self._more and alone
        told = 0
        try:
            for each in ours:
                told += 1
                try:
                    self._tell(each)
                except BaseException as error:  # noqa: BLE001  nobody else will tell the core
                    told -= 1
                    self._tell_all_the_same(each)
                    told += 1
                    self._loop.fault(error)
        finally:
            del ours[:told]
            self._gone = ours
            if orphans:
                self._driver.reaped(orphans[-1][0], orphans[-1][1])
        self._guarded(self._announcer.speech.orphans, orphans)
        if alone and not self._more:
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        """Let a stream of orphans gather for a moment, if nobody else has asked for anything.

        A turn of the loop for each of them would cost more than all that is done for it.
        """
        now = time.monotonic()
        self._stream = self._stream + 1 if now - self._last_at < GAP_S else 0
        news = self._loop.queued()  # of the orphan, and who else?
        if self._stream >= STREAM and self._poller.ready <= 1 and len(news) <= 1:
            reap.let_gather(self._poller.pause, LULL_S)
            now += LULL_S
        self._last_at = now

    def _few_runs(self) -> list[int] | None:
        """Return the pids of the runs, or None where it would take long to ask for each of them."""
        runs = self._loop.supervisor.pids.known()
        return runs if len(runs) <= FEW else None

    def _sorted(self, gone: list[reap.Reaped]) -> tuple[list[reap.Reaped], list[reap.Reaped]]:
        """Return who is ours, runs and helpers, and who is an orphan.

        In a burst whatever is called for each of them counts: of an orphan nothing is.
        """
        strangers = self._loop.supervisor.pids.strangers([each[0] for each in gone])
        queued = self._loop.queued()
        strangers -= {event.pid for event in queued if isinstance(event, Spawned | MainPid)}
        strangers.difference_update(self._driver.helpers, self._driver.execing())
        if len(strangers) == len(gone):
            return [], gone
        ours = [each for each in gone if each[0] not in strangers]
        return ours, [each for each in gone if each[0] in strangers]

    def _tell(self, gone: reap.Reaped) -> None:
        """Tell of the end of somebody who is ours."""
        key = self._loop.supervisor.pids.get(Pid(gone[0]))
        if key is not None:
            self._last_words(key, gone)
        self._driver.reaped(gone[0], gone[1])

    def _tell_all_the_same(self, gone: reap.Reaped) -> None:
        """Tell of an end where that has failed, if nobody has heard of it."""
        driver, pid, status = self._driver, gone[0], gone[1]
        if pid in driver.helpers:
            try:
                driver.reaped(pid, status)
            finally:
                driver.helpers.pop(pid, None)
        elif not any(isinstance(each, Reaped) and each.pid == pid for each in driver.events):
            driver.events.append(Reaped(Pid(pid), status))

    def _guarded(self, call: Callable[[list[reap.Reaped]], None], gone: list[reap.Reaped]) -> None:
        try:
            call(gone)
        except BaseException as error:  # noqa: BLE001  the ends are told all the same
            self._loop.fault(error)

    def _last_words(self, key: str, gone: reap.Reaped) -> None:
        """Read what a run has printed; nothing may keep the core from hearing of its end."""
        try:
            self._pump.drain(owner(key))
            self._announcer.used(gone[0], *reap.used(gone))
        except BaseException as error:  # noqa: BLE001
            self._loop.fault(error)

    def kick(self) -> None:
        """Look for the dead without a signal: their SIGCHLD may have gone to our predecessor."""
        self._more = True

    def take_faults(self, numbers: tuple[int, ...]) -> None:
        """Receive just these of the signals that mean a fault.  Raises OSError, ImportError."""
        if numbers == self._faults:
            return
        self._faults = numbers
        fd = faults.hold(numbers, self.faults_fd)
        if fd != self.faults_fd:
            self.faults_fd = fd
            self._poller.register(fd, True, False, self._fault_came)

    def _fault_came(self, _mask: int) -> None:
        for number in faults.read(self.faults_fd):
            self._loop.feed(SignalReceived(number))

    def _signalled(self, _mask: int) -> None:
        self._more = True  # most are of a death, and one that is lost here would be for ever
        told = signals.read_signals(self._signal_fd)
        self.unfed += [number for number in told if number != SIGCHLD]
        self._feed()

    def _feed(self) -> None:
        told = [*self.unfed]
        for number in told:
            signal = SignalReceived(number)
            if not self._loop.puts_off(signal):
                self._loop.feed(signal)
            del self.unfed[0]
        for number in told:
            self._announcer.speech.signalled(number)


class Leash:
    """The time that helpers have: who is still there when it is over is killed.

    One that hangs for ever is told of by its end, too, like any other.
    """

    def __init__(self) -> None:
        self._kill_at: dict[int, float] = {}  # pid -> when, NEVER once that was done

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._kill_at)

    def tie(self, pid: int, within_s: float) -> None:
        """Give a helper so much time from now on."""
        self._kill_at[pid] = time.monotonic() + within_s

    def untie(self, pid: int) -> bool:
        """A helper has ended: say whether its time was over."""
        return self._kill_at.pop(pid, 0.0) == NEVER

    def next_deadline(self) -> float:
        """Return when the next one is killed."""
        return min(self._kill_at.values(), default=NEVER)

    def tick(self, now: float) -> None:
        """Kill those whose time is over."""
        for pid, at in self._kill_at.items():
            if at <= now:
                self._kill_at[pid] = NEVER
                tree.signal_process(pid, SIGKILL)


def forked(
    function: Callable[[], None],
    helpers: dict[int, Callable[[int], None]],
    done: Callable[[int], None] = lambda _status: None,
    *,
    nice: int = 10,
    keep: Container[int] = (),
) -> int:
    """Run `function` in a forked child; `done` gets its wait status.  Returns its pid.

    Raises OSError.

    It has none of our descriptors but 0, 1, 2 and `keep`: as long as it held the socket of a
    client or the pipe of a program, they would not see us close it.
    """
    pid = signals.fork()
    if pid == 0:
        code = 1
        try:
            files.close_all(keep)
            signals.reset_in_child()
            posix.nice(nice)
            function()
            code = 0
        finally:
            posix._exit(code)  # noqa: SLF001
    helpers[pid] = done
    return pid
