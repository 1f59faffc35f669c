"""Giving back the memory that only the start, or a moment of work, has needed.

Starting Python touches most of its program text once (the parser, the importer, what reads its
settings), and those pages stay mapped for as long as the process lives: three megabytes that an
init never looks at again.  They are clean pages of files: unmapping them loses nothing, the few
that are still needed come back from the page cache by themselves, in microseconds.  What malloc
holds free goes back to the kernel, too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MADV_DONTNEED = 4
TEXT = (b"r-xp", b"r--p")  # mappings that are read only


def give_back() -> Callable[[], None] | None:
    """Give back what malloc holds free; return what unmaps the text of programs, None if none can.

    Call that just before a sleep: what runs after it comes back, sixteen pages at a time.
    Only mappings without a page of our own are touched: a relocated page would be lost.
    """
    try:
        from pyinit.system import libc

        libc.call("malloc_trim", 0)
        unmap = libc.function("madvise")
        values = [tuple(map(libc.Long, (*span, MADV_DONTNEED))) for span in _clean_text()]
    except Exception:  # noqa: BLE001  another libc, no /proc, another Python: it is only a saving
        return None

    def unmap_all() -> None:
        for each in values:
            unmap(*each)

    return unmap_all


def _clean_text() -> list[tuple[int, int]]:
    """Return (address, size) of the mappings of files that are read only and wholly clean."""
    found: list[tuple[int, int]] = []
    start = size = 0
    with open("/proc/self/smaps", "rb") as file:
        for line in file:
            words = line.split()
            if not words[0].endswith(b":"):
                first, _, end = words[0].partition(b"-")
                start, size = int(first, 16), 0
                if words[1] in TEXT and words[-1].startswith(b"/"):
                    size = int(end, 16) - start
            elif words[0] == b"Anonymous:" and size and words[1] == b"0":
                found.append((start, size))
    return found
