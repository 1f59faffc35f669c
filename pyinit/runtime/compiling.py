"""Reading the configuration in a forked child: PID 1 only sees the finished plan.

The child may crash, hang or talk without end: PID 1 reads a pipe without waiting, gives up on the
child after a while, and takes nothing from it that is not whole.
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
DIED = "cannot read the configuration: the compiler died"
NEVER = float("inf")


class Faults(Record):
    """Why there is no plan: the messages, each with its place."""

    lines: tuple[str, ...]
    code: int = 78  # the exit status of a pyinit that starts nothing because of it


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
        self._name = name
        self._beside = beside
        self._fd = -1
        self._pid = 0
        self._data: list[bytes] = []
        self._size = 0
        self._give_up_at = NEVER
        self._done: Callable[[Plan | Faults], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a compilation is under way."""
        return self._done is not None

    def start(self, paths: Sequence[str], done: Callable[[Plan | Faults], None]) -> None:
        """Compile `paths` (empty: the default places) and call `done` with what came of it."""
        self._done = done
        try:
            told = (paths, self._overrides, self._name)
            self._fd, self._pid = fork_compiler(*told, self._beside)
            self._helpers[self._pid] = lambda _status: None
            self._watch()
        except OSError as error:
            self._finish(Faults((f"cannot read the configuration: {reason_of(error)}",)))
            return
        self._data, self._size = [], 0
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
        except OSError:  # nobody would read what it says
            posix.kill(self._pid, 9)
            posix.close(self._fd)
            raise

    def _readable(self, _mask: int) -> None:
        try:
            data = posix.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self._data.append(data)
            self._size += len(data)
            if self._size > PLAN_BYTES:
                self._give_up(_too_much())
            return
        self._close()
        self._finish(understand(b"".join(self._data)))

    def _give_up(self, faults: Faults) -> None:
        posix.kill(self._pid, 9)
        self._close()
        self._finish(faults)

    def _close(self) -> None:
        self._poller.unregister(self._fd)
        posix.close(self._fd)
        self._give_up_at = NEVER

    def _finish(self, outcome: Plan | Faults) -> None:
        done, self._done, self._data = self._done, None, []
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
    mask = signals.block_all()  # until the child has reset its handlers, they write to our pipe
    try:
        pid = posix.fork()
        if pid == 0:
            _compile_and_exit(paths, overrides, name, beside, writer)
    except OSError:
        posix.close(reader)
        raise
    finally:
        signals.restore(mask)
        posix.close(writer)
    return reader, pid


def read_all(
    fd: int, wake_fd: int, interrupted: Callable[[], bool], timeout_s: float = TIMEOUT_S
) -> bytes | Faults | None:
    """Return all of a descriptor, waiting for it at most `timeout_s`, or why not.

    Whenever `wake_fd` becomes readable `interrupted` is asked: None once it says yes.
    """
    import select

    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(wake_fd, select.POLLIN)
    until = time.monotonic() + timeout_s
    parts: list[bytes] = []
    size = 0
    while True:
        left_s = until - time.monotonic()
        if left_s <= 0 or size > PLAN_BYTES:
            return _too_much() if left_s > 0 else _hangs(timeout_s)
        poll.poll(left_s * 1000 + 1)
        if interrupted():
            return None
        try:
            data = posix.read(fd, READ_BYTES)
        except BlockingIOError:
            continue
        if not data:
            return b"".join(parts)
        parts.append(data)
        size += len(data)


def understand(data: bytes) -> Plan | Faults:
    """Return what the compiler said; one that was killed has said nothing, or half of it."""
    if not data:
        return Faults((DIED,))
    try:
        kind, content = marshal.loads(data)  # noqa: S302  our own child wrote it
        if kind == "plan":
            plan = from_plain(content, plan_kinds())
            if isinstance(plan, Plan):
                return plan
        if kind == "errors":
            return Faults(tuple([_line(*row) for row in content]))
    except (EOFError, ValueError, TypeError, KeyError) as error:
        return Faults((f"{DIED} ({error})",))
    return Faults((f"cannot read the configuration: {content}",))


def _hangs(timeout_s: float) -> Faults:
    return Faults((f"cannot read the configuration: it took more than {timeout_s:g} s",))


def _too_much() -> Faults:
    size = PLAN_BYTES >> 20
    return Faults((f"cannot read the configuration: the plan is larger than {size} MB",))


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
        from pyinit import bundle

        bundle.together("pyinit.config.compile")
        from pyinit.config.compile import compile_plain
        from pyinit.config.load import find_files

        environ = {
            name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
            for name, value in posix.environ.items()
        }
        found = find_files(paths, environ, beside=beside)
        data = compile_plain(found, environ, overrides, name)
        while data:
            data = data[posix.write(writer, data) :]
        code = 0
    finally:
        posix._exit(code)  # noqa: SLF001
