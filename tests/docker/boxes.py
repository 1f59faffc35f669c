"""Containers for the tests: made with one name each, looked into, and always removed."""

import fcntl
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from eventually import eventually

TOP = Path(__file__).parent.parent.parent
SESSION = uuid.uuid4().hex[:8]
LABEL = "org.pyinit.test"
PYTHON = ["/usr/bin/python3", "-I", "-S", "-c"]
PATIENCE_S = 60.0  # a noisy machine starts a container late


@contextmanager
def alone(name):
    """Let no other worker into the same block meanwhile: there is one engine, in one swarm."""
    with open(f"{tempfile.gettempdir()}/pyinit-tests-{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Box:
    """One container."""

    def __init__(self, container):
        self.container = container

    def wait(self, within_s=PATIENCE_S):
        """Wait for its end; return its exit status."""
        return self.container.wait(timeout=within_s)["StatusCode"]

    def logs(self, **which):
        """What it has written so far."""
        return self.container.logs(**which).decode("utf-8", "replace")

    def said(self, text, within_s=PATIENCE_S):
        """Wait until it has written `text`; return all it wrote."""

        def look():
            logs = self.logs()
            if text in logs:
                return logs
            self.container.reload()
            assert self.container.status in {"created", "running"}, f"it ended:\n{logs}"
            return None

        try:
            return eventually(look, within_s=within_s, every_s=0.05)
        except AssertionError:
            raise AssertionError(f"never said {text!r}:\n{self.logs()}") from None

    def run(self, *words, **options):
        """Run a command in it; return (exit status, output)."""
        done = self.container.exec_run(list(words), **options)
        return done.exit_code, done.output.decode("utf-8", "replace")

    def ctl(self, *words, **options):
        """Run pyinitctl in it; return its output, which must come with exit status 0."""
        code, output = self.run("pyinitctl", *words, **options)
        assert code == 0, f"pyinitctl {' '.join(words)}: exit status {code}: {output}"
        return output

    def status(self):
        """The processes of `pyinitctl status --json`, by name."""
        _code, output = self.run("pyinitctl", "status", "--json")
        try:
            found = json.loads(output)
        except json.JSONDecodeError:
            return {}  # not up yet
        return {each["name"]: each for each in found.get("processes", ())}

    def running(self, *names, within_s=PATIENCE_S):
        """Wait until these processes run and are ready."""

        def look():
            status = self.status()
            well = [
                name
                for name in names
                if name in status and status[name]["state"] == "RUNNING" and status[name]["ready"]
            ]
            return status if len(well) == len(names) else None

        try:
            return eventually(look, within_s=within_s, every_s=0.1)
        except AssertionError:
            raise AssertionError(f"not running: {self.status()}\n{self.logs()}") from None

    def processes(self):
        """The processes inside as {pid: (state, parent, name)}, seen from inside."""
        code, output = self.run(*PYTHON, PROCESSES)
        assert code == 0, output
        return {int(pid): tuple(rest) for pid, *rest in json.loads(output)}

    def get(self, path="/", port=8080):
        """Fetch a page of a service inside, from inside: no port of the host is needed."""
        code, output = self.run(*PYTHON, GET, str(port), path)
        assert code == 0, output
        return json.loads(output) if path in {"/", "/?"} else output

    def post(self, path, port=8080):
        """Post to a service inside; nothing is made of the answer."""
        self.run(*PYTHON, GET.replace("GET {path}", "POST {path}"), str(port), path)

    def open_files(self):
        """Return what the example's page says of its own descriptors: (soft, hard)."""
        limits = {limit["name"]: limit for limit in self.get()["limits"]}
        found = limits["Max open files"]
        return int(found["soft"]), int(found["hard"])

    def health(self):
        """What Docker's HEALTHCHECK says."""
        self.container.reload()
        return self.container.attrs["State"]["Health"]["Status"]

    @property
    def state(self):
        """What the engine says of it."""
        self.container.reload()
        return self.container.attrs["State"]


PROCESSES = """
import json, os
found = []
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        try:
            text = open(f"/proc/{name}/stat").read()
        except OSError:
            continue
        state, parent = text.rpartition(")")[2].split()[:2]
        found.append((name, state, int(parent), text[text.index("(") + 1 : text.rindex(")")]))
print(json.dumps(found))
"""
GET = """
import _socket, sys
port, path = sys.argv[1:]
s = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
s.settimeout(20)
s.connect(("127.0.0.1", int(port)))
s.sendall(f"GET {path} HTTP/1.0\\r\\nAccept: application/json\\r\\n\\r\\n".encode())
data = b""
while part := s.recv(65536):
    data += part
head, _, body = data.partition(b"\\r\\n\\r\\n")
if b" 200 " not in head.split(b"\\r\\n")[0]:
    sys.exit(head.decode())
sys.stdout.write(body.decode())
"""


class Boxes:
    """Makes containers, and removes all it made."""

    def __init__(self, client, session, directory):
        self.client = client
        self.session = session
        self.directory = directory
        self._made = []

    def create(self, image, *command, files=None, more_labels=None, **options):
        """Make a container that has not started; `files` maps paths inside to texts.

        A root that is read-only gets them as mounts: the engine does not write into it either.
        """
        if files and options.get("read_only"):
            options = {**options, "volumes": {**options.get("volumes", {}), **self._mounts(files)}}
            files = None
        container = self.client.containers.create(
            image,
            list(command) or None,
            name=f"pyinit-test-{uuid.uuid4().hex[:12]}",
            labels={LABEL: self.session, **(more_labels or {})},
            **options,
        )
        self._made.append(container)
        if files:
            container.put_archive("/", _archive(files))
        return Box(container)

    def run(self, image, *command, **options):
        """Make a container and start it."""
        box = self.create(image, *command, **options)
        box.container.start()
        return box

    def _mounts(self, files):
        """Write files to this machine; return the mounts that bring them in."""
        found = {}
        for path, content in files.items():
            text, mode = content if isinstance(content, tuple) else (content, 0o644)
            place = self.directory / uuid.uuid4().hex
            place.write_text(text)
            place.chmod(mode)
            found[str(place)] = {"bind": path, "mode": "ro"}
        return found

    def clean(self):
        """Remove every container made."""
        while self._made:
            self._made.pop().remove(force=True, v=True)


def _archive(files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path, content in files.items():
            text, mode = content if isinstance(content, tuple) else (content, 0o644)
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(text.encode())
            entry.mode = mode
            archive.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


def build(tag, *words):
    """Build an image, with the engine's cache; return its tag."""
    command = ["docker", "build", "-q", "-t", tag, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TOP)
    if done.returncode != 0:
        again = [word for word in command if word != "-q"]
        said = subprocess.run(again, capture_output=True, text=True, check=False, cwd=TOP)
        raise AssertionError(f"cannot build {tag}:\n{said.stdout[-4000:]}{said.stderr[-4000:]}")
    return tag


def service(name, code, **more):
    """One program of a pyinit.toml that is a Python text; `more` are its keys as TOML."""
    command = json.dumps([*PYTHON, code])
    lines = [f"[program.{name}]", f"command = {command}"]
    lines += [f"{key} = {value}" for key, value in more.items()]
    return "\n".join(lines) + "\n"
