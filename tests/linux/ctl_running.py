"""Runs pyinitctl for a test: to its end, or beside it for verbs that wait."""

import os
import subprocess
from contextlib import contextmanager

from boxed import WITHIN_S, start_words


def text(box, *words, code=0):
    """Return what a verb prints; it must exit with `code`."""
    box.wait_socket()
    done = box.ctl(*words)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout


def complaint(box, *words, code):
    """Return what a verb that fails says on stderr; stdout must be empty."""
    box.wait_socket()
    done = box.ctl(*words)
    assert (done.returncode, done.stdout) == (code, ""), (done.stdout, done.stderr)
    return done.stderr


@contextmanager
def watching(box, *words):
    """Run pyinitctl for the time of the block; yield it and an iterator over its lines."""
    process = subprocess.Popen(
        [*start_words("ctl"), *words],
        env={"PYINIT_SOCKET": box.socket, "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="surrogateescape",
    )
    try:
        yield process, lines_of(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(WITHIN_S)
        process.stdout.close()


def lines_of(process):
    """Yield the lines a process prints; one that says nothing for too long is killed."""
    import threading

    while True:
        late = threading.Timer(WITHIN_S, process.kill)
        late.start()
        line = process.stdout.readline()
        late.cancel()
        if not line:
            return
        yield line
