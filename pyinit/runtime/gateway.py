"""The gateway's keeper: starts `pyinit.web` when somebody knocks, and hands it all it needs.

at rest    the doors are watched by PID 1's own poll, and nothing runs; a connection that comes
           waits in its listener's queue
called     the doors are not watched any more: the gateway is being started, or it runs; its end,
           whatever the reason, puts the doors back under watch

A gateway that ends at once is not called again at once: a client that waits would have it started
in a circle.  It is a process of the plan like any other but hidden, so starting, reaping and
stopping it are nobody's business here.  What it is born with is a control socket whose other end
is a session of ours already, a pipe with its setting (passwords are never words of a command or
of an environment), and the listeners.
"""

from __future__ import annotations

import posix
import sys
import time

from pyinit.core.events import RestartRequested, StartRequested
from pyinit.core.phases import shutdown_of
from pyinit.core.plan import Capabilities, Launch, Limit, ProcessPlan, Restart, Stop
from pyinit.core.record import replace
from pyinit.core.states import NEVER, RESTING, Exited
from pyinit.protocol.messages import ADMIN, READ
from pyinit.protocol.wire import dumps
from pyinit.system import files, prctl, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.core.plan import Plan
    from pyinit.core.plan_listen import WebPlan
    from pyinit.protocol.wire import Json
    from pyinit.runtime.machine import Machine
    from pyinit.runtime.sockets_held import Held

    Keep: TypeAlias = tuple[tuple[int, int], ...]  # (ours, number in the child)
    Dresser: TypeAlias = Callable[[Launch], tuple[Launch, Keep]]

NAME, KEY = "pyinit-web", "pyinit-web:0"
UID = 65531  # nobody's but the gateway's: next to nobody (65534) and nonroot (65532)
CONTROL_FD, SETTING_FD, CERTIFICATE_FD, KEY_FD, DOORS_FD = 3, 4, 5, 6, 10
SECRET_BYTES = 32
SOON_S = 5.0  # a gateway that ends so soon ...
DELAYS_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # ... is called again after this long
MOST_BYTES = 1 << 30  # of its address space: it has 60 MB, and some log files that are read
OPEN_FILES = 1024  # listeners, 256 clients and itself
NO_CORE = Limit("core", 0, 0)  # it would have the passwords of the doors in it
READABLE, UNREADABLE, NOBODY = b"1", b"0", b"-"
PEM_FLAGS = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK | posix.O_NOCTTY
REGULAR, DIRECTORY, KIND_OF_FILE = 0o100000, 0o040000, 0o170000  # of st_mode, see inode(7)
START = "import sys; sys.path[:0] = {!r}; from pyinit.web.__main__ import main; sys.exit(main())"


