"""Starting a run: by vfork in C where nothing special is asked for, else by fork and Python.

Both ways look alike to the caller: a pid, and a descriptor on which end-of-file means that the
program runs and anything else says why it does not.  After a vfork the answer is known already,
and a descriptor comes back only if there is bad news to read from it.
"""

from __future__ import annotations

import errno
import posix
import sys

from pyinit.core.record import Record
from pyinit.system import child, environment, mark, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

    from pyinit.core.plan import Launch

STATUS_BYTES = 4096
SIGKILL = 9
DIRECTORY, KIND_OF_FILE, EXECUTABLE = 0o040000, 0o170000, 0o111  # of st_mode, see inode(7)


class Spawned(Record):
    """A child with `pid`; `status_fd` -1 means that it is known to run its program."""

    pid: int
    status_fd: int


class ExecFailure(Record):
    """A stage of the set-up that failed, with its errno and perhaps what it was about."""

    stage: str
    errno: int
    detail: str = ""


class Pending(Record):
    """The child has not got that far yet."""


PENDING: Final = Pending()


def spawn(
    launch: Launch,
    environ: Mapping[bytes, bytes],
    extra_env: tuple[tuple[str, str], ...],
    fds: tuple[int, int, int],
    keep: tuple[tuple[int, int], ...] = (),
    label: str = "",
) -> Spawned | ExecFailure:
    """Start a run of `launch` with `fds` as its 0, 1, 2 and `keep` as (ours, number in it).

    `label` is what its descendants are found by.  An ExecFailure means that there is no child.
    Raises nothing for what the program did wrong.
    """
    before = mark.put_on(mark.number(label)) if label else None
    found: Spawned | ExecFailure | None = None
    try:
        env = environment.build(launch, environ, extra_env)
        words = [environment.encode(word) for word in launch.argv]
        if _fork_exec is not None and is_plain(launch, keep) and not signals.any_blocked():
            found = _by_vfork(_fork_exec, launch, words, env, fds)
        else:
            found = _by_fork(launch, words, env, fds, keep)
    except OSError as error:
        found = ExecFailure("fork", error.errno or 0)
    except ValueError as error:  # a NUL in a word: the kernel could not even be asked
        found = ExecFailure("arguments", errno.EINVAL, str(error))
    finally:
        try:
            mark.take_off(before)
        except BaseException:
            let_go(found)
            raise
    return found


def let_go(found: Spawned | ExecFailure | None) -> None:
    """Kill a child that nobody will know of, and whom it has forked by now in its group."""
    if isinstance(found, Spawned):
        for kill in (posix.killpg, posix.kill):
            try:
                kill(found.pid, SIGKILL)
            except ProcessLookupError:  # it has no group of its own, or not yet
                continue
        if found.status_fd >= 0:
            posix.close(found.status_fd)


def detail_of(error: OSError) -> str:
    """Return what an error says beyond the words that its number stands for."""
    words = [] if error.filename is None else [f'"{error.filename}"']
    if error.errno is None or error.strerror != posix.strerror(error.errno):
        words.append(error.strerror or str(error))
    return ": ".join(words)


def is_plain(launch: Launch, keep: tuple[tuple[int, int], ...]) -> bool:
    """Say whether a launch asks for nothing that only the Python child can do, and soon."""
    return not (
        keep
        or launch.slow
        or launch.limits
        or launch.secrets
        or launch.terminal
        or launch.no_new_privs
        or launch.parent_death_signal
        or (launch.uid, launch.gid, launch.groups) != (None, None, None)
        or (launch.nice, launch.oom_score_adj, launch.cpu_affinity) != (None, None, None)
        or (launch.io_priority, launch.capabilities, launch.securebits) != (None, None, None)
    )


def read_status(fd: int) -> ExecFailure | Pending | None:
    """Return what a status descriptor says: None for "it runs", PENDING for nothing yet."""
    try:
        said = posix.read(fd, STATUS_BYTES)
    except BlockingIOError:
        return PENDING
    if not said:
        return None
    stage, _, rest = said.decode("utf-8", "surrogateescape").partition("\0")
    number, _, detail = rest.partition("\0")
    return ExecFailure(stage, int(number), detail)


