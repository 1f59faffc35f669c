"""What share of a container each Go program is told to be its own."""

import pytest

from pyinit.runtime.go_limits import variables

MB = 1 << 20


def test_without_bounds_nothing_is_said():
    assert variables(None, None, 3, 8) == ()


def test_a_tenth_of_the_memory_is_kept_back():
    assert variables(100 * MB, None, 1, 8) == (("GOMEMLIMIT", str(90 * MB)),)


def test_no_more_than_a_hundred_megabytes_are_kept_back():
    assert variables(4096 * MB, None, 1, 8) == (("GOMEMLIMIT", str(3996 * MB)),)


def test_the_memory_is_shared_equally():
    assert variables(100 * MB, None, 3, 8) == (("GOMEMLIMIT", str(30 * MB)),)


@pytest.mark.parametrize(
    ("processors", "sharers", "here", "told"),
    [
        (2.0, 1, 8, 2),
        (1.5, 1, 8, 2),
        (0.25, 1, 8, 1),
        (4.0, 3, 8, 2),
        (4.0, 4, 8, 1),
        (4.0, 9, 8, 1),
        (16.0, 1, 4, 4),
        (0.0, 1, 4, 1),
    ],
)
def test_processors_are_shared_and_rounded_up_but_not_beyond_those_there_are(
    processors, sharers, here, told
):
    assert variables(None, processors, sharers, here) == (("GOMAXPROCS", str(told)),)
