"""How each supervisor and each init is told to do the same thing.

A supervisor runs `number` programs of one command line; a plain init runs one.  Every one is
configured for speed: no log files unless the row is about them, and no delay where one can be
taken away.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench import ground
from bench.arena import Arena

T = TypeVar("T")
NOTES = "/scratch/notes"
PROBE = "/bench/probe"
LEAST_SERVICES = 2000  # that s6-svscan has room for, which costs it memory
PEERS_ENV = {"PYTHONPATH": "/opt/peers", "PYTHONDONTWRITEBYTECODE": ""}


@dataclass(frozen=True)
class Setup:
    """What a contender is asked to do."""

    words: tuple[str, ...] = (PROBE, "start", NOTES)
    number: int = 1
    restart: bool = False
    output: str = "none"  # or "raw", "prefix", "tai64n": to the file /scratch/out; "each": out-pN
    stdout: str = ""  # a line for each program of pyinit's; %d is its number
    init: str = ""  # lines for pyinit's [init]


@dataclass(frozen=True, eq=False)
class Contender:
    """A name, and how it is started."""

    name: str
    argv: tuple[str, ...]
    form: str = "command"  # of its configuration: command, toml, ini, circus, scandir
    root: Path = ground.ROOT
    stop: int = signal.SIGTERM
    env: dict[str, str] = field(default_factory=dict)

    def start(self, setup: Setup) -> Arena:
        """Start it in an arena of its own."""
        write = getattr(sys.modules[__name__], f"_{self.form}")
        files: dict[str, str] = write(setup)
        argv = [word.format(most=max(LEAST_SERVICES, setup.number)) for word in self.argv]
        if self.form == "command":
            argv += setup.words
        return Arena(argv, files, self.root, self.env)


IMAGE = ground.image("default")
PYINIT = Contender("pyinit", ("/usr/bin/pyinit", "-c", "/scratch/pyinit.toml"), "toml", IMAGE)
PYINIT_COMMAND = Contender("pyinit COMMAND", ("/usr/bin/pyinit",), "command", IMAGE)
SUPERVISORD = Contender(
    "supervisord",
    (
        *("/usr/bin/python3", "-c", "from supervisor.supervisord import main; main()"),
        *("-n", "-c", "/scratch/supervisord.conf"),
    ),
    "ini",
    env=PEERS_ENV,
)
CIRCUS = Contender(
    "circusd",
    ("/usr/bin/python3", "-c", "from circus.circusd import main; main()", "/scratch/circus.ini"),
    "circus",
    env=PEERS_ENV,
)
S6 = Contender("s6-svscan", ("s6-svscan", "-C", "{most}", "/scratch/scan"), "scandir")
RUNIT = Contender("runsvdir", ("runsvdir", "/scratch/scan"), "scandir", stop=signal.SIGHUP)
TINI = Contender("tini", ("tini", "--"))
DUMB_INIT = Contender("dumb-init", ("dumb-init",))
CATATONIT = Contender("catatonit", ("catatonit", "--"))
INITS = (TINI, DUMB_INIT, CATATONIT)
SUPERVISORS = (PYINIT, SUPERVISORD, CIRCUS, S6, RUNIT)


def each(measure: Callable[[Contender], T], *contenders: Contender) -> dict[str, Callable[[], T]]:
    """Return, by name, calls that measure each of the contenders."""
    return {contender.name: partial(measure, contender) for contender in contenders}


def _command(_setup: Setup) -> dict[str, str]:
    return {}


def _toml(setup: Setup) -> dict[str, str]:
    words = ", ".join(f'"{word}"' for word in setup.words)
    lines = ["[init]", 'log = { level = "warning" }', setup.init, ""]
    for number in range(setup.number):
        lines += [f"[program.p{number}]", f"command = [{words}]"]
        if setup.restart:
            lines.append('restart = { policy = "always", delay = "0s", max = 0 }')
        if setup.stdout:
            lines.append(setup.stdout.replace("%d", str(number)))
        elif setup.output != "none":
            kind = f'file = "/scratch/out", max_size = 0, format = "{setup.output}"'
            lines.append(f"stdout = {{ {kind} }}")
        lines.append("")
    return {"pyinit.toml": "\n".join(lines)}


def _ini(setup: Setup) -> dict[str, str]:
    lines = ["[supervisord]", "nodaemon=true", "user=root", "logfile=/dev/null"]
    lines += ["logfile_maxbytes=0", "loglevel=warn", "pidfile=/run/supervisord.pid"]
    lines += ["minfds=8000", "minprocs=4096", ""]
    for number in range(setup.number):
        out = {"raw": "/scratch/out", "each": f"/scratch/out-p{number}"}.get(setup.output, "NONE")
        lines += [f"[program:p{number}]", f"command={' '.join(setup.words)}"]
        lines += [f"stdout_logfile={out}", "stdout_logfile_maxbytes=0", "stderr_logfile=NONE"]
        lines += [f"autorestart={'true' if setup.restart else 'unexpected'}", ""]
    return {"supervisord.conf": "\n".join(lines)}


def _circus(setup: Setup) -> dict[str, str]:
    lines = ["[circus]", "endpoint = ipc:///run/circus", "pubsub_endpoint = ipc:///run/circus-pub"]
    lines += ["statsd = False", "loglevel = WARNING", "warmup_delay = 0", ""]
    for number in range(setup.number):
        lines += [f"[watcher:p{number}]", f"cmd = {' '.join(setup.words)}", "warmup_delay = 0"]
        if setup.output == "raw":
            lines += ["stdout_stream.class = FileStream", "stdout_stream.filename = /scratch/out"]
        lines.append("")
    return {"circus.ini": "\n".join(lines)}


def _scandir(setup: Setup) -> dict[str, str]:
    text = f"#!/bin/sh\nexec {' '.join(setup.words)}\n"
    return {f"scan/p{number}/run": text for number in range(setup.number)}


def by_shell(name: str, tail: str, setup: Setup) -> Arena:
    """Start a shell pipeline: the setup's words, printed into `tail`."""
    line = f"{' '.join(setup.words)} | {tail}"
    return Contender(name, ("sh", "-c", line), "pipeline").start(setup)


def _pipeline(_setup: Setup) -> dict[str, str]:
    return {"log/config": "s0\nn0\n"}  # svlogd: no rotation
