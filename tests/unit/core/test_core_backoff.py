"""How soon a failed run is followed by another, and when it is given up."""

import pytest
from core_desk import Desk, program

from pyinit.core import backoff
from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import Restart
from pyinit.core.status import NotExecuted

CALM = Restart(delay=0.5, factor=2.0, max_delay=30.0, jitter=0.0, window=60.0, max=5)


def crash(desk, key="web", status=256):
    """End the run of `key`, and go on to its next."""
    desk.ends(key, status)
    delay_s = getattr(desk[key].state, "retry_at", desk.now) - desk.now
    if desk.name(key) == "Backoff":
        desk.tick()
    if desk.name(key) == "Starting":
        desk.spawn()
    return delay_s


def web(**restart):
    fields = {"delay": 0.5, "jitter": 0.0, **restart}
    return program("web", critical=False, restart=Restart(**fields))


@pytest.mark.parametrize(
    ("attempt", "delay_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (7, 30.0), (5000, 30.0)]
)
def test_the_delay_doubles_up_to_its_bound(attempt, delay_s):
    assert backoff.delay_s(attempt, CALM, 0.5) == delay_s


def test_a_factor_of_one_keeps_the_delay():
    assert backoff.delay_s(4, Restart(delay=3.0, factor=1.0, jitter=0.0), 0.5) == 3.0


def test_a_factor_below_one_never_shortens_it():
    assert backoff.delay_s(4, Restart(delay=3.0, factor=0.5, jitter=0.0), 0.5) == 3.0


def test_no_delay_stays_none():
    assert backoff.delay_s(9, Restart(delay=0.0), 0.99) == 0.0


@pytest.mark.parametrize(("draw", "delay_s"), [(0.0, 0.9), (0.5, 1.0), (0.9999999, 1.1)])
def test_the_jitter_spreads_to_both_sides(draw, delay_s):
    spread = Restart(delay=1.0, jitter=0.1)
    assert backoff.delay_s(1, spread, draw) == pytest.approx(delay_s)


def test_draws_are_even_and_the_same_every_time():
    draws = [backoff.draw(7, f"p{n}:0", 1) for n in range(1000)]
    assert draws == [backoff.draw(7, f"p{n}:0", 1) for n in range(1000)]
    assert all(0 <= each < 1 for each in draws)
    assert 0.45 < sum(draws) / 1000 < 0.55


def test_what_falls_together_does_not_come_up_together():
    draws = {backoff.draw(7, f"web:{n}", 1) for n in range(100)}
    assert len(draws) == 100
    assert max(draws) - min(draws) > 0.9
    assert backoff.draw(7, "web:0", 1) != backoff.draw(8, "web:0", 1) != backoff.draw(8, "web:0", 2)


def test_failures_count_for_the_window_only():
    assert backoff.count((1.0, 30.0, 59.0), CALM, 61.0) == (30.0, 59.0, 61.0)


def test_no_more_failures_are_kept_than_decide_anything():
    many = tuple([0.001 * n for n in range(1000)])
    assert len(backoff.count(many, Restart(max=0), 1.0)) == backoff.MAX_KEPT + 1
    assert len(backoff.count(many, Restart(max=100), 1.0)) == 101


def test_more_than_max_failures_give_up_and_max_0_never_does():
    assert not backoff.gives_up((1.0,) * 5, CALM)
    assert backoff.gives_up((1.0,) * 6, CALM)
    assert not backoff.gives_up((1.0,) * 65, Restart(max=0))


def test_a_program_that_keeps_crashing_waits_longer_each_time_and_is_given_up():
    desk = Desk(web(max=3), exit="never")
    desk.up()
    assert [crash(desk) for _ in range(4)] == [0.5, 1.0, 2.0, 0.0]
    assert desk.name("web") == "Fatal"
    assert desk["web"].state.reason == "4 failed runs within 60 s, the last: exit status 1"


def test_flapping_just_above_start_seconds_still_runs_into_the_limit():
    desk = Desk(program("web", start_s=1.0, restart=Restart(jitter=0.0, max=2)), exit="never")
    desk.up()
    for _ in range(3):
        desk.tick()
        assert desk.name("web") == "Running"
        desk.now += 1.0
        crash(desk)
    assert desk.name("web") == "Fatal"


def test_a_run_longer_than_the_window_starts_from_the_first_delay_again():
    desk = Desk(web(max=3))
    desk.up()
    crash(desk)
    crash(desk)
    desk.now += 61.0
    assert crash(desk) == 0.5


def test_a_good_end_of_what_runs_always_begins_the_row_anew():
    desk = Desk(web(policy="always"))
    desk.up()
    assert [crash(desk), crash(desk), crash(desk, status=0), crash(desk)] == [0.5, 1.0, 0.5, 0.5]


def test_max_0_goes_on_for_ever():
    desk = Desk(web(max=0))
    desk.up()
    delays = [crash(desk) for _ in range(100)]
    assert delays[6:] == [30.0] * 94
    assert desk.name("web") == "Running"


def test_no_delay_means_a_new_run_in_the_same_step():
    desk = Desk(web(delay=0.0))
    desk.up()
    assert desk.spawned(desk.ends("web", 256)) == ["web:0"]
    assert desk["web"].restarts == 1


def test_a_fork_that_fails_is_tried_again_ever_later_and_never_given_up():
    desk = Desk(web(delay=0.1, max=1))
    delays = []
    for _ in range(12):
        run = desk["web"].state.run
        desk.feed(ev.SpawnFailed("web:0", run.id, NotExecuted("fork", 11)))
        delays.append(round(desk["web"].state.retry_at - desk.now, 3))
        desk.tick()
    assert delays[:6] == [0.5, 0.5, 0.5, 0.8, 1.6, 3.2]
    assert delays[-1] == 30.0
    desk.spawn()
    crash(desk)
    assert desk.name("web") == "Running"  # that was its first failed run


def test_ending_well_too_soon_is_done_under_on_failure():
    desk = Desk(program("web", start_s=1.0), exit="never")
    desk.up()
    crash(desk, status=0)
    assert desk.name("web") == "Exited"
    assert desk["web"].state.success


def test_ending_well_too_soon_is_followed_ever_later_under_always_and_never_given_up():
    restart = Restart(policy="always", max=1, jitter=0.0)
    desk = Desk(program("web", start_s=1.0, restart=restart), exit="never")
    desk.up()
    delays = [crash(desk, status=0) for _ in range(10)]
    assert delays == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0])
    assert desk["web"].failures == ()
    ended = [each for each in desk.said if isinstance(each, fx.Announce) and each.status]
    assert {(each.reason, each.expected) for each in ended} == {
        ("exit status 0 before it was up", True)
    }


