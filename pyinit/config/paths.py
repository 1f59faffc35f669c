"""Paths without `os`, whose import costs the compiler more than reading a configuration."""

from __future__ import annotations

import posix

DIRECTORY, PIPE, KIND_OF_FILE = 0o040000, 0o010000, 0o170000  # of st_mode, see inode(7)
REGULAR, LINK = 0o100000, 0o120000


def join(directory: str, path: str) -> str:
    """Return `path` as it is named from where `directory` is named from."""
    if path.startswith("/") or not directory:
        return path
    return directory + path if directory.endswith("/") else f"{directory}/{path}"


def directory_of(path: str) -> str:
    """Return the directory that a path is in, "" for the one we are in."""
    head, slash, _ = path.rpartition("/")
    return head or slash


def absolute(path: str) -> str:
    """Return a path from the root."""
    return path if path.startswith("/") else join(posix.getcwd(), path)


def status(path: str) -> posix.stat_result | None:
    """Return what stat(2) says, None if there is nothing."""
    try:
        return posix.stat(path)
    except OSError:
        return None


def is_there(path: str) -> bool:
    """Say whether there is something of that name, be it a link to nothing."""
    try:
        posix.lstat(path)
    except OSError:
        return False
    return True


def is_directory(path: str) -> bool:
    """Say whether a path leads to a directory."""
    found = status(path)
    return found is not None and found.st_mode & KIND_OF_FILE == DIRECTORY


def identity(path: str) -> str:
    """Return what is the same for all paths that lead to one file."""
    found = status(path)
    return absolute(path) if found is None else f"{found.st_dev}:{found.st_ino}"
