"""Where supervisord and supervisorctl look for their configuration when nobody names it."""

from __future__ import annotations

from pyinit.config import paths

NAME = "supervisord.conf"


def places(program: str) -> tuple[str, ...]:
    """Return the paths in the order in which they are tried.

    `program` is the path of the program that looks: two of the places are beside its directory.
    """
    above = _parent(_parent(program))
    led = f"{above}/" if above.strip("/") else above
    beside = (f"{led}etc/{NAME}", f"{led}{NAME}")
    return (*beside, NAME, f"etc/{NAME}", f"/etc/{NAME}", f"/etc/supervisor/{NAME}")


def find(program: str) -> str | None:
    """Return the first of the places that has a file, None if none has."""
    for place in places(program):
        if paths.status(place) is not None and not paths.is_directory(place):
            return place
    return None


def _parent(path: str) -> str:
    """Return the directory of a path, as the standard library does."""
    head = path[: path.rfind("/") + 1]
    return head.rstrip("/") or head
