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
    """
    steps: list[tuple[str, str | None]] = []
    if max_files <= 0:
        return [(path, None)]
    for number in range(max_files, 0, -1):
        for suffix in ("", SUFFIX):
            name = f"{path}.{number}{suffix}"
            if name not in present:
                continue
            last = number == max_files
            steps.append((name, None if last else f"{path}.{number + 1}{suffix}"))
    steps.append((path, f"{path}.1"))
    return steps
