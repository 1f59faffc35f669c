"""Runs one command line under a genuine wrapper and under ours, to be compared word by word."""

import fcntl
import functools
import itertools
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from eventually import eventually  # noqa: E402

LAUNCH = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
sys.argv = sys.argv[1:]
from pyinit.applets.MODULE import main
main()
"""
WITHIN_S = 30.0
NOISE = ("TINI_", "DUMB_INIT_", "POSIXLY_CORRECT")  # of whoever runs the tests
PIDS = (
    (rb"tini \(\d+\)", b"tini (PID)"),
    (rb"pid '\d+'", b"pid 'PID'"),
    (rb"pid: '\d+'", b"pid: 'PID'"),
    (rb"pid=\d+", b"pid=PID"),
    (rb"PID \d+", b"PID N"),
    # what we say beyond the genuine version, so that nobody takes us for the genuine program
    (rb" - pyinit \d[\w.]*", b""),
    (rb" - git\.\w+", b""),
    (rb" \(pyinit \d[\w.]*\)", b""),
)
SPAWNED = b"[dumb-init] Child spawned with PID N.\n"


@functools.cache
def _found(program):
    """Return (path, "") of the genuine program, or ("", why there is none)."""
    path = _installed(program)
    if path:
        return path, ""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return "", "neither root nor apt-get to install it"
    with open("/tmp/pyinit-tests-apt.lock", "w") as lock:  # of all workers of xdist
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = b""
        for words in [["install", program], ["update"], ["install", program]]:
            path = _installed(program)
            if path:
                return path, ""
            done = subprocess.run(
                ["apt-get", "-y", "-o", "DPkg::Lock::Timeout=120", *words],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=600,
                check=False,
            )
            said = done.stdout
    return _installed(program), "apt-get: " + os.fsdecode(said[-200:])


def _installed(program):
    """Return the path of a real executable, which no link to pyinit and no entry point is."""
    for directory in [*os.get_exec_path(), "/usr/bin"]:
        path = Path(directory) / program
        if path.is_file() and os.access(path, os.X_OK):
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    return str(path)
    return ""


def genuine(program):
    """Return the path of the genuine program; without one the test is skipped, in CI it fails."""
    path, why = _found(program)
    if path:
        return path
    text = f"no genuine {program} to compare with (apt-get install {program}): {why}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: bytes
    err: bytes


@dataclass(frozen=True)
class Side:
    """One of the two: how its command lines begin.  `program` is "tini" or "dumb-init"."""

    program: str
    ours: bool

    def argv(self, *args, name=None):
        """Return (executable, argv) of a command line."""
        name = name or self.program
        if not self.ours:
            return genuine(self.program), [name, *args]
        code = LAUNCH.replace("MODULE", self.program.replace("-", "_"))
        return sys.executable, [sys.executable, "-I", "-S", "-c", code, name, *args]

    def words(self, *args):
        """Return the command line as words for another program to run."""
        executable, argv = self.argv(*args, name=genuine(self.program))
        return [executable, *argv[1:]]

    def start(self, *args, name=None, env=(), under=(), **options):
        """Start it; `under` are the words of a program that runs it."""
        if under:
            argv = [*under, *self.words(*args)]
            executable = None
        else:
            executable, argv = self.argv(*args, name=name)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(
            argv, executable=executable, env=environment(env), **{"cwd": "/tmp", **options}
        )

    def run(self, *args, **options):
        """Run it to its end; return the Outcome."""
        process = self.start(*args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        try:
            out, err = process.communicate(timeout=WITHIN_S)
        finally:
            if process.poll() is None:
                for pid in [*below(process.pid), process.pid]:
                    os.kill(pid, signal.SIGKILL)
                process.wait(WITHIN_S)
        return Outcome(process.returncode, out, err)


@dataclass(frozen=True)
class Bare:
    """A command without a wrapper, where a Side is asked for."""

    def start(self, *args, under=(), env=(), **options):
        return subprocess.Popen([*under, *args], env=environment(env), **{"cwd": "/tmp", **options})


def environment(more=()):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOISE)}
    return {**kept, **dict(more)}


def both(program):
    return Side(program, ours=False), Side(program, ours=True)


def plain(text):
    """Return `text` without what differs from run to run."""
    for pattern, replacement in PIDS:
        text = re.sub(pattern, replacement, text)
    # said by the parent while the child speaks, too: it stands first here
    return SPAWNED + text.replace(SPAWNED, b"", 1) if SPAWNED in text else text


def tidy(outcome):
    return Outcome(outcome.code, plain(outcome.out), plain(outcome.err))


def agree(program, *args, **options):
    """Assert that both say and return the same; return it."""
    theirs, ours = (tidy(side.run(*args, **options)) for side in both(program))
    assert ours == theirs, f"ours {ours}\ntheirs {theirs}"
    return ours


# Tini leaves its lines to stdio, which keeps them back where stdout is no terminal: those of the
# child are lost in its exec, and come twice when that fails.  So that all can be compared:
UNBUFFERED = ("stdbuf", "-oL")


def agree_on_lines(program, *args, **options):
    """Assert the same where the two processes' lines come in any order; return the lines."""

    def lines(side):
        found = tidy(side.run(*args, under=UNBUFFERED, **options))
        return found.code, sorted(found.out.splitlines()), sorted(found.err.splitlines())

    return same(program, lines)


