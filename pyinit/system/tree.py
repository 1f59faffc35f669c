"""What belongs to a run: its group, its descendants, and those that left both.

A run's leader has its own group, and its descendants are found by their parents.  A daemon that
forked twice and called setsid is in neither: it is a child of ours that we did not fork.  Which
run it came from its mark tells (`system.mark`), or, where a program has changed that very limit,
PYINIT_PROCESS in its environment.

The usual case is cheap: a signal 0 to the group says whether it lives, one file lists our
children, and where it holds nobody but runs there is nothing to look for.  What had to be read
is kept in a Snapshot for the rest of a turn of the loop, so that a thousand stops read it once.
"""

from __future__ import annotations

import posix

from pyinit.system import mark, procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Container

    from pyinit.system.procfs import ProcStat
else:
    import _signal

LABEL = b"PYINIT_PROCESS"
RUN = b"PYINIT_RUN"  # the label of a run that began beside another one of its process
STOPPED = "Tt"
GONE = "ZX"


class Known:
    """What is remembered from turn to turn, so that /proc is not searched anew in each.

    `marks` are those of our children: none of them can have another's pid until it is reaped.
    `members` are those that were found in the group of a run: while one of them lives, the run
    has not ended, and who else is in the group need not be known.
    """

    def __init__(self) -> None:
        self.marks: dict[int, int] = {}
        self.members: dict[int, tuple[int, ...]] = {}

    def forget(self, pid: int) -> None:
        """A child is gone, and its pid may soon be somebody else's."""
        self.marks.pop(pid, None)


class Snapshot:
    """/proc as of this turn, read only when asked and at most once.

    `runs` are the pids of runs, and of other children that nobody has left behind.
    """

    def __init__(self, runs: Container[int], known: Known | None = None) -> None:
        self.runs = runs
        self._known = known or Known()
        self._table: dict[int, ProcStat] | None = None
        self._strangers: list[int] | None = None

    def table(self) -> dict[int, ProcStat]:
        """Return every process that can be seen."""
        if self._table is None:
            self._table = procfs.table()
        return self._table

    def group(self, leader: int) -> tuple[int, ...]:
        """Return live members of a group but its leader: all, or those that were found before."""
        if not _group_lives(leader):
            self._known.members.pop(leader, None)
            return ()
        before = self._known.members.get(leader, ())
        found = tuple([pid for pid in before if _is_member(procfs.stat(pid), leader)])
        if not found:
            table = self.table().values()
            found = tuple([each.pid for each in table if _is_member(each, leader)])
        self._known.members[leader] = found
        return found

    def strangers(self) -> list[int]:
        """Return our children that are no runs: orphans handed to us."""
        if self._strangers is None:
            children = procfs.children_of_self()
            if children is None:
                us = posix.getpid()
                children = [each.pid for each in self.table().values() if each.ppid == us]
            self._strangers = [pid for pid in children if pid not in self.runs]
        return self._strangers

    def labelled(self, label: str, user: int = 0) -> list[int]:
        """Return those strangers that a run with this label has left behind.

        Everybody can forge a mark, but none can choose its user: a run of `user` has left behind
        nobody of others but root, and one of root (0) whomever it liked.
        """
        wanted = mark.number(label)
        found = [pid for pid in self.strangers() if self._mark(pid) == wanted]
        return [pid for pid in found if not user or procfs.owner(pid)[0] in {0, user}]

    def _mark(self, pid: int) -> int:
        known = self._known.marks.get(pid)
        if known is None:
            label = "" if (known := mark.of(pid)) else _label(pid)
            known = mark.number(label) if label else known
            if known:  # in the middle of an exec there is no environment for a moment
                self._known.marks[pid] = known
        return known

    def below(self, roots: list[int]) -> set[int]:
        """Return the descendants of `roots`, at any depth, by the files that list children."""
        found: set[int] = set()
        waiting = list(roots)
        while waiting:
            children = procfs.children_of(waiting.pop())
            if children is None:
                return procfs.descendants(roots, self.table())
            waiting.extend([child for child in children if child not in found])
            found.update(children)
        return found


def survey(
    pid: int, label: str, scope: str, seen: Snapshot, *, first: int = 0, user: int = 0
) -> tuple[int, ...]:
    """Return live processes of the run that was led by `pid`, none only if there is none.

    `scope` is "process" (nothing but the leader), "group" or "tree"; `label` is the run's
    PYINIT_PROCESS; `first` is who led it before, 0 if that was nobody; `user` is as for
    `Snapshot.labelled`.  Where `pid` is 0, only those count who are known by the label.
    """
    if scope == "process":
        return ()
    found = _escaped(pid, label, seen, user) if scope == "tree" else set()
    found.discard(pid)
    found.update(seen.group(pid))
    if first and scope == "group":
        found.update([each.pid for each in _in_other_groups(pid, first, label, seen)])
    return tuple(sorted([one for one in found if _is_alive(one)]))


