"""When a log file is full, and which renames make room: f -> f.1 -> f.2 ... the last is removed."""

from __future__ import annotations

SUFFIX = ".gz"


def is_full(size: int, adding: int, max_size: int) -> bool:
    """Say whether a file of `size` bytes must be rotated before `adding` more are written.

    `max_size` 0 is never full; a file is never rotated while it is empty.
    """
    return 0 < max_size < size + adding and size > 0


def renames(path: str, max_files: int, present: frozenset[str]) -> list[tuple[str, str | None]]:
    """Return what to do, in order: (from, to), `to` None to remove.

    `present` are the names that exist; compressed files keep their suffix.  With `max_files` 0
    nothing old is kept.

    What cannot be carried out to its end costs nothing: the oldest is removed last, under a number
    above `max_files`, and as nothing above a gap moves, trying again moves nothing twice.
    """
    if max_files <= 0:
        return [(path, None)]
    gap = 1
    while gap <= max_files and any(name in present for name in _both(path, gap)):
        gap += 1
    steps: list[tuple[str, str | None]] = []
    for number in range(gap - 1, 0, -1):
        pairs = zip(_both(path, number), _both(path, number + 1), strict=True)
        steps += [(old, new) for old, new in pairs if old in present]
    steps.append((path, f"{path}.1"))
    if gap > max_files:
        moved = [new for _, new in steps]
        steps += [(n, None) for n in _both(path, gap) if n in present or n in moved]
    return steps


def _both(path: str, number: int) -> tuple[str, str]:
    return f"{path}.{number}", f"{path}.{number}{SUFFIX}"
