"""The listening sockets that pyinit holds: for programs born with one, and for the gateway.

A socket of the first kind is open as long as a process has it as its stdin: bound when its run is
started, closed when the last run is over, so that nobody knocks at a door that nobody opens.
That it can be bound is seen when the plan is loaded.  The doors of the gateway are open for ever;
who waits there while it is away has it started (`gateway`).
"""

from __future__ import annotations

from pyinit.core.record import replace
from pyinit.core.states import run_of
from pyinit.runtime.compiling import Faults
from pyinit.system import files, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import Plan
    from pyinit.core.plan_listen import Door, SocketPlan
    from pyinit.runtime.gateway import Gateway
    from pyinit.runtime.machine import Machine
    from pyinit.system.sockets import Socket

STDIN = "socket:"  # what a launch calls a socket that is to be its stdin
FIXES = {
    98: "somebody else listens there: name another address, or stop them",
    99: "this machine has no such address",
    13: "a port below 1024 takes root or CAP_NET_BIND_SERVICE; a directory must be ours to write",
}


class Held:
    """What a pyinit listens on for others; one that holds nothing does not exist."""

    def __init__(self, machine: Machine) -> None:
        self.gateway: Gateway | None = None
        self._machine = machine
        self._plans: dict[str, SocketPlan] = {}
        self._open: dict[str, Socket] = {}  # by name, of those for programs
        self._doors: dict[str, Socket] = {}  # by place
        self._wanted: tuple[Door, ...] = ()
        machine.driver.held = self.fd
        machine.loop.after_turn.append(self._close_unused)

    def doors(self) -> dict[str, Socket]:
        """Return the listeners of the gateway, by place."""
        return self._doors

    def fd(self, name: str) -> int:
        """Return the descriptor of a socket for a program, bound now if it is not.

        Raises OSError.
        """
        found = self._open.get(name)
        if found is None:
            plan = self._plans.get(name)
            if plan is None:
                raise OSError(2, f'no socket "{name}" in the plan')
            try:
                found = self._open[name] = _listen(plan)
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
        for place in [each for each in self._doors if each not in doors]:
            self._shut(place)
        self._doors = doors
        self._wanted = plan.web.doors if plan.web is not None else ()
        self._adopt_sockets(plan, again)
        return None

    def carried(self) -> tuple[tuple[str, str, int], ...]:
        """Return (kind, name or place, descriptor) of what is open, for a re-exec."""
        programs = [("program", name, each.fileno()) for name, each in self._open.items()]
        doors = [("door", place, each.fileno()) for place, each in self._doors.items()]
        return (*programs, *doors)

    def restore(self, kind: str, name: str, fd: int) -> None:
        """Go on with a listener of another pyinit; `adopt` comes after all of them."""
        where = self._doors if kind == "door" else self._open
        where[name] = sockets.listener_from_fd(fd)

    def remove(self, *, doors: bool = True) -> None:
        """Remove the files of Unix sockets: pyinit ends; but for `doors` that the next one gets."""
        for place in self._doors if doors else ():
            _remove(place)
        for name in self._open:
            _remove(self._plans[name].listen)

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
                for each in fresh:
                    each.close()
                raise _Unable(_why(door.listen, error)) from None
            found[door.listen] = known
        return found

    def _shut(self, place: str) -> None:
        if self.gateway is not None:
            self.gateway.forget(self._doors[place].fileno())
        self._doors[place].close()
        _remove(place)

    def _adopt_sockets(self, plan: Plan, again: bool) -> None:
        """Take over the sockets for programs; that new ones can be bound is seen at once."""
        wanted = {each.name: each for each in plan.sockets}
        for name in [*self._open]:
            if wanted.get(name) != self._plans.get(name, wanted.get(name)):
                self._close(name)
        fresh = [name for name in wanted if name not in self._plans and name not in self._open]
        self._plans = wanted
        for name in () if again else fresh:
            try:
                self.fd(name)  # closed again at the end of the turn if nobody is born with it
            except OSError as error:
                self._machine.log.error(_why(wanted[name].listen, error))

    def _close(self, name: str) -> None:
        self._open.pop(name).close()
        if name in self._plans:
            _remove(self._plans[name].listen)

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
            from pyinit.runtime.handed import DOOR, take_doors

            for place, fd in take_doors(machine):
                machine.held.restore(DOOR, place, fd)
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


def _listen(plan: SocketPlan) -> Socket:
    """Bind a socket for a program, in the place of one that nobody answers at."""
    mode = 0o700 if plan.mode is None else plan.mode
    listener = sockets.listen_at(plan.listen, mode, plan.uid, plan.gid, plan.backlog)
    listener.setblocking(True)  # programs expect to wait in accept; we never do
    return listener


def _remove(place: str) -> None:
    kind, _, path = place.partition(":")
    if kind == "unix":
        files.remove(path)


def _why(place: str, error: OSError) -> str:
    fix = FIXES.get(error.errno or 0, "")
    text = f'cannot listen on "{place}": {error.strerror or error}'
    return f"{text}\n  {fix}" if fix else text
