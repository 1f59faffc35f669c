"""The flight recorder: bounded whatever happens, and keeping no plan alive."""

import gc

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import Launch, Plan, ProcessPlan
from pyinit.core.trace import write
from pyinit.runtime.recorder import EFFECTS, EFFECTS_A_STEP, ENTRIES, Recorder


def reachable(root):
    """Return the ids of everything that `root` keeps alive."""
    seen, waiting = set(), [root]
    while waiting:
        each = waiting.pop()
        if id(each) not in seen and not isinstance(each, type):
            seen.add(id(each))
            waiting += gc.get_referents(each)
    return seen


SECRET = Launch(("secret-word",))


def plan(n=0, launch=SECRET):
    return ProcessPlan(f"web:{n}", f"web:{n}", "web", "web", launch)


def spawn(n=0, **more):
    return fx.Spawn(f"web:{n}", n, plan(n, **more))


def test_the_last_steps_are_kept_oldest_first():
    recorder = Recorder()
    for n in range(ENTRIES + 7):
        recorder.add(float(n), ev.Tick(), ())
    entries = recorder.entries()
    assert [now for now, _, _ in entries] == [float(n) for n in range(7, ENTRIES + 7)]


def test_the_text_of_a_trace_is_as_if_nothing_was_left_out():
    recorder = Recorder()
    event = ev.PlanLoaded(Plan(processes=(plan(1), plan(2))))
    effects = (spawn(1), fx.Note("info", "hello"))
    recorder.add(1.5, event, effects)
    assert write(*recorder.entries()[0]) == write(1.5, event, effects)


def test_no_plan_is_kept_alive_and_no_secret_in_it():
    recorder = Recorder()
    launch = Launch(("secret-word",))
    event = ev.PlanLoaded(Plan(processes=(plan(1, launch),)))
    recorder.add(0.0, event, (spawn(1, launch=launch),))
    assert id(launch) not in reachable(recorder._entries)
    assert "secret-word" not in repr(recorder.entries())


def test_the_number_of_effects_is_bounded_too():
    recorder = Recorder()
    for n in range(100):
        recorder.add(float(n), ev.Tick(), tuple([fx.Kill("k", 7, 15, "tree")] * 300))
    kept = recorder.entries()
    assert sum(len(effects) for _, _, effects in kept) <= EFFECTS
    assert kept[-1][0] == 99.0


def test_of_one_huge_step_the_beginning_is_kept_and_the_rest_counted():
    recorder = Recorder()
    recorder.add(0.0, ev.Tick(), tuple([fx.Kill("k", 7, 15, "tree")] * 5000))
    ((_, _, effects),) = recorder.entries()
    assert len(effects) == EFFECTS_A_STEP + 1
    assert effects[-1] == fx.Note("debug", "and 4000 more effects")


def test_plans_known_by_name_are_bounded_and_renamed_ones_are_named_anew():
    recorder = Recorder()
    for n in range(5000):
        recorder.add(float(n), ev.Tick(), (spawn(n),))
    assert len(recorder._stubs) <= 2000
    renamed = fx.Spawn("web:1", 9, ProcessPlan("web:1", "new", "web", "web", Launch(("x",))))
    recorder.add(0.0, ev.Tick(), (spawn(1),))
    recorder.add(0.0, ev.Tick(), (renamed,))
    assert recorder.entries()[-1][2][0].plan.name == "new"


def test_what_was_recorded_is_taken_over():
    recorder, other = Recorder(), Recorder()
    recorder.add(1.0, ev.Tick(), (spawn(1),))
    other.restore(tuple(recorder.entries()))
    assert other.entries() == recorder.entries()
