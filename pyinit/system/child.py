"""What a child does between fork and exec: each stage in its order, each failure by its name.

The order is fixed by what needs what: signals first, so that nothing runs handlers of ours;
descriptors before limits, so that a low nofile does not get in the way; limits, priorities and
secrets before the user is dropped, since they may need root; groups, gid, uid in that order;
capabilities and no_new_privs after it; the directory last, with the rights of the program.
"""

from __future__ import annotations

import errno
import posix

from pyinit.system import environment, limits, prctl, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Never

    from pyinit.core.plan import Launch
else:
    import _signal

DEFAULT_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LISTEN_PID = b"LISTEN_PID"  # if it is empty, its value is only known here
NOT_FOUND, NOT_EXECUTABLE = 127, 126
SECRET_BYTES = 1 << 20  # of a file: more is no secret, and no variable can hold it


class StageError(Exception):
    """A stage of the set-up failed."""

    def __init__(self, stage: str, number: int, detail: str = "") -> None:
        super().__init__(stage)
        self.stage = stage
        self.number = number
        self.detail = detail


def become(
    launch: Launch,
    words: list[bytes],
    env: dict[bytes, bytes],
    fds: tuple[int, int, int],
    keep: tuple[tuple[int, int], ...],
    status_fd: int,
) -> Never:
    """Become the program of `launch`; what fails is written to `status_fd`.  Never returns."""
    code = NOT_EXECUTABLE
    try:
        status_fd = _out_of_the_way(status_fd, keep)
        _prepare(launch, env, fds, keep)
        if env.get(LISTEN_PID) == b"":
            env[LISTEN_PID] = b"%d" % posix.getpid()  # sd_listen_fds(3): whom the listeners are for
        execute(words, env)
    except StageError as error:
        if error.stage == "exec" and error.number == errno.ENOENT:
            code = NOT_FOUND
        line = f"{error.stage}\0{error.number}\0{error.detail}"
        posix.write(status_fd, line.encode("utf-8", "surrogateescape")[:4000])
    except BaseException as error:  # noqa: BLE001  a child must never return into our code
        posix.write(status_fd, f"internal\0{_number(error)}\0{error!r}".encode()[:4000])
    finally:
        posix._exit(code)  # noqa: SLF001


def _number(error: BaseException) -> int:
    """Return what the kernel has refused us, as far as that can be told; a library is mapped."""
    if isinstance(error, MemoryError) or "failed to map" in str(error):
        return errno.ENOMEM
    return error.errno or errno.EINVAL if isinstance(error, OSError) else errno.EINVAL


def execute(words: list[bytes], env: dict[bytes, bytes]) -> Never:
    """Exec `words`, searched in PATH of `env` as execvp does.  Raises StageError "exec".

    A file that cannot be executed is passed over, and the first reason remembered, as after a
    vfork; unlike execvp, a file that is no program is not handed to a shell.
    """
    paths = candidates(words[0], env)
    missing = (errno.ENOENT,) if len(paths) == 1 else (errno.ENOENT, errno.ENOTDIR)
    reason = 0
    for path in paths:
        try:
            posix.execve(path, words, env)
        except OSError as error:
            if error.errno == errno.E2BIG:
                detail = environment.too_long(words, env)
                raise StageError("exec", error.errno, detail) from error
            if error.errno not in missing:
                reason = reason or error.errno or 0
        except ValueError as error:
            raise StageError("arguments", errno.EINVAL, str(error)) from error
    raise StageError("exec", reason or errno.ENOENT)


def candidates(word: bytes, env: dict[bytes, bytes]) -> list[bytes]:
    """Return the paths to try for a command, in order; nowhere is one without a name searched."""
    if not word or b"/" in word:
        return [word]
    path = env.get(b"PATH", DEFAULT_PATH)
    return [(directory or b".") + b"/" + word for directory in path.split(b":")]


def _prepare(
    launch: Launch,
    env: dict[bytes, bytes],
    fds: tuple[int, int, int],
    keep: tuple[tuple[int, int], ...],
) -> None:
    parent = posix.getppid()
    if _needs_prctl(launch):
        from pyinit.system import libc  # noqa: F401  now: the user to be may not read our files
    _stage("signals", signals.reset_in_child)
    _stage("session", _new_session, launch)
    _stage("descriptors", _place, fds, keep)
    if launch.terminal:
        _stage("terminal", _take_terminal)
    _set_limits(launch)
    if launch.nice is not None:
        _stage("nice", posix.setpriority, posix.PRIO_PROCESS, 0, launch.nice)
    if launch.oom_score_adj is not None:
        _stage("oom_score_adj", _write, "/proc/self/oom_score_adj", str(launch.oom_score_adj))
    if launch.cpu_affinity is not None:
        _stage("affinity", posix.sched_setaffinity, 0, launch.cpu_affinity)
    if launch.io_priority is not None:
        _stage("io_priority", prctl.set_io_priority, *launch.io_priority)
    for name, path in launch.secrets:
        env[environment.encode(name)] = _read_secret(name, path)
    if launch.umask is not None:
        _stage("umask", posix.umask, launch.umask)
    _drop_privileges(launch)
    if launch.parent_death_signal:
        _stage("parent_death_signal", prctl.set_parent_death_signal, launch.parent_death_signal)
        if posix.getppid() != parent:  # it died before we asked
            posix.kill(posix.getpid(), launch.parent_death_signal)
    if launch.directory is not None:
        _stage("chdir", posix.chdir, launch.directory)


