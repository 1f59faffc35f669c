"""Watchdogs by their clock: who is silent for too long, and whose silence is nobody's fault."""

import pytest

from pyinit.core.plan import Live
from pyinit.runtime.watchdogs import Watchdogs

LIVE = Live("watchdog", interval=10.0, failures=1)


@pytest.fixture
def kennel():
    found = Watchdogs(lambda key, run_id, why, _live: found.told.append((key, run_id, why)))
    found.told = []
    found.begin("web:0", 3, LIVE, 100.0)
    return found


def test_who_pings_in_time_is_left_alone(kennel):
    for at in (109.0, 118.0, 127.0):
        kennel.ping("web:0", 3, at)
        kennel.tick(at)
    assert kennel.next_deadline() == 137.0
    assert kennel.told == []


def test_who_does_not_is_told_of(kennel):
    kennel.tick(110.0)
    assert kennel.told == [("web:0", 3, "no WATCHDOG=1 within 10 s")]


def test_pings_and_wishes_of_another_run_or_of_nobody_count_for_nothing(kennel):
    kennel.ping("web:0", 2, 109.0)
    kennel.ping("ghost:0", 3, 109.0)
    kennel.trigger("web:0", 2)
    kennel.set_interval("web:0", 2, 500.0, 109.0)
    assert (kennel.next_deadline(), kennel.told) == (110.0, [])


def test_beginning_again_with_the_same_run_changes_nothing(kennel):
    kennel.begin("web:0", 3, LIVE, 105.0)
    assert kennel.next_deadline() == 110.0


def test_a_run_may_choose_its_time_or_none(kennel):
    kennel.set_interval("web:0", 3, 2.0, 104.0)
    assert kennel.next_deadline() == 106.0
    kennel.set_interval("web:0", 3, 0.0, 104.0)
    assert kennel.next_deadline() == float("inf")


def test_a_run_that_says_so_is_not_well(kennel):
    kennel.trigger("web:0", 3)
    assert kennel.told == [("web:0", 3, "it says so by WATCHDOG=trigger")]


def test_after_a_standstill_everybody_has_his_time_anew(kennel):
    kennel.tick(500.0)
    assert (kennel.told, kennel.next_deadline()) == ([], 510.0)


def test_what_is_known_goes_on_with_the_same_run_only(kennel):
    kennel.set_interval("web:0", 3, 7.0, 104.0)
    for run_id, wanted in ((3, 111.0), (4, 210.0)):
        after = Watchdogs(lambda *_: None)
        after.resume(kennel.carried())
        after.begin("web:0", run_id, LIVE, 200.0)
        assert after.next_deadline() == wanted


def test_the_end_of_a_run_is_the_end_of_the_watch(kennel):
    kennel.end("web:0")
    kennel.end("ghost:0")
    assert (kennel.next_deadline(), kennel.all().get("web:0")) == (float("inf"), None)