VERBS = {
    "fork": "fork a process for",
    "arguments": "pass the arguments and the environment of",
    "descriptors": "set up the descriptors of",
    "chdir": "enter the working directory of",
    "uid": "become the user of",
    "gid": "become the group of",
    "groups": "set the groups of",
    "limits": "set the limits of",
    "secrets": "read a secret of",
    "bounding_set": "cut the capabilities of",
    "ambient": "hand on capabilities to",
    "affinity": "choose the processors of",
    "io_priority": "set the I/O priority of",
    "internal": "prepare",
}
FIXES = {
    "uid": "run pyinit as root, or leave `user` out",
    "gid": "run pyinit as root, or leave `group` out",
    "groups": "run pyinit as root with CAP_SETGID, or leave `user` and `groups` out",
    "capabilities": "add the capability to the container (docker run --cap-add), or ask for less",
    "secrets": "is it mounted (docker run -v, `secrets:` of compose), and may pyinit read it?",
    "bounding_set": "that needs CAP_SETPCAP: start pyinit as root and keep SETPCAP in the container"
    " (docker run --cap-add SETPCAP), or use no_new_privs = true instead",
    "ambient": "pyinit has not got it itself: add it to the container (docker run --cap-add) and"
    " start pyinit as root, or ask for less",
    "securebits": "that needs CAP_SETPCAP: start pyinit as root and keep SETPCAP in the container"
    " (docker run --cap-add SETPCAP), or leave `securebits` out",
    "affinity": "name at least one processor that the container may use (docker run --cpuset-cpus)",
    "io_priority": 'only root with CAP_SYS_NICE may have "realtime": use "best-effort:0"',
    "nice": "less niceness than pyinit itself has needs CAP_SYS_NICE"
    " (docker run --cap-add SYS_NICE)",
    "oom_score_adj": "a lower score than pyinit itself has needs CAP_SYS_RESOURCE",
}
SHORT_OF_FILES = 'give pyinit itself more descriptors: [init] limits = { nofile = "max" }'
FULL = "the machine has no descriptors left: see fs.file-max (sysctl)"
NO_VARIABLE = "no variable can hold that: let the program read the file itself"
TOO_LONG = "write it into a file, and pass the path of that"
TOO_MUCH = (
    "the kernel gives them a quarter of the stack, up to 6 MB: keep less of the environment"
    ' (env_pass), or raise limits = { stack = "24MB" }'
)
NOT_EXECUTABLE = "make it executable (chmod +x), and check that its volume is not mounted noexec"
FIXES_OF_ERRORS = {
    ("chdir", errno.ENOENT): "make it in the image, or name another one as `directory`",
    ("chdir", errno.ENOTDIR): "it is no directory: name one as `directory`",
    ("chdir", errno.EACCES): "may the user of the program enter it, and every directory above it?",
    ("secrets", errno.EFBIG): NO_VARIABLE,
    ("secrets", errno.EILSEQ): NO_VARIABLE,
    ("secrets", errno.EISDIR): "name the file in it that is meant",
    ("secrets", errno.ETIMEDOUT): "see who is to write into it",
    ("fork", errno.EMFILE): SHORT_OF_FILES,
    ("descriptors", errno.EMFILE): SHORT_OF_FILES,
    ("fork", errno.ENFILE): FULL,
    ("descriptors", errno.ENFILE): FULL,
    ("fork", errno.ENOMEM): "there is no memory left: docker run --memory, or the machine itself",
    ("fork", errno.EAGAIN): "no more processes are allowed: docker run --pids-limit, or the nproc"
    " limit of this user",
}


def describe(failure: ExecFailure, argv0: str) -> str:
    """Return the message about a run that did not become its program, the fix on its own line."""
    if failure.stage == "limits" and failure.detail:
        return failure.detail
    verb = VERBS.get(failure.stage, f"set {failure.stage.replace('_', ' ')} of")
    if failure.stage == "exec":
        verb = "execute"
    reason = posix.strerror(failure.errno)
    if failure.detail:
        reason = f"{failure.detail}: {reason}"
    if failure.stage == "secrets" and failure.detail:  # which has the reason in it
        reason = failure.detail
    text = f'cannot {verb} "{argv0}": {reason}'
    fix = FIXES_OF_ERRORS.get((failure.stage, failure.errno)) or FIXES.get(failure.stage, "")
    if failure.stage == "exec":
        fix = _exec_fix(failure.errno, argv0)
        if failure.errno == errno.E2BIG and failure.detail:
            fix = TOO_MUCH if failure.detail.startswith(environment.TOGETHER) else TOO_LONG
    return f"{text}\n  {fix}" if fix else text


def _exec_fix(number: int, argv0: str) -> str:
    if not argv0:
        return "the command is empty: name a program"
    if number == errno.ENOENT and "/" in argv0 and _exists(argv0):
        return f"the file is there, its interpreter is not: {_interpreter(argv0)}"
    if number == errno.ENOENT:
        return "is it copied into the image, and is the path right?"
    if number == errno.ENOEXEC:
        return "it is no program for this machine: another architecture, or a script without #!"
    if number == errno.EACCES:
        return _fix_of_denial(argv0)
    return ""


