"""Rolling restarts of a Go server under load: how many requests fail, and how long one waits."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess

from bench import contenders as who
from bench import ground
from bench.arena import Arena, Failed
from bench.judge import Result
from bench.rounds import Plan, interleave
from pyinit.client import Client

PROGRAMS = ground.REPOSITORY / "tests" / "programs" / "go"
CLIENTS = 8
GO_S, CLIENT_S = 300.0, 60.0
FOUND = re.compile(r"requests=(\d+) failed=(\d+)")
TOML = """
[init]
log = {{ level = "warning" }}
control = {{ path = "/scratch/control.sock" }}

[socket.http]
listen = "127.0.0.1:{port}"

[program.web]
command = ["/bench/listen"]
sockets = ["http"]
ready = {{ notify = true }}
"""


def failed(plan: Plan) -> Result:
    """Requests that fail while a Go server is restarted twenty times."""
    row = Result("rolling", "failed requests in 20 rolling restarts of a Go server", "requests")
    if shutil.which("go") is None:
        row.why_not = "there is no go here"
        return row
    _build()
    restarts = plan.size(20, 20)
    asked: list[int] = []
    interleave(row, {who.PYINIT.name: lambda: _failed(restarts, asked)}, plan.times(5))
    row.bound("pyinit, requests", who.PYINIT.name, 0.0)
    if asked:
        row.notes.append(f"{CLIENTS} clients, {min(asked):,} to {max(asked):,} requests a round")
    return row


def _build() -> None:
    """Build the server and its clients; the server goes into the image's root."""
    words = ["go", "build", "-trimpath", "-o", f"{ground.BENCH}/", "./listen", "./load"]
    env = {**os.environ, "CGO_ENABLED": "0"}
    subprocess.run(words, cwd=PROGRAMS, env=env, check=True, timeout=GO_S)
    shutil.copy2(ground.tool("listen"), who.IMAGE / "bench" / "listen")


def _failed(restarts: int, asked: list[int]) -> float:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files = {"pyinit.toml": TOML.format(port=port)}
    with Arena(list(who.PYINIT.argv), files, who.IMAGE) as arena:
        place = arena.scratch / "control.sock"
        arena.wait(place.exists, CLIENT_S, "to listen")
        with Client(str(place)) as client:
            client.call("wait", {"names": ["web"]}, answer_s=CLIENT_S)
            said = _under_load(port, client, restarts)
    found = FOUND.search(said)
    if found is None:
        raise Failed(f"pyinit: the clients said {said!r}")
    asked.append(int(found[1]))
    return float(found[2])


def _under_load(port: int, client: Client, restarts: int) -> str:
    words = [ground.tool("load"), f"http://127.0.0.1:{port}/?wait=5ms", str(CLIENTS)]
    load = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for _ in range(restarts):
            told = {"names": ["web"], "rolling": True}
            client.call("restart", told, answer_s=CLIENT_S)
        load.send_signal(signal.SIGTERM)
        said, _ = load.communicate(timeout=CLIENT_S)
        return said
    finally:
        load.kill()
        load.wait()
