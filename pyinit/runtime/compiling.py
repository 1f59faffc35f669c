"""Reading the configuration in a forked child: PID 1 only sees the finished plan.

The child may crash, hang or talk without end: PID 1 reads a pipe without waiting, gives up on the
child after a while, and takes nothing from it that is not whole, nor more than it has announced.
"""

from __future__ import annotations

import marshal
import posix
import time

from pyinit.core.plan import Plan, plan_kinds
from pyinit.core.record import Record, from_plain
from pyinit.runtime.failure import reason_of
from pyinit.system import files, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyinit.runtime.poller import Poller

TIMEOUT_S = 60.0  # a compiler that takes longer hangs
READ_BYTES = 1 << 16
PLAN_BYTES = 64 << 20  # a plan of 10,000 programs has a tenth of it
CANNOT = "cannot read the configuration:"
DIED = f"{CANNOT} the compiler died"
DIED_FIX = (
    "it was killed, or there is no memory left (docker run --memory): pyinitctl check reads the"
    " configuration, too"
)
BUG_FIX = "that is a fault of pyinit: please report it, with the configuration if it may be seen"
NO_MEMORY = (
    "Cannot allocate memory\n  raise the memory limit of the container (docker run --memory) or"
    " pyinit's own (ulimit -v, `as` in the limits of [init]), or make it smaller"
)
SHORT = marshal.dumps(("crash", NO_MEMORY))
NEVER = float("inf")
SIGKILL = 9


class Faults(Record):
    """Why there is no plan: the messages, each with its place."""

    lines: tuple[str, ...]
    code: int = 78  # the exit status of a pyinit that starts nothing because of it


class Said:
    """What a compiler has said so far, piece by piece."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._due = 0  # how long all of it is, once it has said so

    def take(self, data: bytes) -> Faults | None:
        """Keep a piece; return what is wrong with it."""
        self._parts.append(data)
        self._size += len(data)
        if self._due == 0:
            self._due = files.due(self.all())
        if self._due < 0 or 0 < self._due < self._size:
            return Faults((f"{CANNOT} what the compiler says makes no sense\n  {BUG_FIX}",))
        if self._due > PLAN_BYTES:
            return _too_much()
        return None

    def all(self) -> bytes:
        """Return the pieces as one."""
        return b"".join(self._parts)


class Compiler:
    """Compiles files in a child, one compilation at a time.

    `helpers` is where the reaper looks for who wants to know of a child's end; `overrides` and
    `name` are those of Options, `beside` is the word that runs the main program, if there is one.
    """

    def __init__(
        self,
        poller: Poller,
        helpers: dict[int, Callable[[int], None]],
        overrides: tuple[tuple[str, str], ...] = (),
        name: str = "pyinit",
        beside: str = "",
    ) -> None:
        self._poller = poller
        self._helpers = helpers
        self._overrides = overrides
        self.name = name
        self._beside = beside
        self._fd = -1
        self._pid = 0
        self._said = Said()
        self._give_up_at = NEVER
        self._done: Callable[[Plan | Faults], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a compilation is under way."""
        return self._fd >= 0

    def start(self, paths: Sequence[str], done: Callable[[Plan | Faults], None]) -> None:
        """Compile `paths` (empty: the default places) and call `done` with what came of it."""
        self._done = done
        self._said = Said()
        try:
            told = (paths, self._overrides, self.name)
            self._fd, self._pid = fork_compiler(*told, self._beside)
            pid = self._pid
            self._helpers[pid] = lambda _status: self._ended(pid)
            self._watch()
        except OSError as error:
            self._finish(Faults((f"{CANNOT} {reason_of(error)}",)))
            return
        self._give_up_at = time.monotonic() + TIMEOUT_S

    def next_deadline(self) -> float:
        """Return when a compilation under way is given up."""
        return self._give_up_at

    def tick(self, now: float) -> None:
        """Give up a compilation that hangs."""
        if now >= self._give_up_at:
            self._give_up(_hangs(TIMEOUT_S))

    def _watch(self) -> None:
        try:
            self._poller.register(self._fd, True, False, self._readable)
        except BaseException:  # nobody would read what it says
            self._kill()
            posix.close(self._fd)
            self._fd = -1
            raise

    def _readable(self, _mask: int) -> None:
        self._read()

    def _read(self) -> bool:
        """Take a piece; say whether there may be more at once."""
        try:
            data = posix.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close()
            self._finish(understand(self._said.all()))
            return False
        wrong = self._said.take(data)
        if wrong is not None:
            self._give_up(wrong)
        return wrong is None

    def _ended(self, pid: int) -> None:
        """It was reaped: what it has said is all, whoever may still hold its end of the pipe."""
        if pid != self._pid:
            return  # the next one is at work already
        self._pid = 0
        while self._fd >= 0 and self._read():
            pass
        if self._fd >= 0:
            self._close()
            self._finish(understand(self._said.all()))

    def _give_up(self, faults: Faults) -> None:
        self._kill()
        self._close()
        self._finish(faults)

    def _kill(self) -> None:
        if self._pid:  # not reaped: it is nobody else's number
            posix.kill(self._pid, SIGKILL)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        self._poller.unregister(fd)
        posix.close(fd)
        self._give_up_at = NEVER

    def _finish(self, outcome: Plan | Faults) -> None:
        done, self._done, self._said = self._done, None, Said()
        if done is not None:
            done(outcome)


