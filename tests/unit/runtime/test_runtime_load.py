"""How busy the loop is: turns, their time, and the longest of the last minutes."""

from pyinit.runtime.loop import WINDOW_S, Load


def test_turns_and_the_time_they_took_are_counted():
    load = Load()
    load.add(10.0, 10.5)
    load.add(11.0, 11.25)
    assert (load.turns, load.busy_s) == (2, 0.75)


def test_the_lag_is_the_longest_turn_until_two_minutes_have_passed():
    load = Load()
    load.add(0.0, 2.0)
    load.add(3.0, 4.0)
    assert load.lag_s(5.0) == 2.0
    load.add(WINDOW_S, WINDOW_S + 0.5)
    assert load.lag_s(WINDOW_S + 1) == 2.0
    assert load.lag_s(2 * WINDOW_S) == 0.5
    assert load.lag_s(3 * WINDOW_S) == 0.0


def test_after_a_long_rest_nothing_of_before_counts():
    load = Load()
    load.add(0.0, 2.0)
    assert load.lag_s(10 * WINDOW_S) == 0.0
