"""Where the demo can run: in a container, or as PID 1 of a fresh PID namespace on this machine."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Answer = TypeVar("Answer")

TOP = Path(__file__).resolve().parent.parent
EXAMPLE = TOP / "examples/go-web"
SOFT, HARD = 1024, 20_000  # descriptors, before pyinit raises anything
STOP_S = 10.0  # as `docker stop` waits before it kills
PATIENCE_S = 60.0


class Failed(Exception):
    """A step did not do what it should."""


class Place(Protocol):
    """Where the demo runs."""

    name: str
    address: tuple[str, int]
    """Where the service can be reached, once it was started."""

    def build(self) -> None:
        """Make what is run."""

    def start(self) -> None:
        """Start pyinit as PID 1."""

    def lives(self) -> bool:
        """Return whether PID 1 has not ended."""

    def ctl(self, *words: str) -> list[str]:
        """Return the command that runs pyinitctl there."""

    def stop(self) -> int:
        """Stop as `docker stop` does; return the exit status."""

    def logs(self) -> str:
        """Return what pyinit and its programs have written."""

    def clean(self) -> None:
        """Take away what is only the demo's."""


class Docker:
    """A container of the example's image."""

    name = "docker"

    def __init__(self, *, started_engine: bool) -> None:
        self.address = ("127.0.0.1", 0)
        self.container = f"pyinit-demo-{os.getpid()}"
        self.started_engine = started_engine

    def build(self) -> None:
        """Build the image, and the example's image from it."""
        run([str(TOP / "scripts/bases.sh")])
        run(["docker", "build", "-q", "-t", "pyinit", "."], terse=True)
        words = ["docker", "build", "-q", "-t", "go-web"]
        if os.environ.get("GO_BASE"):
            words += ["--build-arg", f"GO_BASE={os.environ['GO_BASE']}"]
        run([*words, "examples/go-web"], terse=True)
        for image in ("pyinit:latest", "go-web:latest"):
            run(["docker", "images", "--format", "{{.Repository}}: {{.Size}}", image])

    def start(self) -> None:
        """Start a container with a port of this machine."""
        words = ["docker", "run", "-d", "--name", self.container, "-p", "127.0.0.1::8080"]
        run([*words, "--ulimit", f"nofile={SOFT}:{HARD}", "go-web"], terse=True)
        out = run(["docker", "port", self.container, "8080/tcp"], hidden=True)
        host, _, port = out.split()[0].rpartition(":")
        self.address = (host, int(port))

    def lives(self) -> bool:
        """Return whether the container runs."""
        return self._inspect("{{.State.Running}}") == "true"

    def ctl(self, *words: str) -> list[str]:
        """Return a command for inside the container."""
        return ["docker", "exec", self.container, "pyinitctl", *words]

    def stop(self) -> int:
        """Run `docker stop`."""
        run(["docker", "stop", "-t", f"{STOP_S:.0f}", self.container], terse=True)
        return int(self._inspect("{{.State.ExitCode}}"))

    def logs(self) -> str:
        """Return the container's log."""
        return run(["docker", "logs", self.container], hidden=True)

    def clean(self) -> None:
        """Remove the container, and end the engine if the demo has started it."""
        words = ["docker", "rm", "-f", "-v", self.container]
        subprocess.run(words, check=False, capture_output=True)
        if self.started_engine:
            subprocess.run([str(TOP / "scripts/engine.sh"), "stop"], check=False)

    def _inspect(self, form: str) -> str:
        return run(["docker", "inspect", "-f", form, self.container], hidden=True).strip()


class Host:
    """A fresh PID namespace on this machine."""

    name = "host"

    def __init__(self) -> None:
        self.address = ("127.0.0.1", 0)
        self.directory = Path(tempfile.mkdtemp(prefix="pyinit-demo-"))
        self.log = self.directory / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def build(self) -> None:
        """Compile the programs."""
        words = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", f"{self.directory}/"]
        run([*words, "./cmd/..."], cwd=EXAMPLE, env={**os.environ, "CGO_ENABLED": "0"})

    def start(self) -> None:
        """Start with the example's own configuration, in which only places are settings."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.address = ("127.0.0.1", port)
        settings = {
            "APP_DIR": str(self.directory),
            "WEB_ADDR": f"127.0.0.1:{port}",
            "WORKER_URL": f"http://127.0.0.1:{port}/healthz",
            "PYINIT_SOCKET": f"{self.directory}/control.sock",
        }
        words = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]
        if os.geteuid() != 0:
            words += ["--user", "--map-root-user"]
        words += [str(TOP / ".venv/bin/pyinit"), "-c", str(EXAMPLE / "pyinit.toml")]
        show([*[f"{name}={value}" for name, value in settings.items()], *words])
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **settings},
                preexec_fn=_as_in_a_container,  # noqa: PLW1509  there is no thread here
            )
        self.pid = eventually("unshare has forked", lambda: _child_of(self.process))

    def lives(self) -> bool:
        """Return whether PID 1 of the namespace lives."""
        return self.process is not None and self.process.poll() is None

    def ctl(self, *words: str) -> list[str]:
        """Return a command for this machine."""
        return [str(TOP / ".venv/bin/pyinitctl"), "-s", f"{self.directory}/control.sock", *words]

    def stop(self) -> int:
        """Send SIGTERM to PID 1 of the namespace; unshare ends with its exit status."""
        if self.process is None:
            raise Failed("nothing was started")
        show(["kill", "-TERM", str(self.pid)])
        os.kill(self.pid, signal.SIGTERM)
        try:
            return self.process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"it has not ended after {STOP_S:.0f} s") from None

    def logs(self) -> str:
        """Return the log."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def clean(self) -> None:
        """End what still runs and remove the files."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()  # its --kill-child takes PID 1 along, and with it the namespace
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def _as_in_a_container() -> None:
    """Begin with the limits that the container has, as far as this machine lets us."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT, HARD))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(SOFT, hard), hard))


def _child_of(process: subprocess.Popen[bytes] | None) -> int:
    """Return the pid of the only child of a process, 0 while it has none."""
    if process is None or process.poll() is not None:
        raise Failed("it ended at once")
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text() or 0)


def show(words: Sequence[str]) -> None:
    """Print a command as one would type it."""
    print("  $ " + " ".join([word.replace(f"{TOP}/", "") for word in words]), flush=True)


def indent(text: str) -> str:
    """Return a text two columns further right."""
    return "\n".join([f"  {line}" for line in text.splitlines()])


def run(
    words: Sequence[str],
    *,
    hidden: bool = False,
    terse: bool = False,
    cwd: Path = TOP,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command and return its output.  Raises Failed with the end of it.

    Both are shown, if terse only the command, if hidden none of them.
    """
    if not hidden:
        show(words)
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=env,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise Failed(f"exit status {done.returncode} of {' '.join(words)}\n{indent(tail)}")
    if not hidden and not terse and done.stdout.strip():
        print(indent(done.stdout.rstrip()), flush=True)
    return done.stdout


def eventually(what: str, check: Callable[[], Answer]) -> Answer:
    """Ask until the answer is yes, and return it.  Raises Failed after a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failed(f"not within {PATIENCE_S:.0f} s: {what}")
        time.sleep(0.1)