class Gateway:
    """Watches the doors while the gateway is away."""

    def __init__(self, machine: Machine, held: Held, secret: bytes) -> None:
        self.secret = secret
        self._machine = machine
        self._held = held
        self._watched: set[int] = set()
        self._called = False  # since the last rest
        self._born = False  # its run was spawned since then
        self._born_at = 0.0
        self._failures = 0
        self._again_at = NEVER  # the doors are watched again, after a gateway that ended at once
        self._uid: int | None = None  # None: not yet known whether it can be UID
        self._powerless = False  # if it is root after all, then without root's powers
        machine.driver.dressers[KEY] = self.dress
        machine.loop.after_turn.append(self._look)
        machine.loop.timed = (*machine.loop.timed, self)

    def next_deadline(self) -> float:
        """Return when the doors are watched again."""
        return self._again_at

    def tick(self, now: float) -> None:
        """Watch the doors again, if it is time."""
        if self._again_at <= now:
            self._again_at = NEVER
            self._look()

    def forget(self, fd: int) -> None:
        """A door is about to be closed."""
        if fd in self._watched:
            self._watched.remove(fd)
            self._machine.poller.unregister(fd)

    def renew(self) -> None:
        """The doors have changed: watch these, or have the gateway that runs started anew."""
        if not self._called:
            self._unwatch()
        elif self._born:
            self._machine.loop.feed(RestartRequested((KEY,)))

    def goes_on(self) -> None:
        """The gateway is on its way, or runs still, after a re-exec."""
        self._called = self._born = True
        self._again_at = NEVER
        self._born_at = time.monotonic()

    def dress(self, launch: Launch) -> tuple[Launch, Keep]:
        """Return what the gateway is launched with, and the descriptors (ours, in it).

        The caller closes ours once it runs.  Raises OSError.
        """
        self._unwatch()  # it may have been started by its name
        self.goes_on()
        plan = self._machine.plan.web
        if plan is None:
            raise OSError(2, "the plan has no [web]")
        keep: list[tuple[int, int]] = []
        try:
            self._hand_over(plan, keep)
        except BaseException:
            for ours, _ in keep:
                posix.close(ours)
            raise
        uid = UID if self._uid is None else self._uid  # not known: rather fail than be root
        if uid and posix.geteuid() == 0:
            launch = replace(launch, uid=uid, gid=uid, groups=())
        elif self._powerless:
            launch = replace(launch, capabilities=Capabilities(keep=()))
        return replace(launch, argv=_words()), tuple(keep)

    def _hand_over(self, plan: WebPlan, keep: list[tuple[int, int]]) -> None:
        doors = self._held.doors()
        for number, door in enumerate(plan.doors, DOORS_FD):
            keep.append((posix.dup(doors[door.listen].fileno()), number))
        if plan.tls_cert is not None and plan.tls_key is not None:
            for path, number in ((plan.tls_cert, CERTIFICATE_FD), (plan.tls_key, KEY_FD)):
                keep.append((posix.open(path, PEM_FLAGS), number))
        reader, writer = files.pipe()
        keep.append((reader, SETTING_FD))
        try:
            posix.set_blocking(writer, False)
            setting = dumps(self._setting(plan)).encode()
            if posix.write(writer, setting) < len(setting):
                raise OSError(27, "the setting is too large")
        finally:
            posix.close(writer)
        posix.set_blocking(reader, True)
        ours, its = sockets.pair()
        keep.append((its.detach(), CONTROL_FD))
        level = READ if all(door.read_only for door in plan.doors) else ADMIN
        self._machine.serve_control().admit_gateway(ours, self._uid or posix.geteuid(), level)

    def _setting(self, plan: WebPlan) -> dict[str, Json]:
        doors: list[Json] = [
            {
                "fd": number,
                "place": door.listen,
                "username": door.username,
                "password": door.password,
                "read_only": door.read_only,
            }
            for number, door in enumerate(plan.doors, DOORS_FD)
        ]
        return {
            "doors": doors,
            "identifier": self._machine.plan.init.identifier,
            "secret": self.secret.hex(),
            "idle_exit": plan.idle_exit,
            "rpc": plan.rpc,
            "tls": plan.tls_cert is not None and plan.tls_key is not None,
        }

    def _look(self) -> None:
        """After a turn: watch the doors if the gateway is away, or has just left."""
        if self._born:
            row = self._machine.row(KEY)
            if row is None or isinstance(row.state, RESTING):
                gone_home = row is not None and isinstance(row.state, Exited) and row.state.success
                self._rest(time.monotonic(), gone_home=gone_home)
        shutdown = shutdown_of(self._machine.loop.supervisor.phase)
        if shutdown is not None and not self._born:
            self._take_leave(again=shutdown.again)
            return
        if not (self._called or self._watched) and self._again_at == NEVER:
            for door in self._held.doors().values():
                fd = door.fileno()
                self._machine.poller.register(fd, True, False, lambda _mask: self._call())
                self._watched.add(fd)

    def _take_leave(self, *, again: bool) -> None:
        """It is started no more: who comes is refused, or waits for the pyinit that begins anew."""
        self._unwatch()
        if not again:
            self._held.shut_doors()

    def _rest(self, now: float, *, gone_home: bool) -> None:
        """It has ended: the doors are watched again, later if it ended at once and by a failure."""
        soon = now - self._born_at < SOON_S and not gone_home
        self._failures = min(self._failures + 1, len(DELAYS_S) - 1) if soon else 0
        self._called = self._born = False
        delay_s = DELAYS_S[self._failures]
        self._again_at = now + delay_s if delay_s else NEVER

    def _unwatch(self) -> None:
        for fd in [*self._watched]:
            self.forget(fd)

    def _call(self) -> None:
        """Somebody knocks."""
        self._unwatch()
        self._called = True
        try:
            if self._uid is not None or posix.geteuid() != 0:
                self._start(None)
            else:
                self._machine.desk.fork(_can_be_another, self._start)
        except OSError:
            self._start(None)
        except BaseException:
            self._called = False  # whoever knocks is still there
            raise

    def _start(self, answer: bytes | None) -> None:
        """Start it; a child that could not be made, was killed or is mad has not made it root."""
        if self._uid is None and answer in (READABLE, UNREADABLE, NOBODY):
            self._uid = UID if answer == READABLE else 0
            if answer == UNREADABLE:
                self._powerless = True
                self._machine.log.warning(
                    f"the web gateway runs as root: uid {UID} cannot read Python or pyinit\n"
                    "  let everybody read where they are installed"
                )
        try:
            self._machine.loop.feed(StartRequested((KEY,)))
        except BaseException:
            self._called = False
            raise


