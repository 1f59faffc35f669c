"""Who may come in by a door: basic authentication that does not help those who guess.

Names and passwords are compared in constant time, and both of them always.  A wrong one is
answered late, the later the more of them came from that address, and an address may have only a
few guesses under way at a time: guessing in parallel gains nothing.  Right ones never wait.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import time
from collections import OrderedDict

from pyinit.protocol.passwords import fits

ADDRESSES = 1024  # whose failures are remembered; then the one that was quiet for longest is not
FIRST_S = 0.1  # after one failure, and twice as long after each other ...
LONGEST_S = 5.0  # ... up to this
FORGET_S = 300.0  # without a failure make up for all of them
GUESSES = 4  # of one address that are under way at a time
WAITERS = 64  # of all addresses together
NETWORK_BITS = 64  # of an IPv6 address: what one host is given

MALFORMED, WRONG, RIGHT = "malformed", "wrong", "right"


class Lock:
    """The name and the password of a door, the latter as it was written."""

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password

    def try_key(self, header: str) -> str:
        """Return RIGHT, WRONG or MALFORMED for the value of an Authorization header."""
        scheme, _, words = header.partition(" ")
        if scheme.lower() != "basic":
            return MALFORMED
        try:
            key = base64.b64decode(words.strip(), validate=True)
        except (binascii.Error, ValueError):
            return MALFORMED
        username, colon, password = key.partition(b":")
        if not colon:
            return MALFORMED
        right = fits(self._username, self._password, username, password)
        return RIGHT if right else WRONG


class Patience:
    """Who has failed how often; one for all doors."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._waiting: dict[str, int] = {}

    def has_room(self, address: str) -> bool:
        """Say whether one more key of this address may be tried now."""
        mine = self._waiting.get(_host(address), 0)
        return mine < GUESSES and sum(self._waiting.values()) < WAITERS

    async def failed(self, address: str) -> None:
        """Return when it is time to say that a key was wrong."""
        host = _host(address)
        self._waiting[host] = self._waiting.get(host, 0) + 1
        try:
            await asyncio.sleep(self._delay(host, time.monotonic()))
        finally:
            self._waiting[host] -= 1
            if not self._waiting[host]:
                del self._waiting[host]

    def _delay(self, host: str, now: float) -> float:
        count, at = self._failed.pop(host, (0, now))
        count = 1 if now - at > FORGET_S else count + 1
        self._failed[host] = (count, now)
        if len(self._failed) > ADDRESSES:
            self._failed.popitem(last=False)
        doublings = min(count - 1, 10)  # beyond, it is the longest anyway
        return min(FIRST_S * 2.0**doublings, LONGEST_S)


def _host(address: str) -> str:
    """Return what stands for everybody behind an address; "" is a Unix socket."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return address
    if found.ipv4_mapped is not None:  # by a listener for both: all of them are one network
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, NETWORK_BITS), strict=False))
