"""One probe, taken apart: where it goes, what it says, and how an answer is judged."""

import contextlib
import socket
import struct
import time
from types import SimpleNamespace

import pytest

from pyinit.runtime import asking
from pyinit.runtime.asking import Connection, Place, Question
from pyinit.runtime.poller import Poller


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("http://localhost:8080/a?b=c", Place("localhost:8080", "localhost:8080", "/a?b=c")),
        ("http://127.0.0.1/", Place("127.0.0.1:80", "127.0.0.1", "/")),
        ("https://host/x/y", Place("host:443", "host", "/x/y")),
        ("http://[::1]/", Place("[::1]:80", "[::1]", "/")),
        ("http://[::1]:81/", Place("[::1]:81", "[::1]:81", "/")),
        ("unix:/run/app.sock:/up", Place("/run/app.sock", "localhost", "/up")),
        ("unix:/run/a:/b.sock:/", Place("/run/a:/b.sock", "localhost", "/")),
    ],
)
def test_a_url_has_a_place_a_host_and_a_path(target, wanted):
    assert asking.split_url(target) == wanted


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("localhost:80", [("127.0.0.1", 80), ("::1", 80)]),
        ("10.1.2.3:80", [("10.1.2.3", 80)]),
        ("[fe80::1]:80", [("fe80::1", 80)]),
        ("db:80", None),
        ("1.example:80", None),
    ],
)
def test_numbers_and_localhost_need_no_name_service(place, wanted):
    assert asking.addresses(place) == wanted


@pytest.mark.parametrize(
    ("kind", "target", "wanted"),
    [
        ("exec", "", True),
        ("tcp", "localhost:80", False),
        ("tcp", "db:80", True),
        ("unix", "/run/x", False),
        ("http", "http://127.0.0.1/", False),
        ("http", "http://db/", True),
        ("http", "https://127.0.0.1/", True),
        ("http", "unix:/run/x:/", False),
    ],
)
def test_only_what_may_have_to_wait_is_asked_by_a_child(kind, target, wanted):
    assert asking.needs_child(Question(kind, target, (), 1.0)) is wanted


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", ""),
        (b"HTTP/1.0 204\r\n", ""),
        (b"HTTP/1.1 399 What\n", ""),
        (b"HTTP/1.1 404 Not Found\r\n", "GET T: 404 Not Found"),
        (b"HTTP/1.1 100 Continue\r\n", "GET T: 100 Continue"),
        (b"HTTP/1.1 500 \x1b[31mred\r\n", "GET T: 500 ?[31mred"),
        (b"220 smtp ready\r\n", "GET T: what it answers is no HTTP"),
        (b"HTTP/1.1 \r\n", "GET T: what it answers is no HTTP"),
        (b"", "GET T: what it answers is no HTTP"),
    ],
)
def test_an_answer_is_good_from_200_to_399_and_never_shown_as_it_is(head, wanted):
    assert asking.judge_answer("T", head) == wanted


def test_a_line_of_somebody_elses_is_cut():
    assert len(asking.shown(b"x" * 1000)) == asking.SHOWN_BYTES


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "GET unix:{place}:/up: 503 Busy"),
        (b"", "GET unix:{place}:/up: it hangs up without an answer"),
    ],
)
def test_an_answer_that_comes_before_the_question_counts(said, wanted, tmp_path):
    """It has answered and hung up: the request cannot be sent any more."""
    place = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server, asked(f"unix:{place}:/up") as (ask, answers):
        server.bind(place)
        server.listen()
        ask.start()
        one, _ = server.accept()
        one.sendall(said)
        one.close()
        assert answers() == [wanted.format(place=place)]


def test_an_answer_counts_though_who_gave_it_has_reset_the_connection():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        asked(f"http://127.0.0.1:{server.getsockname()[1]}/up") as (ask, answers),
    ):
        ask.start()
        one, _ = server.accept()
        one.sendall(b"HTTP/1.1 503 Busy\r\n\r\n")
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
        assert answers()[0].endswith(": 503 Busy")


@pytest.mark.parametrize("taken", ["", "another's", None])
@pytest.mark.parametrize("late", ["", "not seen"])
def test_who_has_answered_so_early_is_looked_up_if_the_connection_is_still_there(taken, late):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        asked(
            f"http://127.0.0.1:{server.getsockname()[1]}/up",
            SimpleNamespace(stir=lambda: None, taken=lambda _: taken, late=lambda: late),
        ) as (ask, answers),
    ):
        ask.start()
        one, _ = server.accept()
        one.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        assert answers() == [late if taken is None else taken]
        one.close()


@contextlib.contextmanager
def asked(target, witness=None):
    """Give a question by HTTP, and what waits for its answers and returns them."""
    poller, found = Poller(), []
    question = Question("http", target, (), 10.0)
    ask = Connection(poller, question, found.append, witness)

    def answers():
        deadline = time.monotonic() + 10.0
        while not found and time.monotonic() < deadline:
            poller.wait(deadline)
        return found

    try:
        yield ask, answers
    finally:
        ask.close()
        poller.close()
