"""The verb env: what a process has in its environment, with everything secret masked."""

from __future__ import annotations

from pyinit.core.states import Starting
from pyinit.protocol.masking import MASK, masked, without
from pyinit.runtime.verbs_limits import pid_of
from pyinit.system import environment, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service

LEAST = 4  # characters of a secret that is masked wherever it appears: shorter ones are words


def env(ask: Ask, service: Service) -> Object:
    """Tell the environment of processes; secrets, and what looks like one, are masked."""
    told: list[Json] = []
    for row in service.rows(ask):
        running = procfs.environ(pid_of(row)) if _is_executed(row) else None
        found = running or _planned(row, service)  # what is empty belongs to a zombie
        variables = shown(found, {name for name, _ in row.plan.launch.secrets})
        source = "process" if running else "plan"
        told.append({"name": row.plan.name, "from": source, "env": variables})
    return {"processes": told}


def shown(found: dict[bytes, bytes], secrets: set[str]) -> dict[str, Json]:
    """Return the variables as they may be seen: what is masked in one is masked in all."""
    texts = {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in found.items()
    }
    plain = {name: masked(name, texts.get(name, ""), secret=name in secrets) for name in texts}
    plain |= dict.fromkeys(secrets, MASK)
    hidden = {
        texts[name]: text
        for name, text in plain.items()
        if len(texts.get(name, "")) >= LEAST and text != texts[name]
    }
    names = [name for name in plain if plain[name] != MASK]
    plain |= zip(names, without([plain[name] for name in names], hidden), strict=True)
    return {name: plain[name] for name in sorted(plain)}


def _is_executed(row: Process) -> bool:
    """Say whether the process has become its program: until then it has our environment."""
    return pid_of(row) != 0 and not (isinstance(row.state, Starting) and not row.state.executed)


def _planned(row: Process, service: Service) -> dict[bytes, bytes]:
    """Return the environment the next run will be born with."""
    extra = [("PYINIT_PROGRAM", row.plan.program), ("PYINIT_PROCESS", row.plan.name)]
    if service.desk.socket_path:
        extra.append(("PYINIT_SOCKET", service.desk.socket_path))
    return environment.build(row.plan.launch, service.desk.environ, tuple(extra))


def cancel(ask: Ask, service: Service) -> Object:
    """End a stream or a request of the same client that waits."""
    del service
    return {"ended": ask.call_off(ask.args["request"])}
