"""What is shown of values that may be secret: by the name of the variable, or inside of a URL."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MASK = "********"
SECRET_WORDS = frozenset(("PASS", "PW", "SECRET", "SECRETS", "TOKEN", "KEY", "APIKEY")) | frozenset(
    ("CREDENTIAL", "CREDENTIALS", "PRIVATE", "AUTH", "DSN")
)
SECRET_ENDINGS = ("PASSWORD", "PASSWD", "PASSPHRASE", "PWD")  # PGPASSWORD is one word
PLAIN_NAMES = frozenset(("PWD", "OLDPWD"))
MOST_WORK = 1 << 24  # characters that are looked through for secrets at a time: some 10 ms of PID 1
LOOK_CHARS = 100  # what it costs to look into a text, however short that is


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


def without(texts: Sequence[str], hidden: Mapping[str, str]) -> list[str]:
    """Return texts with what is hidden in them replaced, the longest first.

    Where there is too much to be looked for, nothing of any text is shown.
    """
    characters = sum([len(text) + LOOK_CHARS for text in texts])
    if len(hidden) * characters > MOST_WORK:
        return [MASK] * len(texts)
    longest_first = sorted(hidden, key=len, reverse=True)
    shown = []
    for text in texts:
        for each in longest_first:
            text = text.replace(each, hidden[each])  # noqa: PLW2901  one after the other
        shown.append(text)
    return shown


def _is_secret(word: str) -> bool:
    return word in SECRET_WORDS or word.endswith(SECRET_ENDINGS)
