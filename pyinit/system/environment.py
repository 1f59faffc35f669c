"""The environment of a run: what of pyinit's own is passed on, and what is laid over it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.core.plan import Launch

EVERYTHING = ("*",)
ANY = ord("?")


def build(
    launch: Launch, environ: Mapping[bytes, bytes], extra: tuple[tuple[str, str], ...]
) -> dict[bytes, bytes]:
    """Return the environment: `environ` as far as `env_pass` lets it, `env`, then `extra`."""
    if launch.env_pass == EVERYTHING:
        found = dict(environ)
    else:
        patterns = [encode(pattern) for pattern in launch.env_pass]
        found = {
            name: value
            for name, value in environ.items()
            if any(matches(name, pattern) for pattern in patterns)
        }
    for name, text in (*launch.env, *extra):
        found[encode(name)] = encode(text)
    return found


def encode(text: str) -> bytes:
    """Return the bytes of a string of the configuration or of the system."""
    return text.encode("utf-8", "surrogateescape")


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