def adopt(machine: Machine, held: Held, plan: Plan) -> None:
    """Let the gateway be what `plan` says, now that its doors are open (or closed)."""
    if held.gateway is None:
        held.gateway = Gateway(machine, held, posix.urandom(SECRET_BYTES))
    elif (machine.plan.web, machine.plan.init.identifier) != (plan.web, plan.init.identifier):
        held.gateway.renew()


def resume(machine: Machine, held: Held, secret: bytes) -> None:
    """Go on as the pyinit before us did."""
    held.gateway = Gateway(machine, held, secret)
    row = machine.row(KEY)
    if row is not None and not isinstance(row.state, RESTING):
        held.gateway.goes_on()


def add_to(plan: Plan) -> Plan:
    """Return `plan` with the gateway as a process of it, if it has doors."""
    if plan.web is None or not plan.web.doors or not is_installed():
        return plan
    launch = Launch(
        (sys.executable, "-m", "pyinit.web"),
        directory="/",
        umask=0o077,
        env_pass=("TZ", "LANG", "LC_*"),
        limits=(
            Limit("nofile", OPEN_FILES, OPEN_FILES),  # hard, too: it may not raise them itself
            Limit("as", MOST_BYTES, MOST_BYTES),
            NO_CORE,
        ),
        limits_unmet="warn",
        no_new_privs=True,
    )
    gateway = ProcessPlan(
        *(KEY, NAME, NAME, NAME, launch),
        autostart=False,
        critical=False,
        restart=Restart("never"),
        start_s=0.0,
        stop=Stop(timeout=3.0, kill="group"),
        hidden=True,
    )
    return replace(plan, processes=(*plan.processes, gateway))


def is_installed() -> bool:
    """Say whether the gateway's libraries are there; the image `core` has none."""
    return bool(_libraries())


def _home() -> str:
    """Return the directory of pyinit's modules; a module of a bundle does not know its own."""
    return str(sys.modules["pyinit"].__file__).rpartition("/")[0]


def _libraries() -> str:
    """Return where the gateway's libraries are, "" if they are not: in the image in one file."""
    zipped = f"{_home()}/web/libraries.zip"
    if _is(zipped, REGULAR):
        return zipped
    found = [f"{path}/uvicorn" for path in sys.path if _is(f"{path}/uvicorn", DIRECTORY)]
    return found[0] if found else ""


def _is(path: str, kind: int) -> bool:
    try:
        return posix.stat(path).st_mode & KIND_OF_FILE == kind
    except OSError:
        return False


def _words() -> tuple[str, ...]:
    """Return the command that runs the gateway with the modules that we have ourselves."""
    package = _home().rpartition("/")[0]
    paths = [path for path in (package, *sys.path) if path.startswith("/")]
    return (sys.executable, "-I", "-S", "-B", "-c", START.format(paths))


def _can_be_another() -> bytes:
    """In a forked child: say whether UID can run the gateway; NOBODY, if nobody can be it."""
    if prctl.CAP_KILL not in prctl.permitted_capabilities():
        return NOBODY  # it could not be stopped
    home, libraries = _home(), _libraries()
    try:
        posix.setgroups(())
        posix.setresgid(UID, UID, UID)
        posix.setresuid(UID, UID, UID)
    except OSError:  # no capability, or a user namespace without that number
        return NOBODY
    try:
        for path in (sys.executable, home, libraries, *_library()):
            posix.close(posix.open(path, posix.O_RDONLY))
    except OSError:
        return UNREADABLE
    return READABLE


def _library() -> list[str]:
    """Return where Python's own modules are, as far as they are in directories."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return [path for path in sys.path if path.endswith(f"/{version}") and _is(path, DIRECTORY)]
