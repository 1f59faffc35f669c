"""Whether a browser was led to ask for a change by somebody else's page.

Programs send no Origin; browsers send it with every request that could change something.  Then
it must be the page's own: of the host that was asked.  Where no password is asked for, that is
not enough: a name of a stranger may lead to our address (DNS rebinding), so it must be a name
that is ours.  By such a name a stranger's page could also read what we answer: logs, say.
"""

from __future__ import annotations

import ipaddress
import platform
from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
BROWSERS = ("accept-language", "sec-fetch-site", "sec-fetch-mode")  # only they send these
OURS = frozenset(("same-origin", "none"))  # of Sec-Fetch-Site: "none" is the address bar


def complaint(method: str, headers: Mapping[str, str], place: str, *, secured: bool) -> str:
    """Return why a request is refused, "" if it is not.

    `place` is where the door listens, `secured` whether it asks for a password.
    """
    host = headers.get("host", "")
    strange = not secured and not place.startswith("unix:") and not is_ours(host, place)
    stranger = f"the host {host[:100]!r} is no name of this machine; set a password to allow it"
    if method in SAFE:
        return stranger if strange and _may_be_led_here(headers, host) else ""
    if headers.get("sec-fetch-site", "none") not in OURS:
        return "the request comes from the page of another site"
    origin = headers.get("origin")
    if origin is None:
        return ""
    if _host_of(origin) != host.lower() or not host:
        return f"the origin {origin[:100]!r} is not the host {host[:100]!r}"
    return stranger if strange else ""


def _may_be_led_here(headers: Mapping[str, str], host: str) -> bool:
    """Say whether a browser may have been led here by a name that a stranger has.

    Scrapers and probes have no language.  A name without a dot is nobody's in the world.
    """
    return "." in host and any(name in headers for name in BROWSERS)


def is_ours(host: str, place: str) -> bool:
    """Say whether the value of a Host header is an address, or a name of this machine."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    own = platform.node().lower()
    if name in {own, own.partition(".")[0], "localhost"} - {""} or name.endswith(".localhost"):
        return True
    if name and name == place.removeprefix("tcp:").rpartition(":")[0].lower():
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _host_of(origin: str) -> str:
    """Return host and port of an origin, "" for what is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
