"""Passwords as supervisord's files have them: clear text, {SHA} or {SSHA256}; constant time.

Python's own digests do: `hashlib` and `hmac` would bring OpenSSL into an image that has no other
use for it, a third of its size.
"""

from __future__ import annotations

from _operator import _compare_digest as compare_digest
from binascii import Error, a2b_base64

SALT_FROM = 32  # bytes of a {SSHA256}: the digest, then the salt
DIGESTS = {
    "sha1": ("_sha1", "hashlib"),
    "sha256": ("_sha2", "_sha256", "hashlib"),  # by name: an import would be taken for a need
}


def fits(username: str, stored: str, given_name: bytes, given: bytes) -> bool:
    """Say whether a name and a password are right; both are compared, always."""
    known = compare_digest(given_name, username.encode("utf-8", "surrogateescape"))
    return matches(stored, given) and known


def matches(stored: str, given: bytes) -> bool:
    """Say whether `given` is the password that was written as clear text, {SHA} or {SSHA256}."""
    if stored.startswith("{SHA}"):
        return compare_digest(digest("sha1", given).hex(), _ascii(stored[5:].lower()))
    if stored.startswith("{SSHA256}"):
        try:
            kept = a2b_base64(stored[9:], strict_mode=True)
        except (Error, ValueError):
            return False
        return compare_digest(digest("sha256", given + kept[SALT_FROM:]), kept[:SALT_FROM])
    return compare_digest(given, stored.encode("utf-8", "surrogateescape"))


def digest(name: str, data: bytes) -> bytes:
    """Return the digest `name` ("sha1", "sha256") of `data`.  Raises ImportError."""
    for module in DIGESTS[name]:
        try:
            made: bytes = getattr(__import__(module), name)(data).digest()
        except ImportError:
            continue
        return made
    raise ImportError(f"cannot find a module for {name}")


def _ascii(text: str) -> str:
    """Return text that can be compared; one that is not ASCII fits nothing."""
    return text if text.isascii() else ""
