"""Has system calls of a pyinit fail, by strace: the kernel's own error, at the N-th call.

    with Held(config) as box:              # a box whose pyinit has not begun yet
        with Tracer(box.pid, "openat:error=EMFILE:when=3") as tracer:
            box.begin()
            ...
        assert tracer.injected

Only PID 1 is traced, no program: strace follows no fork here.  Nothing in pyinit knows of it.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from boxed import Box, eventually

# The gate is a FIFO: who waits there is the process that will be pyinit, and can be traced before.
GATE = 'read -r _ <"$PYINIT_GATE"; exec "$@"'
BEGINS = "pipe2("  # pyinit's own first call: the pipe that signals are written to

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None or os.geteuid() != 0, reason="needs strace and root"
)


class Held(Box):
    """A box whose pyinit waits at a gate until `begin`."""

    def __init__(self, config=None, *, before=(), env=(), **how):
        self._gate = Path(tempfile.mkdtemp(prefix="pyinit-gate-"))
        os.mkfifo(self._gate / "gate")
        here = {**dict(env), "PYINIT_GATE": str(self._gate / "gate")}
        super().__init__(config, inside=("sh", "-c", GATE, "sh", *before), env=here, **how)
        self._writer = eventually(self._reach, every_s=0.002)

    def _reach(self):
        """Open the gate's writing end, once somebody waits at the other one."""
        try:
            return os.open(self._gate / "gate", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None

    def begin(self):
        """Let pyinit start."""
        os.write(self._writer, b"go\n")

    def close(self):
        os.close(self._writer)
        super().close()
        shutil.rmtree(self._gate, ignore_errors=True)


class Tracer:
    """A strace of one process that injects by `rules`; detached at the end of the block.

    `log` is what it saw so far: a line for each call it was told to look at.
    """

    def __init__(self, pid, *rules, calls=()):
        self._place = Path(tempfile.mkdtemp(prefix="pyinit-strace-"))
        self._log = self._place / "log"
        self._seen = None
        wanted = [*calls, *[rule.partition(":")[0] for rule in rules]]
        words = ["strace", "-o", str(self._log), "-p", str(pid)]
        words += ["-e", f"trace={','.join(dict.fromkeys(wanted)) or 'all'}"]
        for rule in rules:
            words += ["-e", f"inject={rule}"]
        self._strace = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def __enter__(self):
        pipe = self._strace.stderr
        fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_NONBLOCK)
        said = b""

        def attached():
            nonlocal said
            said += pipe.read() or b""
            assert self._strace.poll() is None, said
            return b"attached" in said

        eventually(attached, every_s=0.002)
        return self

    def __exit__(self, *_):
        self.detach()
        shutil.rmtree(self._place, ignore_errors=True)

    def detach(self):
        """Let the process go."""
        if self._strace.poll() is None:
            self._strace.terminate()
        self._strace.wait(60)
        self._strace.stderr.close()
        self._seen = self.log

    @property
    def log(self):
        """What was seen so far, line by line."""
        if self._seen is not None:
            return self._seen
        return self._log.read_text(errors="replace").splitlines()

    @property
    def injected(self):
        """The calls that were refused by our doing."""
        return [line for line in self.log if "(INJECTED)" in line]


def counted(lines):
    """Return {name of a call: (how many before pyinit's own first one, how many in all)}."""
    first = next(at for at, line in enumerate(lines) if line.startswith(BEGINS))
    found = {}
    for at, line in enumerate(lines):
        name = re.match(r"\w+(?=\()", line)
        if name:
            before, total = found.get(name[0], (0, 0))
            found[name[0]] = (before + (at < first), total + 1)
    return found
