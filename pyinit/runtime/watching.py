"""Watches the files of programs, and does about a change what their plans say.

A forked child (`watch_child`) looks at the files and tells what is in them by a pipe: PID 1 never
reads a disk for it.  What was told last is kept here, so that a change while the child is another
one, after a reload or a re-exec, is noticed by the next.  A child that dies, or says what makes no
sense, is followed by another one, later and later while that goes on.

    a file of variables has changed        the configuration is read again, as by `reload`
    a secret or another path has changed   the programs that use it get their reload.signal or
                                           reload.command, or new runs if they have neither
    both at once, as with a new volume     first the one, then the other, unless it is done by then

What changes each time that it is acted on is acted on later and later (echoes).

A file that is gone is no change until it is back: a program cannot be given what is not there.

At its first look the child may come late: content that is younger than the reading of the
configuration, or than the run that uses it, has changed since.  The kernel stamps files by a clock
that is late by up to a hundredth of a second: what was written so soon after the fork of a run may
count as before it, which loses nothing, as the program itself has read nothing by then.
"""

from __future__ import annotations

import posix
import time

from pyinit.core.events import RollRequested, SignalRequested
from pyinit.core.plan import COMPILED, USED
from pyinit.core.record import Record
from pyinit.core.states import NEVER, Running, Starting
from pyinit.core.status import describe, from_wait
from pyinit.runtime.echoes import LONGEST_S as LATEST_S
from pyinit.runtime.echoes import Echoes
from pyinit.runtime.reaper import forked
from pyinit.system import files, procfs, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import InitPlan, ProcessPlan
    from pyinit.core.states import Run
    from pyinit.runtime.machine import Machine

SIGKILL = 9
READ_BYTES = 1 << 16
LINE_BYTES = 1 << 10  # more than any line of the child's
AGAIN_S = 5.0  # after a child that died; doubled each time, until one has told something ...
LONGEST_S = 300.0  # ... up to this
POLL_S = 0.25  # while a reload or a roll is under way
GRAIN_S = 0.02  # the kernel stamps files by a clock that is late by up to a hundredth
NICE = 5


class Late(Record):
    """A change that is acted on `at`: by a reload, and for runs that have not seen it."""

    at: float
    reload: bool
    due: dict[str, int]


