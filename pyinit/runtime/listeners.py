"""The listening sockets that programs share: kept open by pyinit, whatever becomes of their runs.

A socket is its place ("tcp:HOST:PORT" or "unix:/path"): one that only changes its name, its mode
or its backlog stays open.  It is bound when a plan that names it is loaded, and closed when no
plan names it and no run that was born with it lives any more, so that a plan that is put back
finds it still there.  During a shutdown it is closed as soon as nobody will accept there: who
comes then is refused, and does not wait in vain.

    give      a run is born with its listeners as descriptors 3, 4, ... and is told so
    adopt     a plan is put in force
    restore   a re-exec, or a pyinit that begins anew, leaves them to us
"""

from __future__ import annotations

from pyinit.core.phases import Halting, Over, Sweeping, shutdown_of
from pyinit.core.states import Running, Starting, run_of
from pyinit.runtime import strays
from pyinit.runtime.compiling import Faults
from pyinit.system import files, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.plan import Plan, ProcessPlan
    from pyinit.core.plan_listen import SocketPlan
    from pyinit.runtime.machine import Machine
    from pyinit.system.sockets import Socket

MODE = 0o600
FIXES = {
    98: "somebody else listens there: name another address, or stop them",
    99: "this machine has no such address",
    13: "a port below 1024 takes root or CAP_NET_BIND_SERVICE; a directory must be ours to write",
}


class Listeners:
    """What programs are born with, by place."""

    def __init__(self, machine: Machine) -> None:
        self.closing: Callable[[int], None] = lambda _fd: None  # told before one is closed
        self._machine = machine
        self._open: dict[str, Socket] = {}
        self._wanted: dict[str, SocketPlan] = {}  # of the plan in force
        machine.driver.givers.insert(0, self.give)
        machine.loop.after_turn.append(self._tidy)

    def give(self, plan: ProcessPlan) -> list[tuple[int, str]]:
        """Return (descriptor, name) of what a run of `plan` is born with.  Raises OSError."""
        places = zip(plan.sockets, plan.places, strict=False)
        return [(self.fd(place), name) for name, place in places]

    def fd(self, place: str) -> int:
        """Return the descriptor of a socket that is open.  Raises OSError."""
        if place not in self._open:
            raise OSError(2, "nobody listens", place)
        plan = self._wanted.get(place)
        if plan is not None and sockets.is_shut(self._open[place]):
            self._reopen(place, plan)
        return self._open[place].fileno()

    def places(self) -> dict[str, Socket]:
        """Return what is open."""
        return self._open

    def adopt(self, plan: Plan, *, again: bool = False) -> Faults | None:
        """Listen where `plan` says; or say why not, everything being as before.

        After a re-exec the plan is the same `again`: nothing is opened.
        """
        wanted = {each.listen: each for each in plan.sockets if each.kept}
        fresh: dict[str, Socket] = {}
        lines = []
        for place, each in wanted.items() if not again else ():
            try:
                if place in self._open:
                    self._adjust(each)
                else:
                    fresh[place] = listen(each, MODE)
            except OSError as error:
                lines.append(why(place, error))
        if lines:
            for place, listener in fresh.items():
                _close(place, listener)
            return Faults(tuple(lines))
        self._open |= fresh
        self._wanted = wanted
        return None

    def restore(self, place: str, fd: int) -> None:
        """Go on with a listener of another pyinit; `adopt` comes after all of them."""
        self._open[place] = sockets.listener_from_fd(fd)

    def remove(self) -> None:
        """Remove the files of Unix sockets: pyinit ends."""
        for place in self._open:
            remove(place)

    def _reopen(self, place: str, plan: SocketPlan) -> None:
        """Listen again: some programs shut a listener down at their end, for all who have it.

        A Unix one is opened anew.  Raises OSError.
        """
        listener = self._open[place]
        if not place.startswith("unix:"):
            listener.listen(plan.backlog)
            return
        self._open[place] = listen(plan, MODE)
        self.closing(listener.fileno())
        shut(listener)

    def _adjust(self, plan: SocketPlan) -> None:
        """Let a socket that is open be what its plan says now.  Raises OSError."""
        if plan == self._wanted.get(plan.listen):
            return
        sockets.adjust(self._open[plan.listen], plan.backlog, reuse_port=plan.reuse_port)
        kind, _, path = plan.listen.partition(":")
        if kind == "unix":
            sockets.dress_unix(path, MODE if plan.mode is None else plan.mode, plan.uid, plan.gid)

    def _tidy(self) -> None:
        """After a turn: close what nobody will accept at any more."""
        phase = self._machine.loop.supervisor.phase
        shutdown = shutdown_of(phase)
        ends = isinstance(phase, Halting | Sweeping | Over) and not (shutdown and shutdown.again)
        if not ends and self._open.keys() == self._wanted.keys():
            return
        used = self._used(ends=ends)
        for place in [each for each in self._open if ends or each not in self._wanted]:
            if place not in used:
                self.closing(self._open[place].fileno())
                _close(place, self._open.pop(place))

    def _used(self, *, ends: bool) -> set[str]:
        """Return the places of the runs; of those that are told to stop, only if nothing `ends`."""
        rows = self._machine.loop.supervisor.table
        return {
            place
            for row in rows
            if (isinstance(row.state, Starting | Running) if ends else run_of(row.state))
            for place in row.plan.places
        }


def listen(plan: SocketPlan, mode: int) -> Socket:
    """Bind a socket for programs, in the place of one that nobody answers at.  Raises OSError.

    `mode` is that of a Unix socket whose plan has none.
    """
    mode = mode if plan.mode is None else plan.mode
    told = (plan.listen, mode, plan.uid, plan.gid, plan.backlog)
    listener = sockets.listen_at(*told, reuse_port=plan.reuse_port)
    listener.setblocking(True)  # programs expect to wait in accept; we never do
    return listener


def why(place: str, error: OSError) -> str:
    """Return why we cannot listen at a place, and what to do about it."""
    fix = FIXES.get(error.errno or 0, "")
    kind, _, where = place.partition(":")
    shown = place if kind == "unix" else where
    text = f'cannot listen on "{shown}": {error.strerror or error}'
    return f"{text}\n  {fix}" if fix else text


def shut(listener: Socket) -> None:
    """Close a listener; in the queue of a Unix one may be whatever somebody has sent."""
    if sockets.is_unix(listener):
        strays.leave(listener.detach())
    else:
        listener.close()


def remove(place: str) -> None:
    """Remove the file of a Unix socket."""
    kind, _, path = place.partition(":")
    if kind == "unix":
        files.remove(path)


def _close(place: str, listener: Socket) -> None:
    shut(listener)
    remove(place)
