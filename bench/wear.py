"""What wears out a supervisor that is to grow old: a busy configuration, and its clients.

Everything goes on at a steady pace for as long as it lasts, so that what is measured must stand
still.  A client that is hung up on comes again; what goes wrong otherwise is kept in `faults`.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from bench import contenders as who
from bench.arena import Arena
from pyinit.client import Client, NoSupervisor
from pyinit.protocol.messages import Refused

ANSWER_S = 30.0
FOLLOWERS = 5
FAULTS_KEPT = 20
PAGES = ("/api/v1/status", "/metrics", "/livez", "/", "/api/v1/processes/flap:0?usage=true")

INIT = """
[init]
exit = "never"
log = { file = "/scratch/log/own", max_size = "256KB", max_files = 2 }
control = { path = "/scratch/control.sock" }

[web]
listen = "unix:/scratch/web.sock"

[program.still]
command = ["/bench/probe", "start", "/dev/null"]
instances = 50

[program.flap]
command = ["/bench/probe", "crash", "/dev/null", "900"]
instances = 4
critical = false
restart = { policy = "always", delay = "100ms", factor = 1, max = 0 }

[program.talk]
command = ["/bench/probe", "lines", "/dev/null", "200", "0", "100"]
instances = 4
stdout = { file = "/scratch/log/talk-${INSTANCE}", max_size = "1MB", max_files = 2, format = "prefix" }

[program.packed]
command = ["/bench/probe", "lines", "/dev/null", "100", "0", "100"]
stdout = { file = "/scratch/log/packed", max_size = "1MB", max_files = 2, compress = true }

[program.printed]
command = ["/bench/probe", "lines", "/dev/null", "20", "0", "60"]
stdout = "json"

[program.asked]
command = ["/bench/probe", "start", "/dev/null"]
live = { exec = ["/bench/probe", "once", "/dev/null"], interval = "5s" }

