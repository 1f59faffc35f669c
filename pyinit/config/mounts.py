"""Which programs live where a server may keep the kernel waiting: they are started by fork.

A vfork holds PID 1 until the child has become its program.  On a disk that is at once; on a file
system whose server has gone it may be for ever, and PID 1 must never wait (docs/design.md).
Paths are only compared, never looked at: that might hang as well.
"""

from __future__ import annotations

import posix

from pyinit.config import paths
from pyinit.core.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyinit.core.plan import Launch, Plan

REMOTE = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse", "gfs2", "glusterfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "virtiofs"),
    )
)  # by the name in mountinfo; of "fuse.sshfs" it is the first part
MOUNTS = "/proc/self/mountinfo"
MOST_BYTES = 1 << 22  # of mountinfo
DEFAULT_PATH = "/bin:/usr/bin"


def by_fork(plan: Plan, environ: Mapping[str, str], mountinfo: str | None = None) -> Plan:
    """Return the plan, its launches marked where an exec may have to wait for a server.

    `mountinfo` is the text of /proc/self/mountinfo, see proc(5); None reads it.
    """
    remote = _points(_read() if mountinfo is None else mountinfo)
    if not any(remote.values()):
        return plan
    default = environ.get("PATH", DEFAULT_PATH)
    processes = [
        replace(each, launch=replace(each.launch, slow=True))
        if any(_is_remote(place, remote) for place in _places(each.launch, default))
        else each
        for each in plan.processes
    ]
    return replace(plan, processes=tuple(processes))


def _points(mountinfo: str) -> dict[str, bool]:
    """Return whether it is remote by mount point; of two at one point, the upper one."""
    found = {}
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, kinds = left.split(), right.split()
        if len(fields) > 4 and kinds:
            found[_plain(fields[4])] = kinds[0].split(".")[0] in REMOTE
    return found


def _plain(point: str) -> str:
    """Return a mount point as it is: the kernel writes blanks and backslashes in octal."""
    for char in " \t\n\\":
        point = point.replace(f"\\{ord(char):03o}", char)
    return point.rstrip("/")


def _places(launch: Launch, default: str) -> Iterable[str]:
    """Return the paths that an exec of `launch` looks at."""
    directory = launch.directory or "."
    command = launch.argv[0] if launch.argv else ""
    if "/" in command:
        return (directory, paths.join(directory, command))
    search = dict(launch.env).get("PATH", default)
    return (directory, *[paths.join(directory, each) for each in search.split(":")])


def _is_remote(place: str, points: dict[str, bool]) -> bool:
    try:
        place = paths.absolute(place)
    except OSError:  # where we are is gone
        return False
    place = "/".join([part for part in place.split("/") if part != "."]).rstrip("/")
    while place and place not in points:
        place = place.rpartition("/")[0]
    return points.get(place, False)


def _read() -> str:
    try:
        fd = posix.open(MOUNTS, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return ""
    try:
        text = b""
        while len(text) < MOST_BYTES and (part := posix.read(fd, 1 << 16)):
            text += part
    finally:
        posix.close(fd)
    return text.decode("utf-8", "surrogateescape")
