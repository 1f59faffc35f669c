"""Sockets that programs are born with: bound by pyinit, kept while somebody has them."""

import os
import socket
import sys
from pathlib import Path

from boxed import eventually
from doors import free_port
from supervised import Side, base, both, program

from pyinit.client import Client

# Answers every connection on its stdin with its pid, and exits when told "end".
SERVER = """\
import os, socket
listener = socket.socket(fileno=0)
while True:
    client, _ = listener.accept()
    said = client.recv(64)
    client.sendall(b"%d" % os.getpid())
    client.close()
    if said == b"end":
        os._exit(0)
"""


def fcgi(address, name="app", **keys):
    words = f"{sys.executable} %(here)s/server.py"
    return program(name, words, "fcgi-program", socket=address, **keys)


def ask(address, said=b"who"):
    """Return what a server at a path or a port answers, None if nobody does."""
    kind = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    with socket.socket(kind) as client:
        client.settimeout(60)
        try:
            client.connect(address)
            client.sendall(said)
            return client.recv(64)
        except (ConnectionError, FileNotFoundError):
            return None


FILES = {"server.py": SERVER}


def test_a_program_is_born_with_its_socket_as_stdin():
    port = free_port()
    conf = base() + fcgi(f"tcp://127.0.0.1:{port}")
    with Side("pyinit", conf, files=FILES) as side:
        side.wait_state("app", "RUNNING")
        assert int(ask(("127.0.0.1", port))) == side.pid_of("app")


def test_a_new_run_has_the_same_socket_and_nobody_is_refused():
    port = free_port()
    conf = base() + fcgi(f"tcp://127.0.0.1:{port}", numprocs=2, process_name="app%(process_num)d")
    with Side("pyinit", conf, files=FILES) as side:
        side.wait_state("app:app0", "RUNNING")
        side.wait_state("app:app1", "RUNNING")
        for _ in range(20):
            assert ask(("127.0.0.1", port)) is not None
        first = side.pid_of("app:app0")
        side.kill("app:app0")
        for _ in range(20):  # one that the dying run has taken may be cut off, but none is refused
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
        eventually(lambda: side.pid_of("app:app0") not in {0, first})
        wanted = b"%d" % side.pid_of("app:app0")
        eventually(lambda: ask(("127.0.0.1", port)) == wanted)


def test_a_unix_socket_is_there_while_somebody_runs_as_with_supervisord():
    conf = base() + fcgi("unix://%(here)s/app.sock", socket_mode="0777", autostart="false")

    def script(side):
        path = f"{side.place}/app.sock"
        seen = [ask(path) is None]
        side.rpc("supervisor.startProcess", "app")
        seen += [ask(path) is None, Path(path).stat().st_mode & 0o777]
        side.rpc("supervisor.stopProcess", "app")
        eventually(lambda: ask(path) is None)
        side.rpc("supervisor.startProcess", "app")
        return [*seen, ask(path) is None]

    ours, theirs = both(conf, script, files=FILES)
    assert ours == theirs == [True, False, 0o777, False]


def test_what_stands_at_the_path_is_replaced():
    conf = base() + fcgi("unix://%(here)s/app.sock")
    bind = "import socket; socket.socket(socket.AF_UNIX).bind('app.sock')"
    within = ["sh", "-c", f'{sys.executable} -c "$0"; exec "$@"', bind]
    with Side("pyinit", conf, files=FILES, within=within) as side:
        side.wait_state("app", "RUNNING")
        assert ask(f"{side.place}/app.sock") is not None


def test_a_socket_that_somebody_answers_at_is_left_to_them():
    conf = base() + fcgi("unix://%(here)s/app.sock") + program("web", "sleep 600")
    code = "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind('app.sock');"
    code += " s.listen(); time.sleep(600)"
    waiting = "until [ -S app.sock ]; do sleep 0.1; done; sleep 1"
    within = ["sh", "-c", f'{sys.executable} -c "$0" & {waiting}; exec "$@"', code]
    with Side("pyinit", conf, files=FILES, within=within) as side:
        side.wait_state("web", "RUNNING")
        side.wait_state("app", "BACKOFF")
        assert "app.sock" in side.log
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{side.place}/app.sock")


def test_a_group_of_others_has_its_socket_too():
    conf = base() + fcgi("unix://%(here)s/app.sock") + "[group:all]\nprograms=app\n"
    with Side("pyinit", conf, files=FILES) as side:
        side.wait_state("all:app", "RUNNING")
        assert ask(f"{side.place}/app.sock") is not None


def test_an_address_that_is_taken_is_said_the_rest_runs_and_it_is_tried_again():
    port = free_port()
    conf = base() + fcgi(f"tcp://127.0.0.1:{port}") + program("web", "sleep 600")
    first = socket.create_server(("127.0.0.1", port))
    with first, Side("pyinit", conf, files=FILES) as side:
        side.wait_state("web", "RUNNING")
        side.wait_state("app", "BACKOFF")
        said = [line for line in side.log.splitlines() if "already in use" in line]
        assert said
        assert all(f"127.0.0.1:{port}" in line for line in said)
        assert all(line.count("already in use") == 1 for line in said)
        first.close()
        side.wait_state("app", "RUNNING")
        assert int(ask(("127.0.0.1", port))) == side.pid_of("app")


def test_a_reexec_keeps_the_socket():
    port = free_port()
    conf = base() + fcgi(f"tcp://127.0.0.1:{port}")
    with Side("pyinit", conf, files=FILES) as side:
        side.wait_state("app", "RUNNING")
        with Client(side.control) as client:
            client.call("reexec")
        side.kill("app")
        eventually(lambda: ask(("127.0.0.1", port)) is not None)
        assert int(ask(("127.0.0.1", port))) == side.pid_of("app")


def test_a_socket_is_nobody_elses():
    conf = base() + fcgi("unix://%(here)s/app.sock") + program("web", "sleep 600")
    with Side("pyinit", conf, files=FILES) as side:
        side.wait_state("app", "RUNNING")
        side.wait_state("web", "RUNNING")
        side.kill("web")
        side.wait_state("web", "RUNNING")
        pid = side.rpc("supervisor.getProcessInfo", "web")["pid"]
        place = f"/proc/{side.pid}/root/proc/{pid}/fd"
        assert not [fd for fd in os.listdir(place) if _is_socket(f"{place}/{fd}")]


def _is_socket(path):
    try:
        return os.readlink(path).startswith("socket:")
    except OSError:
        return False
