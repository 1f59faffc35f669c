"""A file of a configuration as text, or what is wrong with it."""

from __future__ import annotations

import posix

from pyinit.config import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.problems import Problems

MAX_BYTES = 16 << 20
OTHERS_WRITE = 0o002  # S_IWOTH
WRITERS_FIX = '"chmod o-w" it, or mount it read-only'
DROPPED_FIX = '"chown root" it, or "chmod o-w" the directory'


def read_text(path: str, problems: Problems, *, lenient: bool = False) -> str | None:
    """Return the text of a file without a byte order mark; None if there is a problem with it.

    A `lenient` one may be written by everybody, with a warning: supervisord has no objections.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
            status = posix.fstat(file.fileno())
    except OSError as error:
        fix = "see its owner and mode"
        if isinstance(error, FileNotFoundError):
            fix = "see the path: it is " + paths.absolute(path)
        problems.add(path, (), f"cannot read it: {error.strerror}", fix)
        return None
    if len(data) > MAX_BYTES:
        fix = "divide it, and include the parts"
        problems.add(path, (), f"it is larger than {MAX_BYTES >> 20} MB", fix)
        return None
    check_writers(path, status, problems, refuse=not lenient)
    if not lenient:
        check_dropped(path, status, problems)
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = f"it is not UTF-8: there is a byte 0x{data[error.start]:02x}"
        problems.add(path, (), text, "save it as UTF-8", line=line)
        return None
    return text


def check_matched(path: str, problems: Problems) -> bool:
    """Say whether a file that nobody has named, but a pattern found, is one to be read.

    Who names a pipe has something write into it; of one that was found, nobody knows.
    """
    found = paths.status(path)
    if found is None or found.st_mode & paths.KIND_OF_FILE != paths.PIPE:
        return True
    fix = "see what matches; a pipe that is meant must be named"
    problems.add(path, (), "cannot read it: it is a named pipe, no file", fix)
    return False


def check_writers(
    path: str, status: posix.stat_result, problems: Problems, *, refuse: bool = True
) -> None:
    """Refuse what everybody may write where root is to run what it says; or warn of it.

    What is mounted read-only may have any mode: so do ConfigMaps of Kubernetes.
    """
    if posix.geteuid() != 0 or not status.st_mode & OTHERS_WRITE or is_read_only(path):
        return
    text, fix = "everybody may write it, and root runs what it says", WRITERS_FIX
    if refuse:
        problems.add(path, (), text, fix)
    else:
        problems.warnings.append(f"{path}: {text}: {fix}")


def check_dropped(path: str, status: posix.stat_result, problems: Problems) -> None:
    """Refuse a file that somebody may have dropped into a directory that is everybody's.

    `status` is that of the file that was read.  It may be root's: a link to what root has written
    for somebody, a log say.
    """
    if posix.geteuid() != 0:
        return
    directory = paths.directory_of(path) or "."
    place = paths.status(directory)
    if place is None or not place.st_mode & OTHERS_WRITE or is_read_only(directory):
        return
    text = _dropped_by(path, status)
    if text:
        text += ", in a directory that everybody may write"
        problems.add(path, (), f"{text}, and root runs what it says", DROPPED_FIX)


def _dropped_by(path: str, status: posix.stat_result) -> str:
    """Return what tells that somebody else may have put a file there, "" if nothing does."""
    if status.st_uid != 0:
        return f"it belongs to user {status.st_uid}"
    if status.st_nlink > 1 and status.st_mode & paths.KIND_OF_FILE == paths.REGULAR:
        return "it has another name (a hard link)"
    try:
        named = posix.lstat(path)
    except OSError:
        return "somebody has removed it"
    if named.st_mode & paths.KIND_OF_FILE == paths.LINK:
        return f"it is a link of user {named.st_uid}" if named.st_uid else ""
    same = (named.st_dev, named.st_ino) == (status.st_dev, status.st_ino)
    return "" if same else "somebody has replaced it"


def read_given(path: str, most: int) -> bytes:
    """Return what is in a file of variables, as `given.read` does.  Raises OSError."""
    from pyinit.system import given

    return given.read(path, most)


def is_read_only(path: str) -> bool:
    """Say whether a file is on a file system that is mounted read-only."""
    try:
        return bool(posix.statvfs(path).f_flag & posix.ST_RDONLY)
    except OSError:
        return False
