"""What a running PID 1 has imported, told by its own interpreter: invariant 12.

A real pyinit is started with one program.  An audit hook, set before its first line, notes every
import with the pid of whoever made it: the compiler is a forked child and does not count.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))
from eventually import eventually  # noqa: E402

NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
if os.geteuid() != 0:
    NAMESPACE += ["--user", "--map-root-user"]
HOOKED = """\
import posix, sys
notes = posix.open({notes!r}, posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND | posix.O_CLOEXEC)
posix.dup2(notes, 200, False)  # above what pyinit gives out, and closed by nobody but an exec
def note(event, values):
    if event == "import" and posix.getpid() == 1:  # the compiler has closed it
        posix.write(200, f"{{posix.getpid()}} {{values[0]}}\\n".encode())
sys.addaudithook(note)
sys.path.insert(0, {root!r})
from pyinit.cli.init import main
main()
"""

# Of the standard library, at boot and while it runs.  Each costs little, and is needed by all.
ALLOWED = {
    "__future__": "annotations as text: what types are for is not paid for",
    "_collections": "the fields of records, read in C; a part of the interpreter itself",
    "_frozen_importlib": "the bundle of the image makes specs of its own",
    "_posixsubprocess": "vfork and exec in C",
    "_signal": "signals without the enum of `signal`",
    "_socket": "the control socket without `socket`, selectors and enum",
    "_stat": "kinds of files without `stat`",
    "_json": "the scanner of requests in C, without `json` and `re`",
    "errno": "errors by name",
    "gc": "off during boot, then frozen",
    "marshal": "the plan that the compiler hands over",
    "posix": "syscalls without `os`",
    "resource": "rlimits",
    "select": "epoll",
    "struct": "credentials of peers, where `_struct` is not enough",
    "_struct": "credentials of peers",
    "sys": "arguments",
    "time": "the monotonic clock",
    "_ctypes": "after boot: calls that give memory back, without the package",
}
# For what not every pyinit does: imported with the first request or the first need.  (The code of
# a re-exec is not on this list: after an upgrade of the files it would be that of another version.)
LATER = re.compile(
    r"pyinit\.(config|client|web|applets|cli\.(?!init$)\w+)"
    r"|pyinit\.protocol\.(listener|notify)"
    r"|pyinit\.runtime\.(verbs\w*|daemon|direct\w*|happenings|pools\w*|speech_\w+)"
    r"|pyinit\.runtime\.(notified|heirs|belief|fdstore|hooks)"
)
MODULES = 109
EXTENSIONS = re.compile(
    r"/(_ctypes|_json|_posixsubprocess|_socket|_struct|fcntl|resource|select)\.cpython-"
)


class Init:
    """A pyinit with one program, and what it has imported."""

    def __init__(self, place):
        self.notes = place / "imports"
        up = place / "up"
        config = place / "one.toml"
        words = ["/bin/sh", "-c", f"echo > {up}; exec sleep 100"]
        config.write_text(f"[program.one]\ncommand = {words!r}\n")
        text = HOOKED.format(notes=str(self.notes), root=str(ROOT))
        environ = {"PATH": os.environ["PATH"], "PYINIT_SOCKET": str(place / "socket")}
        self.process = subprocess.Popen(
            [*NAMESPACE, sys.executable, "-I", "-S", "-c", text, "-c", str(config)],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        eventually(up.exists)

    def imports(self):
        """Return what was imported so far by pyinit itself."""
        rows = [line.split() for line in self.notes.read_text().splitlines()]
        return {row[1] for row in rows if row[0] == "1"}

    def rested(self):
        """Wait until everything that boot brings with it is done; return the imports."""
        return eventually(lambda: "_ctypes" in (found := self.imports()) and found)

    def file(self, name):
        """Return the text of a file of /proc/PID."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}")
        (pid,) = task.joinpath("children").read_text().split()
        return Path(f"/proc/{pid}/{name}").read_text()

    def field(self, name):
        """Return a number of kilobytes of /proc/PID/status."""
        text = self.file("status")
        return int(re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)[1])

    def end(self):
        self.process.kill()  # unshare, and by --kill-child all that is below it
        self.process.communicate(timeout=30)


@pytest.fixture
def init(tmp_path):
    running = Init(tmp_path)
    yield running
    running.end()


def test_pid_1_imports_nothing_but_itself_and_what_is_on_the_list(init):
    others = {name for name in init.rested() if name.split(".")[0] != "pyinit"}
    assert sorted(others - set(ALLOWED)) == []


def test_what_only_some_need_is_not_imported_at_boot(init):
    assert sorted(filter(LATER.match, init.rested())) == []


def test_pid_1_consists_of_few_modules(init):
    assert len({name for name in init.rested() if name.startswith("pyinit")}) <= MODULES


def test_pid_1_maps_no_extension_module_that_is_not_on_the_list(init):
    init.rested()
    extensions = set(re.findall(r"\S+\.cpython-\S+\.so", init.file("maps")))
    assert [path for path in sorted(extensions) if not EXTENSIONS.search(path)] == []


def test_pages_of_files_that_only_the_start_needed_are_given_back(init):
    at_first = init.field("RssFile")
    eventually(lambda: init.field("RssFile") < at_first - 1024)  # kilobytes


def test_the_tests_hook_sees_every_import(init):
    assert {"pyinit.runtime.boot", "pyinit.core.supervisor", "select"} <= init.rested()
