"""A step in the making: changes pile up on a draft and become the new state all at once.

A step that raises leaves nothing behind: the old state was never touched.
"""

from __future__ import annotations

from . import graph as graphs
from . import table as tables
from .beside import Rolls
from .effects import Announce, Kill, Removed
from .inputs import Blocked, Go, Start
from .policy import is_success, left_nobody
from .process import advance
from .record import Record
from .slot import is_active, plan_to_be
from .states import (
    NEVER,
    NO_PID,
    Backoff,
    Ending,
    Exited,
    Fatal,
    RunId,
    Starting,
    Stopped,
    Stopping,
    Waiting,
    goes_down,
    run_of,
)
from .trials import Tried

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .effects import Effect
    from .graph import Graph
    from .inputs import Input
    from .phases import Phase
    from .plan import InitPlan
    from .slot import Process
    from .states import Run, State
    from .status import ExitStatus
    from .table import Pids, Table
    from .trials import Trial

NOBODY: dict[str, bool] = {}


class Supervisor(Record):
    """The whole state of pyinit's brain.

    `main` is the key of the main program in COMMAND mode; `seed` feeds the jitter; `floor` is above
    every run id of processes that are gone, so that a name that comes back never reuses one;
    `drained_at` is since when traffic is to stay away by request (NEVER: it is welcome); `falling`
    are the keys of those that stop, or (True) get a new run, once those that depend on them are
    down.
    """

    init: InitPlan
    table: Table
    graph: Graph
    pids: Pids
    phase: Phase
    main: str | None = None
    seed: int = 0
    floor: int = 0
    drained_at: float = NEVER
    rolls: Rolls = Rolls()
    trial: Trial | None = None
    tried: Tried = Tried()
    falling: dict[str, bool] = NOBODY


class Draft:
    """The supervisor being changed by one event at the time `now`."""

    def __init__(self, supervisor: Supervisor, now: float) -> None:
        self.base = supervisor
        self.now = now
        self.table = supervisor.table
        self.graph = supervisor.graph
        self.pids = supervisor.pids
        self.phase = supervisor.phase
        self.floor = supervisor.floor
        self.drained_at = supervisor.drained_at
        self.init = supervisor.init
        self.rolls = supervisor.rolls
        self.trial = supervisor.trial
        self.tried = supervisor.tried
        self.falling = {**supervisor.falling}
        self.effects: list[Effect] = []
        self.moved: list[tuple[Process, Process]] = []
        self._rows: dict[str, Process] = {}

    def commit(self) -> Supervisor:
        """Return the new state."""
        self.flush()
        return Supervisor(  # by place, which is quicker than by name
            self.init,
            self.table,
            self.graph,
            self.pids,
            self.phase,
            self.base.main,
            self.base.seed,
            self.floor,
            self.drained_at,
            self.rolls,
            self.trial,
            self.tried,
            self.falling,
        )

    def flush(self) -> None:
        """Bring the table up to date with the rows changed so far."""
        if self._rows:
            self.table = tables.changed(self.table, self._rows)
            self._rows = {}

    def row(self, key: str) -> Process:
        """Return the process `key` as it is now."""
        return self._rows.get(key) or self.table[key]

    def put(self, process: Process) -> None:
        """Replace a row without a transition."""
        self._rows[process.plan.key] = process

    def send(self, key: str, event: Input) -> None:
        """Let one process answer `event`."""
        before = self.row(key)
        after, effects = advance(before, event, self.now, self.base.seed)
        if after is before:
            return
        self._rows[key] = after
        for each in effects:
            if not (isinstance(each, Kill) and self._strikes_another(each)):
                self.effects.append(each)
        run, was = run_of(after.state), run_of(before.state)
        if run is not None and run.pid != NO_PID and (was is None or was.pid != run.pid):
            if was is not None and was.id == run.id and was.pid != NO_PID:
                self.pids = self.pids.without(was.pid)
            self.pids = self.pids.having(run.pid, key)
        ended = was is not None and (run is None or run.id != was.id)
        if ended or type(before.state) is not type(after.state):
            if not isinstance(after.state, Ending):
                run = was if ended else run or was
                self.effects.append(_announcement(before, after, self.now, run, ended=ended))
            self.moved.append((before, after))

    def _strikes_another(self, effect: Kill) -> bool:
        """Say whether a signal would hit another run.

        A leader that is reaped leaves its pid to whoever is forked next; that its group is still
        there is only sure as long as the pid is not.  What escaped from the group and lives on
        then is not worth the life of a stranger: it is given up, and swept at the end.
        """
        return self.pids.get(effect.pid) not in {None, effect.key}

    def start(self, key: str) -> None:
        """Let a process, and what it needs, be up; one that is to fall comes again."""
        self.start_needs(key)
        if key in self.falling:
            self.falling[key] = True
        else:
            self.send(key, Start())

    def start_needs(self, key: str) -> None:
        """Let what a process needs be up, and what those needed that are done with it."""
        wanted: dict[str, None] = {}
        seen: set[tuple[str, str]] = set()  # it may be done for one, and failed for another
        stack = [key]
        while stack:
            for need in self.row(stack.pop()).plan.depends:
                for each in self.graph.keys.get(need.program, ()):
                    if (each, need.condition) in seen:
                        continue
                    if self._must_be_told(each, need.condition):
                        wanted[each] = None
                    elif not (need.hard and isinstance(self.row(each).state, Exited | Fatal)):
                        continue
                    seen.add((each, need.condition))
                    stack.append(each)
        for each in reversed(wanted):
            if each in self.falling:
                self.falling[each] = True
            else:
                self.send(each, Start())

    def _must_be_told(self, key: str, condition: str) -> bool:
        """Say whether what another needs is not up, not done, and not on its way there."""
        if key in self.falling:
            return not self.falling[key]
        return _is_away(self.row(key), condition)

    def unblock(self, key: str) -> None:
        """Let a waiting process go if its dependencies are there, or give up if they never will."""
        process = self.row(key)
        if not isinstance(process.state, Waiting) or key in self.falling:
            return
        found = graphs.standing(process, self.graph, self.row, self.now, self.falling)
        if found.verdict == graphs.MET:
            self.send(key, Go())
        elif found.verdict == graphs.LOST:
            self.send(key, Blocked(f"it needs '{found.program}', which {found.why}"))

    def forget(self) -> bool:
        """Drop the processes that left the plan and are at rest now; say whether there were any."""
        if not tables.retired(self.table):
            return False
        self.flush()
        gone = [row for row in self.table if row.retired and not is_active(row)]
        if not gone:
            return False
        self.floor = max([self.floor, *[row.runs for row in gone]])
        rows = [row for row in self.table if not row.retired or is_active(row)]
        self.table = tables.build(rows)
        self.graph = graphs.build([plan_to_be(row) for row in rows])
        self.effects.extend([Removed(row.plan.key, row.plan.name) for row in gone])
        return True

    def active(self) -> int:
        """Return how many processes are not at rest, the hidden ones left out."""
        self.flush()
        return tables.active(self.table)

    def hidden(self) -> list[Process]:
        """Return the hidden processes that are not at rest."""
        self.flush()
        return tables.hidden(self.table)

    def keys_needing(self, program: str) -> list[str]:
        """Return the keys of the processes that need `program`, also through those at rest."""
        found: dict[str, None] = {}
        seen = {program}
        stack = [program]
        while stack:
            for user in self.graph.needed_by.get(stack.pop(), ()):
                if user in seen:
                    continue
                seen.add(user)
                keys = self.graph.keys.get(user, ())
                found.update(dict.fromkeys(keys))
                if any(isinstance(self.row(key).state, Exited | Fatal) for key in keys):
                    stack.append(user)
        return [*found]

    def is_up(self, program: str) -> bool:
        """Say whether any process of `program` is not at rest."""
        return any(is_active(self.row(key)) for key in self.graph.keys.get(program, ()))

    def is_needed(self, program: str) -> bool:
        """Say whether a process that needs `program` is not at rest.

        A need reaches through programs at rest: who needed a finished migration needs the
        database that it migrated.  The last users are asked first, since the first go first.
        """
        seen = {program}
        stack = [program]
        while stack:
            for user in reversed(self.graph.needed_by.get(stack.pop(), ())):
                if user in seen:
                    continue
                if self.is_up(user):
                    return True
                seen.add(user)
                stack.append(user)
        return False


