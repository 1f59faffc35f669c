"""Long lives: the soak itself, and a state that does not grow with what it has been through."""

from types import SimpleNamespace

import planting
import properties
import pytest
import soak
from world import World

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


@pytest.fixture
def broken(monkeypatch):
    """The seeds of worlds in which a property is broken in the fourth step, and what is said."""
    seeds = {}

    class Broken(properties.Book):
        def after_step(self, before, event, after, effects):
            if self.world.steps > 3 and self.world.seed in seeds:
                properties.fail(self.world, seeds[self.world.seed])

    monkeypatch.setattr(properties, "Book", Broken)
    return seeds


def test_the_soak_tells_of_every_broken_property_and_goes_on(capsys, broken):
    broken |= {7: "planted", 8: "planted too", 10: "planted in p7:1"}
    assert soak.main(["--events", "1500", "--seed", "7"]) == 1
    told, summary = capsys.readouterr()
    assert "3 worlds are broken" in summary
    for seed, text in broken.items():
        assert f"broken: Violation: {text}\n" in told
        assert f"\n  {seed}: Violation: {text}" in summary
    assert int(summary.split(" worlds")[0].split()[-1]) > 4  # and more have been played


def test_a_kind_of_broken_property_is_made_small_once(capsys, broken):
    broken |= {7: "planted in p1:0", 8: "planted in p2:1"}
    assert soak.main(["--events", "800", "--seed", "7"]) == 1
    assert capsys.readouterr().out.count("takes these moves") == 1


def test_what_the_soak_prints_plays_the_broken_world_again(capsys, broken):
    broken[7] = "planted"
    assert soak.main(["--events", "1", "--seed", "7"]) == 1
    words = capsys.readouterr().out.splitlines()[-1].split()[-6:]
    assert soak.main(words) == 1
    told = capsys.readouterr().out
    assert told.startswith("0.000000 Boot()\n")
    assert "\nplan:\n" in told
    assert told.endswith("broken: Violation: planted\n")
    broken.clear()
    assert soak.main([*words[:-1], "all"]) == 0
    assert capsys.readouterr().out.endswith("every property held\n")


def test_a_property_that_cannot_be_judged_is_broken(capsys, monkeypatch):
    monkeypatch.setattr(properties, "is_failure", lambda row: row.nothing)
    assert soak.main(["--events", "2000"]) == 1
    assert "AttributeError" in capsys.readouterr().err


def test_the_soak_finds_a_bug_in_a_copy_of_the_core_and_how_to_see_it(tmp_path, capsys):
    bug = planting.bug("what was stopped comes back")
    with planting.planted(bug, tmp_path) as core:
        found = soak.Soak(make=lambda seed: World(seed, core))
        found.run(1000)
    assert found.broken
    assert "takes these moves" in capsys.readouterr().out


def test_planted_bugs_are_noticed_before_the_soak_begins(monkeypatch):
    monkeypatch.setattr(soak, "TO_BE_NOTICED", soak.TO_BE_NOTICED[:2])
    assert soak.overlooked() is None


def test_a_soak_that_notices_no_planted_bug_does_not_begin(capsys, monkeypatch):
    monkeypatch.setattr(planting, "first_world", lambda core, seeds: None)
    assert soak.main(["--events", "500", "--awake"]) == 1
    assert capsys.readouterr() == ("", f"nobody notices a planted bug: {soak.TO_BE_NOTICED[0]}\n")


def test_several_jobs_are_as_well_as_the_worst_of_them():
    assert soak.main(["--events", "200", "--jobs", "2"]) == 0
    assert soak.share(SimpleNamespace(events=200, seed=0, moves="many", jobs=2)) == 2
