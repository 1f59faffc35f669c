"""HTTP as supervisorctl speaks it, with servers that answer in every way."""

import socket
import threading
import xmlrpc.client
from contextlib import suppress

import pytest

from pyinit.applets.supervisorctl_http import HttpServer
from pyinit.applets.supervisorctl_server import BadAnswer, NotFollowed
from pyinit.applets.supervisorctl_session import Settings

VALUE = xmlrpc.client.dumps(("3.0",), methodresponse=True).encode()
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def answering(tmp_path):
    """Return a function that serves one answer, and returns (url, the requests so far)."""
    threads = []
    listeners = []

    def serve(answer):
        path = str(tmp_path / f"{len(listeners)}.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        listener.settimeout(30)
        seen = []

        def work():
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(30)
                seen.append(connection.recv(65536))
                with suppress(ConnectionError):  # whoever asked may be gone
                    connection.sendall(answer)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        threads.append(thread)
        listeners.append(listener)
        return f"unix://{path}", seen

    yield serve
    for thread in threads:
        thread.join(30)
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: %d\r\n\r\n" % len(VALUE) + VALUE,
        OK + b"\r\n" + VALUE,
        OK + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(VALUE) + VALUE + b"\r\n0\r\n\r\n",
        b"HTTP/1.0 200\ncontent-length:%d\n\n" % len(VALUE) + VALUE,
    ],
    ids=["length", "until the end", "chunked", "loose"],
)
def test_an_answer_is_read_in_every_form(answer, answering):
    url, seen = answering(answer)
    assert HttpServer(Settings(url)).call("getVersion", "x") == "3.0"
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\n")
    assert b"Authorization" not in head
    assert xmlrpc.client.loads(body) == (("x",), "supervisor.getVersion")


def test_a_password_is_sent(answering):
    url, seen = answering(OK + b"\r\n" + VALUE)
    HttpServer(Settings(url, username="me", password="sécret")).call("getVersion")
    assert b"\r\nAuthorization: Basic bWU6c8OpY3JldA==\r\n" in seen[0]


def test_a_password_that_is_no_text_is_sent_as_its_bytes(answering):
    url, seen = answering(OK + b"\r\n" + VALUE)
    HttpServer(Settings(url, username="me", password="\udcff")).call("getVersion")
    assert b"\r\nAuthorization: Basic bWU6/w==\r\n" in seen[0]


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"HTTP/1.1 401 Unauthorized\r\n\r\n", 401), (b"HTTP/1.1 500 Oh No\r\n\r\n", 500)],
)
def test_what_is_no_success_is_told_as_the_genuine_one_tells_it(answer, status, answering):
    url, _seen = answering(answer)
    with pytest.raises(BadAnswer) as caught:
        HttpServer(Settings(url)).call("getVersion")
    reason = answer.partition(b"%d " % status)[2].partition(b"\r")[0].decode()
    error = xmlrpc.client.ProtocolError("127.0.0.1/RPC2", status, reason, {})
    assert (caught.value.status, str(caught.value)) == (status, str(error))


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", OK, OK + b"Content-Length: 9999\r\n\r\n<x>", b"x" * 70000],
)
def test_half_an_answer_is_an_error(answer, answering):
    url, _seen = answering(answer)
    with pytest.raises(ConnectionError):
        HttpServer(Settings(url)).call("getVersion")


def test_a_log_is_followed_piece_by_piece(answering):
    chunks = b"6\r\nhello\n\r\n2\r\n\xff\xfe\r\n0\r\n\r\n"
    url, seen = answering(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert b"".join(HttpServer(Settings(url)).follow("/logtail/x/stdout")) == b"hello\n\xff\xfe"
    assert seen[0].startswith(b"GET /logtail/x/stdout HTTP/1.1\r\n")


def test_a_log_that_is_not_there_is_told(answering):
    url, _seen = answering(b"HTTP/1.1 404 Not Found\r\n\r\n")
    with pytest.raises(NotFollowed) as caught:
        list(HttpServer(Settings(url)).follow("/logtail/x/stdout"))
    assert str(caught.value) == f"{url}/logtail/x/stdout Cannot read, status code 404"


def test_a_server_that_is_not_there_is_told(tmp_path):
    url = f"unix://{tmp_path}/none"
    with pytest.raises(NotFollowed, match="Cannot connect, error: <class 'FileNotFoundError'>"):
        list(HttpServer(Settings(url)).follow("/mainlogtail"))
    with pytest.raises(FileNotFoundError):
        HttpServer(Settings(url)).call("getVersion")


def test_headers_without_an_end_are_not_kept(answering):
    headers = b"".join([b"X-%d: x\r\n" % number for number in range(1000)])
    url, _ = answering(OK + headers + b"\r\n" + VALUE)
    with pytest.raises(ConnectionError, match="without an end"):
        HttpServer(Settings(url)).call("getVersion")


def test_what_a_server_calls_its_status_does_not_reach_the_terminal_as_it_is(answering):
    url, _ = answering(b"HTTP/1.1 500 \x1b]0;owned\x07\x9b2J\r\n\r\n")
    with pytest.raises(BadAnswer) as caught:
        HttpServer(Settings(url)).call("getVersion")
    assert str(caught.value).isprintable()


def test_a_status_that_is_no_number_is_no_http(answering):
    url, _ = answering(b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n")
    with pytest.raises(ConnectionError, match="does not speak HTTP"):
        HttpServer(Settings(url)).call("getVersion")


def test_who_hangs_up_before_there_is_a_connection_follows_nothing(answering):
    url, _ = answering(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nmore\r\n")
    server = HttpServer(Settings(url))
    server.close()
    assert list(server.follow("/logtail/cat/stdout")) == []
