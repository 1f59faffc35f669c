"""What has changed is found once for all who wait, and nobody misses a change."""

from pyinit.core import table
from pyinit.core.phases import Halting, Shutdown, Up
from pyinit.core.plan import Launch, Plan, ProcessPlan
from pyinit.core.record import replace
from pyinit.core.slot import Process
from pyinit.core.supervisor import new
from pyinit.runtime import changed
from pyinit.runtime.changed import Changed

NAMES = [f"p:{number}" for number in range(100)]
PLAN = Plan(
    processes=tuple([ProcessPlan(each, each, "p", "p", Launch(("true",))) for each in NAMES])
)


def up():
    rows = [Process(plan) for plan in PLAN.processes]
    return replace(new(PLAN), table=table.build(rows), phase=Up())


def step(state, *keys):
    """Return the state after something has happened to the processes `keys`."""
    rows = {key: replace(state.table[key], runs=state.table[key].runs + 1) for key in keys}
    return replace(state, table=table.changed(state.table, rows))


def test_at_first_anything_may_have_changed_and_then_only_what_has():
    changes, state = Changed(), up()
    keys, mark = changes.since(0, state)
    assert keys is None
    assert changes.since(mark, state) == ([], mark)
    state = step(state, "p:3", "p:99")
    keys, after = changes.since(mark, state)
    assert keys == ["p:3", "p:99"]
    assert changes.since(after, state) == ([], after)
    assert changes.since(mark, state)[0] == ["p:3", "p:99"]  # another one, who looks later


def test_who_has_not_looked_for_long_looks_at_everything(monkeypatch):
    monkeypatch.setattr(changed, "KEPT", 10)
    changes, state = Changed(), up()
    _, mark = changes.since(0, state)
    for _ in range(6):
        state = step(state, "p:1", "p:2")
        keys, now = changes.since(mark, state)
    assert keys is None
    state = step(state, "p:5")
    assert changes.since(now, state)[0] == ["p:5"]


def test_another_plan_and_the_beginning_of_the_end_change_everything():
    changes, state = Changed(), up()
    _, mark = changes.since(0, state)
    state = replace(state, table=table.build([*state.table][:50]))
    keys, mark = changes.since(mark, state)
    assert keys is None
    shutdown = Shutdown("asked", None, 0.0, 10.0, {})
    state = replace(state, phase=Halting(shutdown))
    keys, mark = changes.since(mark, state)
    assert keys is None
    state = replace(state, phase=Halting(replace(shutdown, asked=2)))
    assert changes.since(mark, state)[0] == []