def kill_tree(
    pid: int,
    label: str,
    scope: str,
    signum: int,
    seen: Snapshot,
    *,
    first: int = 0,
    user: int = 0,
) -> int:
    """Send `signum` to the run led by `pid`; return how many members outside its group got it.

    The group gets it by one call; descendants that left it one by one.  A stopped member is
    continued, or it could not obey.  Where `pid` is 0, those get it who are known by the label.
    """
    escaped: list[ProcStat] = []
    try:
        if scope == "tree":
            members = [procfs.stat(one) for one in _escaped(pid, label, seen, user)]
            escaped = [one for one in members if one is not None and one.group != pid]
        elif first:
            escaped = _in_other_groups(pid, first, label, seen)
    finally:  # whoever cannot be found keeps no signal from those who are known
        _signal_group(pid, signum)
    for one in escaped:
        signal_process(one.pid, signum, start=one.start)
    if signum != _signal.SIGKILL:
        _signal_group(pid, _signal.SIGCONT)
        for one in escaped:
            if one.state in STOPPED:
                signal_process(one.pid, _signal.SIGCONT, start=one.start)
    return len(escaped)


def signal_process(pid: int, signum: int, *, start: int | None = None) -> bool:
    """Send `signum` to one process, by a pidfd where there are such; say whether it was there.

    With `start` (/proc's start time) only if it is still the process that started then.
    """
    if pid <= 1 or pid == posix.getpid():
        return False
    try:
        handle = posix.pidfd_open(pid, 0)
    except OSError:
        return _signal_by_pid(pid, signum, start)
    try:
        if start is not None and not _is_same(pid, start):
            return False
        _signal.pidfd_send_signal(handle, signum)
    except OSError:
        return False
    finally:
        posix.close(handle)
    return True


def all_descendants(seen: Snapshot) -> tuple[int, ...]:
    """Return every live process below us that is not a run: what the programs left behind."""
    roots = seen.strangers()
    found = seen.below(roots) | set(roots)
    return tuple(sorted([one for one in found if one not in seen.runs and _is_alive(one)]))


def _escaped(pid: int, label: str, seen: Snapshot, user: int) -> set[int]:
    """Return the descendants of the run, by parents and by label, in its group or not."""
    labelled = seen.labelled(label, user)
    found = seen.below([pid, *labelled] if pid > 1 else labelled) | set(labelled)
    return {one for one in found if one > 1 and one not in seen.runs and one != posix.getpid()}


def _in_other_groups(pid: int, first: int, label: str, seen: Snapshot) -> list[ProcStat]:
    """Return who is in the group that a run began with, or in that of who leads it now.

    The numbers of groups may be others' by now: only who has the mark of the run counts.
    """
    leader, wanted = procfs.stat(pid), mark.number(label)
    groups = {first, first if leader is None else leader.group} - {pid, posix.getpgrp()}
    near = [each for each in seen.table().values() if each.group in groups]
    return [
        each
        for each in near
        if each.pid not in seen.runs and each.state not in GONE and mark.of(each.pid) == wanted
    ]


def _label(pid: int) -> str:
    environ = procfs.environ(pid)
    if environ is None:
        return ""
    return (environ.get(RUN) or environ.get(LABEL, b"")).decode("utf-8", "surrogateescape")


def _is_member(found: ProcStat | None, leader: int) -> bool:
    """Say whether a process lives in a group without leading it."""
    if found is None or found.pid == leader:
        return False
    return found.group == leader and found.state not in GONE


def _is_alive(pid: int) -> bool:
    found = procfs.stat(pid)
    return found is not None and found.state not in GONE


def _is_same(pid: int, start: int) -> bool:
    found = procfs.stat(pid)
    return found is not None and found.start == start


def _group_lives(pid: int) -> bool:
    if pid <= 1:  # for killpg(2) 0 is our own
        return False
    try:
        posix.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal_group(pid: int, signum: int) -> None:
    """Signal the group a run leads; a run that did not make its group yet is signalled itself."""
    if pid <= 1:
        return
    try:
        posix.killpg(pid, signum)
    except ProcessLookupError:
        signal_process(pid, signum)
    except PermissionError:
        return


def _signal_by_pid(pid: int, signum: int, start: int | None) -> bool:
    if start is not None and not _is_same(pid, start):
        return False
    try:
        posix.kill(pid, signum)
    except OSError:
        return False
    return True
