"""Programs that their first connection starts, and that stop when nobody is connected."""

import socket
import threading
import time
from pathlib import Path

from boxed import Box, eventually, program
from listening import SERVER, ask, free_port, kill, listener, refuses, server

LASTING = SERVER.replace("client.close()", "client.recv(1)\n        client.close()")


def box_of(port, more="", **keys):
    """Return a box with a program that is started on demand at a port."""
    return Box(listener("http", f"127.0.0.1:{port}") + server(on_demand=True, **keys) + more)


def test_the_first_connection_starts_a_program_and_is_answered_by_it():
    port = free_port()
    with box_of(port) as box:
        assert box.status()["web"]["state"] == "STOPPED"
        assert box.status()["web"]["reason"] == "waits for a connection"
        pid = ask(port)[0]
        assert str(box.status()["web"]["pid"]) == pid
        assert ask(port)[0] == pid


def test_a_pyinit_whose_only_program_waits_for_a_connection_runs_on_and_never_wakes():
    with box_of(free_port()) as box:
        box.status()
        eventually(lambda: _sleeps_for(box, 2.0))
        assert not box.ended


def _sleeps_for(box, duration_s):
    before = _wakeups(box)
    time.sleep(duration_s)
    return _wakeups(box) == before


def _wakeups(box):
    lines = Path(f"/proc/{box.pid}/status").read_text().splitlines()
    (count,) = [line.split()[1] for line in lines if line.startswith("voluntary_ctxt_switches")]
    return int(count)


def test_many_who_come_at_once_start_one_run_and_are_all_answered():
    port = free_port()
    with box_of(port) as box:
        box.status()
        found = []
        clients = [threading.Thread(target=lambda: found.append(ask(port)[0])) for _ in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(60)
        assert len(found) == 20
        assert len(set(found)) == 1


def test_a_unix_socket_starts_its_program_too(tmp_path):
    path = str(tmp_path / "app.sock")
    text = listener("app", f"unix:{path}") + server(sockets=("app",), on_demand=True)
    with Box(text) as box:
        box.status()
        assert ask(path)[1] == "app"


def test_what_it_needs_is_started_with_it():
    port = free_port()
    more = program("db", "sleep", "600", autostart=False)
    with box_of(port, more, depends_on={"db": "started"}) as box:
        assert box.status()["db"]["state"] == "STOPPED"
        ask(port)
        assert box.status()["db"]["state"] == "RUNNING"


def test_it_is_stopped_when_nobody_was_connected_for_its_time_and_starts_again():
    port = free_port()
    with box_of(port, idle_exit="500ms", start_seconds=0) as box:
        box.status()
        first = ask(port)[0]
        box.wait_state("web", "STOPPED")
        assert ask(port)[0] != first
        box.wait_state("web", "STOPPED")
        assert not box.ended


def test_it_is_not_stopped_while_somebody_is_connected():
    port = free_port()
    with box_of(port, idle_exit="500ms", start_seconds=0, code=LASTING) as box:
        box.status()
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(b"hello")
            pid = client.recv(100).split()[0]
            time.sleep(3)
            assert str(box.status()["web"]["pid"]).encode() == pid
        box.wait_state("web", "STOPPED")


def test_a_client_of_a_unix_socket_keeps_its_program_up_too(tmp_path):
    path = str(tmp_path / "app.sock")
    text = listener("app", f"unix:{path}")
    text += server(sockets=("app",), on_demand=True, idle_exit="500ms", code=LASTING)
    with Box(text) as box:
        box.status()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"hello")
            assert client.recv(100)
            time.sleep(3)
            assert box.status()["web"]["state"] == "RUNNING"
        box.wait_state("web", "STOPPED")
        assert ask(path)


def test_what_others_need_is_not_idle():
    port = free_port()
    more = program("user", "sleep", "600", depends_on={"web": "started"})
    with box_of(port, more, idle_exit="300ms", start_seconds=0) as box:
        box.wait_state("user", "RUNNING")
        time.sleep(2)
        assert box.status()["web"]["state"] == "RUNNING"
        box.ctl("stop", "user")
        box.wait_state("web", "STOPPED")


def test_one_that_was_stopped_by_hand_stays_so_until_it_is_started():
    port = free_port()
    with box_of(port) as box:
        box.status()
        ask(port)
        assert box.ctl("stop", "web").returncode == 0
        found = []
        client = threading.Thread(target=lambda: found.append(ask(port)))
        client.start()
        time.sleep(1)
        assert box.status()["web"]["state"] == "STOPPED"
        assert not found
        assert box.ctl("start", "web").returncode == 0
        client.join(60)
        assert found


