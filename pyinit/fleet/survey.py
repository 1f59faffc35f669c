"""All containers of an engine in which a pyinit runs, and what each pyinit says.

On a manager of a swarm its services belong to it, and their tasks on other nodes: those cannot be
asked from here, the swarm's word for them is what is told.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

from pyinit.client import NoSupervisor
from pyinit.fleet.places import (
    CONTROL,
    SERVICE_ID,
    TASK_ID,
    control_of,
    dig,
    find,
    has_pyinit,
    label,
    name_of,
    service_of,
)
from pyinit.protocol import wire
from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyinit.fleet.engine import Engine
    from pyinit.protocol.wire import Json, Object

AT_ONCE = 8  # an exec costs the engine half a processor for a moment
WITHIN_S = 15.0  # a container that says nothing must not keep the others from being shown
NOT_RUNNING = 3  # pyinitctl's status of one with troubles: it has told them
STUCK = ("paused", "rollback_paused")  # updates that wait for somebody


def survey(
    engine: Engine, names: Sequence[str], *, every: bool = False, words: Sequence[str] = ()
) -> Object:
    """Return {"ok", "engine", "version", "containers": [...], "services": [...]}.

    `names` are globs over names of containers and services; `every` includes containers that do
    not run; `words` are more words for each pyinitctl.  Raises Refused where a name means nothing.
    """
    info = engine.info()
    node = str(info.get("Name", ""))
    listed = [each for each in engine.containers(every=every) if has_pyinit(each)]
    services: list[Object] = []
    elsewhere: list[Object] = []
    if dig(info, "Swarm", "ControlAvailable") is True:
        services, elsewhere = _swarm(engine, listed)
    chosen = [each for each in listed if _is_meant(names, name_of(each), service_of(each))]
    with ThreadPoolExecutor(AT_ONCE) as crew:
        entries = list(crew.map(lambda each: _entry(engine, each, node, words), chosen))
    entries += [each for each in elsewhere if _is_meant(names, each["name"], each["service"])]
    services = [each for each in services if _is_meant(names, each["name"])]
    _check_names(names, [*entries, *services])
    entries.sort(key=lambda each: (str(each["service"]), str(each["name"])))
    rows: list[Json] = [*entries]
    return {
        "ok": all(each["ok"] for each in [*entries, *services]),
        "engine": node,
        "version": engine.version,
        "containers": rows,
        "services": [*services],
    }


def status_of(engine: Engine, name: str) -> Object:
    """Return the status of the pyinit in one container.  Raises NoSupervisor and Refused."""
    container, control = find(engine, name)
    found, why = _told(engine, container, [control, "--json", "status"])
    if found is None:
        raise Refused("failed", why)
    return found


def _entry(engine: Engine, container: Object, node: str, words: Sequence[str]) -> Object:
    """Return what there is to tell of one container."""
    told, error = None, ""
    if container.get("State") == "running":
        command = [control_of(container), *words, "--json", "status"]
        told, error = _told(engine, str(container["Id"]), command)
    state = engine_state(container)
    ended_well = container.get("State") == "exited" and state == "exited (0)"
    return {
        "name": name_of(container),
        "id": container.get("Id"),
        "image": container.get("Image"),
        "service": service_of(container),
        "node": node,
        "engine": state,
        "pyinit": told,
        "error": error,
        "ok": ended_well or (state != "unhealthy" and told is not None and told.get("ok") is True),
    }


def engine_state(container: Object) -> str:
    """Return the engine's word for a container: healthy, running, exited (1), paused...

    The list has it in words: "Up 3 minutes (healthy)", "Exited (1) 2 hours ago".
    """
    state, words = str(container.get("State")), str(container.get("Status"))
    if state == "exited":
        return f"exited {words[words.find('(') : words.find(')') + 1]}" if "(" in words else state
    if state != "running" or not words.endswith(")"):
        return state
    return words[words.rfind("(") + 1 : -1].removeprefix("health: ")


def _told(engine: Engine, container: str, words: Sequence[str]) -> tuple[Object | None, str]:
    """Ask one pyinit; return (its status, why there is none)."""
    try:
        started = engine.run(container, words, silence_s=WITHIN_S)
        code, out, err = started.kept(WITHIN_S)
        found = wire.decode(out) if out else {}
    except (NoSupervisor, Refused, wire.FrameError) as error:
        return None, str(error)
    if code in (0, NOT_RUNNING) and "processes" in found:
        return found, ""
    message = dig(found, "error", "message")
    return None, str(message or err.decode("utf-8", "replace").strip() or f"exit status {code}")


def _swarm(engine: Engine, listed: list[Object]) -> tuple[list[Object], list[Object]]:
    """Return the services with a pyinit, and those of their tasks that are not in `listed`."""
    ours = {label(each, SERVICE_ID) for each in listed}
    found = [each for each in engine.services() if each["ID"] in ours or _runs_pyinit(engine, each)]
    tasks = engine.tasks() if found else []
    nodes = {str(each["ID"]): str(dig(each, "Description", "Hostname")) for each in engine.nodes()}
    here = {label(each, TASK_ID) for each in listed}
    services, elsewhere = [], []
    for service in found:
        own = [each for each in tasks if each.get("ServiceID") == service["ID"]]
        services.append(service_entry(service, own))
        rest = [each for each in own if each["ID"] not in here]
        elsewhere += [task_entry(service, each, nodes) for each in rest]
    return services, elsewhere


def _runs_pyinit(engine: Engine, service: Object) -> bool:
    """Say whether a service none of whose containers is here runs pyinit: its image tells."""
    spec = dig(service, "Spec", "TaskTemplate", "ContainerSpec")
    if dig(spec, "Labels", CONTROL):
        return True
    image = dig(spec, "Image")
    known = engine.image(image) if isinstance(image, str) else None
    return dig(known, "Config", "Labels", CONTROL) is not None


def service_entry(service: Object, tasks: list[Object]) -> Object:
    """Return what there is to tell of one service; `tasks` are those that are to run."""
    spec = dig(service, "Spec")
    replicas = dig(spec, "Mode", "Replicated", "Replicas")
    wanted = replicas if isinstance(replicas, int) else len(tasks)
    running = sum(1 for each in tasks if dig(each, "Status", "State") == "running")
    update = dig(service, "UpdateStatus", "State")
    image = str(dig(spec, "TaskTemplate", "ContainerSpec", "Image")).partition("@")[0]
    return {
        "name": dig(spec, "Name"),
        "running": running,
        "wanted": wanted,
        "update": update if isinstance(update, str) else "",
        "image": image,
        "ok": running >= wanted and update not in STUCK,
    }


def task_entry(service: Object, task: Object, nodes: dict[str, str]) -> Object:
    """Return what there is to tell of a task of which there is no container here."""
    name = dig(service, "Spec", "Name")
    state = dig(task, "Status", "State")
    node = str(task.get("NodeID", ""))
    away = "it is on another node: ask there" if state == "running" else ""
    why = dig(task, "Status", "Err") or away or dig(task, "Status", "Message")
    return {
        "name": f"{name}.{task.get('Slot') or node}",
        "id": dig(task, "Status", "ContainerStatus", "ContainerID"),
        "image": dig(service, "Spec", "TaskTemplate", "ContainerSpec", "Image"),
        "service": name,
        "node": nodes.get(node, ""),
        "engine": state,
        "pyinit": None,
        "error": why,
        "ok": state == "running",
    }


def _is_meant(names: Sequence[str], *own: Json) -> bool:
    return not names or any(fnmatchcase(str(each), name) for each in own if each for name in names)


def _check_names(names: Sequence[str], found: list[Object]) -> None:
    for name in names:
        if not any(_is_meant([name], each["name"], each.get("service")) for each in found):
            text = f"no container or service with a pyinit is called '{name}'"
            raise Refused("no-such-program", f"{text}\n  'pyinitctl fleet status' shows all")