def fork_compiler(
    paths: Sequence[str],
    overrides: tuple[tuple[str, str], ...] = (),
    name: str = "pyinit",
    beside: str = "",
) -> tuple[int, int]:
    """Start the compiler; return the descriptor to read the result from, and its pid.

    `overrides`, `name` and `beside` as for Compiler.  Raises OSError.
    """
    reader, writer = files.pipe()
    try:
        pid = signals.fork()
        if pid == 0:
            _compile_and_exit(paths, overrides, name, beside, writer)
    except BaseException:
        posix.close(reader)
        raise
    finally:
        posix.close(writer)
    return reader, pid


def read_all(
    fd: int, wake_fd: int, interrupted: Callable[[], bool], timeout_s: float | None = None
) -> bytes | Faults | None:
    """Return all that a compiler says, waiting for it at most `timeout_s`, or why not.

    Whenever `wake_fd` becomes readable `interrupted` is asked: None once it says yes.
    """
    import select

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(wake_fd, select.POLLIN)
    timeout_s = TIMEOUT_S if timeout_s is None else timeout_s
    until = time.monotonic() + timeout_s
    said = Said()
    while True:
        left_s = until - time.monotonic()
        if left_s <= 0:
            return _hangs(timeout_s)
        poll.poll(left_s * 1000 + 1)
        if interrupted():
            return None
        try:
            data = posix.read(fd, READ_BYTES)
        except BlockingIOError:
            continue
        if not data:
            return said.all()
        wrong = said.take(data)
        if wrong is not None:
            return wrong


def understand(said: bytes) -> Plan | Faults:
    """Return what the compiler said; one that was killed has said nothing, or half of it."""
    data = files.answered(said)
    if data is None:
        half = " before it had said all" if said else ""
        return Faults((f"{DIED}{half}\n  {DIED_FIX}",))
    try:
        kind, content = marshal.loads(data)  # noqa: S302  our own child wrote it
        if kind == "plan":
            plan = from_plain(content, plan_kinds())
            if isinstance(plan, Plan):
                return plan
        if kind == "errors" and content:
            return Faults(tuple([_line(*row) for row in content]))
        if kind == "crash" and isinstance(content, str):
            return Faults((f"{CANNOT} {content}",))
    except MemoryError as error:
        return Faults((f"{CANNOT} {reason_of(error)}",))
    except Exception as error:  # noqa: BLE001  whatever it is, who waits for the plan must hear of it
        return _senseless(str(error))
    return _senseless("it is no plan")


def _senseless(why: str) -> Faults:
    return Faults((f"{CANNOT} what the compiler says makes no sense: {why}\n  {BUG_FIX}",))


def _hangs(timeout_s: float) -> Faults:
    fix = "does a file system that it reads from answer no more (NFS, FUSE), or is a pipe silent?"
    return Faults((f"{CANNOT} it took more than {timeout_s:g} s\n  {fix}",))


def _too_much() -> Faults:
    size = PLAN_BYTES >> 20
    return Faults((f"{CANNOT} the plan is larger than {size} MB\n  see what `include` matches",))


def _line(file: str, line: int, message: str, fix: str) -> str:
    text = f"{file}:{line}: {message}" if line else f"{file}: {message}"
    return text + (f"\n    {fix}" if fix else "")


def _compile_and_exit(
    paths: Sequence[str],
    overrides: tuple[tuple[str, str], ...],
    name: str,
    beside: str,
    writer: int,
) -> None:
    code = 1
    try:
        signals.reset_in_child()
        files.close_all((writer,))  # nobody shall wait for us to see an end
        posix.setsid()  # what is typed at a terminal is meant for pyinit
        try:
            said = _compiled(paths, overrides, name, beside)
        except MemoryError:
            said = SHORT
        except Exception as error:  # noqa: BLE001  whatever it is, PID 1 must hear of it
            said = marshal.dumps(("crash", _explain(error)))
        files.answer(writer, said)
        code = 0
    finally:
        posix._exit(code)  # noqa: SLF001


def _compiled(
    paths: Sequence[str], overrides: tuple[tuple[str, str], ...], name: str, beside: str
) -> bytes:
    """Return what the compiler has to say."""
    from pyinit import bundle

    bundle.together("pyinit.config.compile")
    from pyinit.config.compile import compile_plain
    from pyinit.config.load import find_files

    environ = {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in posix.environ.items()
    }
    found = find_files(paths, environ, beside=beside)
    return compile_plain(found, environ, overrides, name)


def _explain(error: Exception) -> str:
    """Return why there is no plan, where that is no fault of the configuration."""
    if isinstance(error, RecursionError):
        return "it is nested too deep\n  use fewer levels of tables and lists"
    text = reason_of(error)
    if isinstance(error, OSError):
        return text
    if isinstance(error, ImportError):
        return f"{text}\n  pyinit is not installed completely: install it again"
    return f"a fault of pyinit's own: {text}\n  {BUG_FIX}"