def _is_away(process: Process, condition: str) -> bool:
    """Say whether a process that another needs is not up, not done, and not on its way there."""
    if process.retired:
        return False
    if isinstance(process.state, Stopped) or goes_down(process.state):
        return True
    return graphs.judge(process, condition) == graphs.LOST


def _was_asked(state: State, *, well: bool) -> bool:
    """Say whether the end of a run in `state` is no surprise; `well` if its status is good."""
    match state:
        case Stopping(failed=failed):
            return not failed
        case Ending(asked=asked, failed=failed):
            return asked or (well and not failed)
        case _:
            return well


def _verdict(process: Process, status: ExitStatus | None) -> str:
    """Return our verdict on a run that has ended with `status`, "" if there is none."""
    match process.state:
        case Starting(run=run) if status is not None:
            return left_nobody(process, run, status)
        case Stopping(failed=failed) | Ending(asked=False, failed=failed):
            return failed
        case _:
            return ""


def _announcement(
    before: Process, after: Process, now: float, run: Run | None, *, ended: bool
) -> Announce:
    """Say what `run` came to; `ended` if it was over in this transition."""
    plan, was = after.plan, before.state
    name = type(was).__name__
    if isinstance(was, Ending):
        name = "Stopping" if was.stop_since != NEVER else ("Running" if was.was_up else "Starting")
    status = after.last if ended else None
    reason = _verdict(before, status) if ended else ""
    expected = None
    if ended and after.last is not None:
        well = is_success(after, after.last) and not isinstance(after.state, Fatal)
        expected = isinstance(after.state, Stopped) or _was_asked(was, well=well and not reason)
    retry_s = 0.0
    match after.state:
        case Backoff(retry_at, reason):
            retry_s = retry_at - now
        case Fatal(reason=reason) | Stopping(failed=reason):
            pass
        case _:
            pass
    return Announce(
        key=plan.key,
        name=plan.name,
        group=plan.group,
        program=plan.program,
        was=name,
        now=type(after.state).__name__,
        run_id=run.id if run else RunId(after.runs),
        pid=run.pid if run else NO_PID,
        reason=reason,
        status=status,
        expected=expected,
        tries=after.tries,
        retry_s=retry_s,
        hidden=plan.hidden,
    )
