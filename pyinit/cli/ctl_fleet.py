"""pyinitctl from outside: any verb in a container, and all pyinits of an engine in one table."""

from __future__ import annotations

import time

from pyinit.cli.present import begin_again, number, objects, on_terminal, put, say, say_json, table
from pyinit.cli.words import UsageError
from pyinit.client import NoSupervisor
from pyinit.protocol.far_end import PIPE, TERMINAL
from pyinit.protocol.messages import EXIT_CODES, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.cli.ctl import Call
    from pyinit.cli.verbs import Verb
    from pyinit.fleet.engine import Engine
    from pyinit.protocol.wire import Json, Object

EVERY_S = 2.0
NOT_WELL = EXIT_CODES["not-running"]
OURS = ("container", "context")  # options that are for here, not for the pyinit inside
NO_SDK = """\
cannot reach containers: the package 'docker' is not installed
  pip install 'pyinit[docker]', and call pyinitctl where the engine is, not in a container"""


def in_container(call: Call, verb: Verb) -> int:
    """Carry out a verb in the container that --container names: its output, its exit status."""
    if call.verb == "fleet":
        raise UsageError("fleet asks the engine, not a container\n  leave out --container")
    engine = _engine(call)
    from pyinit.fleet.places import find

    container, command = find(engine, call.words.given["container"])
    far_end = TERMINAL if on_terminal() else PIPE
    started = engine.run(container, [command, *_words(call, verb)], far_end)
    try:
        for fd, data in started.frames():
            put(data, fd)
        return started.code()
    finally:
        started.hang_up()


def fleet(call: Call) -> int:
    """Print all containers with a pyinit and what their programs are doing; 0 if all is well."""
    what, *names = call.names
    if what != "status":
        raise UsageError(f"fleet cannot '{what}'\n  known: status")
    engine = _engine(call)
    from pyinit.fleet.survey import survey

    while True:
        found = survey(engine, names, every=call.words.has("all"), words=_socket(call))
        if call.json:
            say_json(found)
        else:
            if call.words.has("watch"):
                begin_again()
            say(_text(found))
        if not call.words.has("watch"):
            return 0 if found["ok"] else NOT_WELL
        time.sleep(EVERY_S)


def names_of(what: str, context: str | None) -> list[str]:
    """Return the names of containers with a pyinit, or of contexts, for completion."""
    try:
        from pyinit.fleet.engine import Engine, contexts
        from pyinit.fleet.places import has_pyinit, name_of

        if what == "context":
            return contexts()
        return [name_of(each) for each in Engine(context).containers() if has_pyinit(each)]
    except (ImportError, NoSupervisor, Refused):
        return []


def status_in(container: str, context: str | None) -> Object:
    """Return the status of the pyinit in a container, {} if there is none, for completion."""
    try:
        from pyinit.fleet.engine import Engine
        from pyinit.fleet.survey import status_of

        return status_of(Engine(context), container)
    except (ImportError, NoSupervisor, Refused):
        return {}


def _engine(call: Call) -> Engine:
    try:
        from pyinit.fleet.engine import Engine
    except ImportError:
        raise Refused("failed", NO_SDK) from None
    return Engine(call.words.given.get("context"))


def _words(call: Call, verb: Verb) -> list[str]:
    """Return the words of the call as the pyinitctl inside is to have them."""
    takes = {option.key for option in verb.options if option.value} | {"socket"}
    given = {key: value for key, value in call.words.given.items() if key not in OURS}
    options = [f"--{key}={value}" if key in takes else f"--{key}" for key, value in given.items()]
    return [call.verb, *options, "--", *call.names]


def _socket(call: Call) -> list[str]:
    path = call.words.given.get("socket")
    return [] if path is None else [f"--socket={path}"]


def _text(found: Object) -> str:
    containers, services = objects(found, "containers"), objects(found, "services")
    if not containers and not services:
        return f"no container with a pyinit at {found['engine']}"
    head = ("CONTAINER", "SERVICE", "NODE", "ENGINE", "PYINIT", "UP", "RESTARTS", "TROUBLE")
    parts = [table(head, [_row(each) for each in containers], "UP RESTARTS")]
    if services:
        parts.append(
            table(
                ("SERVICE", "TASKS", "UPDATE", "IMAGE"),
                [_service_row(each) for each in services],
                "TASKS",
            )
        )
    return "\n\n".join(parts)


def _row(entry: Object) -> list[str]:
    told = entry["pyinit"]
    processes = objects(told, "processes") if isinstance(told, dict) else []
    up = sum(1 for each in processes if each["active"])
    restarts = sum(int(number(each["restarts"])) for each in processes)
    trouble = [_trouble(each) for each in processes if not each["ok"]]
    known = isinstance(told, dict)
    return [
        str(entry["name"]),
        str(entry["service"]),
        str(entry["node"]),
        str(entry["engine"]),
        str(told["state"]) if isinstance(told, dict) else "",
        f"{up}/{len(processes)}" if known else "",
        str(restarts) if known else "",
        ", ".join(trouble) or _first_line(entry["error"]),
    ]


def _trouble(entry: Object) -> str:
    reason = f" ({entry['reason']})" if entry["reason"] else ""
    return f"{entry['name']} {entry['state']}{reason}"


def _first_line(text: Json) -> str:
    return str(text).partition("\n")[0] if text else ""


def _service_row(entry: Object) -> list[str]:
    tasks = f"{entry['running']}/{entry['wanted']}"
    return [str(entry["name"]), tasks, str(entry["update"]), str(entry["image"])]
