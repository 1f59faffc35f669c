"""Starts real processes through pyinit.system.spawn and reads in /proc what they were born with."""

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from eventually import eventually  # noqa: E402

from pyinit.core.plan import Launch  # noqa: E402
from pyinit.system import spawn  # noqa: E402

SLEEP = ("sleep", "600")
ENVIRON = {b"PATH": os.environ.get("PATH", "/usr/bin:/bin").encode(), b"FROM_PYINIT": b"yes"}
PYTHON = sys.executable


def told(result):
    """Return what a spawn came to: None (it runs its program) or an ExecFailure."""
    assert isinstance(result, spawn.Spawned), result
    if result.status_fd < 0:
        return None
    try:
        said = []

        def ask():
            answer = spawn.read_status(result.status_fd)
            said.append(answer)
            return not isinstance(answer, spawn.Pending)

        eventually(ask, within_s=30)
        return said[-1]
    finally:
        os.close(result.status_fd)


@contextmanager
def running(launch, fds=(0, 1, 2), keep=(), extra=(), environ=ENVIRON):
    """Run `launch` for the time of the block; yield its pid, its exec done."""
    result = spawn.spawn(launch, environ, extra, fds, keep)
    try:
        assert told(result) is None
        yield result.pid
    finally:
        os.kill(result.pid, signal.SIGKILL)
        os.waitpid(result.pid, 0)


def failing(launch, fds=(0, 1, 2), keep=(), environ=ENVIRON):
    """Return (ExecFailure, exit code) of a launch that must fail."""
    result = spawn.spawn(launch, environ, (), fds, keep)
    if isinstance(result, spawn.ExecFailure):
        return result, None
    failure = told(result)
    if failure is None:
        os.kill(result.pid, signal.SIGKILL)
    _, status = os.waitpid(result.pid, 0)
    assert isinstance(failure, spawn.ExecFailure), status
    return failure, os.waitstatus_to_exitcode(status)


def output(launch, keep=(), environ=ENVIRON, extra=()):
    """Return (what `launch` prints, exit code)."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    result = spawn.spawn(launch, environ, extra, (0, writer, 2), keep)
    os.close(writer)
    with open(reader, "rb") as file:
        assert told(result) is None
        text = file.read()
    _, status = os.waitpid(result.pid, 0)
    return text, os.waitstatus_to_exitcode(status)


def status_of(pid):
    """Return the fields of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def descriptors(pid):
    """Return {number: what it is open on}."""
    place = f"/proc/{pid}/fd"
    found = {}
    for name in os.listdir(place):
        try:
            found[int(name)] = os.readlink(f"{place}/{name}")
        except FileNotFoundError:  # that of the listing itself
            continue
    return found


def sleeping(**more):
    return Launch(SLEEP, **more)


def may_raise_limits():
    """Say whether hard limits can be raised here (CAP_SYS_RESOURCE: root does not always)."""
    return bool(int(status_of("self")["CapEff"], 16) >> 24 & 1)
