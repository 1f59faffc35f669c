"""What happens again and again leaves nothing behind: a little of what `make soak` does at length.

`python tests/linux/kernel_enduring.py` does all of it.
"""

import pytest
from kernel_enduring import (
    ALLOWED_KB,
    IN_FLIGHT,
    Finding,
    Looks,
    crashes,
    gateway,
    main,
    orphans,
    reexecs,
)

LITTLE = {crashes: 100, orphans: 1000, reexecs: 3, gateway: 1}
STEADY = [(5000, 20, 0)] * 20


@pytest.mark.parametrize("part", LITTLE, ids=lambda part: part.__name__)
def test_whatever_is_done_again_and_again_leaves_nothing_behind(part):
    said = []
    part(LITTLE[part], said.append)
    assert said[-1].startswith(part.__name__)
    assert "kB" in said[-1]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ((5000 + 2 * ALLOWED_KB, 20, 0), "memory has grown"),
        ((5000, 21 + IN_FLIGHT, 0), "descriptors have grown"),
        ((5000, 20, 1), "zombies were left"),
    ],
)
def test_what_has_grown_after_the_warm_up_is_a_finding(row, found):
    looks = Looks(0)
    looks.rows = [*STEADY, *[row] * 10]
    with pytest.raises(Finding, match=found):
        looks.judge()


def test_what_grows_while_it_warms_up_is_none():
    looks = Looks(0)
    looks.rows = [(1000, 5, 3)] * 5 + STEADY
    looks.judge()


def test_a_part_that_there_is_not_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["crushes"])
    assert ended.value.code == 2
    assert "there is no part 'crushes'" in capsys.readouterr().err
