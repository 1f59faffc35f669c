"""Makes the control socket, in the first place where one can be had, and leads clients to it."""

from __future__ import annotations

import errno
import posix

from pyinit.protocol.places import is_shared, places_to_listen, socket_places
from pyinit.system import files, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    import stat as _stat
    from collections.abc import Callable

    from pyinit.core.plan import InitPlan
    from pyinit.runtime.machine import Machine
else:
    import _stat


def listen(
    init: InitPlan, *, exclusive: bool = False
) -> tuple[_socket.socket | None, str, tuple[str, ...]]:
    """Return (listener, its path, why each earlier place was no good).

    Only the plan's own path is tried if it names one.  With no listener at all the path is "".
    `exclusive` does not go on to the next place where a pyinit answers, but raises OSError.
    """
    plan = init.control
    known = socket_places(posix.environ, posix.geteuid())
    failures: list[str] = []
    for path in (plan.path,) if plan.path else places_to_listen(posix.environ, posix.geteuid()):
        try:
            made = _make_directory(path, init)
            if path in known and _is_left_over(path, init, _stat.S_ISLNK):
                files.remove(path)
            listener = sockets.listen_unix(path, plan.mode, *_owner(init))
            if made:
                _give(path.rpartition("/")[0], init)
        except OSError as error:
            if exclusive and error.errno == errno.EADDRINUSE:
                text = "another pyinit answers at the control socket"
                raise OSError(errno.EADDRINUSE, text, path) from None
            failures.append(f"{path}: {error.strerror or error}")
        else:
            return listener, path, tuple(failures)
    return None, "", tuple(failures)


def open_for(machine: Machine, fd: int) -> _socket.socket | None:
    """Return the listener of `machine`, `fd` if another pyinit has left it; None, and said why.

    From then on it knows where its control socket is, and so do its programs.
    """
    init = machine.plan.init
    if fd < 0 and machine.options.handed:
        from pyinit.runtime.handed import take_control  # for those that began anew

        fd = take_control(machine)
    if fd < 0:
        exclusive = machine.options.daemon_fd >= 0  # a second daemon is a mistake
        listener, path, failures = listen(init, exclusive=exclusive)
        if listener is not None and init.control.path and posix.getpid() == 1:
            lead_to(path, init)
    else:
        listener, path, failures = sockets.from_fd(fd), machine.socket_path, ()
    if listener is None:
        text = "cannot make a control socket, running without one:\n  "
        fix = "mount what can be written at /run (docker run --tmpfs /run), or name a place by"
        fix += " PYINIT_SOCKET or [init.control] path"
        machine.log.warning(text + "\n  ".join([*failures, fix]))
        return None
    machine.socket_path = machine.desk.socket_path = path
    machine.driver.extra_env = (("PYINIT_SOCKET", path),)
    return listener


def lead_to(path: str, init: InitPlan) -> None:
    """Leave a link to the socket at `path` in the first known place where one can be left.

    HEALTHCHECK and a plain pyinitctl look only there.  What is alive, or not ours, stays.
    """
    target = path if path[0] == "/" else f"{posix.getcwd()}/{path}"
    for place in socket_places(posix.environ, posix.geteuid()):
        if place == target:
            return
        try:
            made = _make_directory(place, init)
            if _is_left_over(place, init, _stat.S_ISSOCK) or _is_link(place, target):
                files.remove(place)
            posix.symlink(target, place)
            _give(place, init)
            if made:
                _give(place.rpartition("/")[0], init)
        except OSError:
            continue
        return


def remove(path: str) -> None:
    """Remove the socket at `path` and, as PID 1, the link to it: root may have left that one."""
    files.remove(path)
    if posix.getpid() == 1:
        target = path if path[0] == "/" else f"{posix.getcwd()}/{path}"
        for uid in {0, posix.geteuid()}:
            for place in socket_places(posix.environ, uid):
                if _is_link(place, target):
                    files.remove(place)


def _owner(init: InitPlan) -> tuple[int | None, int | None]:
    """Return whose the socket is to be: who [init.control] says, else who pyinit will be."""
    plan = init.control
    if plan.uid is not None or plan.gid is not None or posix.geteuid() != 0:
        return plan.uid, plan.gid
    return init.uid, init.gid


def _give(path: str, init: InitPlan) -> None:
    """Let who pyinit will be remove what we have made."""
    if posix.geteuid() == 0:
        files.own(path, init.uid, init.gid)


def _make_directory(path: str, init: InitPlan) -> bool:
    """Make the directory of a socket, say whether it was missing.

    Where everybody may make directories it is ours alone, and somebody else's is refused.
    """
    directory = path.rpartition("/")[0] or "."
    try:
        posix.mkdir(directory, 0o700 if is_shared(path) else 0o755)
    except FileExistsError:
        found = posix.lstat(directory)
        foreign = found.st_uid not in (posix.geteuid(), init.uid)
        if is_shared(path) and (foreign or found.st_mode & 0o170022 != 0o040000):
            raise PermissionError(1, f"'{directory}' belongs to somebody else") from None
        return False
    except FileNotFoundError:
        files.make_parents(path)
    return True


def _is_left_over(path: str, init: InitPlan, kind: Callable[[int], bool]) -> bool:
    """Say whether a dead pyinit of ours has left a link, or what is of this kind, there."""
    try:
        found = posix.lstat(path)
        ours = found.st_uid in (posix.geteuid(), init.uid)
        fits = kind(found.st_mode) or _stat.S_ISLNK(found.st_mode)
        return ours and fits and not sockets.answers(path)
    except OSError:
        return False


def _is_link(path: str, target: str) -> bool:
    try:
        return posix.readlink(path) == target
    except OSError:
        return False
