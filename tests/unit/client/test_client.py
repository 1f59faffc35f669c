"""The blocking client: what it sends, what it makes of answers, and of those that never come."""

import json
import os
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from pyinit import client as module
from pyinit.client import Client, NoSupervisor
from pyinit.protocol.messages import Refused


class Server:
    """A pyinit of few words: `script(connection)` talks to each client, one after the other."""

    def __init__(self, path, script):
        self.path = str(path)
        self.heard = []
        self._script = script
        self._listener = socket.socket(socket.AF_UNIX)
        directory = os.open(os.path.dirname(self.path), os.O_PATH)
        self._listener.bind(f"/proc/self/fd/{directory}/{os.path.basename(self.path)}")
        os.close(directory)
        self._listener.listen(5)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                self._script(self, connection)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def hear(self, connection):
        """Return the next request."""
        line = b""
        while not line.endswith(b"\n"):
            part = connection.recv(1)
            if not part:
                return None
            line += part
        self.heard.append(json.loads(line))
        return self.heard[-1]


@contextmanager
def serving(path, script):
    server = Server(path, script)
    try:
        yield server
    finally:
        server.close()


def say(connection, *frames):
    for frame in frames:
        connection.sendall(json.dumps(frame).encode() + b"\n")


def answering(*frames):
    """Return a script that answers every request with `frames`, which get its id."""

    def script(server, connection):
        while (request := server.hear(connection)) is not None:
            say(connection, *[{"id": request["id"], **frame} for frame in frames])

    return script


OK = {"ok": True, "result": {"pid": 1}}


@pytest.fixture
def place(tmp_path):
    return tmp_path / "c.sock"


def test_a_call_sends_the_verb_and_returns_the_result(place):
    with serving(place, answering(OK)) as server, Client(str(place)) as client:
        assert client.path == str(place)
        assert client.call("status", {"names": ["web"], "usage": None}) == {"pid": 1}
        assert client.call("health", answer_s=None) == {"pid": 1}
    assert server.heard == [
        {"id": 1, "verb": "status", "args": {"names": ["web"]}},
        {"id": 2, "verb": "health", "args": {}},
    ]


def test_what_pyinit_refuses_is_raised_with_everything_it_told(place):
    error = {"code": "no-such-program", "message": "no such program: 'x'", "names": ["x"]}
    with serving(place, answering({"ok": False, "error": error})), Client(str(place)) as client:
        with pytest.raises(Refused) as caught:
            client.call("stop", {"names": ["x"]})
        assert (caught.value.code, caught.value.message, caught.value.more) == (
            "no-such-program", "no such program: 'x'", {"names": ["x"]},
        )  # fmt: skip


@pytest.mark.parametrize("frame", [{"ok": False}, {"ok": True}, {"ok": True, "result": []}])
def test_an_answer_that_tells_nothing_is_a_failure(place, frame):
    with serving(place, answering(frame)), Client(str(place)) as client:
        with pytest.raises(Refused) as caught:
            client.call("status")
        assert (caught.value.code, caught.value.message) == ("failed", "refused")


def test_answers_to_others_and_notifications_are_passed_over(place):
    others = [{"id": 99, "ok": True, "result": {"pid": 99}}, {"event": "state"}, {"id": None}]
    with serving(place, answering(*others, OK)), Client(str(place)) as client:
        assert client.call("status") == {"pid": 1}


def test_a_refusal_without_an_id_is_about_us(place):
    def script(_server, connection):
        say(connection, {"id": None, "ok": False, "error": {"code": "busy", "message": "full"}})

    with serving(place, script), Client(str(place)) as client:
        for _ in range(2):  # it is still there to be read when nothing can be sent any more
            try:
                client.call("status")
            except Refused as refused:
                assert refused.code == "busy"
            except NoSupervisor as error:
                assert str(error) == f"pyinit at {place} hung up"
        with pytest.raises(NoSupervisor, match="hung up"):
            client.call("status")


def test_a_stream_yields_what_comes_until_its_end(place):
    events = [{"event": "state", "name": "web"}, {"event": "dropped", "count": 3}]
    last = {"ok": True, "result": {}}
    with serving(place, answering({"id": 77, "ok": True}, *events, last)) as server:
        with Client(str(place)) as client:
            assert list(client.follow("events", {"names": ["web"]})) == events
        assert server.heard[0]["args"] == {"names": ["web"], "follow": True}


def test_a_stream_ends_with_pyinit(place):
    def script(server, connection):
        server.hear(connection)
        say(connection, {"event": "state"})

    with serving(place, script), Client(str(place)) as client:
        assert list(client.follow("events")) == [{"event": "state"}]


def test_a_stream_that_is_refused_raises(place):
    error = {"code": "denied", "message": "no"}
    with serving(place, answering({"ok": False, "error": error})), Client(str(place)) as client:
        stream = client.follow("events")
        with pytest.raises(Refused, match="no"):
            next(stream)


def test_a_stream_of_nonsense_raises(place):
    def script(server, connection):
        server.hear(connection)
        connection.sendall(b"220 mail.example ESMTP\n")
        server.hear(connection)

    with serving(place, script), Client(str(place)) as client:
        stream = client.follow("events")
        with pytest.raises(NoSupervisor, match=r"what answers at .* is no pyinit: cannot read"):
            next(stream)


def test_a_pyinit_that_does_not_answer_is_given_up(place):
    def script(server, connection):
        server.hear(connection)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:  # noise does not make it wait longer
            try:
                say(connection, {"event": "state"})
            except OSError:
                return

    with serving(place, script):
        began = time.monotonic()
        with Client(str(place)) as client, pytest.raises(NoSupervisor, match="does not answer"):
            client.call("status", answer_s=0.2)
        assert time.monotonic() - began < 4


