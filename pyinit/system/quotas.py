"""How much memory and how many processors our cgroup may use, of version 2 and of version 1.

A bound of any group above ours binds us, too: the least one counts.  In a container the groups
above are not to be seen, and the mount shows our own as its root; of version 1 the path that
the kernel tells may be one that only the host has: what is not there is passed over.
"""

from __future__ import annotations

from pyinit.system import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"
UNIFIED = "unified"  # where version 2 is mounted beside version 1
NO_BOUND = 1 << 60  # version 1 writes "none" as the largest number of whole pages
CPU_MOUNTS = ("cpu", "cpu,cpuacct", "cpuacct,cpu")


def memory_limit(root: str = ROOT, membership: str = MEMBERSHIP) -> int | None:
    """Return the bytes that our cgroup may use, None if there is no bound."""
    found: list[int] = []
    for version, group in _groups("memory", ("memory",), root, membership):
        name = "memory.max" if version == 2 else "memory.limit_in_bytes"
        word = (procfs.read(f"{group}/{name}") or b"").strip()
        if word.isdigit() and 0 < int(word) < NO_BOUND:
            found.append(int(word))
    return min(found) if found else None


def processors(root: str = ROOT, membership: str = MEMBERSHIP) -> float | None:
    """Return how many processors' time our cgroup may use, None if there is no bound."""
    found: list[float] = []
    for version, group in _groups("cpu", CPU_MOUNTS, root, membership):
        if version == 2:
            words = (procfs.read(f"{group}/cpu.max") or b"").split()
        else:
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            words = b" ".join([procfs.read(f"{group}/{name}") or b"" for name in names]).split()
        if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
            found.append(int(words[0]) / int(words[1]))
    return min(found) if found else None


def most_processes(root: str = ROOT, membership: str = MEMBERSHIP) -> int | None:
    """Return how many processes and threads our cgroup may have, None if there is no bound."""
    found: list[int] = []
    for _, group in _groups("pids", ("pids",), root, membership):
        word = (procfs.read(f"{group}/pids.max") or b"").strip()
        if word.isdigit():
            found.append(int(word))
    return min(found) if found else None


def version(root: str = ROOT) -> int:
    """Return which version counts here: 2, 1, or 0 if there are no cgroups to be seen."""
    if procfs.read(f"{root}/cgroup.controllers") is not None:
        return 2
    return 1 if procfs.read(f"{root}/memory/memory.limit_in_bytes") is not None else 0


def _groups(
    controller: str, mounts: tuple[str, ...], root: str, membership: str
) -> Iterator[tuple[int, str]]:
    """Give (version, directory) of our group and of those above it, as far as they may be seen."""
    for line in (procfs.read(membership) or b"").decode("utf-8", "surrogateescape").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            bases, number = [root, f"{root}/{UNIFIED}"], 2
        elif controller in controllers.split(","):
            bases, number = [f"{root}/{mount}" for mount in mounts], 1
        else:
            continue
        parts = [part for part in path.split("/") if part not in {"", ".", ".."}]
        for base in bases:
            for length in range(len(parts), -1, -1):
                yield number, "/".join([base, *parts[:length]])
