"""What is shown of values that may be secret: by the name of the variable, or inside of a URL."""

from __future__ import annotations

MASK = "********"
SECRET_WORDS = frozenset(("PASS", "PW", "SECRET", "SECRETS", "TOKEN", "KEY", "APIKEY")) | frozenset(
    ("CREDENTIAL", "CREDENTIALS", "PRIVATE", "AUTH", "DSN")
)
SECRET_ENDINGS = ("PASSWORD", "PASSWD", "PASSPHRASE", "PWD")  # PGPASSWORD is one word
PLAIN_NAMES = frozenset(("PWD", "OLDPWD"))


def masked(name: str, value: str, *, secret: bool) -> str:
    """Return the value as it may be shown: secrets by name, and passwords inside of URLs."""
    words = name.upper().replace("-", "_").replace(".", "_").split("_")
    if secret or (name not in PLAIN_NAMES and any(_is_secret(word) for word in words)):
        return MASK
    scheme, found, rest = value.partition("://")
    user, at, place = rest.partition("@")
    if found and at and ":" in user and "/" not in user:
        return f"{scheme}://{user.partition(':')[0]}:{MASK}@{place}"
    return value


def _is_secret(word: str) -> bool:
    return word in SECRET_WORDS or word.endswith(SECRET_ENDINGS)
