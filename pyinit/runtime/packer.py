"""Has old log files compressed by children at their ease, a few at a time."""

from __future__ import annotations

import posix

from pyinit.runtime.reaper import forked
from pyinit.system import logplace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 2  # a thousand programs that rotate together must not start a thousand compressors


class Packer:
    """Compresses what rotation leaves.  `helpers` is where the reaper looks a child up."""

    def __init__(
        self, helpers: dict[int, Callable[[int], None]], report: Callable[[str], None]
    ) -> None:
        self._helpers = helpers
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

    def _start(self) -> None:
        for path in [each for each in self._wanted if each not in self._busy]:
            if len(self._busy) >= AT_ONCE:
                return
            del self._wanted[path]
            try:
                forked(_packing(path), self._helpers, self._done(path))
            except OSError as error:
                self._report(f'cannot compress the old files of "{path}": {error.strerror}')
                continue
            self._busy.add(path)

    def _done(self, path: str) -> Callable[[int], None]:
        def done(status: int) -> None:
            self._busy.discard(path)
            if status != 0:
                self._report(f'cannot compress all old files of "{path}": they stay as they are')
            self._start()

        return done


def _packing(path: str) -> Callable[[], None]:
    def pack() -> None:
        from pyinit.logs.packing import pack_old

        here, name = logplace.find(path)
        posix.fchdir(here)
        pack_old(name)

    return pack