def test_a_silent_pyinit_is_given_up(place):
    done = threading.Event()
    with serving(place, lambda _server, _connection: done.wait(10)):
        client = Client(str(place))
        with client, pytest.raises(NoSupervisor, match="does not answer"):
            client.call("status", answer_s=0.05)
        done.set()


def test_a_pyinit_that_takes_nothing_is_given_up(place, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 0.1)
    done = threading.Event()
    with serving(place, lambda _server, _connection: done.wait(10)):
        with Client(str(place)) as client, pytest.raises(NoSupervisor, match="takes no request"):
            client.call("status", {"names": ["x" * 4_000_000]})
        done.set()


def test_a_pyinit_that_hangs_up_with_requests_unread_is_gone(place):
    gone = threading.Event()

    def script(_server, connection):
        connection.recv(1)  # the rest stays unread: the kernel calls that a reset
        connection.close()
        gone.set()

    with serving(place, script), Client(str(place)) as client:
        client._send("status", {})
        assert gone.wait(10)
        with pytest.raises(NoSupervisor, match="hung up"):
            client.call("status")


def test_an_endless_answer_is_no_pyinit(place, monkeypatch):
    monkeypatch.setattr(module.wire, "FRAME_BYTES", 1000)

    def script(server, connection):
        server.hear(connection)
        connection.sendall(b"x" * 2000)
        server.hear(connection)

    with serving(place, script):
        client = Client(str(place))
        client._frames = module.wire.Frames(1000)
        with client, pytest.raises(NoSupervisor, match="longer than 1000 bytes"):
            client.call("status")


def test_a_large_answer_in_pieces_is_put_together(place):
    result = {"text": "x" * 3_000_000}
    with serving(place, answering({"ok": True, "result": result})), Client(str(place)) as client:
        assert client.call("logs") == result


def test_where_nobody_answers_every_place_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "socket_places", lambda _environ, _uid: ("/no/a", "/no/b"))
    monkeypatch.delitem(module.posix.environ, b"PYINIT_SOCKET", raising=False)
    with pytest.raises(NoSupervisor) as caught:
        Client()
    assert str(caught.value) == (
        "no pyinit answers at\n  /no/a: No such file or directory\n"
        "  /no/b: No such file or directory\n  name its socket by -s PATH or PYINIT_SOCKET"
    )
    stale = tmp_path / "stale"
    socket.socket(socket.AF_UNIX).bind(str(stale))
    with pytest.raises(NoSupervisor) as caught:
        Client(str(stale))
    assert str(caught.value) == (
        f"no pyinit answers at\n  {stale}: Connection refused\n"
        "  does pyinit run, and is that its socket? (-s and PYINIT_SOCKET name it)"
    )


def test_the_first_place_that_answers_is_taken(place, monkeypatch):
    monkeypatch.delitem(module.posix.environ, b"PYINIT_SOCKET", raising=False)
    monkeypatch.setattr(module, "socket_places", lambda _environ, _uid: ("/no/a", str(place)))
    with serving(place, answering(OK)), Client() as client:
        assert client.path == str(place)
    monkeypatch.setitem(module.posix.environ, b"PYINIT_SOCKET", str(place).encode())
    monkeypatch.setattr(module, "socket_places", None)
    with serving(str(place) + "2", answering(OK)), Client(str(place) + "2") as client:
        assert client.path.endswith("2")
    with pytest.raises(NoSupervisor, match=str(place)):
        Client()  # nobody listens there any more


def test_a_socket_that_may_not_be_used_is_denied(place, monkeypatch):
    closed = (f"{place}1", f"{place}2")
    monkeypatch.setattr(module, "socket_places", lambda _environ, _uid: ("/no/a", *closed))
    monkeypatch.delitem(module.posix.environ, b"PYINIT_SOCKET", raising=False)
    with serving(closed[0], answering(OK)), serving(closed[1], answering(OK)):
        for path in closed:
            os.chmod(path, 0)
        place.parent.chmod(0o700)
        with as_somebody_else(), pytest.raises(Refused) as caught:
            Client()
    assert (caught.value.code, caught.value.message) == (
        "denied", f"access denied at {closed[0]}\n  be root or the user of pyinit",
    )  # fmt: skip


@contextmanager
def as_somebody_else():
    """Have no rights to what is not everybody's for the time of the block."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(12345)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_path_longer_than_an_address_is_reached_by_its_directory(tmp_path):
    deep = tmp_path / ("d" * 100) / "socket"
    deep.parent.mkdir()
    with serving(deep, answering(OK)), Client(str(deep)) as client:
        assert client.call("status") == {"pid": 1}
    with pytest.raises(NoSupervisor, match="too long"):
        Client("x" * 300)
    with pytest.raises(NoSupervisor, match="No such file"):
        Client("x" * 100 + "/" + "y" * 100)


def test_a_queue_that_is_full_is_waited_for(place, monkeypatch):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen(0)
    waiting = []
    try:
        while True:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect(str(place))
    except BlockingIOError:
        pass
    took = threading.Timer(0.2, lambda: [listener.accept()[0].close() for _ in waiting[:-1]])
    took.start()
    Client(str(place)).close()
    took.join()
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    with pytest.raises(NoSupervisor, match="Resource temporarily unavailable"):
        waiting.extend(Client(str(place)) for _ in range(5))
    for each in (*waiting, listener):
        each.close()


def test_descriptors_are_given_back(place):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(NoSupervisor):
            Client(str(place))
    with serving(place, answering(OK)), Client(str(place)) as client:
        client.call("status")
    assert len(os.listdir("/proc/self/fd")) == before