def test_a_program_that_crashes_is_restarted_by_its_policy_and_keeps_its_clients():
    port = free_port()
    with box_of(port, restart={"delay": "100ms"}, start_seconds=0) as box:
        box.status()
        first = ask(port)[0]
        kill(box, first)
        assert ask(port)[0] != first


def test_a_program_that_cannot_start_is_not_started_in_a_circle(tmp_path):
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}")
    text += program("bad", f"echo x >> {tmp_path}/starts; exit 1", sockets=["http"],
                    on_demand=True, critical=False, restart="never")  # fmt: skip
    with Box(text) as box, socket.create_connection(("127.0.0.1", _booted(box, port)), 60):
        starts = tmp_path / "starts"
        eventually(lambda: starts.exists() and len(starts.read_text()) >= 4)  # it is tried again
        time.sleep(2)
        assert len(starts.read_text().splitlines()) <= 5


def _booted(box, port):
    box.status()
    return port


def test_a_program_that_ends_well_at_once_is_not_started_in_a_circle(tmp_path):
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}")
    text += program("quick", f"echo x >> {tmp_path}/starts", sockets=["http"], on_demand=True,
                    restart="never")  # fmt: skip
    with Box(text) as box, socket.create_connection(("127.0.0.1", _booted(box, port)), 60):
        starts = tmp_path / "starts"
        eventually(lambda: starts.exists() and len(starts.read_text().splitlines()) >= 20)
        before = len(starts.read_text().splitlines())
        time.sleep(3)
        assert len(starts.read_text().splitlines()) - before <= 6


def test_who_waits_during_a_reexec_is_answered_by_the_program_that_it_starts():
    port = free_port()
    with box_of(port, idle_exit="1s", start_seconds=0) as box:
        box.status()
        assert box.ctl("reexec").returncode == 0
        first = ask(port)[0]
        assert box.ctl("reexec").returncode == 0
        assert str(box.status()["web"]["pid"]) == first
        box.wait_state("web", "STOPPED")
        assert ask(port)[0] != first


def test_a_reload_can_make_a_program_start_on_demand_and_no_more():
    port = free_port()
    text = listener("http", f"127.0.0.1:{port}")
    with Box(text + server()) as box:
        box.status()
        first = ask(port)[0]
        box.config.write_text(text + server(on_demand=True, idle_exit="500ms"))
        assert box.ctl("reload").returncode == 0
        box.wait_state("web", "STOPPED")
        assert ask(port)[0] != first
        box.config.write_text(text + server())
        assert box.ctl("reload").returncode == 0
        pid = ask(port)[0]
        time.sleep(2)
        assert ask(port)[0] == pid


def test_a_shutdown_refuses_who_comes_and_starts_nobody():
    port = free_port()
    more = program("slow", "trap 'sleep 3; exit' TERM; sleep 600 & wait; wait")
    with box_of(port, more) as box:
        box.wait_state("slow", "RUNNING")
        box.send("TERM")
        box.until("slow: stopping")  # before that who comes is served
        eventually(lambda: refuses(port))
        assert box.wait() == 0
        assert "web: started" not in box.err


def test_autostart_can_be_asked_for_as_well_and_what_waits_is_well():
    port = free_port()
    with box_of(port, autostart=True, idle_exit="500ms", start_seconds=0) as box:
        box.wait_state("web", "RUNNING")
        box.wait_state("web", "STOPPED")
        assert [box.ctl(verb).returncode for verb in ("status", "health", "ready")] == [0, 0, 0]
        assert ask(port)


def test_a_reload_that_adds_a_program_on_demand_does_not_wait_for_it():
    port = free_port()
    other = program("other", "sleep", "600")
    with Box(other) as box:
        box.wait_state("other", "RUNNING")
        box.config.write_text(
            other + listener("http", f"127.0.0.1:{port}") + server(on_demand=True)
        )
        assert box.ctl("reload", within_s=30).returncode == 0
        assert box.status()["web"]["state"] == "STOPPED"
        assert ask(port)
        box.config.write_text(other)
        assert box.ctl("reload").returncode == 0
        eventually(lambda: refuses(port))


def test_a_rolling_restart_of_one_that_was_called_refuses_nobody():
    port = free_port()
    with box_of(port, idle_exit="5m", start_seconds=0) as box:
        box.status()
        first = ask(port)[0]
        assert box.ctl("restart", "--rolling", "web").returncode == 0
        assert ask(port)[0] != first
        assert box.status()["web"]["state"] == "RUNNING"
