"""Bytes of any kind at a door of the gateway: each is answered or hung up on, and it goes on."""

import contextlib
import errno
import socket

import pytest
from boxed import Box, program
from control_raw import assert_unharmed
from doors import call, free_port
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

MANY = settings(
    max_examples=60 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ANSWER_S = 30.0
CALL = call("supervisor.getState")
GOOD = b"GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /ok.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
LINES = [
    *(b"GET /ok.html HTTP/1.1", b"GET / HTTP/1.1", b"POST /RPC2 HTTP/1.1", b"HEAD / HTTP/1.1"),
    *(
        b"GET /ok.html HTTP/9.9",
        b"GET  /ok.html HTTP/1.1",
        b"get /ok.html http/1.1",
        b"PRI * HTTP/2.0",
    ),
    *(b"GET /%2e%2e/%00%ff HTTP/1.1", b"GET http://evil/ok.html HTTP/1.1", b"GET //[ HTTP/1.1"),
    *(
        b"OPTIONS * HTTP/1.1",
        b"CONNECT x:1 HTTP/1.1",
        b"POST /api/v1/reload HTTP/1.1",
        b"GET ? HTTP/1.1",
    ),
    *(
        b"GET /api/v1/events?lines=" + b"9" * 5000 + b" HTTP/1.1",
        b"\x16\x03\x01\x02\x00",
        b"",
        b"\xff",
    ),
    *(b"GET /api/v1/processes/%ED%A0%80/why HTTP/1.1", b"GET /logtail/%ff/%00 HTTP/1.1"),
    *(
        b"GET /api/v1/processes/web/logs?follow=true&lines=x HTTP/1.1",
        b"BREW /api/v1/status HTTP/1.1",
    ),
    *(b"GET /?action=stop&processname=web HTTP/1.1", b"GET /static/..%5c..%5capp.py HTTP/1.1"),
]
HEADERS = [
    *(b"Host: x", b"Host:", b"Host: x\r\nHost: y", b"Content-Length: 4", b"Content-Length: -1"),
    *(
        b"Content-Length: " + b"9" * 5000,
        b"Content-Length: +4",
        b"Content-Length: 4, 5",
        b"Content-Length: \xb2",
    ),
    *(
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Transfer-Encoding: chunked, chunked",
    ),
    *(
        b"Connection: close",
        b"Connection: upgrade\r\nUpgrade: websocket",
        b"Upgrade: h2c",
        b"Expect: 100-continue",
    ),
    *(
        b"Authorization: Basic \xff",
        b"Authorization: Basic " + b"A" * 9000,
        b"Cookie: \xff=\x01",
        b"X: \x00",
    ),
    *(
        b" folded",
        b"X : y",
        b"X",
        b": y",
        b"Origin: \xff",
        b"Origin: http://[",
        b"Accept: \xe9",
        b"X: " + b"y" * 40_000,
    ),
    *(
        b"Content-Type: application/json",
        b"Content-Type: \xff",
        b"Last-Event-ID: \xff",
        b"Range: bytes=0-",
    ),
    *(
        b"Sec-Fetch-Site: cross-site",
        b"X-Forwarded-For: \x7f",
        b"Te: trailers",
        b"Content-Encoding: gzip",
    ),
]
BODIES = [
    *(
        b"",
        b"0\r\n\r\n",
        b"4\r\n{}{}\r\n0\r\n\r\n",
        b"ffffffffffffffffff\r\n",
        b"-1\r\n",
        b"4;x=y\r\nabcd\r\n0\r\nX: y\r\n\r\n",
    ),
    *(
        CALL,
        b"{}",
        b"null",
        b"[" * 3000,
        b'{"timeout_s": 1e999}',
        b'{"dry_run": true, "dry_run": 1}',
        b"\xff" * 20,
        GOOD,
    ),
    *(b'{"delay_s": NaN}', b'{"x": "\\ud800"}', b'{"timeout_s": ' + b"9" * 5000 + b"}"),
]


@st.composite
def requests(draw):
    """Return the bytes of a request that is almost right, or quite."""
    line = draw(st.sampled_from(LINES) | st.binary(max_size=20))
    headers = draw(st.lists(st.sampled_from(HEADERS) | st.binary(max_size=20), max_size=4))
    body = draw(st.sampled_from(BODIES) | st.binary(max_size=30))
    if draw(st.booleans()):
        headers.append(b"Content-Length: %d" % len(body))
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"]))
    return end.join([line, *headers, b"", body])


@pytest.fixture(scope="module")
def door():
    port = free_port()
    config = f'[init]\nexit = "never"\n[web]\nlisten = "127.0.0.1:{port}"\n'
    with Box(config + program("web", "sleep", "600")) as box:
        pid = box.wait_state("web", "RUNNING")["pid"]
        yield port
        assert "cannot answer" not in box.err
        assert "Traceback" not in box.err
        assert "pyinit-web: ended" not in box.err
        assert box.status()["web"]["pid"] == pid  # nobody has stopped it
        assert_unharmed(box)


def exchanged(port, parts):
    """Send parts one by one; return what comes until the door hangs up, or b"" if it only does."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as client:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                client.sendall(part)
            try:
                client.shutdown(socket.SHUT_WR)
            except OSError as error:  # it has hung up, and has reset what came after that
                assert error.errno == errno.ENOTCONN
        said = b""
        with contextlib.suppress(ConnectionError):
            while part := client.recv(1 << 16):
                said += part
        return said


@MANY
@given(st.lists(requests(), min_size=1, max_size=3), st.integers(1, 400))
@example([b"GET /ok.html HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"], 400)
@example(
    [b"POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd"], 3
)
@example([b"GET /ok.html HTTP/1.1\r\nHost: x\r\n\r\n"] * 3, 7)
def test_what_comes_is_answered_or_hung_up_on(door, many, size):
    data = b"".join(many)
    cuts = [data[at : at + size] for at in range(0, min(len(data), 20 * size), size)]
    said = exchanged(door, [*cuts, data[20 * size :]])
    assert not said or said.startswith(b"HTTP/1.1 "), said[:100]
    assert b"HTTP/1.1 5" not in said.replace(b"HTTP/1.1 503", b""), said
    assert b"Traceback" not in said
    assert exchanged(door, [LAST]).endswith(b"OK")  # it is there for the next one


def test_requests_in_a_row_are_answered_in_a_row(door):
    said = exchanged(door, [GOOD * 20 + LAST])
    assert said.count(b"HTTP/1.1 200 ") == 21