def test_ending_well_too_soon_does_not_spin_where_there_is_no_delay():
    restart = Restart(policy="always", delay=0.0, jitter=0.0)
    desk = Desk(program("web", start_s=1.0, restart=restart), exit="never")
    desk.up()
    assert [crash(desk, status=0) for _ in range(3)] == pytest.approx([0.1, 0.1, 0.1])
    assert crash(desk) == 0.0


def test_early_ends_that_are_expected_do_not_count_with_those_that_are_not():
    restart = Restart(policy="always", max=2, jitter=0.0)
    desk = Desk(program("web", start_s=1.0, restart=restart), exit="never")
    desk.up()
    for status in (256, 0, 0, 256, 0):
        crash(desk, status=status)
        assert desk.name("web") == "Starting"
    crash(desk)
    assert desk["web"].state.reason == "3 failed runs within 60 s, the last: exit status 1"


def test_a_oneshot_that_ends_well_is_done_even_under_always():
    desk = Desk(program("job", kind="oneshot", restart=Restart("always")), exit="never")
    desk.up()
    desk.ends("job")
    assert desk.name("job") == "Exited"


def test_a_start_by_hand_forgives_what_failed():
    desk = Desk(web(max=1), exit="never")
    desk.up()
    crash(desk)
    crash(desk)
    assert desk.name("web") == "Fatal"
    desk.feed(ev.StartRequested(("web:0",)))
    desk.up()
    assert crash(desk) == 0.5


def test_the_announcement_tells_the_delay_the_tries_and_the_reason():
    desk = Desk(web())
    desk.up()
    (said,) = [each for each in desk.ends("web", 9) if isinstance(each, fx.Announce)]
    assert (said.was, said.now, said.tries, said.retry_s) == ("Running", "Backoff", 1, 0.5)
    assert (said.reason, said.expected) == ("killed by SIGKILL", False)
