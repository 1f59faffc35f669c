"""examples/go-socket: a real Go service that is born with its socket does what its README says."""

import threading
import urllib.request

import pytest
from boxed import ROOT, Box, eventually
from go_programs import built
from listening import free_port

EXAMPLE = ROOT / "examples" / "go-socket"
WITHIN_S = 60


@pytest.fixture
def ports():
    return free_port(), free_port()


@pytest.fixture
def box(ports):
    web, seldom = ports
    env = {
        "APP_DIR": str(built(EXAMPLE)),
        "WEB_LISTEN": f"127.0.0.1:{web}",
        "SELDOM_LISTEN": f"127.0.0.1:{seldom}",
        "SELDOM_IDLE": "1s",
    }
    with Box((EXAMPLE / "pyinit.toml").read_text(), env=env.items()) as made:
        made.wait_state("web", "RUNNING")
        yield made


def get(port, path="/", method="GET"):
    """Return what the service answers: its pid.  The connection is closed afterwards."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", method=method, headers={"Connection": "close"}
    )
    with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
        return int(answer.read())


def test_it_is_born_with_its_socket_and_says_that_it_is_ready(box, ports):
    status = box.status()
    assert get(ports[0]) == status["web"]["pid"]
    assert "addr: 127.0.0.1" in box.out
    assert status["seldom"]["state"] == "STOPPED"


def test_a_crash_refuses_nobody(box, ports):
    before = get(ports[0])
    with pytest.raises(OSError):
        get(ports[0], "/crash", "POST")
    assert get(ports[0]) != before


def test_the_first_connection_starts_it_and_idleness_ends_it(box, ports):
    first = get(ports[1])
    assert box.status()["seldom"]["pid"] == first
    box.wait_state("seldom", "STOPPED")
    assert get(ports[1]) != first


def test_a_request_under_way_is_not_idleness(box, ports):
    assert get(ports[1], "/slow?for=4s") == box.status()["seldom"]["pid"]


def test_restarts_under_load_refuse_nobody(box, ports):
    failed, answers, over = [], set(), threading.Event()

    def load():
        while not over.is_set():
            try:
                answers.add(get(ports[0]))
            except OSError as error:
                failed.append(error)

    clients = [threading.Thread(target=load) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        for _ in range(5):
            assert box.ctl("restart", "web").returncode == 0
            eventually(lambda: get(ports[0]) == box.status()["web"]["pid"])
    finally:
        over.set()
        for client in clients:
            client.join(WITHIN_S)
    assert failed == []
    assert len(answers) >= 5


def test_without_a_socket_it_listens_by_itself(ports):
    text = f'[program.web]\ncommand = ["{built(EXAMPLE)}/web"]\nready = {{ notify = true }}\n'
    with Box(text, env={"WEB_ADDR": f"127.0.0.1:{ports[0]}"}.items()) as alone:
        pid = alone.wait_state("web", "RUNNING")["pid"]
        assert get(ports[0]) == pid
