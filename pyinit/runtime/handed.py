"""What a pyinit that begins anew leaves open to the next one: control socket, doors, listeners.

So their clients are not refused meanwhile: they wait until there is somebody who answers; and who
has connected already and asked for nothing yet is not hung up on.  A pyinit that has left root
behind could not make them a second time where only root may.  The next one takes what its
configuration still names, and closes the rest.
"""

from __future__ import annotations

from pyinit.core.record import replace
from pyinit.runtime import strays
from pyinit.system import environment, files, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pyinit.runtime.machine import Machine

    Handed: TypeAlias = tuple[tuple[str, str, int], ...]  # (kind, place, descriptor)

VARIABLE = b"PYINIT_LISTENERS"
CONTROL, DOOR, KEPT, CLIENT = "control", "door", "socket", "client"


def gather(machine: Machine) -> Handed:
    """Return what `machine` listens on that the next one may want."""
    found: list[tuple[str, str, int]] = []
    if machine.listener is not None:
        found.append((CONTROL, f"unix:{machine.socket_path}", machine.listener.fileno()))
    clients = machine.control.sessions() if machine.control is not None else []
    idle = [each for each in clients if each.idle and not (each.at_end or each.gateway)]
    found += [(CLIENT, "", each.fd) for each in idle]
    if machine.held is not None:
        doors = machine.held.doors()
        found += [(DOOR, place, listener.fileno()) for place, listener in doors.items()]
        kept = machine.held.kept.places() if machine.held.kept is not None else {}
        found += [(KEPT, place, listener.fileno()) for place, listener in kept.items()]
    return tuple([each for each in found if "\n" not in each[1]])


def written(handed: Handed) -> bytes:
    """Return it as the value of VARIABLE."""
    lines = [f"{kind} {fd} {place}" for kind, place, fd in handed]
    return environment.encode("\n".join(lines))


def read(text: str) -> Handed:
    """Return what was `written`; what makes no sense, or does not listen, is left out."""
    found: list[tuple[str, str, int]] = []
    known: set[int] = set()
    for line in text.split("\n"):
        kind, _, more = line.partition(" ")
        number, _, place = more.partition(" ")
        fd = files.descriptor(number)
        listening = kind in (CONTROL, DOOR, KEPT) and sockets.listens(fd)
        if fd not in known and (listening or (kind == CLIENT and sockets.is_one(fd))):
            known.add(fd)
            found.append((kind, place, fd))
    return tuple(found)


def take_control(machine: Machine) -> int:
    """Return the descriptor of the control socket that `machine` is to have, -1 if none is left."""
    init = machine.plan.init
    for each in machine.options.handed:
        kind, place, fd = each
        path = place.partition(":")[2]
        if kind == CONTROL and init.control.path in (None, path) and _is_there(place):
            _forget(machine, each)
            machine.socket_path = path
            try:
                sockets.dress_unix(path, init.control.mode, init.control.uid, init.control.gid)
            except OSError as error:
                text = f'cannot change the control socket "{path}": {error.strerror}'
                machine.log.warning(f"{text}\n  it stays as it was: start pyinit anew as root")
            return fd
    return -1


def take_listeners(machine: Machine) -> Handed:
    """Return those for the gateway and for programs that are open and still where they were."""
    handed = machine.options.handed
    found = tuple([each for each in handed if each[0] in (DOOR, KEPT) and _is_there(each[1])])
    for each in found:
        _forget(machine, each)
    return found


def take_rest(machine: Machine) -> None:
    """Let the clients in, as new ones once the programs start, and drop what nobody has taken."""
    handed, is_served = machine.options.handed, machine.listener is not None
    machine.options = replace(machine.options, handed=())
    clients = [fd for kind, _, fd in handed if kind == CLIENT and is_served]
    drop(tuple([each for each in handed if each[2] not in clients]))

    def let_in() -> None:
        machine.loop.after_turn.remove(let_in)
        for fd in clients:
            machine.serve_control().admit(sockets.from_fd(fd))

    if clients:
        machine.loop.after_turn.append(let_in)


def drop(handed: Handed) -> None:
    """Close what nobody has taken, and remove its files."""
    for _, place, fd in handed:
        strays.leave(fd)  # in its queue may be what somebody has sent
        kind, _, path = place.partition(":")
        if kind == "unix":
            files.remove(path)


def _forget(machine: Machine, entry: tuple[str, str, int]) -> None:
    left = tuple([each for each in machine.options.handed if each != entry])
    machine.options = replace(machine.options, handed=left)


def _is_there(place: str) -> bool:
    """Say whether who goes to the place comes to us still."""
    kind, _, path = place.partition(":")
    try:
        return kind != "unix" or sockets.answers(path)
    except OSError:
        return False
