"""What the watching child does: it looks at files, compares what is in them, and tells PID 1.

It is told of changes by inotify(7), in every directory that a path leads through, links included:
so a file that is renamed over, a link that is put in another's place (`..data` of Kubernetes, a
release that is switched) and a directory that comes back are all noticed.  What inotify is not
told of, on file systems of networks, is found by looking once a minute.

What counts is the content: a file that was only touched has not changed.  Changes that come
together, as those of an editor or of a new volume do, are one.
"""

from __future__ import annotations

import posix
import select
import time

from pyinit.system import inotify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUIET_S = 0.3  # without a change: then it is over ...
PATIENCE_S = 3.0  # ... and if it never is, this long after its beginning
CHECK_S = 60.0  # between two looks without being told
LINKS = 40  # as the kernel follows
FILES = 4096  # of a directory and what is below it
TRIES = 5
READ_BYTES = 1 << 20
KIND, DIRECTORY, LINK, REGULAR = 0o170000, 0o040000, 0o120000, 0o100000
GONE = ""  # the digest of what is not there


def watch(paths: Sequence[str], known: dict[str, str], writer: int) -> None:
    """Tell of `paths` for ever: a line "NUMBER AT DIGEST" for each that is not as it was `known`.

    AT is the monotonic time at which the file was changed, or the last of a directory's.
    """
    told = dict(known)
    fd = inotify.begin()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(writer, 0)  # an error there means that nobody listens any more
    eyes = Eyes(fd)
    while True:
        eyes.arm(paths)  # before looking, so that no change is between the two
        lines = []
        for number, path in enumerate(paths):
            changed_at, digest = look(path)
            if told.get(path) != digest:
                told[path] = digest
                at = time.monotonic() - max(0.0, time.time() - changed_at)
                lines.append(f"{number} {at:.3f} {digest}\n")
        _tell(writer, "".join(lines).encode())
        if not _wait(poll, eyes):
            return


def _wait(poll: select.poll, eyes: Eyes) -> bool:
    """Wait until something may have changed and is quiet again; False once nobody listens."""
    until = time.monotonic() + CHECK_S
    while (left_s := until - time.monotonic()) > 0:
        news = poll.poll(left_s * 1000)
        if eyes.fd not in {number for number, _ in news}:
            return not news
        if eyes.have_seen():
            break
    now = time.monotonic()
    until, quiet_at = now + PATIENCE_S, now + QUIET_S
    while (left_s := min(until, quiet_at) - time.monotonic()) > 0:
        news = poll.poll(left_s * 1000)
        if eyes.fd not in {number for number, _ in news}:
            return not news
        if eyes.have_seen():  # others may be as busy there as they like
            quiet_at = time.monotonic() + QUIET_S
    return True


