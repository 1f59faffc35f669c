"""The doors of a supervisord file as `[web]`: no password is written as clear text."""

from __future__ import annotations

import posix

from pyinit.config.web import is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.ini_markers import Markers
    from pyinit.core.plan_listen import Door, WebPlan

SALT_BYTES = 8
USUAL_MODE = 0o600
VARIABLE = "PYINIT_WEB_PASSWORD"


def table(web: WebPlan, markers: Markers, notes: list[str]) -> str:
    """Return the table; what it cannot say goes into `notes`."""
    first = web.doors[0]
    doors = [door for door in web.doors if _same(door, first)]
    left_out = [_place(door) for door in web.doors if not _same(door, first)]
    if left_out:
        places = markers.real(", ".join(left_out))
        notes.append(f"[web] has one user name and password: left out is {places}")
    here = [_place(door) for door in doors]
    rows = ["# the gateway: browsers, supervisord's clients, REST", "[web]"]
    rows.append(f"listen = {markers.toml(here[0] if len(here) == 1 else here)}")
    if first.username:
        rows.append(f"username = {markers.toml(first.username)}")
        rows.append(f"password = {markers.toml(_hidden(first.password, markers, notes))}")
    elif not all(is_loopback(door.listen) for door in doors):
        rows.append("insecure = true  # whoever reaches the port controls everything: better not")
        notes.append("[web] is open to everybody who reaches it, as before: see `insecure`")
    if not web.rpc:
        rows.append("rpc = false")
    unix = [door for door in doors if door.listen.startswith("unix:")]
    if unix and unix[0].mode != USUAL_MODE:
        rows.append(f'mode = "{unix[0].mode:04o}"')
    if unix and unix[0].uid is not None:
        group = "" if unix[0].gid is None else f":{unix[0].gid}"
        rows.append(f'owner = "{unix[0].uid}{group}"')
    if len({(door.mode, door.uid, door.gid) for door in unix}) > 1:
        notes.append("[web] has one mode and owner for all of its sockets: those of the first")
    rows += [f"idle_exit = {web.idle_exit:g}"] if web.idle_exit != type(web)().idle_exit else []
    for key, path in (("tls_cert", web.tls_cert), ("tls_key", web.tls_key)):
        rows += [f"{key} = {markers.toml(path)}"] if path else []
    return "\n".join(rows)


def _same(one: Door, other: Door) -> bool:
    return (one.username, one.password) == (other.username, other.password)


def _place(door: Door) -> str:
    return door.listen.removeprefix("tcp:")


def _hidden(password: str, markers: Markers, notes: list[str]) -> str:
    """Return a password salted and hashed; one that is a variable or hashed stays as it is."""
    if markers.is_in(password) or password.startswith(("{SHA}", "{SSHA256}")):
        return password
    from binascii import b2a_base64

    salt = posix.urandom(SALT_BYTES)
    try:
        # no plain import: an image without the gateway has no hashlib, which would bring OpenSSL
        hashlib = __import__("hashlib")
    except ImportError:
        notes.append(f"[web] has its password in the variable {VARIABLE}: it has to be set")
        return markers.of(VARIABLE)
    digest: bytes = hashlib.sha256(password.encode("utf-8", "surrogateescape") + salt).digest()
    return "{SSHA256}" + b2a_base64(digest + salt, newline=False).decode("ascii")
