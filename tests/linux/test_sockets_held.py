"""Sockets that pyinit keeps: bound at boot, handed over as LISTEN_FDS, never closed in between."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python
from listening import SERVER, answers, ask, free_port, kill, listener, refuses, server

TELL = "env | grep LISTEN_ | sort; echo pid=$$; ls -l /proc/$$/fd; exec sleep 600"


def test_a_program_is_born_with_its_sockets_in_their_order_and_is_told_so():
    one, two = free_port(), free_port()
    sockets = listener("http", f"127.0.0.1:{one}") + listener("admin", f"localhost:{two}")
    with Box(sockets + server(sockets=("admin", "http"))) as box:
        status = box.wait_state("web", "RUNNING")
        assert ask(one) == [str(status["pid"]), "http", "hello"]
        assert ask(two) == [str(status["pid"]), "admin", "hello"]


def test_listen_pid_is_the_programs_own_on_every_way_of_starting_it(tmp_path):
    port = free_port()
    ways = {
        "plain": {},
        "limited": {"limits": {"nofile": 100}},
        "nice": {"nice": 5},
        "private": {"no_new_privs": True, "umask": "077"},
        "notified": {"ready": {"notify": True}},
        "told": {"ready": {"fd": 4}},
    }
    text = listener("http", f"127.0.0.1:{port}")
    told = f"echo $$ $LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES >> {tmp_path}/said; "
    for name, keys in ways.items():
        ready = "echo >&4; " if name == "told" else ""
        text += program(name, told + ready + "exec sleep 600", sockets=["http"], **keys)
    with Box(text):
        lines = eventually(lambda: _lines(tmp_path / "said", len(ways)))
    for line in lines:
        pid, listen_pid, *rest = line.split()
        assert pid == listen_pid
        assert rest == ["1", "http"]


def _lines(path, count):
    lines = path.read_text().splitlines() if path.exists() else []
    return lines if len(lines) == count else None


def test_a_program_without_sockets_is_told_of_none_and_has_none():
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}") + server() + program("other", TELL)
    with Box(text) as box:
        box.wait_state("other", "RUNNING")
        said = box.until("pid=", out=True)
        assert "LISTEN_" not in said
        assert "socket:" not in box.out


def test_nobody_is_refused_while_a_program_crashes_and_is_restarted():
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}")
    text += server(restart={"delay": "300ms"}, start_seconds=0)
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        seen = set()
        for _ in range(3):
            before = ask(port)[0]
            kill(box, before)
            seen |= {before, ask(port)[0]}  # it waits in the backlog
        assert len(seen) == 4
        assert box.ctl("restart", "web").returncode == 0
        assert ask(port)[0] not in seen


def test_a_stopped_programs_clients_wait_until_it_is_started():
    port = free_port()
    with Box(listener("http", f"127.0.0.1:{port}") + server()) as box:
        box.wait_state("web", "RUNNING")
        assert box.ctl("stop", "web").returncode == 0
        found = []
        client = threading.Thread(target=lambda: found.append(ask(port)))
        client.start()
        assert box.ctl("start", "web").returncode == 0
        client.join(60)
        assert found


def test_a_socket_survives_a_reexec_with_the_clients_that_wait_there(tmp_path):
    port, path = free_port(), str(tmp_path / "app.sock")
    sockets = listener("http", f"127.0.0.1:{port}") + listener("app", f"unix:{path}")
    with Box(sockets + server(sockets=("http", "app"))) as box:
        box.status()  # it has booted
        first = ask(port)[0]
        inode = os.stat(path).st_ino
        assert box.ctl("stop", "web").returncode == 0
        found = []
        client = threading.Thread(target=lambda: found.append(ask(path)))
        client.start()
        eventually(client.is_alive)
        assert box.ctl("reexec").returncode == 0
        assert box.ctl("start", "web").returncode == 0
        client.join(60)
        assert found[0][0] != first
        assert ask(port)[1] == "http"
        assert os.stat(path).st_ino == inode


def test_instances_share_a_socket():
    port = free_port()
    with Box(listener("http", f"127.0.0.1:{port}") + server(instances=2)) as box:
        pids = {str(box.wait_state(f"web:{n}", "RUNNING")["pid"]) for n in (0, 1)}
        assert box.ctl("stop", "web:0").returncode == 0
        assert ask(port)[0] in pids
        assert box.ctl("start", "web:0").returncode == 0
        assert box.ctl("stop", "web:1").returncode == 0
        assert ask(port)


def test_instances_may_have_a_socket_each():
    one, two = free_port(), free_port()
    text = listener("web-0", f"127.0.0.1:{one}") + listener("web-1", f"127.0.0.1:{two}")
    text += server(instances=2, sockets=()).replace("sockets = []", 'sockets = ["web-${INSTANCE}"]')
    with Box(text) as box:
        pids = [str(box.wait_state(f"web:{n}", "RUNNING")["pid"]) for n in (0, 1)]
        assert [ask(one)[:2], ask(two)[:2]] == [[pids[0], "web-0"], [pids[1], "web-1"]]


def test_a_port_that_is_taken_keeps_pyinit_from_starting_anything(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = listener("http", f"127.0.0.1:{port}") + server()
        text += program("other", f"touch {tmp_path}/ran; sleep 600")
        with Box(text) as box:
            assert box.wait() == 78
            said = box.err
    assert f'cannot listen on "127.0.0.1:{port}": Address already in use' in said
    assert "name another address" in said
    assert not (tmp_path / "ran").exists()


def test_a_reload_that_cannot_bind_is_refused_and_everything_stays():
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}") + server()
    with Box(text) as box, socket.create_server(("127.0.0.1", 0)) as taken:
        box.status()  # it has booted
        pid = ask(port)[0]
        bad = taken.getsockname()[1]
        box.config.write_text(text + listener("more", f"127.0.0.1:{bad}"))
        done = box.ctl("reload")
        assert done.returncode == 1
        assert "cannot listen" in done.stdout + done.stderr
        assert ask(port)[0] == pid


def test_a_reload_adds_and_removes_sockets_and_leaves_the_others_alone():
    port, more = free_port(), free_port()
    text = listener("http", f"127.0.0.1:{port}") + server()
    extra = listener("more", f"127.0.0.1:{more}") + server("two", ("more",))
    with Box(text) as box:
        box.status()  # it has booted
        pid = ask(port)[0]
        box.config.write_text(text + extra)
        assert box.ctl("reload").returncode == 0
        assert ask(more)[1] == "more"
        assert ask(port)[0] == pid
        box.config.write_text(text)
        assert box.ctl("reload").returncode == 0
        eventually(lambda: not answers(more))
        assert ask(port)[0] == pid


def test_a_socket_that_moves_gives_its_program_a_new_run():
    port, other = free_port(), free_port()
    text = listener("http", f"127.0.0.1:{port}") + server()
    with Box(text) as box:
        box.status()  # it has booted
        pid = ask(port)[0]
        box.config.write_text(text.replace(str(port), str(other)))
        assert box.ctl("reload").returncode == 0
        assert ask(other)[0] != pid
        eventually(lambda: not answers(port))


def test_another_name_or_backlog_of_a_socket_is_no_reason_to_open_it_anew():
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}") + server()
    with Box(text) as box:
        box.status()  # it has booted
        first = ask(port)[0]
        box.config.write_text(text.replace("listen =", "backlog = 7\nlisten ="))
        assert box.ctl("reload").returncode == 0
        assert ask(port)[0] == first
        done = box.ctl("stop", "web")
        assert done.returncode == 0
        assert _backlog(box, port) == 7


def _backlog(box, port):
    """Return how many may wait at a port: what ss calls Send-Q of a listener."""
    import subprocess

    said = subprocess.run(
        ["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True
    ).stdout
    return int(said.split()[2])


def test_every_address_is_of_ipv6_and_of_ipv4():
    port = free_port()
    with Box(listener("http", f":{port}") + server()) as box:
        box.wait_state("web", "RUNNING")
        assert ask(("127.0.0.1", port))[1] == "http"
        if Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
            assert ask(("::1", port))[1] == "http"


def test_a_unix_socket_has_its_mode_and_goes_when_pyinit_goes(tmp_path):
    path = tmp_path / "run" / "app.sock"
    with Box(listener("app", f"unix:{path}", mode="0660") + server(sockets=("app",))) as box:
        box.status()  # it has booted
        assert ask(str(path))[1] == "app"
        assert path.stat().st_mode & 0o777 == 0o660
        box.send("TERM")
        assert box.wait() == 0
        assert not path.exists()


def test_a_port_that_is_shared_can_be_had_by_others_too():
    port = free_port()
    with Box(listener("http", f"127.0.0.1:{port}", reuse_port=True) + server()) as box:
        box.wait_state("web", "RUNNING")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", port))
            other.listen()


@needs_root
def test_a_port_of_roots_is_bound_before_pyinit_becomes_its_user():
    # a port below 1024 of another machine's address: in a network namespace of its own
    inside = ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
    text = f"[init]\nuser = {ORDINARY}\n" + listener("http", "127.0.0.1:80")
    code = SERVER.replace("while True:", "print('uid', os.getuid(), flush=True)\nwhile True:")
    with Box(text + server(code=code), inside=inside, public=True) as box:
        box.wait_state("web", "RUNNING")
        box.until(f"uid {ORDINARY}", out=True)


def test_who_comes_during_a_stop_is_refused_and_does_not_wait(tmp_path):
    port = free_port()
    stubborn = SERVER.replace(
        "while True:",
        "import signal\n"
        "signal.signal(15, lambda *_: [each.close() for each in listeners] and time.sleep(600))\n"
        "while True:",
        1,
    )
    text = "[init]\nstop_budget = '30s'\n" + listener("http", f"127.0.0.1:{port}")
    with Box(text + server(code=stubborn, stop={"timeout": "25s"})) as box:
        box.status()  # it has booted
        ask(port)
        box.send("TERM")
        eventually(lambda: refuses(port))
        assert not box.ended


def test_pyinit_that_begins_anew_keeps_its_sockets():
    port = free_port()
    text = "[init]\nsignals = { USR1 = 'restart' }\n" + listener("http", f"127.0.0.1:{port}")
    with Box(text + server(start_seconds=0)) as box:
        box.status()  # it has booted
        first = ask(port)[0]
        box.send("USR1")

        def serves():
            try:
                said = ask(port)
            except ConnectionResetError:  # who was told to stop had taken it; none is refused
                said = ()
            return said[0] if said else first

        eventually(lambda: serves() != first)


def test_a_socket_can_be_stdin_as_fastcgi_programs_want_it():
    port = free_port()
    code = SERVER.split("count =")[0] + (
        "listener = socket.socket(fileno=0)\n"
        "while True:\n"
        "    client, _ = listener.accept()\n"
        "    client.recv(100)\n"
        "    client.sendall(f'{os.getpid()} stdin'.encode())\n"
    )
    text = listener("f", f"127.0.0.1:{port}") + program("f", *python(code), stdin="socket:f")
    with Box(text) as box:
        box.status()  # it has booted
        first = ask(port)
        assert first[1] == "stdin"
        kill(box, first[0])
        assert ask(port)[0] != first[0]


def test_status_json_still_tells_everything_of_a_program_with_sockets():
    port = free_port()
    with Box(listener("http", f"127.0.0.1:{port}") + server()) as box:
        box.wait_state("web", "RUNNING")
        assert json.dumps(box.json("status"))


SHUTS = SERVER.replace(
    "client.close()",
    "client.close()\n        if said == b'end':\n            ready.shutdown(2)\n            sys.exit(0)",
)


@pytest.mark.parametrize("on_demand", [False, True], ids=["up", "on demand"])
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_socket_that_its_program_has_shut_down_serves_the_next_run(kind, on_demand, tmp_path):
    """Many servers do so at their end, to wake their threads: for everybody who has the socket."""
    port = free_port()
    place = f"127.0.0.1:{port}" if kind == "tcp" else f"unix:{tmp_path}/s.sock"
    keys = {"restart": {"policy": "always", "delay": "10ms"}, "start_seconds": 0}
    text = listener("http", place) + server(code=SHUTS, on_demand=on_demand, **keys)
    with Box('[init]\nexit = "never"\n' + text) as box:
        address = port if kind == "tcp" else str(tmp_path / "s.sock")
        assert box.status()  # it listens before it answers
        first = ask(address, "end")[0]
        eventually(lambda: answers(address))
        assert ask(address)[0] != first
