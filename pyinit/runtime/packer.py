"""Has old log files compressed by children at their ease, one of each log, a few at a time.

A child that does not come to an end is killed, and its file stays as it is until the next rotation.

The child packs into a temporary file.  Its name is settled here when it is done, by looking for
the inode that was packed: rotation may have renamed it meanwhile, but not in between.
"""

from __future__ import annotations

import errno
import posix

from pyinit.core.status import describe, from_wait
from pyinit.logs.packing import TEMPORARY, unpacked
from pyinit.logs.rotation import SUFFIX
from pyinit.runtime.failure import reason_of
from pyinit.runtime.reaper import Leash, forked
from pyinit.system import logplace, trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    import stat as _stat
    from collections.abc import Callable
else:
    import _stat

FLAGS = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC
AT_ONCE = 2  # a thousand programs that rotate together must not start a thousand compressors
PATIENCE_S = 3600.0  # for one file: gigabytes on a slow disk, beside others who come first


class Packer:
    """Compresses what rotation leaves.

    `helpers` is where the reaper looks a child up, `leash` what keeps it to its time.
    """

    def __init__(
        self,
        helpers: dict[int, Callable[[int], None]],
        leash: Leash,
        report: Callable[[str], None],
    ) -> None:
        self._helpers = helpers
        self._leash = leash
        self._report = report
        self._busy: set[str] = set()
        self._wanted: dict[str, None] = {}

    def pack(self, path: str) -> None:
        """Compress the old files of the log at `path`, now or when it is its turn."""
        self._wanted[path] = None
        self._start()

    def wanted(self) -> tuple[str, ...]:
        """Return the logs whose old files are not all compressed yet, for a re-exec."""
        return (*self._busy, *[path for path in self._wanted if path not in self._busy])

    def give_up(self) -> None:
        """Leave no half-packed file: the compressors were killed, old files stay as they are."""
        for path in self._busy:
            _clear(path)

    def _start(self) -> None:
        for path in [each for each in self._wanted if each not in self._busy]:
            if len(self._busy) >= AT_ONCE:
                return
            del self._wanted[path]
            try:
                self._pack_next(path)
            except (OSError, logplace.OwnStream) as error:
                self._fail(path, _why(error))

    def _pack_next(self, path: str) -> None:
        here, name = logplace.find(path)
        try:
            left = unpacked(name, logplace.names(here))
            if not left:
                return
            old = posix.open(left[0], FLAGS, dir_fd=here)
            try:
                found = posix.fstat(old)
                if not _stat.S_ISREG(found.st_mode):
                    raise OSError(errno.EINVAL, "it is no regular file", left[0])
                trust.check_name(here, left[0], found)
                done = self._done(path, (found.st_dev, found.st_ino))
                work = _packing(path, old, name + TEMPORARY)
                pid = forked(work, self._helpers, keep=(old,))
                self._helpers[pid] = lambda status: done(pid, status)
                self._leash.tie(pid, PATIENCE_S)
            finally:
                posix.close(old)
        finally:
            posix.close(here)
        self._busy.add(path)

    def _done(self, path: str, inode: tuple[int, int]) -> Callable[[int, int], None]:
        def done(pid: int, status: int) -> None:
            self._busy.discard(path)
            late = self._leash.untie(pid)
            try:
                if status != 0:
                    how = f"the compressor failed ({describe(from_wait(status))})"
                    _clear(path)
                    self._fail(path, f"it took more than {PATIENCE_S:g} s" if late else how)
                else:
                    _put_in_place(path, inode)
                    self._wanted[path] = None  # there may be more
            except (OSError, logplace.OwnStream) as error:
                self._fail(path, _why(error))
            self._start()

        return done

    def _fail(self, path: str, reason: str) -> None:
        self._report(f'cannot compress an old file of "{path}": {reason}\n  it stays as it is')


def _why(error: OSError | logplace.OwnStream) -> str:
    return reason_of(error) if isinstance(error, OSError) else "it is an output of pyinit's own"


def _clear(path: str) -> None:
    """Remove what a compressor that is gone has left half done."""
    try:
        here, name = logplace.find(path)
    except (OSError, logplace.OwnStream):
        return
    try:
        posix.unlink(name + TEMPORARY, dir_fd=here)
    except OSError:
        return
    finally:
        posix.close(here)


def _packing(path: str, old: int, temporary: str) -> Callable[[], None]:
    def work() -> None:
        from pyinit.logs.packing import pack

        here, _ = logplace.find(path)
        posix.fchdir(here)
        pack(old, temporary)

    return work


def _put_in_place(path: str, inode: tuple[int, int]) -> None:
    """Let the packed file take the place of the one with that inode."""
    here, name = logplace.find(path)
    try:
        for old in unpacked(name, logplace.names(here)):
            found = posix.stat(old, dir_fd=here, follow_symlinks=False)
            if (found.st_dev, found.st_ino) == inode:
                new = old + SUFFIX
                posix.rename(name + TEMPORARY, new, src_dir_fd=here, dst_dir_fd=here)
                posix.unlink(old, dir_fd=here)
                return
        posix.unlink(name + TEMPORARY, dir_fd=here)  # rotation has removed it meanwhile
    finally:
        posix.close(here)
