"""What is shown of values that may be secret: by the name of the variable, or inside of a URL."""

from __future__ import annotations

MASK = "********"
SECRET_WORDS = frozenset(
    ("PASSWORD", "PASSWD", "PASS", "PWD", "SECRET", "SECRETS", "TOKEN", "KEY", "APIKEY")
) | frozenset(("CREDENTIAL", "CREDENTIALS", "PRIVATE", "AUTH", "DSN"))
PLAIN_NAMES = frozenset(("PWD", "OLDPWD"))


def masked(name: str, value: str, *, secret: bool) -> str:
    """Return the value as it may be shown: secrets by name, and passwords inside of URLs."""
    words = name.upper().replace("-", "_").replace(".", "_").split("_")
    if secret or (name not in PLAIN_NAMES and SECRET_WORDS.intersection(words)):
        return MASK
    scheme, found, rest = value.partition("://")
    user, at, place = rest.partition("@")
    if found and at and ":" in user and "/" not in user:
        return f"{scheme}://{user.partition(':')[0]}:{MASK}@{place}"
    return value
