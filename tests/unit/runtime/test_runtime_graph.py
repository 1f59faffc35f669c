"""The critical path of a boot: the chain of those that the last one waited for."""

import pytest

from pyinit.runtime.verbs_graph import critical_path

NEEDS = {"db": [], "cache": [], "migrate": ["db"], "web": ["migrate", "cache"]}


@pytest.mark.parametrize(
    ("boot", "path"),
    [
        ({}, []),
        ({"db": (0.0, 1.0)}, ["db"]),
        (
            {"db": (0.0, 2.0), "cache": (0.0, 1.0), "migrate": (2.0, 3.0), "web": (3.0, 4.0)},
            ["db", "migrate", "web"],
        ),
        (
            {"db": (0.0, 1.0), "cache": (0.0, 5.0), "migrate": (1.0, 2.0), "web": (5.0, 6.0)},
            ["cache", "web"],
        ),
        ({"db": (0.0, 9.0), "cache": (0.0, 1.0), "web": (1.0, 2.0)}, ["db"]),
        ({"db": (0.0, 9.0), "web": (1.0, 10.0)}, ["web"]),  # migrate never was there
    ],
)
def test_it_leads_back_to_the_dependency_that_was_there_last(boot, path):
    assert critical_path(NEEDS, boot) == path


def test_a_circle_that_an_older_plan_left_does_not_hold_it_for_ever():
    assert critical_path({"a": ["b"], "b": ["a"]}, {"a": (0.0, 2.0), "b": (0.0, 1.0)}) == ["b", "a"]
