"""What a program is born with, and what it may do to PID 1 and to those who are none of its own."""

import ctypes
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from boxed import ORDINARY, ROOT, Box, eventually, interpreter, needs_root, program, python
from test_web_api import free_port

from pyinit.client import Client

LOOK = """
import json, os, sys
found = {}
for fd in os.listdir("/proc/self/fd"):
    try:
        found[fd] = os.readlink("/proc/self/fd/" + fd)
    except OSError:
        pass
found = {fd: link for fd, link in found.items() if not link.startswith("/proc/")}
with open(sys.argv[1], "a") as file:
    file.write(json.dumps([sys.argv[2], found, dict(os.environ)]) + "\\n")
"""
STAY = "import time\ntime.sleep(600)\n"
SECRET = "of-one-program-only"
STORE = """
import array, os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = os.environ["NOTIFY_SOCKET"]
s.connect("\\0" + name[1:] if name[0] == "@" else name)
fd = os.open("/etc/passwd", os.O_RDONLY)
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
s.sendmsg([b"FDSTORE=1\\nREADY=1"], rights)
os.close(fd); s.close()
"""
SYS_PIDFD_GETFD = 438
CONTROL_FD = 3


def everything(place):
    """Return a configuration in which everything that has descriptors is on."""
    seen = str(place / "seen")
    (place / "secret").write_text(SECRET)
    (place / "watched").write_text("")

    def look(name, *more):
        return python(LOOK + "".join(more), seen, name)

    log = {"file": str(place / "log"), "max_size": "1KB", "compress": True}
    text = f'[init]\nexit = "never"\npidfile = "{place}/pid"\nlog = {{ file = "{place}/own" }}\n'
    text += f'[web]\nlisten = ["127.0.0.1:{free_port()}", "unix:{place}/web.sock"]\n'
    text += f'[socket.s]\nlisten = "unix:{place}/s.sock"\n'
    text += program("keeper", *look("keeper", STORE, STAY), ready={"notify": True})
    text += program(
        "holder", *look("holder", STAY), sockets=["s"], secrets={"ITS": f"{place}/secret"}
    )
    text += program(
        "plain",
        *look("plain", STAY),
        stdout=[log, "prefix"],
        depends_on={"keeper": "ready", "holder": "started"},
        watch=[str(place / "watched")],
        hooks={"pre_start": look("hook"), "post_start": look("hook")},
        ready={"exec": look("probe")},
        start_seconds=0,
    )
    keys = {"umask": "022"} | ({"user": str(ORDINARY)} if os.geteuid() == 0 else {})
    text += program("other", *look("other", STAY), depends_on={"plain": "ready"}, **keys)
    return text


@pytest.fixture
def seen(tmp_path):
    """What everybody saw, before a re-exec and after it: [(name, descriptors, environment)]."""
    (tmp_path / "seen").touch()
    (tmp_path / "seen").chmod(0o666)
    tmp_path.chmod(0o755)
    for above in tmp_path.parents:
        if str(above).startswith("/tmp/") and above.stat().st_uid == os.geteuid():
            above.chmod(0o755)
    with Box(everything(tmp_path)) as box:
        box.wait_state("other", "RUNNING")
        with socket.socket(socket.AF_UNIX) as visitor:  # the gateway runs, too
            visitor.connect(str(tmp_path / "web.sock"))
            visitor.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert visitor.recv(100)
            with Client(box.socket) as client:  # and somebody is connected
                client.call("status")
                box.call("reexec")
                eventually(lambda: box.status()["other"]["state"] == "RUNNING")
                box.call("restart", {"names": ["plain", "other", "holder"]})
        lines = (tmp_path / "seen").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_nobody_is_born_with_a_descriptor_or_a_variable_of_others(seen):
    names = [name for name, _, _ in seen]
    assert {name: names.count(name) for name in set(names)} == {
        "keeper": 1,
        "holder": 2,
        "plain": 2,
        "other": 2,
        "hook": names.count("hook"),
        "probe": names.count("probe"),
    }
    assert names.count("hook") >= 4
    assert names.count("probe") >= 2
    for name, descriptors, environment in seen:
        theirs = ["0", "1", "2", "3"] if name == "holder" else ["0", "1", "2"]
        assert sorted(descriptors) == theirs, (name, descriptors)
        assert (environment.get("ITS") == SECRET) == (name == "holder"), name
        assert ("LISTEN_FDS" in environment) == (name == "holder"), name
        assert ("NOTIFY_SOCKET" in environment) == (name == "keeper"), name


NETWORK = ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")


@pytest.mark.parametrize("doors", [0, 1])
def test_without_web_nothing_listens_on_the_network(doors):
    web = f'[web]\nlisten = "127.0.0.1:{free_port()}"\n' if doors else ""
    with Box(web + program("web", "sleep", "600")) as box:
        box.wait_state("web", "RUNNING")
        box.wait_socket()
        place = f"/proc/{box.pid}"
        mine = {os.readlink(f"{place}/fd/{fd}") for fd in os.listdir(f"{place}/fd")}
        lines = [
            line
            for kind in NETWORK
            if os.path.exists(f"{place}/net/{kind}")
            for line in Path(f"{place}/net/{kind}").read_text().splitlines()[1:]
        ]
        assert len(mine & {f"socket:[{line.split()[9]}]" for line in lines}) == doors


