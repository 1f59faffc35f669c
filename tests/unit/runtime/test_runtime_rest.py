"""When memory is given back, and by whom that is followed: an idle pyinit never wakes."""

import time
from pathlib import Path

import pytest

from pyinit.runtime.poller import SLEEP_S, Poller
from pyinit.runtime.rest import AFTER_S, AGAIN_S, NEVER, Rest
from pyinit.system import trim


@pytest.fixture
def poller():
    made = Poller()
    yield made
    made.close()


def mapped_kb():
    """Return what is mapped of files and was not written to."""
    found = dict.fromkeys((b"Rss:", b"Anonymous:"), 0)
    for line in Path("/proc/self/smaps_rollup").read_bytes().splitlines():
        words = line.split()
        if words[0] in found:
            found[words[0]] = int(words[1])
    return found[b"Rss:"] - found[b"Anonymous:"]


def test_it_rests_once_after_boot_and_never_again_while_nothing_is_done(poller):
    rest = Rest(100.0, poller)
    assert rest.next_deadline() == 100.0 + AFTER_S
    rest.after_turn()
    assert rest.next_deadline() == 100.0 + AFTER_S
    rest.tick(101.0)
    rest.after_turn()
    assert rest.next_deadline() == NEVER


def test_what_is_done_later_is_rested_from_once_a_minute(poller):
    now = time.monotonic()
    rest = Rest(now, poller)
    rest.tick(now)
    rest.after_turn()
    rest.after_turn()
    assert rest.next_deadline() == now + AGAIN_S
    rest.after_turn()
    assert rest.next_deadline() == now + AGAIN_S
    rest.tick(now + AGAIN_S)
    rest.after_turn()
    assert rest.next_deadline() == NEVER


def test_long_after_a_rest_the_next_comes_when_a_turn_is_a_second_old(poller):
    rest = Rest(0.0, poller)
    rest.tick(time.monotonic() - 10 * AGAIN_S)
    rest.after_turn()
    before = time.monotonic()
    rest.after_turn()
    assert before + AFTER_S <= rest.next_deadline() <= time.monotonic() + AFTER_S


def test_the_text_of_programs_is_unmapped_and_comes_back():
    unmap = trim.give_back()
    assert unmap is not None
    before = mapped_kb()
    unmap()
    assert mapped_kb() < before * 0.9
    assert sorted(range(1000, 0, -1)) == list(range(1, 1001))  # what is needed is there again


def test_memory_is_given_back_just_before_a_sleep_and_once(poller):
    told = []
    poller.before_sleep = lambda: told.append(1)
    poller.wait(0.0)
    poller.wait(time.monotonic() + SLEEP_S / 10)
    assert told == []
    poller.wait(time.monotonic() + SLEEP_S * 1.2)
    poller.wait(time.monotonic() + SLEEP_S * 1.2)
    assert told == [1]
