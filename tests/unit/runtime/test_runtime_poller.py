"""The poller: everybody is called, whoever raises, and news of the dead is dropped."""

import os
import time

import pytest

from pyinit.runtime.poller import MAX_EVENTS, Poller


@pytest.fixture
def poller():
    found = Poller()
    yield found
    found.close()


@pytest.fixture
def pipes():
    found = [os.pipe() for _ in range(3)]
    for _, writer in found:
        os.write(writer, b"x")
    yield [reader for reader, _ in found]
    for pair in found:
        for fd in pair:
            os.close(fd)


def now():
    return time.monotonic()


def test_one_that_raises_keeps_nobody_else_from_being_called(poller, pipes):
    called = []

    def call(number):
        called.append(number)
        raise ValueError(number)

    for number, fd in enumerate(pipes):
        poller.register(fd, True, False, lambda _mask, number=number: call(number))
    with pytest.raises(ValueError) as raised:
        poller.wait(now())
    assert sorted(called) == [0, 1, 2]
    assert raised.value.args == (called[0],), "the first is told"
    assert poller.ready == 3


def test_news_of_a_descriptor_that_was_unregistered_meanwhile_is_dropped(poller, pipes):
    called = []

    def call(fd):
        called.append(fd)
        for other in pipes:
            if other != fd:
                poller.unregister(other)

    for fd in pipes:
        poller.register(fd, True, False, lambda _mask, fd=fd: call(fd))
    poller.wait(now())
    assert len(called) == 1


def test_what_is_not_wanted_any_more_is_not_told(poller, pipes):
    called = []
    poller.register(pipes[0], True, False, called.append)
    poller.modify(pipes[0], False, False)
    poller.wait(now() + 0.01)
    assert called == []
    poller.modify(pipes[0], True, False)
    poller.wait(now() + 5)
    assert len(called) == 1


def test_it_sleeps_until_the_time_it_was_given(poller):
    began = now()
    poller.wait(began + 0.05)
    assert now() >= began + 0.05


def test_a_crowd_is_served_in_turns_and_nobody_is_left_out(poller):
    pairs = [os.pipe() for _ in range(MAX_EVENTS * 2 + 5)]
    called = []
    try:
        for reader, writer in pairs:
            os.write(writer, b"x")
            poller.register(reader, True, False, lambda _mask, fd=reader: called.append(fd))
        for _ in range(3):
            poller.wait(now() + 5)
            assert poller.ready <= MAX_EVENTS
        assert set(called) == {reader for reader, _ in pairs}, "none reads, so all stay ready"
        for reader, _ in pairs:
            poller.unregister(reader)
    finally:
        for pair in pairs:
            for fd in pair:
                os.close(fd)


def test_a_regular_file_cannot_be_waited_for(poller, tmp_path):
    with (tmp_path / "f").open("wb") as file, pytest.raises(PermissionError):
        poller.register(file.fileno(), False, True, lambda _mask: None)