class Watching:
    """The child, what it has told, and what is still to be done about it."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._paths: tuple[str, ...] = ()
        self._users: dict[str, list[ProcessPlan]] = {}  # what is watched -> who is concerned
        self._known: dict[str, str] = {}  # path -> the digest that is acted on
        self._since: dict[str, float] = {}  # path -> when the plan was read that named it first
        self._pid, self._fd, self._rest = 0, -1, b""
        self._start_at = NEVER
        self._again_s = AGAIN_S
        self._reload = False
        self._due: dict[str, int] = {}  # key -> the run that has not seen the new content
        self._act_at = NEVER
        self._echoes = Echoes()
        self._late: dict[str, Late] = {}  # changes that are put off
        machine.loop.timed = (*machine.loop.timed, self)

    def adopt(self, _init: InitPlan, processes: tuple[ProcessPlan, ...]) -> None:
        """Watch the files of these processes."""
        self._users = {}
        for plan in processes:
            for each in plan.watch:
                self._users.setdefault(each, []).append(plan)
        paths = tuple(dict.fromkeys([_path(each) for each in self._users]))
        self._known = {path: self._known[path] for path in paths if path in self._known}
        read_at = self._machine.desk.read_at
        if read_at is None:  # by the boot
            read_at = procfs.born_at(posix.getpid())
        self._since = {path: self._since.get(path, read_at - GRAIN_S) for path in paths}
        self._echoes.keep(paths)
        if paths != self._paths:
            self._paths, self._again_s = paths, AGAIN_S
            self._stop()
            self._start_at = 0.0 if paths else NEVER

    def carried(self) -> tuple[object, tuple[int, ...]]:
        """Return what is known of each path, and the child, which the next pyinit does without.

        What is put off is acted on by it at once.
        """
        reload, due = self._reload, {**self._due}
        for late in self._late.values():
            reload = reload or late.reload
            due.update(late.due)
        return (self._known, reload, tuple(due), self._pid, self._echoes.acts), ()

    def resume(self, known: object) -> None:
        """Know what another pyinit knew."""
        match known:
            case (dict() as told, bool() as reload, tuple() as due, *more):
                for each in more:  # an older pyinit has not told of them
                    if isinstance(each, int):
                        self._dismiss(each)
                    elif isinstance(each, dict):
                        self._echoes.acts = each
                        self._echoes.keep(self._paths)
                self._known = {path: told[path] for path in self._paths if path in told}
                self._reload = reload
                self._due = {key: run for key in due if (run := self._id_of(key))}
                self._act_at = 0.0
            case _:
                pass

    def next_deadline(self) -> float:
        """Return when `tick` must be called."""
        return min([self._start_at, self._act_at, *[each.at for each in self._late.values()]])

    def tick(self, now: float) -> None:
        """Start the child, and do what is to be done."""
        if self._start_at <= now:
            self._start_at = now + AGAIN_S  # unless it goes well
            self._start(now)
        for path, late in [*self._late.items()]:
            if late.at <= now:
                del self._late[path]
                self._plan_act(late.due, reload=late.reload)
        if self._act_at <= now:
            self._act(now)

    def _start(self, now: float) -> None:
        """Fork the child that watches."""
        paths, known = self._paths, dict(self._known)
        try:
            reader, writer = files.pipe()
        except OSError as error:
            self._fail(now, error.strerror or str(error))
            return

        def work() -> None:
            from pyinit.runtime.watch_child import watch

            watch(paths, known, writer)

        try:
            self._pid = forked(
                work, self._machine.driver.helpers, self._ended, nice=NICE, keep=(writer,)
            )
        except OSError as error:
            posix.close(reader)
            self._fail(now, error.strerror or str(error))
            return
        except BaseException:
            posix.close(reader)
            raise
        finally:
            posix.close(writer)
        try:
            self._machine.poller.register(reader, True, False, self._readable)
        except BaseException as error:
            posix.close(reader)
            self._stop()
            if not isinstance(error, OSError):
                raise
            self._fail(now, error.strerror or str(error))
            return
        self._fd, self._rest = reader, b""
        self._start_at = NEVER

    def _fail(self, now: float, reason: str) -> None:
        wait_s, self._again_s = self._again_s, min(self._again_s * 2, LONGEST_S)
        self._start_at = now + wait_s
        text = f"cannot watch files: {reason}\n  it is tried again in {wait_s:g} s"
        self._machine.log.warning(f"{text}; until then a change is seen by pyinitctl reload alone")

    def _stop(self) -> None:
        """Let the child end; what it says from now on is nothing to us."""
        pid, self._pid = self._pid, 0
        self._dismiss(pid)
        self._hang_up()

    def _dismiss(self, pid: int) -> None:
        if pid:
            self._machine.driver.helpers[pid] = lambda _status: None
            tree.signal_process(pid, SIGKILL)

    def _hang_up(self) -> None:
        if self._fd >= 0:
            self._machine.poller.unregister(self._fd)
            posix.close(self._fd)
            self._fd = -1

    def _ended(self, status: int) -> None:
        self._pid = 0
        self._stop()
        how = describe(from_wait(status))
        self._fail(time.monotonic(), f"the child that looks at them died ({how})")

    def _readable(self, _mask: int) -> None:
        try:
            data = posix.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        if not data:  # its end is told, too
            self._hang_up()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            self._hear(lines)
        except BaseException:  # another child finds what was not heard
            self._stop()
            self._start_at = time.monotonic() + AGAIN_S
            raise

    def _hear(self, lines: list[bytes]) -> None:
        for line in lines:
            told = _understood(line, self._paths)
            if told is None:
                self._give_up()
                return
            self._again_s = AGAIN_S
            self._told(*told)
        if len(self._rest) > LINE_BYTES:
            self._give_up()

    def _give_up(self) -> None:
        self._stop()
        self._fail(time.monotonic(), "the child that looks at them makes no sense")

    def _told(self, path: str, digest: str, changed_at: float) -> None:
        """A path has this content now, since `changed_at`."""
        before = self._known.get(path)
        if not digest and before:
            self._machine.log.warning(f'"{path}" is gone; waiting for it to be back')
            return
        if not digest and before is None:
            self._machine.log.info(f'"{path}" is not there; waiting for it')
        self._known[path] = digest
        first, late = before is None, changed_at > self._since[path]
        if before == digest:
            return
        reload = COMPILED + path in self._users and (late or not first)
        due: dict[str, int] = {}
        for plan in self._users.get(USED + path, ()):
            run = self._run_of(plan.key)
            if run and (changed_at > run.since or not first):
                due[plan.key] = run.id
        if reload or due:
            self._concern(path, due, reload=reload)
        elif not first:
            self._machine.log.info(f'"{path}" has changed')

    def _concern(self, path: str, due: dict[str, int], *, reload: bool) -> None:
        """Act on a change, at once or, if the last acts have brought it about, later."""
        late = self._late.get(path)
        if late is not None:  # nothing is said: pyinit's log may be what is watched
            self._late[path] = Late(late.at, late.reload or reload, {**late.due, **due})
            return
        now, plans = time.monotonic(), self._users_of(path)
        runs = [run for plan in plans if (run := self._run_of(plan.key))]
        wait_s = self._echoes.wait_s(path, now, max([run.since for run in runs], default=0.0))
        then = f"; acted on in {wait_s:g} s" if wait_s else ""
        self._machine.log.info(f'"{path}" has changed{then}')
        if not wait_s:
            self._plan_act(due, reload=reload)
            return
        self._late[path] = Late(now + wait_s, reload, due)
        if self._echoes.is_first(path):
            self._warn(path, plans)

    def _warn(self, path: str, plans: list[ProcessPlan]) -> None:
        """Say that acting on a path changes it."""
        names = " or ".join(dict.fromkeys([f'"{plan.program}"' for plan in plans]))
        fix = "write elsewhere, or watch only the files that others write; until then what changes"
        self._machine.log.warning(
            f'"{path}" changes each time that it was acted on: does {names} write there, or the log'
            f" of pyinit itself?\n  {fix} there is acted on later and later, up to"
            f" {LATEST_S / 60:g} min"
        )

    def _plan_act(self, due: dict[str, int], *, reload: bool) -> None:
        self._reload = self._reload or reload
        self._due.update(due)
        self._act_at = 0.0

    def _users_of(self, path: str) -> list[ProcessPlan]:
        return [*self._users.get(COMPILED + path, ()), *self._users.get(USED + path, ())]

    def _run_of(self, key: str) -> Run | None:
        """Return the run of a service that goes on; a oneshot's next run sees the new content."""
        row = self._machine.row(key)
        if row is None or row.plan.kind == "oneshot":
            return None
        return row.state.run if isinstance(row.state, Starting | Running) else None

    def _id_of(self, key: str) -> int:
        run = self._run_of(key)
        return 0 if run is None else run.id

    def _commanded(self, key: str) -> bool:
        """Run the reload.command of a process, if it has one; say whether."""
        part = self._machine.parts.get("hooks")
        if part is None:
            return False
        from pyinit.runtime.hooks import Hooks

        return isinstance(part, Hooks) and part.reload(key)

    def _is_busy(self) -> bool:
        """Say whether an earlier change is still being acted on: it may have read old content."""
        machine = self._machine
        going = machine.loop.supervisor.rolls.going
        return bool(machine.compiler.busy or machine.desk.on_trial or going)

    def _act(self, now: float) -> None:
        """Read the configuration again; then see to those who were not renewed by it."""
        if self._is_busy():
            self._act_at = now + POLL_S
            return
        if self._reload:
            self._machine.desk.reload()
            self._reload = False
            self._act_at = now + POLL_S
            return
        self._act_at = now + POLL_S  # until all is done
        due = self._due
        behind = [key for key, run in due.items() if self._id_of(key) == run]
        rolled = []
        for key in behind:
            row = self._machine.row(key)
            if row is not None and row.plan.reload_signal:
                self._machine.loop.feed(SignalRequested((key,), row.plan.reload_signal))
            elif not self._commanded(key):
                rolled.append(key)
        if rolled:
            self._machine.loop.feed(RollRequested(tuple(rolled)))
        self._act_at = NEVER
        self._due = {}


def _understood(line: bytes, paths: tuple[str, ...]) -> tuple[str, str, float] | None:
    """Return path, digest, and since when, of "NUMBER AT DIGEST"; None for what is no such line."""
    try:
        number, at, digest = line.decode("ascii").split(" ")
        place, changed_at = int(number), float(at)
    except ValueError:
        return None
    return (paths[place], digest, changed_at) if 0 <= place < len(paths) else None


def _path(watched: str) -> str:
    return watched.removeprefix(COMPILED).removeprefix(USED)
