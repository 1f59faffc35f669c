"""What `doctor` looks at: the running pyinit by /proc, else what one started here would have."""

from __future__ import annotations

import os
import stat

from pyinit.cli.present import number
from pyinit.client import Client, NoSupervisor
from pyinit.core.capabilities import NAMES
from pyinit.core.record import Record
from pyinit.protocol.places import places_to_listen
from pyinit.system import limits, mark, procfs, quotas

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PLACES = ("/", "/run", "/tmp", "/dev/shm", "/var/log")  # noqa: S108  looked at, not used
PORTS = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
TERMINATION_LOG = "/dev/termination-log"
FIRST_FREE_PORT = 1024
TOLD = ("pid", "stop_budget_s", "drain_delay_s")  # by the pyinit that runs
CONTAINERS = {
    "/.dockerenv": "Docker",
    "/run/.containerenv": "Podman",
    "/var/run/secrets/kubernetes.io": "Kubernetes",
}


class Facts(Record):
    """All that is judged.  `pid` is that of the pyinit that runs, 0 if none answers.

    `here` is its pid in our PID namespace, 0 if it is not seen from here; where the two differ we
    are outside of its container.  `status` is /proc/PID/status of it, or of ourselves.  `socket`
    is the path of its control socket, or of the one it could make ("": there is no place).  Limits
    are (soft, hard), -1 for unlimited.  `budget` is (stop_budget, drain_delay) of the pyinit that
    runs, or of the configuration that one would find, None if that cannot be read.
    """

    pid: int
    here: int
    container: str
    first: str
    status: dict[str, str]
    limits: dict[str, tuple[int, int]]
    socket: str
    writable: dict[str, bool]
    cgroup: int
    memory: int | None
    processors: float | None
    processes: int | None
    first_port: int
    budget: tuple[float, float] | None
    stdin: str
    has_memfd: bool
    lists_children: bool
    takes_marks: bool
    termination_log: bool | None

    @property
    def uid(self) -> int:
        """The effective user."""
        return int((self.status.get("Uid", "0 0") + " 0 0").split()[1])

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities that may be used."""
        mask = int(self.status.get("CapPrm", "0") or "0", 16)
        return frozenset([name for number, name in enumerate(NAMES) if mask >> number & 1])


def look(socket: str | None) -> Facts:
    """Return the facts; `socket` is where a pyinit is asked, None for the usual places."""
    pid, here, place, budget = _running(socket)
    subject = here or os.getpid()
    return Facts(
        pid=pid,
        here=here,
        container=_container(),
        first=_text("/proc/1/comm").strip(),
        status=_status(subject),
        limits=limits.read(here) if here else limits.read(),
        socket=place or _place(os.environb),
        writable={path: os.access(path, os.W_OK) for path in PLACES if os.path.isdir(path)},
        cgroup=quotas.version(),
        memory=quotas.memory_limit(),
        processors=quotas.processors(),
        processes=quotas.most_processes(),
        first_port=_number(_text(PORTS), FIRST_FREE_PORT),
        budget=budget if pid else _budget(),
        stdin=_kind_of(subject, 0),
        has_memfd=_has_memfd(),
        lists_children=procfs.children_of_self() is not None,
        takes_marks=_takes_marks(),
        termination_log=os.access(TERMINATION_LOG, os.W_OK)
        if os.path.exists(TERMINATION_LOG)
        else None,
    )


def _running(socket: str | None) -> tuple[int, int, str, tuple[float, float] | None]:
    """Return pid, pid here, control socket and budget of the pyinit that answers."""
    try:
        client = Client(socket)
    except NoSupervisor:
        return 0, 0, "", None
    with client:
        told = client.call("info", {"group": ""})
        pid, budget_s, drain_s = [number(told.get(key)) for key in TOLD]
        return int(pid), client.pid_here(), client.path, (budget_s, drain_s)


def _container() -> str:
    for path, name in CONTAINERS.items():
        if os.path.exists(path):
            return name
    return ""


def _status(pid: int) -> dict[str, str]:
    rows = [line.partition(":") for line in _text(f"/proc/{pid}/status").splitlines()]
    return {name: value.strip() for name, _, value in rows}


def _place(environ: Mapping[bytes, bytes]) -> str:
    """Return the first place where a control socket could be made."""
    for path in places_to_listen(environ, os.geteuid()):
        directory = os.path.dirname(path)
        while not os.path.exists(directory):
            directory = os.path.dirname(directory)
        if os.access(directory, os.W_OK | os.X_OK):
            return path
    return ""


def _budget() -> tuple[float, float] | None:
    from pyinit.config.load import find_files, load
    from pyinit.config.problems import ConfigErrors

    try:
        files = find_files((), os.environ)
        init = load(files, os.environ).init if files else None
    except (ConfigErrors, OSError):
        return None
    return (init.stop_budget, init.drain_delay) if init is not None else None


def _kind_of(pid: int, fd: int) -> str:
    """Return what a descriptor leads to: "a terminal", "/dev/null", "a pipe", "?" if unknown."""
    try:
        found = os.stat(f"/proc/{pid}/fd/{fd}")
        path = os.readlink(f"/proc/{pid}/fd/{fd}")
    except OSError:
        return "?"
    if path.startswith(("/dev/pts/", "/dev/tty", "/dev/console")):
        return "a terminal"
    if stat.S_ISFIFO(found.st_mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(found.st_mode) else path


def _has_memfd() -> bool:
    try:
        os.close(os.memfd_create("pyinit-doctor"))
    except OSError:
        return False
    return True


def _takes_marks() -> bool:
    before = mark.put_on(mark.number("doctor"))
    mark.take_off(before)
    return before is not None


def _text(path: str) -> str:
    return (procfs.read(path) or b"").decode("utf-8", "replace")


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.strip().isdigit() else otherwise
