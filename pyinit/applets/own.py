"""Tells whether a command is pyinit under another name: a link to it, or an entry made by pip."""

from __future__ import annotations

import posix

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENTRY = b"from pyinit.applets."
HEAD_BYTES = 1024
SHELLS = ("/bin/sh", "/bin/bash", "sh", "bash")
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:,@%+- ")


def without_shell(words: list[str]) -> list[str]:
    """Return `words`; of a shell's line in which a shell finds nothing to do, those of the line.

    So is a CMD that is written as a line: it comes as /bin/sh -c LINE.
    """
    if len(words) != 3 or words[0] not in SHELLS or words[1] != "-c":
        return words
    line = words[2].split()
    plain = PLAIN.issuperset(words[2])
    return (line[line[:1] == ["exec"] :] if plain else []) or words


def own_command(name: str, pyinit: str) -> str:
    """Return the path that the command `name` is found at if that is ours, else "".

    `pyinit` is the path of the executable that runs.
    """
    path = _found(name)
    return path if path and (_same(path, pyinit) or _is_entry(path)) else ""


def _found(name: str) -> str:
    if "/" in name:
        return name
    for directory in posix.environ.get(b"PATH", DEFAULT_PATH.encode()).split(b":"):
        path = f"{directory.decode(errors='surrogateescape') or '.'}/{name}"
        if posix.access(path, posix.X_OK):
            return path
    return ""


def _same(one: str, other: str) -> bool:
    try:
        first, second = posix.stat(one), posix.stat(other)
    except OSError:
        return False
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _is_entry(path: str) -> bool:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK)
    except OSError:
        return False
    try:
        return ENTRY in posix.read(fd, HEAD_BYTES)
    except OSError:
        return False  # a directory
    finally:
        posix.close(fd)
