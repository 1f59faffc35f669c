"""Runs the gateway's server in a process of its own beside any pyinit, by its control socket.

    python tests/web_alone.py /run/pyinit/control.sock 8080 [--read-only] [--user NAME:PASSWORD]

Pages can be looked at and worked on so, without a [web] section and without being started anew
by pyinit.  It prints the port (0 takes any) once it serves.
"""

import argparse
import asyncio
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pyinit.web.context import Facts
from pyinit.web.server import Entrance, Setting, serve


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("control")
    parser.add_argument("port", type=int)
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--user", default=":")
    parser.add_argument("--idle", type=float, default=3600.0)
    given = parser.parse_args()
    control = socket.socket(socket.AF_UNIX)
    control.connect(given.control)
    listener = socket.create_server(("127.0.0.1", given.port))
    port = listener.getsockname()[1]
    username, _, password = given.user.partition(":")
    facts = Facts(f"tcp:127.0.0.1:{port}", given.read_only, bool(username or password))
    entrance = Entrance(listener, facts, username, password)
    print(port, flush=True)
    asyncio.run(serve(control, Setting((entrance,), "supervisor", b"alone" * 8, given.idle)))


if __name__ == "__main__":
    main()
