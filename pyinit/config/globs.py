"""Which files a pattern of an `include` means: as a shell finds them, but not without end.

`/*/*/*/*` may be every file of a machine, and /proc below it: who waits for a reload must not wait
for that.
"""

from __future__ import annotations

import posix

from pyinit.config import paths
from pyinit.config.problems import ValueFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = frozenset("*?[")
MOST = 50_000  # entries of directories looked at for one pattern
MOST_FOUND = 1000  # files that it may match
FIX = 'name the directory: "conf.d/*.toml"'


def matches(directory: str, pattern: str) -> list[str]:
    """Return the paths that match `pattern`, which is relative to `directory`, sorted.

    Names that begin with a dot are matched by a dot alone.  Raises ValueFault for a pattern that
    leads through too many files, or to too many.
    """
    found = ["/"] if pattern.startswith("/") else [directory]
    looker = _Looker(pattern)
    parts = pattern.lstrip("/").split("/")
    for place, part in enumerate(parts, 1):
        last = place == len(parts)
        if part:
            found = [path for here in found for path in looker.below(here, part, last=last)]
        elif last:
            found = [f"{here.rstrip('/')}/" for here in found if paths.is_directory(here)]
    if len(found) > MOST_FOUND:
        raise ValueFault(f'"{pattern}" matches more than {MOST_FOUND:,} files', FIX)
    return sorted(found)


class _Looker:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._looked = 0

    def below(self, here: str, part: str, *, last: bool) -> Iterator[str]:
        """Give what matches a part of the pattern in a directory."""
        if MAGIC.isdisjoint(part):
            path = paths.join(here, part)
            if paths.is_there(path):
                yield path
            return
        from fnmatch import filter as matching

        names = [name for name in self._names(here) if part[0] == "." or name[0] != "."]
        for path in [paths.join(here, name) for name in matching(names, part)]:
            if last or paths.is_directory(path):
                yield path

    def _names(self, here: str) -> list[str]:
        try:
            names = posix.listdir(here or ".")
        except OSError:
            return []
        self._looked += len(names)
        if self._looked > MOST:
            text = f'"{self._pattern}" leads through more than {MOST:,} files and directories'
            raise ValueFault(text, FIX)
        return names
