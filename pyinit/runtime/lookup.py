"""Looks for the commands of processes before they are started, as supervisord does.

A path may lie on a disk that does not answer: it is looked for in a forked child, and what is
not answered in time is left to the start itself to find out.
"""

from __future__ import annotations

import marshal
import posix

from pyinit.core.record import Record
from pyinit.system import environment
from pyinit.system.child import candidates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyinit.core.slot import Process
    from pyinit.runtime.desk import Desk

S_IFMT, S_IFDIR = 0o170000, 0o040000
EXECUTABLE = 0o111
MISSING, UNUSABLE = "no-such-file", "not-executable"
SHOWN_BYTES = 200  # of a path
ANSWERS = 200  # what is missing beyond them the start finds out: the pipe holds 64 KB


class Unusable(Record):
    """Why a command cannot be executed: an error code, and supervisord's words."""

    code: str
    message: str


def look(desk: Desk, rows: Sequence[Process], done: Callable[[dict[str, Unusable]], None]) -> None:
    """Call `done` with what is wrong with commands, by the key of the process."""

    def work() -> bytes:
        found = [(row.plan.key, usable(row, desk.environ)) for row in rows]
        wrong = [(key, each.code, each.message) for key, each in found if each is not None]
        return marshal.dumps(wrong[:ANSWERS])

    def told(answer: bytes | None) -> None:
        done(_understood(answer or b""))

    try:
        desk.fork(work, told)
    except OSError:
        done({})


def _understood(answer: bytes) -> dict[str, Unusable]:
    """Return what a child has found; of one that makes no sense, nothing."""
    try:
        wrong = marshal.loads(answer)  # noqa: S302  our own child wrote it
        return {str(key): Unusable(str(code), str(message)) for key, code, message in wrong}
    except (EOFError, ValueError, TypeError):
        return {}


def usable(row: Process, environ: dict[bytes, bytes]) -> Unusable | None:
    """Return what is wrong with the command of a process, None if nothing is."""
    launch = row.plan.launch
    word = environment.encode(launch.argv[0])
    env = environment.build(launch, environ, ())
    first, wrong = b"", ""
    for path in candidates(word, env):
        if b"/" in word and not path.startswith(b"/") and launch.directory is not None:
            path = environment.encode(launch.directory) + b"/" + path  # noqa: PLW2901
        try:
            mode = posix.stat(path).st_mode
        except (OSError, ValueError):
            continue
        if mode & S_IFMT != S_IFDIR and mode & EXECUTABLE and posix.access(path, posix.X_OK):
            return None
        if not first:
            first = path
            wrong = "is a directory" if mode & S_IFMT == S_IFDIR else "is not executable"
    if not first:
        return Unusable(MISSING, f"can't find command '{_shown(word)}'")
    return Unusable(UNUSABLE, f"command at '{_shown(first)}' {wrong}")


def _shown(path: bytes) -> str:
    return path[:SHOWN_BYTES].decode("utf-8", "replace")
