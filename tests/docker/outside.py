"""pyinitctl on this machine, as a person beside the engine calls it."""

import json
import os
import pty
import subprocess
import sys
import threading
from contextlib import contextmanager

from boxes import PATIENCE_S

WORDS = [sys.executable, "-m", "pyinit.cli.ctl"]


def ctl(*words, **environment):
    """Run pyinitctl to its end."""
    return subprocess.run(
        [*WORDS, *words],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def said(*words, code=0, **environment):
    """Return what pyinitctl prints; it must exit with `code` and say nothing on stderr."""
    done = ctl(*words, **environment)
    assert (done.returncode, done.stderr) == (code, ""), (done.stdout, done.stderr)
    return done.stdout


def complaint(*words, code, **environment):
    """Return what pyinitctl says on stderr; stdout must be empty."""
    done = ctl(*words, **environment)
    assert (done.returncode, done.stdout) == (code, ""), (done.stdout, done.stderr)
    return done.stderr


def fleet(*names, code=0):
    """Return what `fleet status --json` tells, its containers by name."""
    found = json.loads(said("--json", "fleet", "status", *names, code=code))
    found["containers"] = {each["name"]: each for each in found["containers"]}
    return found


@contextmanager
def following(*words):
    """Run pyinitctl for the time of the block; yield it."""
    process = subprocess.Popen(
        [*WORDS, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    late = threading.Timer(PATIENCE_S, process.kill)
    late.start()
    try:
        yield process
    finally:
        late.cancel()
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def on_terminal(*words, until):
    """Return what pyinitctl shows on a terminal, until it shows a text; then Ctrl-C is typed.

    Return it with the exit status.
    """
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(WORDS[0], [*WORDS, *words])
    late = threading.Timer(PATIENCE_S, os.kill, (pid, 9))
    late.start()
    shown, typed = b"", False
    try:
        while data := _read(fd):
            shown += data
            if until in shown and not typed:
                typed = True
                os.write(fd, b"\x03")
        return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    finally:
        late.cancel()
        os.close(fd)


def _read(fd):
    try:
        return os.read(fd, 4096)
    except OSError:  # nobody has the terminal open any more
        return b""
