"""Log files that pyinit names itself, as supervisord does where a log file is AUTO.

    DIRECTORY/NAME-stdout---IDENTIFIER-XXXXXXXX.log

Each is there as soon as its process is in the plan, so that it can be read before the first run,
and stays that of the process over runs, reloads and re-execs.  The next pyinit that is booted
with the same identifier removes it.  Imported with the first plan that has any.
"""

from __future__ import annotations

import posix

from pyinit.core.record import replace
from pyinit.protocol.names import process_of
from pyinit.runtime.stream import NAMES
from pyinit.system import logplace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import stat as _stat
    from collections.abc import Callable

    from pyinit.core.plan import Plan, Sink
else:
    import _stat

MODE = 0o600
FLAGS = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
LETTERS = "abcdefghijklmnopqrstuvwxyz012345"  # one for five bits
RANDOM_LETTERS = 8


class AutoLogs:
    """Knows the file of each stream: {(key, stream): (directory, path)}."""

    def __init__(self, report: Callable[[str], None], identifier: str) -> None:
        self.files: dict[tuple[str, int], tuple[str, str]] = {}
        self.identifier = identifier
        self._report = report
        self._told: set[str] = set()
        self._opened: dict[str, int] = {}  # while files are made: each way is walked once

    def expect(self, plan: Plan) -> None:
        """Make the files of those that have none yet."""
        try:
            for each in plan.processes:
                for stream, sinks in enumerate((each.launch.stdout, each.launch.stderr)):
                    for sink in sinks:
                        if sink.kind == "auto":
                            name = process_of(each.name, each.group)
                            self._known(each.key, name, stream, sink.path)
        finally:
            self._close()

    def sink(self, key: str, name: str, stream: int, sink: Sink) -> Sink | None:
        """Return where a stream with the sink "auto" is written; `name` is supervisord's.

        None: no file can be made for it, which is told once.
        """
        try:
            path = self._known(key, name, stream, sink.path)
        finally:
            self._close()
        return replace(sink, kind="file", path=path, mode=MODE) if path else None

    def forget(self, key: str) -> None:
        """A process is no more."""
        for stream in range(len(NAMES)):
            self.files.pop((key, stream), None)

    def _known(self, key: str, name: str, stream: int, directory: str) -> str:
        """Return the path of the file of a stream, made if there is none yet; "" if it cannot."""
        known = self.files.get((key, stream))
        if known is not None and known[0] == directory:
            return known[1]
        try:
            path = self._make(f"{name.replace('/', '_')}-{NAMES[stream]}", directory)
        except (OSError, ValueError) as error:
            if directory not in self._told:
                self._told.add(directory)
                reason = error.strerror if isinstance(error, OSError) else str(error)
                self._report(
                    f'cannot make log files in "{directory}": {reason}\n'
                    "  the programs run on without: choose another childlogdir"
                )
            return ""
        self._told.discard(directory)
        self.files[key, stream] = (directory, path)
        return path

    def _make(self, head: str, directory: str) -> str:
        """Make a new empty file; return its path.  Raises OSError, ValueError."""
        here = self._opened.get(directory)
        if here is None:
            here, _ = logplace.find(f"{directory}/{head}")
            self._opened[directory] = here
        while True:
            name = f"{head}---{self.identifier}-{_random()}.log"
            try:
                posix.close(posix.open(name, FLAGS, MODE, dir_fd=here))
            except FileExistsError:
                continue
            return f"{directory.rstrip('/')}/{name}"

    def _close(self) -> None:
        """Give back the directories that were opened."""
        for fd in self._opened.values():
            posix.close(fd)
        self._opened.clear()


def clean(plan: Plan, report: Callable[[str], None]) -> None:
    """Remove the files that earlier pyinits of this identifier have left."""
    directories = {
        sink.path
        for each in plan.processes
        for sink in (*each.launch.stdout, *each.launch.stderr)
        if sink.kind == "auto"
    }
    for directory in sorted(directories):
        try:
            here = posix.open(directory, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC)
        except OSError:
            continue  # making new ones there will tell
        try:
            _clean(here, plan.init.identifier)
        except OSError as error:
            report(f'cannot remove old log files in "{directory}": {error.strerror}')
        finally:
            posix.close(here)


def is_auto(name: str, identifier: str) -> bool:
    """Say whether a file is named as those of `identifier`, or was rotated out of one."""
    head, mark, rest = name.partition(f"---{identifier}-")
    middle, dot, number = rest.partition(".log")
    return (
        mark != ""
        and dot != ""
        and head.endswith(tuple([f"-{stream}" for stream in NAMES]))
        and middle.replace("_", "a").isalnum()
        and (number == "" or (number[0] == "." and number[1:].isdecimal()))
    )


def _clean(here: int, identifier: str) -> None:
    """Remove what is ours: others may have files of such names in a directory for all."""
    trouble: OSError | None = None
    for name in posix.listdir(here):
        if not is_auto(name, identifier):
            continue
        try:
            found = posix.stat(name, dir_fd=here, follow_symlinks=False)
            if _stat.S_ISREG(found.st_mode) and found.st_uid == posix.geteuid():
                posix.unlink(name, dir_fd=here)
        except FileNotFoundError:
            continue
        except OSError as error:
            trouble = error
    if trouble is not None:
        raise trouble


def _random() -> str:
    number = int.from_bytes(posix.urandom(RANDOM_LETTERS), "little")
    return "".join([LETTERS[number >> 5 * place & 31] for place in range(RANDOM_LETTERS)])
