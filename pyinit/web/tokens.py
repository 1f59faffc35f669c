"""Who may have sent a form: tokens that only a page of ours, shown to this browser, can hold.

A browser gets a session, a random word in a cookie that no other site's requests carry.  A token
is signed over the session, the door and what it is for; there is nothing to be stored, and a
gateway that has gone home and come back takes the tokens of pages that are still open.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

COOKIE = "pyinit_session"
_SESSION = re.compile(r"[A-Za-z0-9_-]{24}")


def session_of(cookies: dict[str, str]) -> str:
    """Return the session a browser came with, "" if it has none."""
    given = cookies.get(COOKIE, "")
    return given if _SESSION.fullmatch(given) else ""


def new_session() -> str:
    """Return the session of a browser that has none yet."""
    return secrets.token_urlsafe(18)


def cookie_of(session: str, *, tls: bool) -> str:
    """Return the Set-Cookie header of a session."""
    secure = "; Secure" if tls else ""
    return f"{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict{secure}"


def sign(secret: bytes, purpose: str, *parts: str) -> str:
    """Return the mark that `parts` have for a purpose; parts cannot be shifted into each other."""
    text = "".join([f"{len(part)}:{part}" for part in (purpose, *parts)])
    return hmac.new(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def is_signed(given: str, secret: bytes, purpose: str, *parts: str) -> bool:
    """Say whether `given` is that mark, in a time that tells nothing about it."""
    wanted = sign(secret, purpose, *parts)
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())