def _fix_of_denial(path: str) -> str:
    """Return what would have a file executed; pyinit may see more of it than the program's user."""
    try:
        mode = posix.stat(path).st_mode
    except OSError:
        return NOT_EXECUTABLE
    if mode & KIND_OF_FILE == DIRECTORY:
        return "it is a directory: name the program in it"
    if mode & EXECUTABLE == EXECUTABLE:
        return "may its user enter every directory above it, and is its volume not mounted noexec?"
    return NOT_EXECUTABLE


def _exists(path: str) -> bool:
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def _interpreter(path: str) -> str:
    """Return what a script or a dynamic program is run by, as far as its first bytes tell."""
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return "unknown"
    if head.startswith(b"#!"):
        line = head[2:].split(b"\n", 1)[0].strip(b" \t").decode("utf-8", "replace")
        if line.endswith("\r"):
            return f"{line!r}: the file has Windows line ends (mend it: sed -i 's/\\r$//' {path})"
        return line if line.isprintable() else repr(line)
    start = head.find(b"/lib")
    if head.startswith(b"\x7fELF") and start > 0:
        loader = head[start:].split(b"\0", 1)[0].decode("utf-8", "replace")
        return f"{loader} (build the program statically: CGO_ENABLED=0)"
    return "unknown"


def _by_fork(
    launch: Launch,
    words: list[bytes],
    env: dict[bytes, bytes],
    fds: tuple[int, int, int],
    keep: tuple[tuple[int, int], ...],
) -> Spawned | ExecFailure:
    reader, writer = posix.pipe2(posix.O_CLOEXEC)
    try:
        posix.set_blocking(reader, False)
        pid = signals.fork()
        if pid == 0:
            child.become(launch, words, env, fds, keep, writer)
    except BaseException:
        posix.close(reader)
        raise
    finally:
        posix.close(writer)
    return Spawned(pid, reader)


def _by_vfork(
    fork_exec: Callable[..., int],
    launch: Launch,
    words: list[bytes],
    env: dict[bytes, bytes],
    fds: tuple[int, int, int],
) -> Spawned | ExecFailure:
    """Let _posixsubprocess do it: it resets the signals Python ignores, and returns after exec."""
    paths = child.candidates(words[0], env)
    variables = [name + b"=" + value for name, value in env.items()]
    directory = None if launch.directory is None else environment.encode(launch.directory)
    reader, writer = posix.pipe2(posix.O_CLOEXEC)
    try:
        posix.set_blocking(reader, False)
        # args, paths, close_fds, pass_fds, cwd, env, stdin, stdout, stderr (child's, ours each),
        # errpipe, restore_signals, setsid, pgid, gid, groups, uid, umask, preexec, allow_vfork
        pid = fork_exec(
            words, paths, False, (writer,), directory, variables,
            *(fds[0], -1, -1, fds[1], -1, fds[2]), *(reader, writer),
            True, launch.session, -1 if launch.session else 0,
            None, None, None, -1 if launch.umask is None else launch.umask, None, True,
        )  # fmt: skip
    except (OSError, ValueError):
        posix.close(reader)
        raise
    finally:
        posix.close(writer)
    try:
        said = posix.read(reader, STATUS_BYTES)
    except BlockingIOError:  # a fork after all, which is still on its way
        return Spawned(pid, reader)
    posix.close(reader)
    if not said:
        return Spawned(pid, -1)
    too_long = environment.too_long(words, env) if _errno_of(said) == errno.E2BIG else ""
    return _told(launch, pid, said, too_long, searched=len(paths) > 1)


def _told(launch: Launch, pid: int, said: bytes, too_long: str, *, searched: bool) -> Spawned:
    """Return a status descriptor that says in our form what C said in its own.

    C gives the last reason of a search: that a part of PATH is no directory is none.
    """
    number = _errno_of(said)
    early = b":noexec" in said  # failed before the exec: nothing but the chdir can
    stage = "chdir" if early and launch.directory is not None else "exec"
    if stage == "exec" and searched and number == errno.ENOTDIR:
        number = errno.ENOENT
    reader, writer = posix.pipe2(posix.O_CLOEXEC)
    posix.set_blocking(reader, False)
    detail = launch.directory if stage == "chdir" and launch.directory is not None else too_long
    line = f"{stage}\0{number}\0{detail}"
    posix.write(writer, line.encode("utf-8", "surrogateescape")[:STATUS_BYTES])
    posix.close(writer)
    return Spawned(pid, reader)


def _errno_of(said: bytes) -> int:
    """Return the errno in what C says: the class of an exception, this, and where it was."""
    return int(said.split(b":")[1], 16)


def _find_fork_exec() -> Callable[..., int] | None:
    """Return the C function if this Python has it with the arguments we know."""
    if not (3, 11) <= sys.version_info < (3, 15):
        return None
    try:
        from _posixsubprocess import fork_exec
    except ImportError:
        return None
    found: Callable[..., int] = fork_exec
    return found


_fork_exec = _find_fork_exec()
