"""Says why pyinit did not start, or why it ended: to whoever started it, and to Kubernetes.

And what fails keeps nothing else from being done: `all_of`, `each_of`.
"""

from __future__ import annotations

import errno
import posix
import sys

from pyinit.system import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from pyinit.runtime.compiling import Faults
    from pyinit.runtime.options import Options

    T = TypeVar("T")

SUPERVISORD_FAILED = 2
TERMINATION_FLAGS = (
    posix.O_WRONLY | posix.O_TRUNC | posix.O_CLOEXEC | posix.O_NOFOLLOW | posix.O_NONBLOCK
)
TERMINATION_LOG = "/dev/termination-log"
SHORTAGES = {
    errno.EMFILE: "give pyinit more descriptors: docker run --ulimit nofile=4096:1048576",
    errno.ENFILE: "the machine has no descriptors left: see fs.file-max (sysctl)",
    errno.EAGAIN: "no more processes are allowed: docker run --pids-limit, or the nproc limit of"
    " this user",
    errno.ENOMEM: "there is no memory left: docker run --memory, or the machine itself",
}


def fail(options: Options, faults: Faults) -> int:
    """Say why nothing was started, to whoever started us and to Kubernetes; return the status.

    The command that waits for a daemon fails in any case: there is none.  Under the name of
    supervisord its words are said, and its status for all that is wrong is returned.
    """
    if options.handed:
        from pyinit.runtime.handed import drop

        drop(options.handed)
    genuine = options.name == "supervisord"
    lines = [f"Error: {line}" if genuine else f"pyinit: {line}" for line in faults.lines]
    if genuine:
        lines.append(f"For help, use {sys.argv[0]} -h")
    text = "\n".join(lines) + "\n"
    data = text.encode("utf-8", "surrogateescape")
    files.say(2, data)
    if options.daemon_fd >= 0:
        files.say(options.daemon_fd, b"%d\0" % (faults.code or 1) + data)
    if faults.code:
        termination(text)
    return SUPERVISORD_FAILED if genuine and faults.code else faults.code


def reason_of(error: BaseException) -> str:
    """Return what the kernel has refused us, the fix on a line of its own; or what else happened.

    A library that cannot be loaded is told by the loader in its own words.
    """
    number = errno.ENOMEM if isinstance(error, MemoryError) else 0
    if isinstance(error, OSError) and error.errno is not None:
        number = error.errno
    if not number:
        from pyinit.runtime.log import fault

        return str(error) if isinstance(error, ImportError) else fault(error)
    words = error.strerror if isinstance(error, OSError) else None
    text = words or posix.strerror(number)  # what is raised by us may have words of its own
    if isinstance(error, OSError) and error.filename is not None:
        text = f'"{_named(error.filename)}": {text}'
    fix = SHORTAGES.get(number)
    return f"{text}\n  {fix}" if fix else text


def _named(name: str | bytes) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def termination(text: str) -> None:
    """Write the reason of an end where Kubernetes reads it; elsewhere there is no such file."""
    try:
        fd = posix.open(TERMINATION_LOG, TERMINATION_FLAGS)
    except OSError:
        return
    try:
        posix.write(fd, text.encode("utf-8", "surrogateescape")[:4096])
    finally:
        posix.close(fd)


class LoopBroken(Exception):
    """The loop itself keeps failing."""


def all_of(calls: Iterable[Callable[[], object]]) -> None:
    """Call them all, whatever becomes of one; raise the first of what they raise, or LoopBroken."""
    each_of(lambda call: call(), calls)


def each_of(call: Callable[[T], object], items: Iterable[T]) -> None:
    """Call `call` with each of them; otherwise as `all_of`."""
    first: BaseException | None = None
    for item in items:
        try:
            call(item)
        except BaseException as error:  # noqa: BLE001  it is raised when all had their turn
            first = error if first is None or isinstance(error, LoopBroken) else first
    if first is not None:
        raise first