[program.job]
command = ["/bench/probe", "once", "/dev/null"]
type = "oneshot"
schedule = { every = "10s" }
critical = false
"""  # noqa: E501
MORE = """
[program.guest]
command = ["/bench/probe", "start", "/dev/null"]
instances = 5
"""


class Worn:
    """One pyinit under load.  `reexec_s` is how often it is re-executed; 0: never."""

    def __init__(self, name: str, *, reexec_s: float = 0.0, seed: int = 0) -> None:
        self.name = name
        self.faults: list[str] = []
        self.counts: dict[str, int] = {}
        self._asked_s: list[float] = []
        self._reexec_s = reexec_s
        self._rng = random.Random(seed)
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.arena = Arena(
            ["/usr/bin/pyinit", "-c", "/scratch/pyinit.toml"],
            {"pyinit.toml": INIT, "log/.keep": ""},
            who.IMAGE,
        )
        self.path = str(self.arena.scratch / "control.sock")

    def __enter__(self) -> Self:
        """Start it and its clients; returns when it answers."""
        self.arena.__enter__()
        try:
            self.arena.wait(Path(self.path).exists, ANSWER_S, "to listen")
            with Client(self.path) as client:
                told = {"names": ["still", "talk"]}
                client.call("wait", told, answer_s=ANSWER_S)
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self.arena.__exit__()  # whoever waits for an answer of it sees the end
        for each in self._threads:
            each.join(ANSWER_S)

    def asked_s(self) -> list[float]:
        """Return how long each answer of the control socket has taken since this was called."""
        taken, self._asked_s = self._asked_s, []
        return taken

    def gateway(self) -> int:
        """Return the pid of the web gateway out here, 0 if it is away."""
        for pid in self.arena.supervisors():
            with suppress(OSError):
                if b"pyinit.web" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return 0

    def _begin(self) -> None:
        jobs: list[tuple[str, float, Callable[[Client], None]]] = [
            ("status", 0.25, self._status),
            ("restart", 1.0, self._restart),
            ("look", 2.0, self._look),
            ("reload", 20.0, self._reload),
        ]
        if self._reexec_s:
            jobs.append(("reexec", self._reexec_s, self._reexec))
        for name, every_s, job in jobs:
            self._go(self._repeat, name, every_s, job)
        for number in range(FOLLOWERS):
            verb = "events" if number < FOLLOWERS - 2 else "logs"
            names = [["all"], ["flap"], ["talk:0"]][number % 3 if verb == "events" else 2]
            self._go(self._follow, verb, names)
        self._go(self._browse)

    def _go(self, call: Callable[..., None], *words: object) -> None:
        thread = threading.Thread(target=call, args=words, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def _fault(self, text: str) -> None:
        if not self._over.is_set():
            self._count("faults")
            if len(self.faults) < FAULTS_KEPT:
                self.faults.append(text)

    def _repeat(self, name: str, every_s: float, job: Callable[[Client], None]) -> None:
        """Do a job again and again, each time as a client of its own."""
        while not self._over.wait(every_s):
            try:
                with Client(self.path) as client:
                    job(client)
                self._count(name)
            except Refused as error:
                if error.code in {"busy", "interrupted"}:
                    self._count(f"{name} {error.code}")
                else:
                    self._fault(f"{name}: {error}")
            except (NoSupervisor, OSError) as error:
                self._fault(f"{name}: {error}")

    def _status(self, client: Client) -> None:
        began = time.monotonic()
        client.call("status", answer_s=ANSWER_S)
        self._asked_s.append(time.monotonic() - began)

    def _restart(self, client: Client) -> None:
        name = f"still:{self._rng.randrange(50)}"
        client.call("restart", {"names": [name]}, answer_s=ANSWER_S)

    def _look(self, client: Client) -> None:
        client.call("metrics", answer_s=ANSWER_S)
        client.call("logs", {"names": ["talk:0"], "lines": 50}, answer_s=ANSWER_S)
        client.call("why", {"names": ["flap"]}, answer_s=ANSWER_S)

    def _reload(self, client: Client) -> None:
        """Put the guests in, take them out, and once in a while change nothing."""
        turn = self.counts.get("reload", 0) % 3
        place = self.arena.scratch / "pyinit.toml"
        place.write_text(INIT + (MORE if turn else ""))
        client.call("reload", answer_s=ANSWER_S)

    def _reexec(self, client: Client) -> None:
        client.call("reexec", answer_s=ANSWER_S)

    def _follow(self, verb: str, names: list[str]) -> None:
        while not self._over.is_set():
            try:
                with Client(self.path) as client:
                    for event in client.follow(verb, {"names": names}):
                        self._count("dropped" if event["event"] == "dropped" else f"{verb} told")
                        if self._over.is_set():
                            return
            except (NoSupervisor, Refused, OSError) as error:
                self._fault(f"follow {verb}: {error}")
            if not self._over.wait(1.0):
                self._count(f"{verb} hung up on")

    def _browse(self) -> None:
        turn = 0
        while not self._over.wait(1.0):
            turn += 1
            page = PAGES[turn % len(PAGES)]
            try:
                answer = _get(str(self.arena.scratch / "web.sock"), page)
            except (OSError, http.client.HTTPException) as error:
                self._fault(f"GET {page}: {error!r}")
                continue
            if answer >= 500:
                self._fault(f"GET {page}: {answer}")
            self._count("pages")

    def restarts(self) -> int:
        """Return how many restarts pyinit has counted."""
        with Client(self.path) as client:
            told = client.call("status", answer_s=ANSWER_S)
        rows = json.loads(json.dumps(told["processes"]))
        return sum(int(row["restarts"]) for row in rows)


class _Door(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ANSWER_S)
        self.sock.connect(self._path)


def _get(path: str, page: str) -> int:
    """Ask for a page; return the status."""
    door = _Door(path)
    try:
        door.request("GET", page)
        answer = door.getresponse()
        answer.read()
        return answer.status
    finally:
        door.close()
