"""Where the control socket is looked for, by pyinit to make it and by clients to find it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "PYINIT_SOCKET"
LONGEST_PATH = 107  # bytes: sun_path of sockaddr_un, with its final zero


def socket_places(environ: Mapping[bytes, bytes], uid: int) -> tuple[str, ...]:
    """Return the paths in the order in which they are tried, without $PYINIT_SOCKET."""
    places = ["/run/pyinit/control.sock"]
    runtime = environ.get(b"XDG_RUNTIME_DIR")
    if runtime:
        places.append(runtime.decode("utf-8", "surrogateescape") + "/pyinit/control.sock")
    places.append(f"/tmp/pyinit-{uid}/control.sock")  # noqa: S108  its owner is checked
    return tuple(places)


def chosen_place(environ: Mapping[bytes, bytes]) -> str | None:
    """Return what $PYINIT_SOCKET says, None if it says nothing."""
    return environ.get(VARIABLE.encode(), b"").decode("utf-8", "surrogateescape") or None
