"""Who is out of reach for a pyinit without CAP_KILL."""

from pyinit.core.plan import Launch, ProcessPlan
from pyinit.runtime.reach import warning


def plans(*uids):
    return tuple(
        [
            ProcessPlan(f"p{n}:0", f"p{n}", f"p{n}", f"p{n}", Launch(("a",), uid=uid))
            for n, uid in enumerate(uids)
        ]
    )


def test_programs_of_our_own_user_are_within_reach():
    assert warning(plans(None, 0, 0), 0) == ""
    assert warning((), 0) == ""


def test_programs_of_other_users_are_named_with_the_knob():
    told = warning(plans(0, 7), 0)
    assert told.startswith("cannot signal p1, nor stop")
    assert told.endswith("\n  docker run --cap-add KILL, or leave `user` out")


def test_many_are_counted():
    assert warning(plans(1, 2, 3, 4, 5), 0).startswith("cannot signal p0, p1, p2 and 2 more, nor")
