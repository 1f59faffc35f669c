"""The environment of a run: what of pyinit's own is passed on, and what is laid over it."""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyinit.core.plan import Launch

EVERYTHING = ("*",)
# What whoever started pyinit has told pyinit itself of (sd_listen_fds(3), sd_watchdog_enabled(3),
# sd_notify(3)): no program has those descriptors, and a pid in it is not its own.
OURS_ALONE = frozenset(
    (
        *(b"LISTEN_FDS", b"LISTEN_FDNAMES", b"LISTEN_PID", b"LISTEN_PIDFDID"),
        *(b"NOTIFY_SOCKET", b"WATCHDOG_PID", b"WATCHDOG_USEC"),
    )
)
ANY = ord("?")
MAX_PAGES = 32  # of one word or variable with the NUL behind it: MAX_ARG_STRLEN of the kernel
POINTER_BYTES = 8  # which execve(2) counts, too
SHOWN_CHARS = 40  # of a name
TOGETHER = "its command and its environment have"


def build(
    launch: Launch, environ: Mapping[bytes, bytes], extra: tuple[tuple[str, str], ...]
) -> dict[bytes, bytes]:
    """Return the environment: `environ` as far as `env_pass` lets it, `env`, then `extra`.

    What is OURS_ALONE is passed on only if it is named there as it is.
    """
    if launch.env_pass == EVERYTHING:
        found = {name: value for name, value in environ.items() if name not in OURS_ALONE}
    else:
        patterns = [encode(pattern) for pattern in launch.env_pass]
        found = {
            name: value
            for name, value in environ.items()
            if any(matches(name, pattern) for pattern in patterns)
            and (name not in OURS_ALONE or name in patterns)
        }
    for name, text in (*launch.env, *extra):
        found[encode(name)] = encode(text)
    return found


def encode(text: str) -> bytes:
    """Return the bytes of a string of the configuration or of the system."""
    return text.encode("utf-8", "surrogateescape")


def too_long(words: Sequence[bytes], env: Mapping[bytes, bytes]) -> str:
    """Return what it is that execve(2) finds too long (E2BIG): no values, only sizes."""
    most = MAX_PAGES * posix.sysconf("SC_PAGESIZE") - 1
    for number, word in enumerate(words):
        if len(word) > most:
            return f"argument {number} has {len(word)} bytes, of at most {most}"
    for name, value in env.items():
        size = len(name) + 1 + len(value)
        if size > most:
            return f"the variable {_shown(name)} has {size} bytes, of at most {most}"
    sizes = [len(word) for word in words]
    sizes += [len(name) + 1 + len(value) for name, value in env.items()]
    return f"{TOGETHER} {sum(sizes) + len(sizes) * (1 + POINTER_BYTES)} bytes"


def matches(name: bytes, pattern: bytes) -> bool:
    """Say whether `name` matches a glob of `*` and `?`."""
    at = place = 0
    star, resume = -1, 0
    while at < len(name):
        if pattern[place : place + 1] == b"*":
            star, resume = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in (name[at], ANY):
            at, place = at + 1, place + 1
        elif star >= 0:  # the last star takes one byte more
            resume += 1
            at, place = resume, star + 1
        else:
            return False
    return not pattern[place:].strip(b"*")


def _shown(name: bytes) -> str:
    text = name[: 4 * SHOWN_CHARS].decode("utf-8", "replace")[:SHOWN_CHARS]
    return f'"{text}"' if text.isprintable() else repr(text)
