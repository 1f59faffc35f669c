"""HTTP as supervisord answers it: the same requests at both, the same answers."""

import http.client

import pytest
from boxed import WITHIN_S, eventually
from doors import Doors, call, free_port, inet
from supervised import Side, UnixConnection, base, program

from pyinit.client import NoSupervisor

REQUESTS = {
    "a health check": ("GET", "/ok.html", None, {}),
    "methods are not got": ("GET", "/RPC2", None, {}),
    "not even with a slash": ("GET", "/RPC2/", None, {}),
    "methods are posted": ("POST", "/RPC2", call("supervisor.getState"), {}),
    "below the path, too": ("POST", "/RPC2/anything", call("supervisor.getState"), {}),
    "and beside it": ("POST", "/RPC2x", call("supervisor.getState"), {}),
    "no XML": ("POST", "/RPC2", b"nonsense", {}),
    "no method": ("POST", "/RPC2", b"<methodCall></methodCall>", {}),
    "an unknown method": ("POST", "/RPC2", call("nobody.knows"), {}),
    "an unknown process": ("GET", "/logtail/nobody", None, {}),
    "an unknown channel": ("GET", "/logtail/web/stdmore", None, {}),
    "a process without a log": ("GET", "/logtail/silent", None, {}),
    "a tail that is posted": ("POST", "/logtail/web", b"", {}),
    "an unknown page": ("GET", "/nothing/at/all", None, {}),
    "an unknown picture": ("GET", "/images/nothing.png", None, {}),
    "the page": ("GET", "/", None, {}),
}
PROGRAMS = program("web", "sleep 600") + program("silent", "sleep 600", stdout_logfile="NONE")


@pytest.fixture(scope="module")
def sides():
    with (
        Side("pyinit", base() + PROGRAMS) as ours,
        Side("genuine", base() + PROGRAMS) as theirs,
    ):
        yield ours, theirs


def ask(side, method, path, body, headers):
    """Return (status, content type without its charset) of an answer."""
    connection = UnixConnection(side.socket)
    try:
        connection.request(method, path, body, headers)
        found = connection.getresponse()
        found.read(0)
        kind = (found.getheader("Content-Type") or "").partition(";")[0]
        return found.status, kind if found.status == 200 else ""
    finally:
        connection.close()


@pytest.mark.parametrize("name", REQUESTS)
def test_the_answer_is_the_same(sides, name):
    ours, theirs = sides
    assert ask(ours, *REQUESTS[name]) == ask(theirs, *REQUESTS[name])


@pytest.mark.parametrize("path", ["/logtail/web", "/logtail/web:web/stdout", "/mainlogtail"])
def test_an_endless_tail_has_the_same_head(sides, path):
    found = []
    for side in sides:
        connection = UnixConnection(side.socket)
        connection.request("GET", path)
        answer = connection.getresponse()
        names = ("content-type", "transfer-encoding")
        found.append((answer.status, *[answer.getheader(name) for name in names]))
        if side.which == "pyinit" or path != "/mainlogtail":  # where supervisord forgets it
            assert answer.getheader("x-accel-buffering") == "no"
        connection.close()
    assert found[0] == found[1]


@pytest.mark.parametrize("key", [None, "Basic YWRtaW46d3Jvbmc=", "Digest x"])
def test_without_the_right_key_the_answer_is_the_same(key):
    found = []
    for which in ("pyinit", "genuine"):
        port = free_port()
        with Side(which, base() + inet(port) + PROGRAMS) as side:
            side.wait_state("web", "RUNNING")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
            connection.request("GET", "/ok.html", headers={"Authorization": key} if key else {})
            answer = connection.getresponse()
            names = ("www-authenticate", "connection")
            found.append((answer.status, *[answer.getheader(name) for name in names]))
            connection.close()
    ours, theirs = found
    assert ours[:2] == theirs[:2]
    if ours[0] == 401:
        assert ours == theirs


def test_a_connection_is_kept_for_the_next_request(sides):
    for side in sides:
        connection = UnixConnection(side.socket)
        connection.connect()
        first = connection.sock
        for _ in range(3):
            connection.request("POST", "/RPC2", call("supervisor.getState"))
            assert connection.getresponse().read()
        assert connection.sock is first
        connection.close()


def test_begun_anew_it_listens_again():
    with Doors() as doors:
        doors.wait_state("web", "RUNNING")
        before = doors.pid_of("web")
        assert doors.ctl_at(doors.url, "reload").stdout == "Restarted supervisord\n"

        def is_new():
            try:
                return doors.pid_of("web") not in (0, before)
            except (OSError, NoSupervisor):
                return False

        eventually(is_new)
        assert doors.get("/ok.html").status == 200
        assert doors.get("/ok.html", unix=True).status == 200
