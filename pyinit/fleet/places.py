"""Which container is meant, which have a pyinit, and how one speaks to the pyinit in it."""

from __future__ import annotations

from pyinit.client import NoSupervisor
from pyinit.protocol.messages import Refused
from pyinit.protocol.names import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.fleet.engine import Engine
    from pyinit.protocol.wire import Json, Object

CONTROL = "org.pyinit.control"
"""The label of our images, and of what is built from them: the command that speaks to pyinit."""
COMMAND = "pyinitctl"
SERVICE = "com.docker.swarm.service.name"
SERVICE_ID = "com.docker.swarm.service.id"
TASK = "com.docker.swarm.task.name"
TASK_ID = "com.docker.swarm.task.id"
PROJECT, PROJECT_SERVICE = "com.docker.compose.project", "com.docker.compose.service"


def dig(value: Json, *path: str) -> Json:
    """Return what lies in nested objects at a path, None if nothing does."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def label(container: Object, name: str) -> str:
    """Return a label of a container as the engine lists it, "" if it has none of that name."""
    found = dig(container, "Labels", name)
    return found if isinstance(found, str) else ""


def name_of(container: Object) -> str:
    """Return the name of a container as the engine lists it."""
    names = container.get("Names")
    first = names[0] if isinstance(names, list) and names else container.get("Id")
    return str(first).removeprefix("/")


def service_of(container: Object) -> str:
    """Return the Swarm service or the Compose project/service of a container, "" if none."""
    project, service = label(container, PROJECT), label(container, PROJECT_SERVICE)
    return label(container, SERVICE) or (f"{project}/{service}" if service else "")


def has_pyinit(container: Object) -> bool:
    """Say whether a pyinit runs there: by our label, or because its command says so."""
    words = str(container.get("Command", "")).split()
    return bool(label(container, CONTROL)) or any(_base(word) == "pyinit" for word in words)


def control_of(container: Object) -> str:
    """Return the command that speaks to the pyinit of a container."""
    return label(container, CONTROL) or COMMAND


def find(engine: Engine, name: str) -> tuple[str, str]:
    """Return (id, command) of the running container that `name` means.

    That is the container of this name or id, or the only one here of this Swarm task or service
    or of this Compose service.  Raises NoSupervisor and Refused.
    """
    exact = engine.container(name)
    if exact is not None:
        state = str(dig(exact, "State", "Status"))
        if not dig(exact, "State", "Running"):
            code = f" with {dig(exact, 'State', 'ExitCode')}" if state == "exited" else ""
            raise NoSupervisor(f"container '{name}' does not run: it is {state}{code}")
        control = dig(exact, "Config", "Labels", CONTROL)
        return str(exact["Id"]), control if isinstance(control, str) else COMMAND
    listed = engine.containers()
    found = [each for each in listed if name in _other_names(each)]
    if len(found) > 1:
        names = ", ".join(sorted(name_of(each) for each in found))
        raise Refused("failed", f"several containers are '{name}': {names}\n  name one of them")
    if not found:
        near = nearest(name, [name_of(each) for each in listed])
        fix = f"did you mean {near}?" if near else "'pyinitctl fleet status' shows those there are"
        raise NoSupervisor(f"no such container: '{name}'\n  {fix}")
    return str(found[0]["Id"]), control_of(found[0])


def _other_names(container: Object) -> set[str]:
    """Return the names under which people know a container beside its own."""
    task = label(container, TASK)
    names = {
        label(container, SERVICE),
        task,
        task.rpartition(".")[0],
        label(container, PROJECT_SERVICE),
        service_of(container),
    }
    return names - {""}


def _base(path: str) -> str:
    return path.rpartition("/")[2]
