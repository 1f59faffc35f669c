"""The mark of a run: a number that its descendants keep, and that is no limit to anybody."""

import resource
import subprocess

import pytest

from pyinit.core.plan import Launch
from pyinit.system import limits, mark, spawn

LOCKS = mark.RLIMIT_LOCKS


@pytest.fixture(autouse=True)
def own_limit():
    before = resource.getrlimit(LOCKS)
    yield
    resource.setrlimit(LOCKS, before)


def test_two_labels_have_two_marks_and_one_has_one():
    numbers = {mark.number(f"web:{n}") for n in range(5000)}
    assert len(numbers) == 5000
    assert all(mark.is_mark(number) for number in numbers)
    assert mark.number("web") == mark.number("web")


@pytest.mark.parametrize("soft", [0, 1, 1024, 1 << 40, (1 << 62) + 5, resource.RLIM_INFINITY])
def test_a_limit_that_somebody_would_set_is_no_mark(soft):
    assert not mark.is_mark(soft)


def test_who_is_started_while_it_is_on_has_it_whatever_becomes_of_the_rest():
    before = mark.put_on(mark.number("web"))
    try:
        words = ["env", "-i", "/usr/bin/setsid", "-w", "/bin/cat"]
        child = subprocess.Popen(words, stdin=subprocess.PIPE)
    finally:
        mark.take_off(before)
    try:
        assert mark.of(child.pid) == mark.number("web")
    finally:
        child.communicate(timeout=30)
    assert resource.getrlimit(LOCKS) == before
    assert mark.of(child.pid) == 0  # gone


def test_a_mark_is_not_shown_as_a_limit():
    mark.take_off((mark.number("web"), resource.getrlimit(LOCKS)[1]))
    assert mark.is_mark(resource.getrlimit(LOCKS)[0])
    assert limits.read()["locks"][0] == -1


def test_a_limit_in_use_is_left_alone_and_handed_on():
    resource.setrlimit(LOCKS, (1000, resource.getrlimit(LOCKS)[1]))
    assert mark.put_on(mark.number("web")) is None
    mark.take_off(None)
    assert resource.getrlimit(LOCKS)[0] == 1000


def test_the_mark_of_another_pyinit_is_replaced_by_ours():
    mark.take_off((mark.OURS | 7, resource.getrlimit(LOCKS)[1]))
    before = mark.put_on(mark.number("web"))
    assert resource.getrlimit(LOCKS)[0] == mark.number("web")
    mark.take_off(before)
    assert resource.getrlimit(LOCKS)[0] == mark.OURS | 7


def test_a_run_that_could_not_be_started_leaves_no_mark_on_us():
    before = resource.getrlimit(LOCKS)
    found = spawn.spawn(Launch(("a\0b",)), {}, (), (0, 1, 2), label="web")
    assert isinstance(found, spawn.ExecFailure)
    assert resource.getrlimit(LOCKS) == before
