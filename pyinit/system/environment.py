"""The environment of a run: what of pyinit's own is passed on, and what is laid over it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.core.plan import Launch

EVERYTHING = ("*",)


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
    head, star, rest = pattern.partition(b"*")
    if not star:
        return len(name) == len(pattern) and _same(name, pattern)
    if len(name) < len(head) or not _same(name[: len(head)], head):
        return False
    return any(matches(name[n:], rest) for n in range(len(head), len(name) + 1))


def _same(text: bytes, pattern: bytes) -> bool:
    return all(p == ord("?") or t == p for t, p in zip(text, pattern, strict=True))
