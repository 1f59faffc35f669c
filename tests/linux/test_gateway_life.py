"""The gateway comes when it is called, costs nothing until then, and its death harms nobody."""

import http.client
import os
import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from boxed import WITHIN_S, eventually
from doors import PASSWORD, Doors, call, free_port, inet
from supervised import Side, base, program

from pyinit.client import Client

PSS_KB = 40 * 1024


@pytest.fixture(scope="module")
def doors():
    with Doors() as found:
        found.wait_state("web", "RUNNING")
        found.wait_state("loud", "RUNNING")
        yield found


def test_there_is_no_gateway_until_somebody_knocks():
    with Doors() as doors:
        doors.wait_state("web", "RUNNING")
        assert doors.gateway() == 0
        assert "pyinit-web" not in doors.said
        assert doors.get("/ok.html").body == b"OK"
        assert doors.gateway() > 0


def test_an_idle_pyinit_with_doors_never_wakes():
    with Doors() as doors:
        doors.wait_state("web", "RUNNING")

        def switches():
            text = Path(f"/proc/{doors.pid}/status").read_text()
            return sum(int(number) for number in re.findall(r"ctxt_switches:\s+(\d+)", text))

        def is_quiet():
            before = switches()
            time.sleep(2.0)  # what is measured is that nothing happens in this time
            return switches() == before

        assert eventually(is_quiet)


def test_it_is_small(doors):
    pid = doors.started()
    assert doors.post(call("supervisor.getAllProcessInfo")).status == 200
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    (pss,) = re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    assert int(pss) < PSS_KB


def test_a_reload_that_gives_pyinit_another_name_has_the_page_show_it():
    with Doors(base={"supervisord": "identifier=one"}) as doors:
        first = doors.started()
        assert b"<title>one</title>" in doors.get("/").body
        doors.conf.write_text(doors.conf.read_text().replace("identifier=one", "identifier=two"))
        with Client(doors.control) as client:
            client.call("reload", {}, answer_s=WITHIN_S)
        assert doors.rpc("supervisor.getIdentification") == "two"
        assert b"<title>two</title>" in doors.get("/").body
        assert doors.gateway() != first


def test_its_words_and_its_environment_have_no_secret(doors):
    pid = doors.started()
    for name in ("cmdline", "environ"):
        assert PASSWORD.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_it_has_its_descriptors_and_no_others(doors):
    pid = doors.started()
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    assert not [each for each in links if "loud.log" in each or "sup.pid" in each]
    assert len([each for each in links if each.startswith("socket:")]) <= 8


def test_nobody_is_shown_it(doors):
    doors.started()
    assert set(doors.states()) == {"web", "loud"}
    seen = doors.post(call("supervisor.getAllProcessInfo")).body
    assert b"pyinit-web" not in seen


def test_killing_it_at_any_moment_loses_no_port_and_no_program(doors):
    pids = doors.pids()
    stop = threading.Event()
    refused, answered = [], []

    def ask():
        while not stop.is_set():
            try:
                found = doors.post(call("supervisor.getState"))
                answered.append(found.status)
            except ConnectionRefusedError as error:
                refused.append(error)
            except (http.client.HTTPException, ConnectionError):
                continue  # it was in flight

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for each in askers:
        each.start()
    try:
        for delay_s in (0.0, 0.02, 0.1, 0.3):
            pid = eventually(doors.gateway)
            time.sleep(delay_s)  # a moment like any other
            os.kill(pid, signal.SIGKILL)
            eventually(lambda gone=pid: doors.gateway() not in (0, gone))
        before = len(answered)
        eventually(lambda: len(answered) > before)
    finally:
        stop.set()
        for each in askers:
            each.join(WITHIN_S)
    assert refused == []
    assert set(answered) == {200}
    assert doors.pids() == pids


def test_who_waits_while_it_is_away_is_answered(doors):
    os.kill(doors.started(), signal.SIGKILL)
    waiting = [doors.raw() for _ in range(5)]
    for each in waiting:
        each.sendall(b"GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n")
        each.settimeout(WITHIN_S)
        assert each.recv(64).startswith(b"HTTP/1.1 401 ")
        each.close()


def test_a_gateway_that_ends_at_once_is_not_started_in_a_circle():
    with Doors() as doors:
        doors.wait_state("web", "RUNNING")
        seen = set()
        client = doors.raw()

        def killed():
            pid = doors.gateway()
            if pid and pid not in seen:
                seen.add(pid)
                os.kill(pid, signal.SIGKILL)
            return len(seen) >= 4

        begun = time.monotonic()
        eventually(killed)
        client.close()
        assert time.monotonic() - begun > 3.0  # 0.5, 1 and 2 seconds lie between them
        assert doors.get("/ok.html").status == 200