class Eyes:
    """The directories that are watched by the inotify descriptor `fd`, and for which names."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._watches: dict[int, set[str]] = {}

    def arm(self, paths: Sequence[str]) -> None:
        """Watch every directory that the paths lead through now, and no other."""
        wanted: dict[str, set[str]] = {}
        written: set[str] = set()
        for path in paths:
            for directory, name, is_file in places(path):
                wanted.setdefault(directory, set()).add(name)
                if is_file:
                    written.add(directory)
        old, self._watches = self._watches, {}
        for directory, names in wanted.items():
            mask = inotify.ENTRIES | (inotify.CONTENTS if directory in written else 0)
            try:
                number = inotify.add(self.fd, directory, mask)
            except OSError:
                continue  # gone, unreadable, or too many are watched: it is looked at all the same
            self._watches.setdefault(number, set()).update(names)
        for number in old.keys() - self._watches.keys():
            inotify.remove(self.fd, number)

    def have_seen(self) -> bool:
        """Say whether there was news of a name that matters."""
        seen = False
        while events := inotify.read(self.fd):
            for number, mask, name in events:
                names = self._watches.get(number, set())
                own = not name and not mask & inotify.IGNORED
                seen = seen or own or name in names or ANY in names
        return seen


ANY = "/"  # no name of an entry


def places(path: str) -> Iterator[tuple[str, str, bool]]:
    """Give each directory that a path leads through, the name that matters, and if that is a file.

    Links are followed; of a directory at its end, and of those below it, every name does (ANY).
    """
    here, rest, links = "/", _parts(path), 0
    while rest:
        name = rest.pop(0)
        if name == "..":
            here = here.rsplit("/", 1)[0] or "/"
            continue
        full = here.rstrip("/") + "/" + name
        try:
            kind = posix.lstat(full).st_mode & KIND
            target = posix.readlink(full) if kind == LINK else ""
        except OSError:
            yield here, name, False
            return
        yield here, name, kind == REGULAR
        if kind == DIRECTORY:
            here = full
        elif target and links < LINKS:
            links += 1
            here = "/" if target.startswith("/") else here
            rest = _parts(target) + rest
    if here == "/" or not _is_directory(here) or not _ends_in(path, here):
        return
    for directory, _ in _walk(here):
        yield directory, ANY, True


def digest_of(path: str) -> str:
    """Return what stands for the content of a file or of a directory's files; GONE if none."""
    if not _is_directory(path):
        return _digest(path)
    found = [(name, _digest(name)) for _, names in _walk(path) for name in names]
    return _sum(repr(found[:FILES]).encode("utf-8", "surrogateescape"), 0)


def look(path: str) -> tuple[float, str]:
    """Return when a file, or the last of a directory's files, was changed, and their digest.

    The two belong together, unless it never holds still.
    """
    changed_at, digest = _changed_at(path), GONE
    for _ in range(TRIES):
        digest = digest_of(path)
        before, changed_at = changed_at, _changed_at(path)
        if before == changed_at:
            break
    return changed_at, digest


def _changed_at(path: str) -> float:
    names = [path]
    if _is_directory(path):
        names = [name for _, found in _walk(path) for name in found]
    latest = 0.0
    for name in names:
        try:
            latest = max(latest, posix.stat(name).st_ctime)
        except OSError:
            continue
    return latest


def _walk(top: str) -> Iterator[tuple[str, list[str]]]:
    """Give each directory below `top` and the files in it, a bounded number; links are followed.

    What begins with two dots is how Kubernetes keeps the versions of a volume: the links that are
    seen lead there.
    """
    stack, count, seen = [top], 0, set()
    while stack and count < FILES:
        here = stack.pop()
        try:
            found = posix.stat(here)
            names = sorted(posix.listdir(here))
        except OSError:
            continue
        if (found.st_dev, found.st_ino) in seen:
            continue
        seen.add((found.st_dev, found.st_ino))
        full = [f"{here.rstrip('/')}/{name}" for name in names if not name.startswith("..")]
        below = [name for name in full if _is_directory(name)]
        files = [name for name in full if name not in below]
        count += len(full) + 1
        yield here, files
        stack += reversed(below)


def _digest(path: str) -> str:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC)
    except OSError:
        return GONE
    try:
        if posix.fstat(fd).st_mode & KIND != REGULAR:
            return "special"
        size, total = 0, "0"
        while data := posix.read(fd, READ_BYTES):
            size += len(data)
            total = _sum(data, int(total, 16))
    except OSError:
        return GONE
    finally:
        posix.close(fd)
    return f"{size:x}-{total}"


def _sum(data: bytes, before: int) -> str:
    import binascii

    return f"{binascii.crc32(data, before):08x}"


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]


def _is_directory(path: str) -> bool:
    try:
        return posix.stat(path).st_mode & KIND == DIRECTORY
    except OSError:
        return False


def _ends_in(path: str, directory: str) -> bool:
    """Say whether a path leads to that directory, and not to a file in it."""
    try:
        one, other = posix.stat(path), posix.stat(directory)
    except OSError:
        return False
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _tell(writer: int, data: bytes) -> None:
    while data:
        data = data[posix.write(writer, data) :]
