"""Sockets when a configuration changes: on trial, put back, added and removed with a group."""

import json

from boxed import Box, eventually, program, python
from listening import SERVER, answers, ask, free_port, kill, listener, server

READY = SERVER.replace("while True:", 'print("ready", flush=True)\nwhile True:', 1)
SAYS_SO = {"output": "^ready", "timeout": "5s"}
STORES = """
import array, os, socket, sys, time
names = os.environ.get("LISTEN_FDNAMES", "")
print("born with", names, os.environ["LISTEN_FDS"], flush=True)
assert os.environ["LISTEN_PID"] == str(os.getpid())
count = int(os.environ["LISTEN_FDS"])
assert all(os.fstat(3 + n) for n in range(count))
if count == 1:
    stored = os.open(os.devnull, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [stored]))]
        notify.sendmsg([b"FDSTORE=1\\nFDNAME=kept"], rights, 0, os.environ["NOTIFY_SOCKET"])
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
listener = socket.socket(fileno=3)
while True:
    client, _ = listener.accept()
    client.recv(100)
    client.sendall(str(os.getpid()).encode())
    client.close()
"""


def test_a_socket_that_moves_moves_back_when_the_reload_is_undone():
    port, other = free_port(), free_port()
    text = listener("http", f"127.0.0.1:{port}") + server(code=READY, ready=SAYS_SO)
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        pid = ask(port)[0]
        moved = text.replace(str(port), str(other)).replace('print(\\"ready', 'print(\\"never')
        box.config.write_text(moved.replace('"5s"', '"1s"'))
        done = box.ctl("reload")
        assert done.returncode == 1, done.stdout
        assert ask(port)[0] == pid
        eventually(lambda: not answers(other))
        kill(box, pid)
        assert ask(port)[0] != pid


def test_a_socket_that_moves_is_open_at_both_places_until_the_new_run_is_ready():
    port, other = free_port(), free_port()
    text = listener("http", f"127.0.0.1:{port}") + server(code=READY, ready=SAYS_SO)
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        pid = ask(port)[0]
        box.config.write_text(text.replace(str(port), str(other)))
        assert box.ctl("reload").returncode == 0
        assert ask(other)[0] != pid
        eventually(lambda: not answers(port))


def test_descriptors_that_a_program_has_stored_follow_behind_its_sockets():
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}")
    text += program("web", *python(STORES), sockets=["http"], ready={"notify": True},
                    restart={"delay": 0}, start_seconds=0)  # fmt: skip
    with Box(text) as box:
        box.until("born with http 1", out=True)
        box.wait_state("web", "RUNNING")
        kill(box, ask(port)[0])
        box.until("born with http:kept 2", out=True)
        assert ask(port)


def test_one_more_instance_shares_the_socket_and_the_others_notice_nothing():
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}")
    with Box(text + server(instances=2)) as box:
        pids = {box.wait_state(f"web:{n}", "RUNNING")["pid"] for n in (0, 1)}
        box.config.write_text(text + server(instances=3))
        assert box.ctl("reload").returncode == 0
        box.wait_state("web:2", "RUNNING")
        assert {box.status()[f"web:{n}"]["pid"] for n in (0, 1)} == pids
        assert ask(port)


def test_what_a_reload_changes_of_a_socket_and_of_the_doors_is_told(tmp_path):
    place = tmp_path / "app.sock"
    web = f'[web]\nlisten = "unix:{tmp_path}/web.sock"\nidle_exit = "5m"\n'
    app = program("app", "sleep", "600", sockets=["app"])
    sockets = listener("app", f"unix:{place}", mode="0600")
    with Box(web + sockets + app) as box:
        box.wait_state("app", "RUNNING")
        said = _reloaded(box, web + listener("app", f"unix:{place}", mode="0660") + app)
        assert said == "[socket.app] mode: in force\n"
        assert place.stat().st_mode & 0o777 == 0o660
        box.until("[socket.app] mode: in force")
        said = _reloaded(box, web.replace("5m", "1m") + sockets + app)
        assert said == "[web] idle_exit: in force\n[socket.app] mode: in force\n"
        told = json.loads(_reloaded(box, sockets + app, "--json"))
        (key,) = told["web"]
        assert key == {"key": "listen", "applies": "now", "note": "nobody listens any more"}
        assert told["removed"] == []


def _reloaded(box, config, *words):
    box.config.write_text(config)
    done = box.ctl("reload", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout
