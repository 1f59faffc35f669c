"""Long lives: the soak itself, and a state that does not grow with what it has been through."""

import properties
import pytest
import soak
from cores import GENUINE

from pyinit.core import events as ev
from pyinit.core import supervisor
from pyinit.core.plan import InitPlan, Launch, Plan, ProcessPlan, Restart, Stop
from pyinit.core.record import to_plain

DAY_S = 24 * 3600.0


def restarts(count, every_s):
    """Yield the state after each of `count` crashes, one `every_s` seconds."""
    plan = ProcessPlan(
        "web:0", "web", "web", "web", Launch(("/bin/web",)), start_s=0.0,
        restart=Restart(delay=0.0, max=0), stop=Stop(kill="process"),
    )  # fmt: skip
    state, _ = supervisor.step(supervisor.new(Plan(InitPlan(), (plan,))), ev.Boot(), 0.0)
    for number in range(count):
        now = number * every_s
        news = (ev.Spawned("web:0", number + 1, 71 + number % 9, executed=True),)
        for event in (*news, ev.Tick(), ev.Reaped(71 + number % 9, 11)):
            state, _ = supervisor.step(state, event, now)
        yield state


def size(state):
    return len(repr(to_plain(state)))


def test_thousands_of_restarts_leave_nothing_behind():
    sizes = [size(state) for n, state in enumerate(restarts(3_000, 0.01)) if n in {200, 2_999}]
    assert sizes[1] <= sizes[0] + 200  # a few longer numbers


@pytest.mark.slow
def test_a_day_with_a_hundred_thousand_restarts_leaves_nothing_behind():
    *_, last = restarts(100_000, DAY_S / 100_000)
    (early,) = [state for n, state in enumerate(restarts(201, DAY_S / 100_000)) if n == 200]
    assert last.table["web:0"].restarts == 100_000
    assert size(last) <= size(early) + 200


def test_the_soak_plays_as_many_events_as_it_is_told(capsys):
    assert soak.main(["--events", "500", "--seed", "7"]) == 0
    assert "every property held" in capsys.readouterr().out


def test_the_soak_stops_at_the_first_broken_property(capsys, monkeypatch):
    class Broken(properties.Book):
        def after_step(self, before, event, after, effects):
            properties.fail(self.world, "planted")

    monkeypatch.setattr(properties, "Book", Broken)
    assert soak.main(["--events", "500"]) == 1
    assert "planted" in capsys.readouterr().err
    assert GENUINE.supervisor is supervisor
