"""Runs pyinit as PID 1 of a fresh PID namespace, and looks at everything in it from outside.

    with Box('[program.web]\ncommand = ["sleep", "600"]') as box:     # supervising
        box.wait_state("web", "RUNNING")
        box.ctl("stop", "web")
        box.send("TERM")
        assert box.wait() == 0

    with Box(command=("sh", "-c", "exit 3")) as box:                   # COMMAND mode
        assert box.wait() == 3

Every box has a directory (`box.place`) and a control socket of its own; what pyinit and its
programs print is in `box.out` and `box.err`.  At the end of the block everything in it is killed.
`Box(uid=12345)` runs as that ordinary user, by a user namespace; `namespace=False` runs pyinit
as no PID 1, `inside` are words that exec pyinit within the namespace (prlimit, sh -c '... "$@"').
"""

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import eventually as asking  # noqa: E402

from pyinit.client import Client, NoSupervisor  # noqa: E402

WITHIN_S = 60.0  # machines that run tests are busy
ORDINARY = 12345  # a uid without a passwd entry
IS_ROOT = os.geteuid() == 0
START = "import sys; sys.path[:0] = {places!r}; from pyinit.cli.{module} import main; main()"
# Of the environment of whoever runs the tests, the programs see this and nothing else.
PASSED = ("PATH", "LANG", "TZ")

needs_root = pytest.mark.skipif(not IS_ROOT, reason="changes users or limits: needs root")


def eventually(check, within_s=WITHIN_S, every_s=0.01):
    """Return the first truthy value of `check()`; patient, since each start takes a while."""
    return asking.eventually(check, within_s, every_s)


@dataclass(frozen=True)
class Seen:
    """A process in a box: its pid here and in the box, and what /proc/PID/stat says of it."""

    pid: int
    inner: int
    name: str
    state: str
    parent: int
    group: int
    session: int
    words: tuple[str, ...]


