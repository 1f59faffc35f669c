"""Methods that read logs by bytes, as supervisord counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rpc_world import World, running

from pyinit.protocol.messages import Refused
from pyinit.rpc import methods_logs

TEN = b"0123456789"


@pytest.mark.parametrize(
    ("offset", "length", "text"),
    [
        (0, 0, "0123456789"),
        (0, 4, "0123"),
        (3, 4, "3456"),
        (3, 0, "3456789"),
        (8, 100, "89"),
        (10, 0, ""),
        (100, 5, ""),
        (-3, 0, "789"),
        (-100, 0, "0123456789"),
    ],
)
def test_a_log_is_read_from_a_byte_on_or_from_its_end(offset, length, text):
    world = World(running("web", stdout=TEN, stderr=TEN))
    world.own_log = TEN
    for method in ("readProcessStdoutLog", "readProcessLog", "readProcessStderrLog"):
        assert world.ask(method, "web", offset, length) == text
    assert world.ask("readLog", offset, length) == text
    assert world.ask("readMainLog", offset, length) == text


@pytest.mark.parametrize(("offset", "length"), [(0, -1), (-3, 3), (-3, -3), (5, -5)])
def test_a_length_that_makes_no_sense_is_a_bad_argument(offset, length):
    world = World(running("web", stdout=TEN))
    bad = (3, "BAD_ARGUMENTS")
    assert world.ask("readProcessStdoutLog", "web", offset, length) == bad
    assert world.ask("readLog", offset, length) == bad
    missing = (20, "NO_FILE")  # which is found out first
    assert world.ask("readProcessStderrLog", "web", offset, length) == missing


def test_what_has_no_log_says_so_and_which_file_is_not_there():
    world = World(running("web", stdout=None))
    world.own_log = None
    assert world.ask("readProcessStdoutLog", "web", 0, 0) == (20, "NO_FILE")
    assert world.ask("readProcessStdoutLog", "zz", 0, 0) == (10, "BAD_NAME: zz")
    assert world.ask("readProcessStdoutLog", "web:*", 0, 0) == (10, "BAD_NAME: web:*")
    assert world.ask("readLog", 0, 0) == (20, "NO_FILE")
    world = World(running("web", stdout=b""))
    world.refuses["read-log"] = Refused("no-file", "there is no file")
    assert world.ask("readProcessStdoutLog", "web", 0, 0) == (20, "NO_FILE: /log/web")
    world.refuses["read-log"] = Refused("failed", "cannot read it: Input/output error\n  x")
    failed = (30, "FAILED: cannot read it: Input/output error")
    assert world.ask("readProcessStdoutLog", "web", 0, 0) == failed


@pytest.mark.parametrize("size", [0, 3, 10])
@pytest.mark.parametrize("offset", [-20, -3, 0, 2, 9, 10, 12])
@pytest.mark.parametrize("length", [-3, 0, 1, 4, 10, 15])
def test_a_tail_is_the_last_bytes_as_long_as_there_is_anything_new(size, offset, length):
    world = World(running("web", stdout=TEN[:size]))
    for method in ("tailProcessStdoutLog", "tailProcessLog"):
        text, told, overflow = world.ask(method, "web", offset, length)
        assert told == size
        assert overflow is (size > offset + length)
        last = TEN[max(0, size - length) : size].decode() if length > 0 else ""
        assert text == (last if offset < size else "")


def test_a_tail_of_no_log_is_empty_and_no_fault():
    world = World(running("web", stdout=None))
    assert world.ask("tailProcessStdoutLog", "web", 3, 5) == ["", 0, False]
    assert world.ask("tailProcessStderrLog", "web", 3, 5) == ["", 0, False]
    assert world.ask("tailProcessStdoutLog", "zz", 0, 1) == (10, "BAD_NAME: zz")


@given(st.binary(max_size=40), st.integers(-50, 50), st.integers(0, 50))
def test_no_byte_of_a_log_is_too_much_for_an_answer(data, offset, length):
    world = World(running("web", stdout=data))
    told = world.ask("readProcessStdoutLog", "web", offset, 0 if offset < 0 else length)
    assert isinstance(told, str)
    assert isinstance(world.ask("tailProcessStdoutLog", "web", offset, length)[0], str)


def test_a_part_that_ends_within_a_character_is_replaced_there_only():
    world = World(running("web", stdout="aäb".encode()))
    assert world.ask("readProcessStdoutLog", "web", 0, 2) == "a\ufffd"
    assert world.ask("readProcessStdoutLog", "web", 2, 0) == "\ufffdb"
    assert world.ask("tailProcessStdoutLog", "web", 0, 2) == ["\ufffdb", 4, True]


def test_a_large_log_is_read_in_pieces_and_never_more_than_the_bound(monkeypatch):
    data = bytes(range(256)) * 1000
    world = World(running("web", stdout=data))
    assert len(world.ask("readProcessStdoutLog", "web", 0, 0).encode()) > len(data)
    assert world.verbs().count("read-log") > 4
    monkeypatch.setattr(methods_logs, "LARGEST", 1000)
    text = "0123456789" * 1000
    world = World(running("web", stdout=text.encode()))
    assert world.ask("readProcessStdoutLog", "web", 0, 0) == text[:1000]
    assert world.ask("readProcessStdoutLog", "web", 5, 0) == text[5:1005]
    assert world.ask("readProcessStdoutLog", "web", -5000, 0) == text[-1000:]
    assert world.ask("tailProcessStdoutLog", "web", 0, 5000) == [text[-1000:], 10000, True]


def test_a_log_that_shrinks_while_it_is_read_ends_there():
    world = World(running("web", stdout=TEN))
    reads = iter([{"data": "x", "size": 10}, {"data": "abc"}, {"data": ""}])
    world.do_read_log = lambda _args: next(reads)
    assert world.ask("readProcessStdoutLog", "web", 0, 0) == "abc"


def test_numbers_that_look_like_numbers_are_taken_and_others_are_not():
    world = World(running("web", stdout=TEN))
    assert world.ask("readProcessStdoutLog", "web", "2", "3") == "234"
    assert world.ask("readProcessStdoutLog", "web", 2.9, True) == "2"
    for value in ("a", [], {}, float("inf"), float("nan"), b"1"):
        assert world.ask("readProcessStdoutLog", "web", value, 0)[0] == 2


def test_logs_are_cleared_one_by_one_or_all_together():
    world = World(running("a"), running("b", clears=False))
    assert world.ask("clearProcessLogs", "a") is True
    assert world.ask("clearProcessLog", "b") == (30, "FAILED: b")
    assert world.ask("clearProcessLogs", "zz") == (10, "BAD_NAME: zz")
    assert world.ask("clearProcessLogs", "a:*") == (10, "BAD_NAME: a:*")
    assert world.ask("clearAllProcessLogs") == [
        {"name": "a", "group": "a", "status": 80, "description": "OK"},
        {"name": "b", "group": "b", "status": 30, "description": "FAILED: b"},
    ]


def test_our_own_log_is_cleared_or_there_is_none():
    world = World()
    assert world.ask("clearLog") is True
    world.refuses["clear-log"] = Refused("no-file", "there is no file")
    assert world.ask("clearLog") == (20, "NO_FILE")
    world.refuses["clear-log"] = Refused("failed", "cannot empty it")
    assert world.ask("clearLog") == (30, "FAILED: cannot empty it")