ATTACKS = """
import ctypes, errno, os, signal, socket, sys, time
while not os.access(os.path.dirname(os.environ["PYINIT_SOCKET"]), os.X_OK):
    time.sleep(0.01)
libc = ctypes.CDLL(None, use_errno=True)
def tried(call, *args):
    try:
        return call(*args)
    except OSError as error:
        return error.errno
def attach():
    return ctypes.get_errno() if libc.ptrace(16, 1, 0, 0) else 0
said = [tried(os.kill, 1, number) for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP)]
said.append(attach())
for name in ("environ", "mem", "fd", "root"):
    said.append(tried(os.listdir if name in ("fd", "root") else open, "/proc/1/" + name))
control = socket.socket(socket.AF_UNIX)
said.append(tried(control.connect, os.environ["PYINIT_SOCKET"]))
print(*[errno.errorcode.get(each, each) for each in said], flush=True)
"""


@needs_root
def test_a_program_of_another_user_does_nothing_to_pid_1():
    attacker = [interpreter(True), "-I", "-c", ATTACKS]
    text = program("web", *attacker, user=str(ORDINARY), restart="never", critical=False)
    with Box('[init]\nexit = "never"\n' + text + program("other", "sleep", "600")) as box:
        box.place.chmod(0o755)
        box.wait_state("web", "EXITED")
        assert box.out.split() == ["EPERM"] * 4 + ["EACCES"] * 5, box.err
        box.wait_state("other", "RUNNING")


@needs_root
def test_root_of_a_user_namespace_of_ones_own_is_nobody_at_the_control_socket():
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pyinit.client import Client
try:
    with Client(sys.argv[1]) as client:
        print(client.call("status"))
except Exception as error:
    print(type(error).__name__, getattr(error, "code", ""))
"""
    text = f'[init.control]\nmode = "0666"\nallow = ["{ORDINARY + 1}:admin"]\n'
    with Box(text + program("web", "sleep", "600")) as box:
        box.wait_state("web", "RUNNING")
        box.place.chmod(0o755)
        become = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
        words = [*become, "unshare", "--user", "--map-root-user"]
        if subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
            pytest.skip("no user namespaces for ordinary users here")
        done = subprocess.run(
            [*words, "socat", "-t1", "-", f"UNIX-CONNECT:{box.socket}"]
            if not _can_read_code()
            else [*words, interpreter(True), "-I", "-c", code, box.socket],
            input='{"verb": "status"}\n',
            capture_output=True,
            text=True,
            check=False,
        )
        assert "denied" in done.stdout, done.stdout + done.stderr
        box.until(f"denied to uid {ORDINARY}: connect")


def _can_read_code():
    words = [
        "setpriv",
        f"--reuid={ORDINARY}",
        f"--regid={ORDINARY}",
        "--clear-groups",
        "test",
        "-r",
    ]
    return not subprocess.run([*words, str(ROOT / "pyinit/client.py")], check=False).returncode


def stolen(pid, fd):
    """Return a copy of a descriptor of another process: what whoever took it over has."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.pidfd_open(pid)
    try:
        found = libc.syscall(SYS_PIDFD_GETFD, handle, fd, 0)
    finally:
        os.close(handle)
    if found < 0:
        pytest.skip(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
    return socket.socket(fileno=found)


def asked(connection, verb, **args):
    """Return the answer to a request among whatever else is said on a connection."""
    connection.setblocking(True)
    connection.settimeout(30)
    connection.sendall(json.dumps({"id": "thief", "verb": verb, "args": args}).encode() + b"\n")
    said = b""
    while b'"thief"' not in said or not said.endswith(b"\n"):
        said += connection.recv(65536)
    (line,) = [each for each in said.splitlines() if b'"thief"' in each]
    return json.loads(line)


@needs_root
def test_a_gateway_taken_over_behind_read_only_doors_changes_nothing(tmp_path):
    door = tmp_path / "web.sock"
    text = f'[web]\nlisten = "unix:{door}"\nread_only = true\n'
    with Box(text + program("web", "sleep", "600")) as box:
        box.wait_state("web", "RUNNING")
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(str(door))
            visitor.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert visitor.recv(100)
            (gateway,) = [
                each.pid for each in box.processes() if "pyinit.web" in " ".join(each.words)
            ]
            with open(f"/proc/{gateway}/limits", encoding="ascii") as file:
                assert "Max core file size        0 " in file.read()
            os.kill(gateway, signal.SIGSTOP)  # it must not read our answers
            with stolen(gateway, CONTROL_FD) as connection:
                assert asked(connection, "status")["ok"]
                for verb in ("stop", "env", "write-stdin", "shutdown", "reexec", "trace"):
                    names = {"names": ["web"]} if verb in ("stop", "env") else {}
                    more = {"name": "web", "data": "x"} if verb == "write-stdin" else names
                    assert asked(connection, verb, **more)["error"]["code"] == "denied", verb
            os.kill(gateway, signal.SIGCONT)
        assert box.status()["web"]["state"] == "RUNNING"