def test_a_reexec_keeps_it_with_its_clients(doors):
    pid = doors.started()
    connection = doors.connection()
    connection.request("GET", "/logtail/loud", headers=doors.key())
    tail = connection.getresponse()
    assert tail.read(6) == b"first\n"
    before = doors.log.count("re-executed")
    with Client(doors.control) as client:
        client.call("reexec")
    eventually(lambda: doors.log.count("re-executed") > before)
    with (doors.place / "loud.log").open("a") as log:
        log.write("second\n")
    assert tail.read(7) == b"second\n"
    connection.close()
    assert doors.gateway() == pid
    assert doors.post(call("supervisor.getState")).status == 200
    (doors.place / "loud.log").write_text("first\n")


def test_a_reexec_keeps_doors_that_nobody_has_come_by():
    with Doors() as doors:
        doors.wait_state("web", "RUNNING")
        with Client(doors.control) as client:
            client.call("reexec")
        assert doors.get("/ok.html").status == 200
        assert doors.get("/ok.html", unix=True).status == 200


def test_it_is_there_until_the_last_program_has_stopped():
    stubborn = program("slow", "sh -c 'trap \"\" TERM; sleep 600 & wait; wait'", stopwaitsecs=2)
    with Doors(stubborn) as doors:
        doors.wait_state("slow", "RUNNING")
        assert doors.post(call("supervisor.shutdown")).status == 200
        told = doors.post(call("supervisor.getState"))
        assert b"SHUTDOWN_STATE" in told.body
        assert doors.wait() == 0
        assert not Path(doors.socket).exists()


def test_who_comes_while_it_is_at_rest_and_pyinit_stops_is_refused_at_once():
    stubborn = program("slow", "sh -c 'trap \"\" TERM; sleep 600 & wait; wait'", stopwaitsecs=600)
    with Doors(stubborn) as doors:
        doors.wait_state("slow", "RUNNING")
        doors.send("TERM")
        eventually(lambda: doors.states()["slow"] == "STOPPING")
        for unix in (False, True):
            with pytest.raises((ConnectionError, FileNotFoundError, http.client.HTTPException)):
                doors.ask("GET", "/ok.html", unix=unix)
        assert not doors.gateway()
        assert doors.states()["slow"] == "STOPPING"


def test_who_comes_while_everything_starts_anew_is_answered_by_the_next_one():
    slow = program("slow", "sh -c 'trap \"sleep 1; exit\" TERM; sleep 600 & wait'")
    with Doors(slow) as doors:
        doors.wait_state("slow", "RUNNING")
        first = Path(doors.control).stat().st_ino, Path(doors.socket).stat().st_ino
        with Client(doors.control) as client:
            client.call("restart-all")
        outcomes = []
        over = threading.Event()

        def ask():
            while not over.is_set():
                for unix in (False, True):
                    try:
                        outcomes.append(doors.ask("GET", "/ok.html", unix=unix).status)
                    except OSError as error:
                        outcomes.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            eventually(lambda: doors.said.count("supervisord started with pid") == 2)
            eventually(lambda: len(outcomes) > 4)
        finally:
            over.set()
            asking.join(WITHIN_S)
        assert set(outcomes) == {200}
        assert (Path(doors.control).stat().st_ino, Path(doors.socket).stat().st_ino) == first
        assert doors.ctl("status", which="pyinit").stdout.split()[:1] == ["slow"]
        doors.send("TERM")
        assert doors.wait() == 0


def test_a_socket_that_nobody_answers_at_is_replaced():
    bind = "import socket; socket.socket(socket.AF_UNIX).bind('sup.sock')"
    within = ["sh", "-c", f'{sys.executable} -c "$0"; exec "$@"', bind]
    with Doors(within=within) as doors:
        assert doors.get("/ok.html", unix=True).status == 200


def test_a_socket_where_somebody_answers_is_left_alone():
    with Doors() as doors:
        conf = base().replace("%(here)s/sup.sock", doors.socket, 1)
        with Side("pyinit", conf, wait=False) as side:
            assert side.wait() == 2
            assert doors.socket in side.err
        assert doors.get("/ok.html", unix=True).status == 200


def test_a_port_that_somebody_has_already_is_said_and_nothing_is_started():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        conf = base() + inet(port) + program("web", "sleep 600")
        with Side("pyinit", conf, wait=False) as side:
            assert side.wait() == 2
            assert f"127.0.0.1:{port}" in side.err
            assert "spawned" not in side.said


def test_a_unix_door_has_its_mode():
    with Doors(base={"unix": "chmod=0770"}) as doors:
        assert Path(doors.socket).stat().st_mode & 0o777 == 0o770
