"""What pyinit listens on: the sockets of programs, and the doors of the gateway."""

from __future__ import annotations

from .record import Record


class SocketPlan(Record):
    """A listening socket that pyinit holds for programs.

    `listen` is "tcp:HOST:PORT" (HOST a numeric address) or "unix:/path"; `mode`, `uid` and `gid`
    are for the latter, `reuse_port` is for the former.  HOST may be empty: every address, of IPv6
    and of IPv4.  It is open from when the plan is loaded until no plan and no run has it any more;
    one that is not `kept` only while a run has it as its stdin, as supervisord's.
    """

    name: str
    listen: str
    backlog: int = 4096
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    reuse_port: bool = False
    kept: bool = True


class Door(Record):
    """One listener of the gateway: where, and who may come in.

    `listen` as in SocketPlan.  `password` is as it was written: clear text, {SHA}hex or
    {SSHA256}base64; "" with an empty `username` lets everybody in.  It must never be shown.
    """

    listen: str
    mode: int = 0o600
    uid: int | None = None
    gid: int | None = None
    username: str = ""
    password: str = ""
    read_only: bool = False


class WebPlan(Record):
    """The gateway: its doors, and when it goes home (`idle_exit` seconds without a client).

    `rpc` serves supervisord's methods.  `tls_cert` and `tls_key` are paths of PEM files.
    """

    doors: tuple[Door, ...] = ()
    idle_exit: float = 300.0
    rpc: bool = True
    tls_cert: str | None = None
    tls_key: str | None = None
