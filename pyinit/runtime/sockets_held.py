"""The listening sockets that pyinit holds: for programs, and for the gateway.

Those that are kept for programs are in `listeners`.  One of a supervisord file is open as long as
a process has it as its stdin: bound when its run is started, closed when the last run is over, so
that nobody knocks at a door that nobody opens.  That it can be bound is seen when the plan is
loaded.  The doors of the gateway are open for ever; who waits there while it is away has it
started (`gateway`).
"""

from __future__ import annotations

from pyinit.core.record import replace
from pyinit.core.states import run_of
from pyinit.runtime.compiling import Faults
from pyinit.runtime.listeners import Listeners, listen, remove, shut, why
from pyinit.system import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import Plan
    from pyinit.core.plan_listen import Door, SocketPlan
    from pyinit.runtime.gateway import Gateway
    from pyinit.runtime.machine import Machine
    from pyinit.system.sockets import Socket

STDIN = "socket:"  # what a launch calls a socket that is to be its stdin
STDIN_MODE = 0o700  # of a Unix socket, as supervisord makes it
PROGRAM, DOOR, KEPT = "program", "door", "socket"  # what is carried over a re-exec


class Held:
    """What a pyinit listens on for others; one that holds nothing does not exist."""

    def __init__(self, machine: Machine) -> None:
        self.gateway: Gateway | None = None
        self._machine = machine
        self._plans: dict[str, SocketPlan] = {}
        self.kept: Listeners | None = None
        self._open: dict[str, Socket] = {}  # by name, of those that are some run's stdin
        self._doors: dict[str, Socket] = {}  # by place
        self._wanted: tuple[Door, ...] = ()
        machine.driver.held = self.fd
        machine.loop.after_turn.append(self._close_unused)

    def doors(self) -> dict[str, Socket]:
        """Return the listeners of the gateway, by place."""
        return self._doors

    def fd(self, name: str) -> int:
        """Return the descriptor of a socket that is to be a stdin, bound now if it is not.

        Raises OSError.
        """
        plan = self._plans.get(name)
        if plan is not None and plan.kept and self.kept is not None:
            return self.kept.fd(plan.listen)
        found = self._open.get(name)
        if found is None:
            if plan is None:
                raise OSError(2, f'no socket "{name}" in the plan')
            try:
                found = self._open[name] = listen(plan, STDIN_MODE)
            except OSError as error:
                raise OSError(error.errno, error.strerror or str(error), plan.listen) from None
        return found.fileno()

    def adopt(self, plan: Plan, *, again: bool = False) -> Faults | None:
        """Hold what `plan` names, and nothing else; or say why not, everything being as before.

        After a re-exec the plan is the same `again`: nothing need be tried.
        """
        try:
            doors = self._doors_of(plan)
        except _Unable as error:
            return Faults((str(error),))
        refused = self.keep(plan, again=again)
        if refused is not None:
            for place in [each for each in doors if each not in self._doors]:
                shut(doors[place])
                remove(place)
            return refused
        for place in [each for each in self._doors if each not in doors]:
            self._shut(place)
        self._doors = doors
        self._wanted = plan.web.doors if plan.web is not None else ()
        self._adopt_sockets(plan, again)
        return None

    def keep(self, plan: Plan, *, again: bool = False) -> Faults | None:
        """Keep the sockets of `plan` that programs share open; or say why that cannot be."""
        if self.kept is None and any(each.kept for each in plan.sockets):
            self.kept = Listeners(self._machine)
        return None if self.kept is None else self.kept.adopt(plan, again=again)

    def carried(self) -> tuple[tuple[str, str, int], ...]:
        """Return (kind, name or place, descriptor) of what is open, for a re-exec."""
        kept = self.kept.places() if self.kept is not None else {}
        kinds = ((PROGRAM, self._open), (DOOR, self._doors), (KEPT, kept))
        return tuple(
            [(kind, name, each.fileno()) for kind, those in kinds for name, each in those.items()]
        )

    def restore(self, kind: str, name: str, fd: int) -> None:
        """Go on with a listener of another pyinit; `adopt` comes after all of them."""
        if kind == KEPT:
            if self.kept is None:
                self.kept = Listeners(self._machine)
            self.kept.restore(name, fd)
            return
        where = self._doors if kind == DOOR else self._open
        where[name] = sockets.listener_from_fd(fd)

    def remove(self, *, doors: bool = True) -> None:
        """Remove the files of Unix sockets: pyinit ends; but for `doors` that the next one gets.

        Those that are kept for programs are among the latter.
        """
        if self.kept is not None and doors:
            self.kept.remove()
        for place in self._doors if doors else ():
            remove(place)
        for name in self._open:
            remove(self._plans[name].listen)

    def shut_doors(self) -> None:
        """Let nobody in any more: pyinit ends, and the gateway does not come again."""
        for place in self._doors:
            self._shut(place)
        self._doors = {}

    def _doors_of(self, plan: Plan) -> dict[str, Socket]:
        """Return the listeners that `plan` wants; new ones are opened.  Raises _Unable."""
        wanted = plan.web.doors if plan.web is not None else ()
        found: dict[str, Socket] = {}
        fresh: list[Socket] = []
        for door in wanted:
            known = self._doors.get(door.listen)
            try:
                if known is None:
                    known = _open_door(door)
                    fresh.append(known)
                elif door not in self._wanted:
                    _dress(door)
            except OSError as error:
                for each in fresh:  # its file is a dead one's, which the next one replaces
                    shut(each)
                raise _Unable(why(door.listen, error)) from None
            found[door.listen] = known
        return found

    def _shut(self, place: str) -> None:
        if self.gateway is not None:
            self.gateway.forget(self._doors[place].fileno())
        shut(self._doors[place])
        remove(place)

    def _adopt_sockets(self, plan: Plan, again: bool) -> None:
        """Take over the sockets for programs; that new ones can be bound is seen at once."""
        wanted = {each.name: each for each in plan.sockets}
        for name in [*self._open]:
            if wanted.get(name) != self._plans.get(name, wanted.get(name)):
                self._close(name)
        brief = [name for name, each in wanted.items() if not each.kept]
        fresh = [name for name in brief if name not in self._plans and name not in self._open]
        self._plans = wanted
        for name in () if again else fresh:
            try:
                self.fd(name)  # closed again at the end of the turn if nobody is born with it
            except OSError as error:
                self._machine.log.error(why(wanted[name].listen, error))

    def _close(self, name: str) -> None:
        shut(self._open.pop(name))
        if name in self._plans:
            remove(self._plans[name].listen)

    def _close_unused(self) -> None:
        if not self._open:
            return
        table = self._machine.loop.supervisor.table
        used = {
            row.plan.launch.stdin[len(STDIN) :]
            for row in table
            if row.plan.launch.stdin.startswith(STDIN) and run_of(row.state) is not None
        }
        for name in [each for each in self._open if each not in used]:
            self._close(name)


