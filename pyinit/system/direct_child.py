"""One child started by hand for the wrappers (tini, dumb-init): held signals, fork, execvp.

A wrapper waits for signals instead of handling them: all of them are blocked, the kernel keeps
them, each is taken in its turn (sigwait), queued real-time signals included, and nothing ever
runs between two instructions.  Blocked signals are kept even where they would be ignored, also
for PID 1.

`spawn` cannot start this child: it must get the mask and the ignored signals that the wrapper
itself was started with, may stay in the wrapper's own group, and does things of its own between
fork and exec.
"""

from __future__ import annotations

import errno
import posix

from pyinit.core.record import Record
from pyinit.system import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Iterable, Sequence
    from typing import Never
else:
    import _signal

SHELL = b"/bin/sh"
DEFAULT_PATH = b"/bin:/usr/bin"
NAME_MAX = 255
FIRST_REAL_TIME = 32
COERCED = (b"C.UTF-8", b"C.utf8", b"UTF-8")
PASSED_OVER = (
    *(errno.EACCES, errno.ENOENT, errno.ESTALE, errno.ENOTDIR, errno.ENODEV, errno.ETIMEDOUT),
)


class Held(Record):
    """How the signals were before `hold`: the blocked ones, and the ignored ones it changed."""

    mask: frozenset[int]
    ignored: tuple[int, ...]


def everything() -> frozenset[int]:
    """Return all signals that can be blocked, faults included."""
    never = (_signal.SIGKILL, _signal.SIGSTOP, *signals.RESERVED)
    return frozenset([n for n in range(1, _signal.NSIG) if n not in never])


def hold(numbers: frozenset[int], ignore: Iterable[int] = ()) -> Held:
    """Block `numbers` and ignore `ignore` from now on; return how it was before.

    Python's own handler of SIGINT goes, or it would swallow a signal meant for the child; a
    SIGCHLD that is ignored would keep the child's exit status from us.
    """
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, numbers)
    _signal_if(_signal.SIGINT, _signal.default_int_handler, _signal.SIG_DFL)
    changed = [*ignore, _signal.SIGCHLD]
    ignored = [int(n) for n in changed if _signal.getsignal(n) == _signal.SIG_IGN]
    _signal_if(_signal.SIGCHLD, _signal.SIG_IGN, _signal.SIG_DFL)
    for number in ignore:
        _signal.signal(number, _signal.SIG_IGN)
    if signals.held_from_birth():  # all of them, those that nobody here waits for among them
        _signal.pthread_sigmask(_signal.SIG_SETMASK, numbers)
        mask = set()
    return Held(frozenset([int(n) for n in mask]), tuple(ignored))


def wait(numbers: frozenset[int]) -> int:
    """Sleep until one of the blocked `numbers` is pending; take it: the lowest comes first."""
    return int(_signal.sigwait(numbers))


def restore(held: Held, touched: Iterable[int] = ()) -> None:
    """In the child: give back what `hold` took; `touched` are the signals it was told to ignore.

    PIPE and XFSZ, which Python ignores from its start on, become default: how they were before
    Python nobody knows.
    """
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ, *touched):
        _signal.signal(number, _signal.SIG_DFL)
    for number in held.ignored:
        _signal.signal(number, _signal.SIG_IGN)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, held.mask)


def reset() -> None:
    """In the child: default dispositions and an empty mask, whatever they were.

    Real-time signals that were ignored stay so, as dumb-init leaves them.
    """
    for number in range(1, FIRST_REAL_TIME):
        if number not in (_signal.SIGKILL, _signal.SIGSTOP):
            _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def start(become: Callable[[], int]) -> int:
    """Fork; the child calls `become`, which execs or returns the child's exit status.

    Returns the child's pid.  Raises OSError when there can be no child.
    """
    pid = posix.fork()
    if pid == 0:
        _be_child(become)
    return pid


def new_group() -> None:
    """Lead a new process group.  Raises OSError."""
    posix.setpgid(0, 0)


def new_session() -> None:
    """Lead a new session and a new process group, without a terminal.  Raises OSError."""
    posix.setsid()


def suspend() -> None:
    """Stop ourselves until somebody sends CONT; PID 1 cannot be stopped and goes on."""
    posix.kill(posix.getpid(), _signal.SIGSTOP)


def send(pid: int, number: int, *, group: bool) -> int:
    """Send a signal to a child that is not reaped yet, or to its group; return the errno or 0.

    A child that has no group yet is the only one who could be in it, and gets the signal itself.
    """
    if group:
        failed = send_group(pid, number)
        if failed != errno.ESRCH:
            return failed
    return _kill(pid, number)


def send_group(pid: int, number: int) -> int:
    """Send a signal to the group that `pid` leads or led; return the errno or 0."""
    return _kill(-pid, number)


def _kill(pid: int, number: int) -> int:
    try:
        posix.kill(pid, number)
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0


def execvp(words: Sequence[bytes]) -> int:
    """Become the program `words` with our own environment, found in PATH; return the errno if not.

    As execvp(3) does: a file that is no program of this machine is handed to a shell.
    """
    _give_back_locale()
    name = words[0]
    if not name:
        return errno.ENOENT
    if b"/" in name:
        return _execute(name, words)
    if len(name) > NAME_MAX:
        return errno.ENAMETOOLONG
    refused = failed = 0
    for directory in posix.environ.get(b"PATH", DEFAULT_PATH).split(b":"):
        failed = _execute(directory + b"/" + name if directory else name, words)
        if failed not in PASSED_OVER:
            return failed
        if failed == errno.EACCES:
            refused = failed
    return refused or failed


def _execute(file: bytes, words: Sequence[bytes]) -> int:
    try:
        posix.execv(file, tuple(words))
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            return error.errno or errno.EINVAL
    try:
        posix.execv(SHELL, (SHELL, file, *words[1:]))
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0


def _give_back_locale() -> None:
    """Undo what Python does to the environment: in the C locale it sets LC_CTYPE (PEP 538)."""
    if posix.environ.get(b"LC_CTYPE") not in COERCED:
        return
    from pyinit.system import procfs

    before = procfs.environ(posix.getpid())  # as it was when Python was executed
    if before is None:
        return
    if b"LC_CTYPE" in before:
        posix.putenv(b"LC_CTYPE", before[b"LC_CTYPE"])
    else:
        posix.unsetenv(b"LC_CTYPE")


def _be_child(become: Callable[[], int]) -> Never:
    code = 1
    try:
        code = become()
    except BaseException as error:  # noqa: BLE001  a child must never return into our code
        posix.write(2, f"cannot start the command: {error!r}\n".encode())
    finally:
        posix._exit(code)  # noqa: SLF001


def _signal_if(number: int, now: object, then: _signal.Handlers) -> None:
    if _signal.getsignal(number) == now:
        _signal.signal(number, then)
