"""What root may use in places that belong to others: who could have put it there, and for whom.

Whoever may write to a directory can put a link there, to have root use another file by its name.
That is told by the directory, not by the link: a hard link has the owner of the file it leads to,
and a symbolic link of root's can be moved in from elsewhere.  The kernel's own protection
(fs.protected_symlinks, _hardlinks, _regular, _fifos of proc(5)) is off in many places, covers
sticky directories only, and is nothing that a container could turn on for itself.
"""

from __future__ import annotations

import errno
import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    import stat as _stat
else:
    import _stat

READ_ONLY = 1  # ST_RDONLY of statvfs(3)
ANYBODY = -1


def is_guarded(here: int) -> bool:
    """Say whether only root and we can put something into a directory.

    One of a read-only mount is guarded whatever its mode: ConfigMaps and Secrets of Kubernetes
    are mounted so, in directories that seem open to everybody.
    """
    place = posix.fstat(here)
    if place.st_uid not in (0, posix.geteuid()):
        return False
    return not is_open(place) or bool(posix.fstatvfs(here).f_flag & READ_ONLY)


def is_open(found: posix.stat_result) -> bool:
    """Say whether the mode of a file or directory lets others than root and us write to it."""
    if found.st_mode & _stat.S_IWOTH:
        return True
    ours = {0, posix.getegid()}
    if posix.geteuid() != 0:  # root is in groups of others; an ordinary user's are his to trust
        ours.update(posix.getgroups())
    return bool(found.st_mode & _stat.S_IWGRP) and found.st_gid not in ours


def check_link(here: int, name: str, found: posix.stat_result) -> None:
    """Refuse a symbolic link that somebody else may have put there.  Raises OSError (ELOOP)."""
    if found.st_uid not in (0, posix.geteuid()):
        raise OSError(errno.ELOOP, "a symbolic link made by another user", name)
    if not is_guarded(here):
        text = "a symbolic link in a directory that others may write to"
        if posix.fstat(here).st_uid not in (0, posix.geteuid()):
            text = "a symbolic link made by another user"
        raise OSError(errno.ELOOP, text, name)


def makers(here: int, found: posix.stat_result) -> set[int]:
    """Return the users who may have made a link that is not to be trusted; ANYBODY is one, too."""
    place = posix.fstat(here)
    users = {found.st_uid, place.st_uid} - {0, posix.geteuid()}
    return users | {ANYBODY} if is_open(place) else users


def check_file(here: int, name: str, found: posix.stat_result, uid: int | None = None) -> None:
    """Refuse what somebody else may have put there to have us write it.  Raises PermissionError.

    That is another's name of a file (see `check_name`), and what another user than `uid` has
    laid ready in a directory that is everybody's.
    """
    check_name(here, name, found)
    place = posix.fstat(here)
    shared = place.st_mode & _stat.S_ISVTX and place.st_mode & _stat.S_IWOTH
    if shared and found.st_uid not in (0, posix.geteuid(), uid, place.st_uid):
        text = "somebody else's file in a directory that is everybody's"
        raise PermissionError(errno.EPERM, text, name)


def check_name(here: int, name: str, found: posix.stat_result) -> None:
    """Refuse a second name of a file that others may have given it.  Raises PermissionError."""
    if found.st_nlink < 2 or _stat.S_ISDIR(found.st_mode):
        return
    us = posix.geteuid()
    if found.st_uid != us:
        raise PermissionError(errno.EPERM, "a hard link to somebody else's file", name)
    if not is_guarded(here):
        text = "a hard link in a directory that others may write to"
        if posix.fstat(here).st_uid not in (0, us):
            text = "a hard link in somebody else's directory"
        raise PermissionError(errno.EPERM, text, name)


def check_given(here: int, fd: int, path: str, strangers: set[int]) -> None:
    """Refuse to read what others may have chosen, and what others may have written.

    `fd` is the file, in the directory `here`; `strangers` are those who may have made the links
    that led to it.  Raises PermissionError.
    """
    found = posix.fstat(fd)
    if strangers and strangers != {found.st_uid}:
        text = "a link that another user may have made leads to it"
        raise PermissionError(errno.EPERM, text, path)
    named_twice = found.st_nlink > 1 and not _stat.S_ISDIR(found.st_mode)
    if named_twice and not is_guarded(here) and not _is_of_its_place(here, found):
        text = "it is a hard link in a directory that others may write to"
        raise PermissionError(errno.EPERM, text, path)
    open_to_all = _stat.S_ISREG(found.st_mode) and found.st_mode & _stat.S_IWOTH
    if open_to_all and posix.geteuid() == 0 and not posix.fstatvfs(fd).f_flag & READ_ONLY:
        text = 'everybody may write it: "chmod o-w" it, or mount it read-only'
        raise PermissionError(errno.EPERM, text, path)


def _is_of_its_place(here: int, found: posix.stat_result) -> bool:
    """Say whether a file belongs to the user of its directory, who is neither root nor we."""
    return found.st_uid not in (0, posix.geteuid()) and found.st_uid == posix.fstat(here).st_uid
