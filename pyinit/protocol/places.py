"""Where the control socket is looked for, by pyinit to make it and by clients to find it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "PYINIT_SOCKET"
SHARED = ("/tmp", "/dev/shm")  # noqa: S108  the last one is writable under `docker run --read-only`
LONGEST_PATH = 107  # bytes: sun_path of sockaddr_un, with its final zero


def socket_places(environ: Mapping[bytes, bytes], uid: int) -> tuple[str, ...]:
    """Return the paths in the order in which they are tried, without $PYINIT_SOCKET."""
    places = ["/run/pyinit/control.sock"]
    runtime = environ.get(b"XDG_RUNTIME_DIR")
    if runtime:
        places.append(runtime.decode("utf-8", "surrogateescape") + "/pyinit/control.sock")
    places += [f"{top}/pyinit-{uid}/control.sock" for top in SHARED]
    return tuple(places)


def places_to_listen(environ: Mapping[bytes, bytes], uid: int) -> tuple[str, ...]:
    """Return where a pyinit tries to have its socket, in this order.

    The $PYINIT_SOCKET of a program of another pyinit leads to that one.
    """
    chosen = chosen_place(environ)
    if b"PYINIT_PROGRAM" in environ:
        return tuple([place for place in socket_places(environ, uid) if place != chosen])
    return (chosen,) if chosen else socket_places(environ, uid)


def is_shared(path: str) -> bool:
    """Say whether everybody may make the directory of this socket: its owner must be looked at."""
    return path.rpartition("/")[0].rpartition("/")[0] in SHARED


def chosen_place(environ: Mapping[bytes, bytes]) -> str | None:
    """Return what $PYINIT_SOCKET says, None if it says nothing."""
    return environ.get(VARIABLE.encode(), b"").decode("utf-8", "surrogateescape") or None