def same(program, scenario):
    """Assert that both behave the same in a scenario, a function of a Side; return how."""
    theirs, ours = (scenario(side) for side in both(program))
    assert ours == theirs, f"ours {ours}\ntheirs {theirs}"
    return ours


class Reader:
    """Collects what comes from a descriptor; what it says can be waited for."""

    def __init__(self, fd):
        self.data = b""
        self._fd = fd
        self._stopped = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while not self._stopped:
            try:
                if not select.select([self._fd], [], [], 0.05)[0]:
                    continue
                part = os.read(self._fd, 65536)
            except OSError:  # a terminal whose other side is gone
                return
            if not part:
                return
            self.data += part

    def until(self, text, times=1):
        """Wait until `text` was said so many times; return everything so far."""

        def said():
            return self.data.count(text) >= times or not self._thread.is_alive()

        try:
            eventually(said, within_s=WITHIN_S)
        except AssertionError:
            raise AssertionError(f"no {text!r} in {self.data!r}") from None
        assert self.data.count(text) >= times, self.data
        return self.data

    def rest(self):
        """Wait for the end and return everything."""
        self._thread.join(WITHIN_S)
        assert not self._thread.is_alive(), self.data
        return self.data

    def stop(self):
        """Read no more."""
        self._stopped = True
        self._thread.join(WITHIN_S)


class Running:
    """A wrapper that runs, its output being collected; all of it is ended after a `with`."""

    def __init__(self, side, *args, under=(), env=(), **options):
        self.mark = f"{os.getpid()}-{next(_numbers)}"
        self.process = side.start(
            *args,
            under=under,
            env={**dict(env), "GENUINE_MARK": self.mark},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "bufsize": 0, **options},
        )
        self._inside = bool(under)
        self._wrapper = 0
        self.pid = self.process.pid
        pipes = (self.process.stdout, self.process.stderr)
        self.out, self.err = [pipe and Reader(pipe.fileno()) for pipe in pipes]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_marked(self.mark)
        self.process.wait(WITHIN_S)
        for pipe, reader in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            if pipe:
                reader.rest()
                pipe.close()

    @property
    def wrapper(self):
        """The wrapper's pid, out here: that of the one child of a program it runs under."""
        if self._inside:
            self._wrapper = self._wrapper or eventually(lambda: children(self.pid))[0]
            return self._wrapper
        return self.pid

    @property
    def child(self):
        """The pid, out here, of the first child of the wrapper."""
        return eventually(lambda: children(self.wrapper))[0]

    def send(self, *numbers):
        for number in numbers:
            os.kill(self.wrapper, number)

    def wait(self):
        return self.process.wait(WITHIN_S)