class _Unable(Exception):
    """A door cannot be opened; the text says why."""


def hold(machine: Machine, plan: Plan) -> Faults | None:
    """Have `machine` hold what `plan` names.  Return why that cannot be done."""
    if machine.held is None:
        machine.held = Held(machine)
        if machine.options.handed:
            from pyinit.runtime.handed import take_listeners

            for kind, place, fd in take_listeners(machine):
                machine.held.restore(kind, place, fd)
    held = machine.held
    if plan.web is not None and not _is_installed(machine, plan):
        plan = replace(plan, web=None)
    refused = held.adopt(plan)
    if refused is None and (held.gateway is not None or held.doors()):
        from pyinit.runtime import gateway

        gateway.adopt(machine, held, plan)
    return refused


def _is_installed(machine: Machine, plan: Plan) -> bool:
    """Say whether the gateway is there; once, and with the fix, if it is not."""
    from pyinit.runtime import gateway

    if gateway.is_installed():
        return True
    if machine.plan is plan or machine.plan.web is None:
        machine.log.warning(
            "the web gateway is not installed: the doors of [web] stay closed\n"
            "  use the image that has it, or pip install 'pyinit[web]';"
            " pyinitctl and supervisorctl work without it"
        )
    return False


def _open_door(door: Door) -> Socket:
    return sockets.listen_at(door.listen, door.mode, door.uid, door.gid)


def _dress(door: Door) -> None:
    """Give the file of a door that is open already its mode and its owner.  Raises OSError."""
    kind, _, path = door.listen.partition(":")
    if kind == "unix":
        sockets.dress_unix(path, door.mode, door.uid, door.gid)
