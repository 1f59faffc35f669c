"""Runs commands of pyinit many times a second: a process that has imported them forks for each.

    with Zygote(tmp_path) as zygote:
        ended = zygote.run("pyinitctl", [b"--json", b"\\xff"])
        ended.code, ended.out, ended.err

It has no threads, so that what is forked is whole.  Who hangs is killed and told as code "hangs".
"""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

WITHIN_S = 20.0
NOT_CAUGHT = 113  # the exit status of what has let an exception through
COMMANDS = {
    "pyinit": "pyinit.cli.init",
    "pyinitctl": "pyinit.cli.ctl",
    "tini": "pyinit.applets.tini",
    "dumb-init": "pyinit.applets.dumb_init",
    "supervisord": "pyinit.applets.supervisord",
    "supervisorctl": "pyinit.applets.supervisorctl",
    "echo_supervisord_conf": "pyinit.applets.echo_supervisord_conf",
    "pidproxy": "pyinit.applets.pidproxy",
}


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, -N for a signal, "hangs"; and what it has printed."""

    code: int | str
    out: bytes
    err: bytes


class Zygote:
    """The process that forks; commands run in `place`, with an environment of their own."""

    def __init__(self, place, **env):
        self.place = Path(place)
        self.env = {"PATH": os.environ["PATH"], "PYINIT_SOCKET": f"{place}/no.sock", **env}
        self.process = subprocess.Popen(
            [sys.executable, __file__, *COMMANDS.values()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.place,
            env={**self.env, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(WITHIN_S)
        self.process.stdout.close()

    def run(self, command, words, stdin=b"", env=()):
        """Run a command with words of bytes; return how it Ended."""
        given = {
            "command": command,
            "words": [_text(word) for word in words],
            "stdin": _text(stdin),
            "env": [[_text(name), _text(value)] for name, value in dict(env).items()],
        }
        self.process.stdin.write(json.dumps(given).encode() + b"\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        return Ended(told["code"], *[base64.b64decode(told[name]) for name in ("out", "err")])


def _text(data):
    return base64.b64encode(data).decode()


def _bytes(text):
    return base64.b64decode(text)


def serve():
    """Fork for each line of standard input, and answer with how it went."""
    import importlib

    modules = {name: importlib.import_module(path) for name, path in COMMANDS.items()}
    for early in ("pyinit.runtime.boot", "pyinit.config.compile", "pyinit.applets.supervisorctl"):
        importlib.import_module(early)
    for line in sys.stdin.buffer:
        given = json.loads(line)
        files = [os.memfd_create(name) for name in ("in", "out", "err")]
        os.write(files[0], _bytes(given["stdin"]))
        os.lseek(files[0], 0, os.SEEK_SET)
        pid = os.fork()
        if not pid:
            _be(modules[given["command"]], given, files)
        code = _wait(pid)
        told = {"code": code, "out": _content(files[1]), "err": _content(files[2])}
        os.close(files[0])
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _be(module, given, files):
    """Become the command; never returns."""
    import traceback

    os.setsid()
    for number, fd in enumerate(files):
        os.dup2(fd, number)
    os.closerange(3, 64)
    for name, value in given["env"]:
        os.environb[_bytes(name)] = _bytes(value)
    import posix

    for name, value in os.environb.items():
        posix.environ[name] = value
    sys.orig_argv = sys.argv = [
        given["command"],
        *[os.fsdecode(_bytes(word)) for word in given["words"]],
    ]
    faults = ("strict", "strict", "backslashreplace")  # as Python has them in most locales
    sys.stdin, sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(fd, mode), "utf-8", faults[fd]) for fd, mode in enumerate("rww")
    )
    code = NOT_CAUGHT
    try:
        module.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001  whatever it is
        traceback.print_exc()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code if isinstance(code, int) else NOT_CAUGHT)


def _wait(pid):
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hangs"


def _content(fd):
    size = os.lseek(fd, 0, os.SEEK_END)
    data = os.pread(fd, size, 0)
    os.close(fd)
    return _text(data)


if __name__ == "__main__":
    serve()
