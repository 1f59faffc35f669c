"""supervisord's rule of starting again: so many tries, each a second later than the last."""

import pytest
from core_desk import Desk, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import Restart
from pyinit.core.status import NotExecuted


def desk_of(policy="on-failure", retries=3, *, start_s=1.0, **fields):
    """Return a desk with `web` forked, which is up after `start_s`."""
    restart = Restart(policy=policy, retries=retries)
    desk = Desk(program("web", start_s=start_s, restart=restart, **fields), exit="never")
    desk.up()
    return desk


def fail(desk, status=256):
    """End the run of `web` at once, and go on to its next; return the delay between them."""
    desk.ends("web", status)
    if desk.name("web") != "Backoff":
        return None
    delay_s = desk["web"].state.retry_at - desk.now
    desk.tick()
    desk.spawn()
    return delay_s


def said(desk):
    return [each for each in desk.said if isinstance(each, fx.Announce)]


@pytest.mark.parametrize(
    ("retries", "delays"),
    [(0, [None]), (1, [1.0, None]), (3, [1.0, 2.0, 3.0, None]), (-1, [None])],
)
def test_a_start_is_tried_so_often_more_and_each_time_a_second_later(retries, delays):
    desk = desk_of(retries=retries)
    assert [fail(desk) for _ in delays] == delays
    assert desk.name("web") == "Fatal"
    assert len(desk.spawned()) == max(0, retries) + 1


def test_the_delay_has_no_bound():
    desk = desk_of(retries=100)
    assert [fail(desk) for _ in range(100)][-1] == 100.0


@pytest.mark.parametrize("policy", ["always", "on-failure", "never"])
@pytest.mark.parametrize("status", [0, 256, 9])
def test_before_it_is_up_every_end_is_a_failed_start_whatever_the_policy(policy, status):
    desk = desk_of(policy, retries=1)
    assert [fail(desk, status), fail(desk, status)] == [1.0, None]
    assert desk.name("web") == "Fatal"


@pytest.mark.parametrize(
    ("policy", "status", "state"),
    [
        ("always", 0, "Starting"),
        ("always", 256, "Starting"),
        ("on-failure", 0, "Exited"),
        ("on-failure", 256, "Starting"),
        ("on-failure", 9, "Starting"),
        ("never", 0, "Exited"),
        ("never", 256, "Exited"),
    ],
)
def test_a_run_that_was_up_is_followed_at_once_if_the_policy_says_so(policy, status, state):
    desk = desk_of(policy)
    desk.tick()
    assert desk.name("web") == "Running"
    desk.feed(ev.Reaped(desk["web"].state.run.pid, status), 7.0)
    assert desk.name("web") == state


def test_runs_that_are_up_at_once_and_end_at_once_start_no_more_than_one_a_second():
    desk = desk_of("always", start_s=0.0)
    at = 0.0
    for _ in range(20):
        assert desk.name("web") == "Running"
        desk.feed(ev.Reaped(desk["web"].state.run.pid, 0), desk.now + 0.25)
        desk.tick()
        desk.spawn()
        assert desk.now == pytest.approx(at + 1.0)
        at = desk.now


def test_a_run_that_was_up_begins_the_count_anew():
    desk = desk_of(retries=1)
    for _ in range(5):
        assert fail(desk) == 1.0
        desk.tick()
        desk.feed(ev.Reaped(desk["web"].state.run.pid, 256), desk.now + 5.0)
        desk.spawn()
    assert [fail(desk), fail(desk)] == [1.0, None]


def test_what_cannot_be_executed_is_tried_again_and_given_up():
    desk = desk_of(retries=1)
    failure = NotExecuted("exec", 2, 'cannot execute "/bin/web": no such file')
    for state in ("Backoff", "Fatal"):
        run = desk["web"].state.run
        desk.feed(ev.ExecFailed("web:0", run.id, failure))
        desk.ends("web", 127 << 8)
        assert desk.name("web") == state
        if state == "Backoff":
            desk.tick()
            desk.spawn(executed=False)
    assert "no such file" in desk["web"].state.reason


def test_no_child_at_all_is_no_reason_to_give_up():
    desk = Desk(program("web", restart=Restart(retries=0)), exit="never")
    for _ in range(9):
        desk.feed(ev.SpawnFailed("web:0", desk["web"].state.run.id, NotExecuted("fork", 11)))
        assert desk.name("web") == "Backoff"
        desk.tick()
    desk.spawn()
    assert desk.name("web") == "Running"


def test_a_start_by_hand_has_all_its_tries_again():
    desk = desk_of(retries=1)
    fail(desk)
    fail(desk)
    desk.feed(ev.StartRequested(("web:0",)))
    desk.up()
    assert [fail(desk), fail(desk)] == [1.0, None]


def test_the_tries_are_told_with_every_state():
    desk = desk_of(retries=2)
    while desk.name("web") == "Starting":
        fail(desk)
    told = [(each.now, each.tries) for each in said(desk)]
    assert told == [
        *(("Waiting", 0), ("Starting", 0), ("Backoff", 1), ("Starting", 1)),
        *(("Backoff", 2), ("Starting", 2), ("Fatal", 3)),
    ]
    assert desk["web"].state.reason == "3 starts in a row failed, the last: exit status 1"


def test_the_reason_says_that_a_good_end_came_too_soon():
    desk = desk_of(retries=0)
    fail(desk, 0)
    assert desk["web"].state.reason == "exit status 0 before it was up"


def test_nothing_is_tried_again_in_a_shutdown():
    desk = desk_of()
    desk.feed(ev.ShutdownRequested("asked"))
    desk.ends("web", 0)
    desk.obey()
    assert desk.names()["web:0"] == "Stopped"
    assert desk.code == 0
    assert len(desk.spawned()) == 1
