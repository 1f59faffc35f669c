"""Descriptors that programs leave with pyinit over their restarts: sd_notify(3), FDSTORE=1.

The next run is given them behind its sockets, as sd_listen_fds(3) has it, with the names they were
stored by.  They stay over restarts, crashes, rolls and a re-exec, and are closed when the process
is at rest, when its run takes them back (FDSTOREREMOVE=1), or when the other end hangs up.
"""

from __future__ import annotations

import posix

from pyinit.core.beside import owner
from pyinit.core.record import Record
from pyinit.runtime import strays
from pyinit.system import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.plan import ProcessPlan
    from pyinit.protocol.notify import Notice
    from pyinit.runtime.machine import Machine

MOST = 64  # of one process: what would be more is closed, and told about
HANG_UP = 0x10 | 0x08  # EPOLLHUP, EPOLLERR
CAN_HANG_UP = ("socket:[", "pipe:[")  # others may not be asked: a file's server need not answer


class Stored(Record):
    """One descriptor.  A `polled` one is closed when the other end hangs up."""

    fd: int
    name: str
    polled: bool


class Store:
    """What there is, by process."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._kept: dict[str, list[Stored]] = {}
        self._full: set[str] = set()  # whose owners were told so

    def given(self, plan: ProcessPlan) -> list[tuple[int, str]]:
        """Return (descriptor, name) of all that a run of `plan` is to be given, in their order."""
        return [(each.fd, each.name) for each in self._kept.get(owner(plan.key), ())]

    def names(self, key: str) -> list[str]:
        """Return the names of what is kept for a process."""
        return [each.name for each in self._kept.get(owner(key), ())]

    def any(self) -> bool:
        """Say whether anything is kept."""
        return bool(self._kept)

    def keys(self) -> list[str]:
        """Return for whom something is kept."""
        return [*self._kept]

    def add(self, plan: ProcessPlan, notice: Notice, fds: tuple[int, ...]) -> set[int]:
        """Keep `fds`; return those that are kept now: what is there already is not kept twice."""
        kept = self._kept.setdefault(owner(plan.key), [])
        known = {_file(each.fd) for each in kept}
        taken: set[int] = set()
        for fd in fds:
            file = _file(fd)
            if file is not None and file in known:
                continue
            if len(kept) >= MOST:
                self._refuse(plan)
                break
            known.add(file)
            taken.add(fd)
            self._keep(owner(plan.key), Stored(fd, notice.fd_name, notice.polled))
        if not kept:
            del self._kept[owner(plan.key)]
        return taken

    def _refuse(self, plan: ProcessPlan) -> None:
        """Say once that it is too much: it may come again and again."""
        key = owner(plan.key)
        if key not in self._full:
            self._full.add(key)
            text = f"{plan.name}: cannot keep more than {MOST} descriptors: one is closed"
            self._machine.log.warning(text)

    def remove(self, key: str, name: str) -> None:
        """The run wants what it has stored by `name` no more."""
        for each in [*self._kept.get(owner(key), ())]:
            if each.name == name:
                self._close(owner(key), each)

    def drop(self, key: str) -> None:
        """The process is at rest or gone: nobody will be given what it has stored."""
        for each in [*self._kept.get(key, ())]:
            self._close(key, each)

    def carried(self) -> tuple[dict[str, tuple[tuple[int, str, bool], ...]], tuple[int, ...]]:
        """Return what the next pyinit must know, and the descriptors it must have."""
        plain = {
            key: tuple([(each.fd, each.name, each.polled) for each in kept])
            for key, kept in self._kept.items()
        }
        return plain, tuple([each.fd for kept in self._kept.values() for each in kept])

    def resume(self, known: dict[str, tuple[tuple[int, str, bool], ...]]) -> None:
        """Go on with what another pyinit has kept."""
        for key, kept in known.items():
            for fd, name, polled in kept:
                posix.set_inheritable(fd, False)
                self._keep(key, Stored(fd, name, polled))

    def _keep(self, key: str, stored: Stored) -> None:
        self._kept.setdefault(key, []).append(stored)
        if not (stored.polled and strays.link(stored.fd).startswith(CAN_HANG_UP)):
            return

        def hung_up(mask: int) -> None:
            if mask & HANG_UP and stored in self._kept.get(key, ()):
                self._close(key, stored)

        self._machine.poller.register(stored.fd, False, False, hung_up)

    def _close(self, key: str, stored: Stored) -> None:
        self._full.discard(key)
        kept = self._kept[key]
        kept.remove(stored)
        if not kept:
            del self._kept[key]
        self._machine.poller.unregister(stored.fd)
        strays.leave(stored.fd)


def _file(fd: int) -> tuple[bytes, bytes] | None:
    """Return what two descriptors of one file have in common; None where nothing tells them apart.

    All of eventfd, epoll and their like are one file to the kernel.  /proc knows without asking
    the server of a file, which fstat(2) would wait for.
    """
    if strays.link(fd).startswith("anon_inode:"):
        return None
    lines = (procfs.read(f"/proc/self/fdinfo/{fd}") or b"").split(b"\n")
    said = {name: value for name, _, value in [line.partition(b":") for line in lines]}
    return (said[b"mnt_id"], said[b"ino"]) if b"mnt_id" in said and b"ino" in said else None
