"""What /proc tells of processes.  All of it may vanish while it is read: None, never an error."""

from __future__ import annotations

import posix
import time

from pyinit.core.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

READ_BYTES = 1 << 16  # malloc serves this from its heap, a megabyte by a mapping each time
CHILDREN = "/proc/thread-self/children"
THREADS = 17  # the place of num_threads, see proc(5)


class ProcStat(Record):
    """Some fields of /proc/PID/stat; times in clock ticks, `start` since boot."""

    pid: int
    state: str
    ppid: int
    group: int
    session: int
    user: int
    system: int
    start: int
    rss_pages: int


def read(path: str, size: int = READ_BYTES) -> bytes | None:
    """Return the content of a small file of the kernel's, or None."""
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while part := posix.read(fd, size):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        posix.close(fd)


def children_of_self() -> list[int] | None:
    """Return the pids of our children; None where the kernel does not list them."""
    data = read(CHILDREN)
    return None if data is None else [int(word) for word in data.split()]


def children_of(pid: int) -> list[int] | None:
    """Return the pids of the children of every thread of a process; None if not to be had."""
    try:
        # Most have one thread, of their own number, which the links of the directory tell: a
        # call for five.  A kernel that does not count them says less than three.
        alone = posix.stat(f"/proc/{pid}/task").st_nlink == 3
        threads = [str(pid)] if alone else posix.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found: list[int] = []
    for thread in threads:
        data = read(f"/proc/{pid}/task/{thread}/children")
        if data is None:
            return None
        found.extend([int(word) for word in data.split()])
    return found


def stat(pid: int) -> ProcStat | None:
    """Return what /proc/PID/stat says.  The name in it may hold spaces and parentheses.

    A process whose first thread has ended before others looks dead in it, and sleeps here.
    """
    data = read(f"/proc/{pid}/stat")
    if data is None or b")" not in data:
        return None
    words = data[data.rindex(b")") + 2 :].split()
    if len(words) < 22:
        return None
    numbers = [int(words[n]) for n in (1, 2, 3, 11, 12, 19, 21)]
    alone = words[THREADS] in (b"0", b"1")
    return ProcStat(pid, words[0].decode() if alone or words[0] != b"Z" else "S", *numbers)


def born_at(pid: int) -> float:
    """Return the monotonic time at which a process began, -inf if that is not to be known.

    It is early by as long as the machine has slept since, and by up to a hundredth of a second.
    """
    found = stat(pid)
    if found is None:
        return float("-inf")
    began = found.start / posix.sysconf("SC_CLK_TCK")
    return time.monotonic() - (time.clock_gettime(time.CLOCK_BOOTTIME) - began)


def table() -> dict[int, ProcStat]:
    """Return every process that can be seen."""
    try:
        names = posix.listdir("/proc")
    except OSError:
        return {}
    found = [stat(int(name)) for name in names if name.isdigit()]
    return {each.pid: each for each in found if each is not None}


def descendants(roots: Iterable[int], processes: dict[int, ProcStat]) -> set[int]:
    """Return the pids below `roots`, at any depth, the roots themselves excluded."""
    children: dict[int, list[int]] = {}
    for each in processes.values():
        children.setdefault(each.ppid, []).append(each.pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def owner(pid: int) -> tuple[int, int]:
    """Return the real (uid, gid) of a process; (-1, -1) when it is gone."""
    found = {b"Uid": -1, b"Gid": -1}
    for line in (read(f"/proc/{pid}/status") or b"").split(b"\n"):
        name, _, value = line.partition(b":")
        if name in found:
            found[name] = int(value.split()[0])
    return found[b"Uid"], found[b"Gid"]


def environ(pid: int) -> dict[bytes, bytes] | None:
    """Return the environment a process was started with; None if it may not be seen."""
    data = read(f"/proc/{pid}/environ")
    if data is None:
        return None
    pairs = [item.partition(b"=") for item in data.split(b"\0") if item]
    return {name: value for name, _, value in pairs}


def count_fds(pid: int) -> int | None:
    """Return how many descriptors a process has open; None if they may not be seen.

    Since Linux 6.2 the size of the directory tells, also of processes of other users.
    """
    try:
        size = posix.stat(f"/proc/{pid}/fd").st_size
        return size or len(posix.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def memory_bytes(pid: int) -> int | None:
    """Return the resident set of a process."""
    found = stat(pid)
    return None if found is None else found.rss_pages * posix.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float | None:
    """Return the processor time a process has used."""
    found = stat(pid)
    return None if found is None else (found.user + found.system) / posix.sysconf("SC_CLK_TCK")