@functools.cache
def code_places(public):
    """Return the directories to import from; `public` ones can be read by every user."""
    import cronsim
    import tomli

    libraries = [Path(each.__file__).parent for each in (tomli, cronsim)]
    if not public:
        return [str(ROOT), *{str(library.parent) for library in libraries}]
    place = Path(tempfile.mkdtemp(prefix="pyinit-code-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    skipped = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "pyinit", place / "pyinit", ignore=skipped)
    for library in libraries:
        shutil.copytree(library, place / library.name, ignore=skipped)
    subprocess.run([interpreter(public), "-m", "compileall", "-q", str(place)], check=True)
    subprocess.run(["chmod", "-R", "a+rX", str(place)], check=True)
    return [str(place)]


@functools.cache
def interpreter(public):
    """Return a Python; a `public` one may be executed by every user.  Skips without one."""
    if not public:
        return sys.executable
    ask = [
        *_user_words(ORDINARY),
        "env",  # setpriv itself still has root's right to look anywhere
        "PYTHON",
        "-c",
        "import sys; sys.exit(sys.version_info < (3, 11))",
    ]
    for python in (sys.executable, "/usr/bin/python3"):
        words = [python if word == "PYTHON" else word for word in ask]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no Python 3.11 here that an ordinary user may execute")


def start_words(module="init", public=False):
    """Return the words that run the command pyinit (or module="ctl": pyinitctl) of this tree."""
    code = START.format(places=code_places(public), module=module)
    return [interpreter(public), "-I", "-S", "-c", code]


@functools.cache
def namespace_words(as_root):
    """Return the words that run a command as PID 1; skip, loudly, where that is forbidden."""
    words = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]
    if not as_root:
        words.insert(1, "--map-root-user")
    before = [] if as_root or not IS_ROOT else _user_words(ORDINARY)
    tried = subprocess.run([*before, *words, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"cannot make a PID namespace here: {tried.stderr.strip()}")
    return words


def _user_words(uid):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


@contextmanager
def acting_as(uid):
    """Have the rights of `uid` for the time of the block, as the peer of a socket, too."""
    if uid is None or not IS_ROOT:
        yield
        return
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def children_map():
    """Return {pid: [its children]} of the whole machine."""
    found = {}
    for entry in os.listdir("/proc"):
        fields = stat_fields(entry) if entry.isdigit() else None
        if fields is not None:
            found.setdefault(int(fields[1]), []).append(int(entry))
    return found


def stat_fields(pid):
    """Return the fields of /proc/PID/stat after the name: state, ppid, group, session..."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def program(name, *command, **keys):
    """Return a [program.NAME] section; one word of `command` is a script for sh."""
    words = ["sh", "-c", command[0]] if len(command) == 1 else command
    lines = [f"{key} = {inline(value)}" for key, value in keys.items()]
    return "\n".join([f"[program.{name}]", f"command = {inline(words)}", *lines, ""])


def inline(value):
    """Return a value as TOML writes it within a line, every dollar being one."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(each) for each in value) + "]"
    return json.dumps(value.replace("$", "$$") if isinstance(value, str) else value)


def held(pid):
    """Return the numbers of the signals that a process has blocked."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (mask,) = [int(line.split()[1], 16) for line in lines if line.startswith("SigBlk:")]
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def python(code, *args):
    """Return the words that run `code`: Python as small as it gets, for every user."""
    return [interpreter(IS_ROOT), "-I", "-S", "-c", code, *args]


class Box:
    """A running pyinit.  `config` is the text of its pyinit.toml; `options` go before COMMAND.

    `env` is laid over PATH, LANG and PYINIT_SOCKET; a `public` one is started from where every
    user may read.  `stdin`, `stdout`, `stderr` are as for
    subprocess.Popen; by default /dev/null and two files.
    """

    def __init__(
        self,
        config=None,
        *,
        command=(),
        options=(),
        uid=None,
        namespace=True,
        inside=(),
        env=(),
        stdin=subprocess.DEVNULL,
        stdout=None,
        stderr=None,
        cwd="/",
        socket=True,
        public=False,
    ):
        self.uid = uid if IS_ROOT else None
        if uid is not None and not IS_ROOT:
            pytest.skip("runs pyinit as another user: needs root")
        self.place = Path(tempfile.mkdtemp(prefix="pyinit-box-"))
        self.socket = str(self.place / "control.sock")
        self.config = self.place / "pyinit.toml"
        self._token = f"PYINIT_BOX={self.place}"
        self._out, self._err = self.place / "stdout", self.place / "stderr"
        self._out.touch()
        self._err.touch()
        words = [*inside, *start_words(public=public or self.uid is not None)]
        if config is not None:
            self.config.write_text(config)
            words += ["-c", str(self.config)]
        words += [*options, *command]
        if namespace:
            words = [*namespace_words(IS_ROOT and uid is None), *words]
        if self.uid is not None:
            subprocess.run(["chown", "-R", f"{uid}:{uid}", str(self.place)], check=True)
            words = [*_user_words(uid), *words]
        kept = {name: os.environ[name] for name in PASSED if name in os.environ}
        if socket:
            kept["PYINIT_SOCKET"] = self.socket
        kept["PYINIT_BOX"] = str(self.place)
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                words,
                env={**kept, **dict(env)},
                stdin=stdin,
                stdout=out if stdout is None else stdout,
                stderr=err if stderr is None else stderr,
                cwd=cwd,
            )
        self._namespace = namespace
        self._pid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Kill everything in the box and remove its directory."""
        for pid in [*self._inmates(), *self._marked()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WITHIN_S)
        eventually(lambda: not self._marked(), WITHIN_S)
        shutil.rmtree(self.place, ignore_errors=True)

    # --- what it prints and how it ends

    @property
    def out(self):
        """All of stdout so far."""
        return self._out.read_text(errors="surrogateescape")

    @property
    def err(self):
        """All of stderr so far: pyinit's log and what programs print there."""
        return self._err.read_text(errors="surrogateescape")

    @property
    def ended(self):
        """Whether pyinit is gone."""
        return self.process.poll() is not None

    def wait(self, within_s=WITHIN_S):
        """Return the exit status of pyinit (of unshare, which ends as it does)."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {within_s} s:\n{self.err}") from None

    def until(self, text, *, out=False, within_s=WITHIN_S):
        """Wait until `text` was printed on stderr (or stdout); return everything printed there."""
        said = ""

        def look():
            nonlocal said
            ended = self.ended
            said = self.out if out else self.err
            return text in said or ended

        eventually(look, within_s)
        assert text in said, f"{text!r} was never printed:\n{said}"
        return said

    # --- its processes

    @property
    def pid(self):
        """PID 1 of the box as it is seen here."""
        if not self._namespace:
            return self.process.pid
        if not self._pid:

            def look():
                assert not self.ended, f"it has ended:\n{self.err}"
                found = children_map().get(self.process.pid, [])
                return found[0] if found else 0

            self._pid = eventually(look, WITHIN_S)
        return self._pid

    def send(self, name):
        """Send a signal, by name or number, to pyinit."""
        number = name if isinstance(name, int) else getattr(signal, f"SIG{name}")
        os.kill(self.pid, number)

    def processes(self):
        """Return everybody in the box, PID 1 first."""
        found = [self.look_at(pid) for pid in self._inmates()]
        return sorted([one for one in found if one is not None], key=lambda one: one.inner)

    def zombies(self):
        """Return the dead whom nobody has reaped."""
        return [one for one in self.processes() if one.state == "Z"]

    def look_at(self, pid):
        """Return what is known of one process (pid as seen here), None when it is gone."""
        fields = stat_fields(pid)
        if fields is None:
            return None
        try:
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return None
        lines = {name: value.split() for name, _, value in (s.partition(":") for s in status)}
        words = tuple(raw.decode(errors="surrogateescape").split("\0")[:-1])
        name = " ".join(lines["Name"])
        inner = int(lines["NSpid"][-1])
        return Seen(pid, inner, name, fields[0], *map(int, fields[1:4]), words)

    def outer(self, inner):
        """Return the pid here of the process with a pid of the box."""
        for one in self.processes():
            if one.inner == inner:
                return one.pid
        raise AssertionError(f"no process {inner} in the box: {self.processes()}")

    def _inmates(self):
        """Return the pids of everybody below, also when the namespace is ours."""
        tree = children_map()
        roots = tree.get(self.process.pid, []) if self._namespace else [self.process.pid]
        found, waiting = [], list(roots)
        while waiting:
            pid = waiting.pop(0)
            found.append(pid)
            waiting += tree.get(pid, [])
        return found

    def _marked(self):
        """Return the pids of whoever carries the mark of this box in its environment."""
        mark = self._token.encode()
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    environ = Path(f"/proc/{entry}/environ").read_bytes()
                except OSError:
                    continue
                if mark in environ.split(b"\0"):
                    found.append(int(entry))
        return found

    # --- control

    def ctl(self, *words, within_s=WITHIN_S):
        """Run pyinitctl as the user of the box; return the CompletedProcess (text)."""
        public = self.uid is not None
        before = _user_words(self.uid) if public else []
        return subprocess.run(
            [*before, *start_words("ctl", public), *words],
            env={"PYINIT_SOCKET": self.socket, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )

    def json(self, *words):
        """Run pyinitctl VERB --json and return what it says."""
        done = self.ctl(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def call(self, verb, args=None, *, answer_s=WITHIN_S):
        """Carry out one verb by the client in this process; return its result."""
        self.wait_socket()
        with acting_as(self.uid), Client(self.socket) as client:
            return client.call(verb, args or {}, answer_s=answer_s)

    def wait_socket(self):
        """Wait until pyinit answers at its control socket."""

        def look():
            assert not self.ended, f"it has ended:\n{self.err}"
            try:
                with acting_as(self.uid), Client(self.socket):
                    return True
            except NoSupervisor:
                return False

        eventually(look, WITHIN_S)

    def status(self):
        """Return {name: the object of `status`} of every process."""
        return {each["name"]: each for each in self.call("status")["processes"]}

    def wait_state(self, name, *states, within_s=WITHIN_S):
        """Wait until a process is in one of the public `states`; return its status."""
        last = {}

        def look():
            last.update(self.status().get(name, {}))
            return last if last.get("state") in states else None

        try:
            return eventually(look, within_s)
        except AssertionError:
            raise AssertionError(f"{name} is not {states} but {last}:\n{self.err}") from None

    def run_pid(self, name):
        """Return the pid here of the run of a process that is up."""
        return self.outer(self.wait_state(name, "RUNNING", "STARTING")["pid"])
