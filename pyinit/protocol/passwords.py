"""Passwords as supervisord's files have them: clear text, {SHA} or {SSHA256}; constant time."""

from __future__ import annotations

SALT_FROM = 32  # bytes of a {SSHA256}: the digest, then the salt


def fits(username: str, stored: str, given_name: bytes, given: bytes) -> bool:
    """Say whether a name and a password are right; both are compared, always."""
    from hmac import compare_digest

    known = compare_digest(given_name, username.encode("utf-8", "surrogateescape"))
    return matches(stored, given) and known


def matches(stored: str, given: bytes) -> bool:
    """Say whether `given` is the password that was written as clear text, {SHA} or {SSHA256}."""
    import base64
    import binascii
    import hashlib
    from hmac import compare_digest

    if stored.startswith("{SHA}"):
        digest = hashlib.sha1(given, usedforsecurity=False).hexdigest()
        return compare_digest(digest, _ascii(stored[5:].lower()))
    if stored.startswith("{SSHA256}"):
        try:
            kept = base64.b64decode(stored[9:], validate=True)
        except (binascii.Error, ValueError):
            return False
        made = hashlib.sha256(given + kept[SALT_FROM:]).digest()
        return compare_digest(made, kept[:SALT_FROM])
    return compare_digest(given, stored.encode("utf-8", "surrogateescape"))


def _ascii(text: str) -> str:
    """Return text that can be compared; one that is not ASCII fits nothing."""
    return text if text.isascii() else ""
