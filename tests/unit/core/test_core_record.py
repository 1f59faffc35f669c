"""Frozen records, and their way into plain data and back."""

import copy
import pickle

import pytest
from core_desk import Desk, program

from pyinit.core import (
    beside,
    draft,
    events,
    graph,
    phases,
    plan,
    record,
    slot,
    states,
    status,
    table,
    trials,
)
from pyinit.core.plan import Limit, ProcessPlan, Restart, plan_kinds
from pyinit.core.record import Record, from_plain, kinds_of, replace, to_plain


class Point(Record):
    """A place."""

    x: int
    y: int = 0


class Point3(Point):
    """A place in space."""

    z: int = 7


class Bag(Record):
    """Something with a dict and a tuple."""

    named: dict
    rest: tuple = ()


KINDS = {"Point": Point, "Point3": Point3, "Bag": Bag}


def test_fields_are_given_by_place_or_name_and_have_defaults():
    assert Point(3) == Point(x=3, y=0) == Point(3, y=0)
    assert Point3(1, z=2) == Point3(1, 0, 2)


def test_records_are_equal_by_type_and_fields():
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 7) != Point3(1, 7)
    assert Point(1, 2) != (1, 2)
    assert hash(Point(1, 2)) == hash(Point(1, 2)) != hash(Point(2, 1))


def test_a_record_is_true_and_no_equal_of_a_tuple_whatever_it_holds():
    assert events.Boot()
    assert bool(Point(0))
    assert events.Boot() != ()
    assert Point(1, 2) != (1, 2)
    assert (1, 2) != Point(1, 2)  # noqa: SIM300  the tuple is asked first
    assert events.Boot() != phases.Up()
    assert len({Point(1, 2), Point3(1, 2, 3), (1, 2)}) == 3


def test_a_record_that_says_what_iterating_means_is_copied_and_compared_by_its_fields():
    rows = table.build([])
    assert list(rows) == []
    assert replace(rows, index={"a": 0}).index == {"a": 0}
    assert replace(rows, index={"a": 0}) != rows
    assert copy.copy(rows) == rows


def test_a_record_cannot_be_changed():
    point = Point(1)
    with pytest.raises(AttributeError, match="cannot set 'x': Point is a frozen record"):
        point.x = 2
    with pytest.raises(AttributeError, match="cannot delete 'x'"):
        del point.x
    with pytest.raises(AttributeError):
        point.colour = "red"


@pytest.mark.parametrize(
    ("values", "named", "complaint"),
    [
        ((), {}, "Point needs 'x'"),
        ((1, 2, 3), {}, "Point takes 2 values"),
        ((1,), {"z": 3}, r"Point cannot take \['z'\]"),
        ((1, 2), {"x": 3}, r"Point cannot take \['x'\]"),
    ],
)
def test_wrong_fields_are_refused(values, named, complaint):
    with pytest.raises(TypeError, match=complaint):
        Point(*values, **named)


def test_replace_copies_with_changes_and_knows_its_fields():
    point = Point(1, 2)
    assert replace(point, y=3) == Point(1, 3)
    assert point == Point(1, 2)
    with pytest.raises(TypeError, match="Point has no 'z'"):
        replace(point, z=3)


def test_a_record_shows_itself_matches_and_copies():
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"
    match Point3(1, 2, 3):
        case Point(x, y):
            assert (x, y) == (1, 2)
    assert pickle.loads(pickle.dumps(Point3(1))) == copy.deepcopy(Point3(1)) == Point3(1)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -1.5, float("inf"), "ö\udc80", (), (1, (2, "x")), Point(1), Point3(1, 2),
        Bag({"a": Point(1), 2: (3,)}, (Point(4),)), {"k": None},
    ],
)  # fmt: skip
def test_what_is_written_out_reads_back_the_same(value):
    again = from_plain(to_plain(value), KINDS)
    assert again == value
    assert type(again) is type(value)


def test_what_is_not_plain_is_not_written_out():
    with pytest.raises(TypeError, match="cannot write out list"):
        to_plain([1])


def test_a_record_of_an_older_version_gets_the_defaults_of_new_fields():
    assert from_plain({"Point": [1]}, KINDS) == Point(1, 0)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"Ghost": []}, "cannot read record 'Ghost': no such record here"),
        ({"Point": []}, "cannot read record 'Point': Point needs 'x'"),
        ({"Point": [1, 2, 3]}, "cannot read record 'Point': Point takes 2 values"),
        ({"Point": 5}, "cannot read record 'Point': its fields are not a list"),
        ({"Point": [1], "Bag": [2]}, "cannot read a record: 2 names where one is needed"),
        ({}, "cannot read a record: 0 names where one is needed"),
    ],
)
def test_what_does_not_fit_is_not_read(data, complaint):
    with pytest.raises(ValueError, match=complaint):
        from_plain(data, KINDS)


def test_the_kinds_of_a_module_are_those_it_defines():
    kinds = kinds_of(states)
    assert kinds["Running"] is states.Running
    assert "Record" not in kinds
    assert "Restart" in kinds_of(plan)
    assert kinds_of(slot) == {"Process": slot.Process}
    assert plan_kinds()["ProcessPlan"] is ProcessPlan


def test_the_whole_state_reads_back_at_any_moment_and_goes_on_equal():
    desk = Desk(program("db"), program("web", needs={"db": "started"}, restart=Restart(max=2)))
    kinds = kinds_of(draft, graph, phases, plan, beside, slot, states, status, table, trials)
    steps = [
        desk.up,
        lambda: desk.feed(events.LimitsSet(("web:0",), (Limit("nofile", 9),))),
        lambda: desk.ends("web", 256),
        desk.tick,
        desk.spawn,
        lambda: desk.feed(events.RestartRequested(("db:0",))),
        lambda: desk.feed(events.ShutdownRequested("asked")),
        desk.obey,
    ]
    for step in steps:
        desk.state = from_plain(to_plain(desk.state), kinds)
        step()
    assert desk.code == 0


def test_a_match_that_is_not_complete_says_what_it_met():
    with pytest.raises(AssertionError, match="unhandled: 'x'"):
        record.assert_never("x")
