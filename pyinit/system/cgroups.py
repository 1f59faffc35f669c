"""What the container's cgroup counts: how often the kernel killed for memory (v2 and v1)."""

from __future__ import annotations

from pyinit.system import procfs

ROOT = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"


def oom_kills(root: str = ROOT, membership: str = MEMBERSHIP) -> int | None:
    """Return how many processes of our cgroup were killed for memory; None if not to be had."""
    for path in _candidates(root, membership):
        data = procfs.read(path)
        for line in (data or b"").splitlines():
            name, _, value = line.partition(b" ")
            if name == b"oom_kill" and value.strip().isdigit():
                return int(value)
    return None


def _candidates(root: str, membership: str) -> list[str]:
    """Return where the count may be: our own path on a host, the mount's root in a container."""
    paths = []
    for line in (procfs.read(membership) or b"").decode("utf-8", "surrogateescape").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            paths += [f"{root}{path}/memory.events", f"{root}/memory.events"]
        elif "memory" in controllers.split(","):
            base = f"{root}/memory"
            paths += [f"{base}{path}/memory.oom_control", f"{base}/memory.oom_control"]
    return paths