_numbers = itertools.count()


def end_marked(mark):
    """Kill every process that was started with this mark in its environment."""
    ours = b"\0GENUINE_MARK=" + mark.encode() + b"\0"

    def left():
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if ours in b"\0" + (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                        os.kill(found[-1], signal.SIGKILL)
                except (OSError, ProcessLookupError):
                    continue
        return found

    eventually(lambda: not left(), within_s=WITHIN_S)


class Terminal(Running):
    """A wrapper that leads a session on a terminal of its own, as under `docker run -t`."""

    def __init__(self, side, *args, size=(24, 80), **options):
        self.master, slave = os.openpty()
        self.resize(*size)
        lines = termios.tcgetattr(slave)
        lines[1] &= ~termios.OPOST
        lines[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, lines)
        code = "import fcntl,os,sys,termios;fcntl.ioctl(0,termios.TIOCSCTTY,0)"
        code += ";os.execvp(sys.argv[1],sys.argv[1:])"
        super().__init__(
            side,
            *args,
            **{
                "stdin": slave,
                "stdout": slave,
                "stderr": subprocess.PIPE,
                "start_new_session": True,
                **options,
            },
            under=python(code),
        )
        self._inside = False  # the program it runs under becomes it
        os.close(slave)
        self.out = Reader(self.master)

    def __exit__(self, *_):
        end_marked(self.mark)
        self.process.wait(WITHIN_S)
        if self.process.stderr:
            self.err.rest()
            self.process.stderr.close()
        self.hang_up()

    def press(self, keys):
        os.write(self.master, keys)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self):
        """Close the other side of the terminal, once."""
        if self.master >= 0:
            self.out.stop()
            os.close(self.master)
            self.master = -1

    @property
    def foreground(self):
        return os.tcgetpgrp(self.master)


def stat(pid):
    """Return the fields of /proc/PID/stat after the name: state, ppid, group, session..."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def state(pid):
    """Return "S" for a process that runs or sleeps, "T" if it is stopped, "Z", "X" when gone."""
    fields = stat(pid)
    return "X" if fields is None else fields[0].replace("R", "S").replace("D", "S")


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        fields = stat(entry) if entry.isdigit() else None
        if fields is not None and int(fields[1]) == pid:
            found.append(int(entry))
    return sorted(found)


def below(pid):
    found = []
    for child in children(pid):
        found += [*below(child), child]
    return found


@functools.cache
def new_pid_namespace():
    """Return the words that run a command as PID 1 of its own; skip where that is forbidden."""
    words = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]
    for extra in [[], ["--map-root-user"]]:
        tried = subprocess.run([*words, *extra, "true"], capture_output=True, check=False)
        if tried.returncode == 0:
            return [*words, *extra]
    pytest.skip("cannot make a PID namespace here: neither root nor user namespaces")


def run_beside(pid, *words):
    """Run a command in the PID namespace of a process that `new_pid_namespace` made."""
    user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
    subprocess.run(["nsenter", "-t", str(pid), "-p", *user, *words], check=True, timeout=WITHIN_S)


def python(code, *args):
    """Return the words that run `code` as a child: Python as small as it gets."""
    return [sys.executable, "-I", "-S", "-c", code, *args]


# Takes every signal that can be waited for, and says which (to the descriptor that its word
# names); is ended by KILL.
RECORDER = """
import _signal, posix, sys
numbers = _signal.valid_signals() - {_signal.SIGKILL, _signal.SIGSTOP}
_signal.pthread_sigmask(_signal.SIG_BLOCK, numbers)
to = int(sys.argv[1]) if len(sys.argv) > 1 else 1
posix.write(to, b"ready %d\\n" % posix.getpid())
while True:
    posix.write(to, b"got %d\\n" % _signal.sigwait(numbers))
"""
