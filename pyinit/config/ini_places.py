"""Where supervisord and supervisorctl look for their configuration when nobody names it."""

from __future__ import annotations

NAME = "supervisord.conf"


def places(program: str) -> tuple[str, ...]:
    """Return the paths in the order in which they are tried.

    `program` is the path of the program that looks: two of the places are beside its directory.
    """
    above = _parent(_parent(program))
    led = f"{above}/" if above.strip("/") else above
    beside = (f"{led}etc/{NAME}", f"{led}{NAME}")
    return (*beside, NAME, f"etc/{NAME}", f"/etc/{NAME}", f"/etc/supervisor/{NAME}")


def _parent(path: str) -> str:
    """Return the directory of a path, as the standard library does."""
    head = path[: path.rfind("/") + 1]
    return head.rstrip("/") or head