def _needs_prctl(launch: Launch) -> bool:
    return bool(
        launch.no_new_privs
        or launch.parent_death_signal
        or launch.capabilities is not None
        or launch.securebits is not None
        or launch.io_priority is not None
    )


def _drop_privileges(launch: Launch) -> None:
    """Drop groups, gid and uid, in this order; capabilities are cut before and set after."""
    wanted = launch.capabilities
    ambient = () if wanted is None else wanted.ambient
    guarded = wanted is not None or launch.securebits is not None
    permitted: tuple[int, ...] = ()
    if guarded:
        permitted = _stage("capabilities", prctl.permitted_capabilities)
        _demand(ambient, permitted)
        if wanted is not None and wanted.keep is not None:
            _stage("bounding_set", prctl.bound_capabilities, wanted.keep)
        if ambient or launch.securebits is not None:
            _stage("capabilities", prctl.keep_capabilities)
    _become(launch)
    if guarded:
        left = permitted if launch.uid in (None, 0) else ambient  # the rest goes with root
        if wanted is not None and wanted.keep is not None:
            left = tuple([number for number in left if number in wanted.keep])
        if ambient or launch.securebits is not None:  # what it takes to set them is dropped after
            _stage("capabilities", prctl.set_capabilities, permitted, ambient)
            _stage("ambient", prctl.raise_ambient, ambient)
            if launch.securebits is not None:
                _stage("securebits", prctl.set_securebits, launch.securebits)
        _stage("capabilities", prctl.set_capabilities, left, ambient)
    if launch.no_new_privs:
        _stage("no_new_privs", prctl.set_no_new_privs)


def _demand(ambient: tuple[int, ...], permitted: tuple[int, ...]) -> None:
    """Say which capabilities pyinit would have to have itself to hand them on."""
    missing = tuple([number for number in ambient if number not in permitted])
    if missing:
        from pyinit.core import capabilities

        raise StageError("ambient", errno.EPERM, capabilities.names(missing))


def _become(launch: Launch) -> None:
    drops = launch.uid is not None or launch.gid is not None
    groups = launch.groups
    if groups is None and drops and posix.geteuid() == 0:
        groups = () if launch.gid is None else (launch.gid,)
    if groups is not None:
        _stage("groups", posix.setgroups, groups)
    if launch.gid is not None:
        _stage("gid", posix.setresgid, launch.gid, launch.gid, launch.gid)
    if launch.uid is not None:
        _stage("uid", posix.setresuid, launch.uid, launch.uid, launch.uid)


def _set_limits(launch: Launch) -> None:
    try:
        unmet = limits.apply(launch.limits)
    except OSError as error:
        raise StageError("limits", error.errno or 0) from error
    if unmet and launch.limits_unmet == "fail":
        raise StageError("limits", unmet[0].errno, limits.describe_unmet(unmet[0], "it"))


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")

    def _stage(name: str, call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T: ...

else:

    def _stage(name, call, *args):  # noqa: ANN001, ANN002, ANN202
        """Do one step of the set-up, naming it if it fails."""
        try:
            return call(*args)
        except OSError as error:
            path = error.filename
            raise StageError(name, error.errno or 0, str(path) if path else "") from error


def _new_session(launch: Launch) -> None:
    if launch.session:
        posix.setsid()
    else:
        posix.setpgid(0, 0)


def _place(fds: tuple[int, int, int], keep: tuple[tuple[int, int], ...]) -> None:
    """Put the descriptors where the program expects them; whatever else is ours closes at exec."""
    wanted = [*zip(fds, (0, 1, 2), strict=True), *keep]
    above = max([number for _, number in wanted]) + 1
    moved = []
    for ours, number in wanted:  # first out of the way, so that none overwrites another
        moved.append((_duplicate_above(ours, above), number))
    for copy, number in moved:
        posix.dup2(copy, number)  # inheritable
        posix.close(copy)


def _out_of_the_way(status_fd: int, keep: tuple[tuple[int, int], ...]) -> int:
    """Return a status descriptor that has none of the numbers the program wants for its own."""
    highest = max([2, *[number for _, number in keep]])
    return _stage("descriptors", _duplicate_above, status_fd, highest + 1)


def _duplicate_above(fd: int, lowest: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)


def _take_terminal() -> None:
    """Make our group the foreground one of the terminal on 0, without being stopped for it."""
    if not posix.isatty(0):
        return
    _signal.signal(_signal.SIGTTOU, _signal.SIG_IGN)
    try:
        posix.tcsetpgrp(0, posix.getpgrp())
    except OSError as error:
        if error.errno != errno.ENOTTY:  # not our controlling terminal: nothing to take
            raise
    finally:
        _signal.signal(_signal.SIGTTOU, _signal.SIG_DFL)


def _write(path: str, text: str) -> None:
    fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
    try:
        posix.write(fd, text.encode())
    finally:
        posix.close(fd)


def _read_secret(name: str, path: str) -> bytes:
    """Return what the file of the variable `name` holds; who mends it looks for either."""
    from pyinit.system import given

    try:
        value = given.read(path, SECRET_BYTES)
    except OSError as error:
        detail = f"{name} from {path}: {error.strerror}"
        raise StageError("secrets", error.errno or 0, detail) from None
    value = value.rstrip(b"\r\n") if value.endswith(b"\n") else value
    if b"\0" in value:
        raise StageError("secrets", errno.EILSEQ, f"{name} from {path}: it has a NUL character")
    return value
