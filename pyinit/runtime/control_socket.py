"""Makes the control socket, in the first place where one can be had."""

from __future__ import annotations

import errno
import posix

from pyinit.system import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket

    from pyinit.core.plan import ControlPlan


def listen(
    plan: ControlPlan, places: tuple[str, ...], *, exclusive: bool = False
) -> tuple[_socket.socket | None, str, tuple[str, ...]]:
    """Return (listener, its path, why each earlier place was no good).

    Only the plan's own path is tried if it names one.  With no listener at all the path is "".
    `exclusive` does not go on to the next place where a pyinit answers, but raises OSError.
    """
    failures: list[str] = []
    for path in (plan.path,) if plan.path else places:
        try:
            _check_shared(path)
            return sockets.listen_unix(path, plan.mode, plan.uid, plan.gid), path, tuple(failures)
        except OSError as error:
            if exclusive and error.errno == errno.EADDRINUSE:
                text = "another pyinit answers at the control socket"
                raise OSError(errno.EADDRINUSE, text, path) from None
            failures.append(f"{path}: {error.strerror or error}")
    return None, "", tuple(failures)


def _check_shared(path: str) -> None:
    """Make the directory of a socket below /tmp ours alone; somebody else's is refused."""
    directory = path.rpartition("/")[0]
    if directory.rpartition("/")[0] != "/tmp":  # noqa: S108
        return
    try:
        posix.mkdir(directory, 0o700)
    except FileExistsError:
        found = posix.lstat(directory)
        if found.st_uid != posix.geteuid() or found.st_mode & 0o170022 != 0o040000:
            raise PermissionError(1, f"'{directory}' belongs to somebody else") from None
