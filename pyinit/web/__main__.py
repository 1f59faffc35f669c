"""The gateway's own start: pyinit runs it with everything it needs in descriptors.

3      a control socket, connected
4      a pipe with the setting, as one JSON object
5, 6   certificate and key, where there are some
10...  the listeners of the doors
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import sys

from pyinit.web.context import Facts
from pyinit.web.limits import Loop
from pyinit.web.server import Entrance, Setting, serve

CONTROL_FD, SETTING_FD, CERTIFICATE_FD, KEY_FD = 3, 4, 5, 6


def main() -> int:
    """Run the gateway to its end; return its exit status."""
    try:
        with os.fdopen(SETTING_FD, "rb") as pipe:
            setting = _setting(json.load(pipe))
        connection = socket.socket(fileno=CONTROL_FD)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"pyinit-web: cannot start: {error}", file=sys.stderr)
        print("  it is no command: pyinit runs it, for [web] of pyinit.toml", file=sys.stderr)
        return 1
    gc.freeze()  # what was imported is not looked through again and again
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            return 0 if runner.run(serve(connection, setting)) else 1
    except OSError as error:
        print(f"pyinit-web: cannot serve: {error}", file=sys.stderr)
        return 1


def _setting(told: dict[str, object]) -> Setting:
    doors = told["doors"]
    if not isinstance(doors, list):
        raise TypeError("its doors are no list")
    return Setting(
        entrances=tuple([_entrance(each, rpc=bool(told["rpc"])) for each in doors]),
        identifier=str(told["identifier"]),
        secret=bytes.fromhex(str(told["secret"])),
        idle_exit=float(str(told["idle_exit"])),
        tls=(CERTIFICATE_FD, KEY_FD) if told["tls"] else None,
    )


def _entrance(door: dict[str, object], *, rpc: bool) -> Entrance:
    username, password = str(door["username"]), str(door["password"])
    facts = Facts(
        place=str(door["place"]),
        read_only=bool(door["read_only"]),
        secured=bool(username or password),
        rpc=rpc,
    )
    listener = socket.socket(fileno=int(str(door["fd"])))
    listener.setblocking(False)
    return Entrance(listener, facts, username, password)


if __name__ == "__main__":
    sys.exit(main())
