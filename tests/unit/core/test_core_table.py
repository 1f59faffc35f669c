"""The table of all processes: like a dict, however large."""

from core_desk import Desk, program
from hypothesis import given
from hypothesis import strategies as st

from pyinit.core import events as ev
from pyinit.core import supervisor, table
from pyinit.core.record import replace
from pyinit.core.slot import Process, enter
from pyinit.core.states import NEVER, Backoff, Ending, Run, Running, Stopped
from pyinit.core.status import ExitCode

STATES = (
    Stopped(), Stopped(held=True), Running(Run(1, 2, 0.0)), Backoff(5.0, ""), Backoff(2.5, ""),
    Ending(Run(1, 2, 0.0), ExitCode(0), asked=False, was_up=True),
)  # fmt: skip


def rows(count):
    return [Process(program(f"p{n}")) for n in range(count)]


def test_an_empty_table_has_nothing_due():
    empty = table.build([])
    assert (len(empty), list(empty), table.next_due(empty)) == (0, [], NEVER)
    assert table.due_at(empty, 1e9) == []


def test_rows_keep_their_order_and_are_found_by_key():
    many = rows(1000)
    found = table.build(many)
    assert list(found) == many
    assert found["p777:0"] is many[777]
    assert "p777:0" in found
    assert "ghost:0" not in found


changes = st.lists(st.tuples(st.integers(0, 99), st.sampled_from(STATES), st.booleans()))


@given(changes)
def test_a_change_adds_up_like_a_table_built_anew(changes):
    found = table.build(rows(100))
    plain = {row.plan.key: row for row in rows(100)}
    for number, state, retired in changes:
        key = f"p{number}:0"
        row = replace(enter(plain[key], state), retired=retired)
        plain[key] = row
        found = table.changed(found, {key: row})
    anew = table.build(list(plain.values()))
    assert found == anew
    assert table.next_due(found) == min(row.due for row in plain.values())
    assert table.due_at(found, 3.0) == [key for key, row in plain.items() if row.due <= 3.0]
    assert table.active(found) == sum(type(r.state).__name__ != "Stopped" for r in plain.values())
    assert table.held(found) == sum(r.state == Stopped(held=True) for r in plain.values())
    assert table.retired(found) == sum(row.retired for row in plain.values())
    assert table.ending(found) == [r for r in plain.values() if isinstance(r.state, Ending)]


def test_a_change_leaves_the_old_table_and_other_chunks_alone():
    before = table.build(rows(1000))
    row = enter(before["p500:0"], Backoff(1.0, ""))
    after = table.changed(before, {"p500:0": row})
    assert before["p500:0"].state == Stopped()
    same = [a is b for a, b in zip(before.chunks, after.chunks, strict=True)]
    assert same.count(False) == 1


def test_several_rows_of_a_chunk_change_at_once():
    before = table.build(rows(10))
    new = {key: enter(before[key], Backoff(1.0, "")) for key in ("p1:0", "p2:0")}
    assert table.active(table.changed(before, new)) == 2


def test_pids_are_known_from_the_report_to_the_reap():
    pids = table.Pids()
    for pid in (71, 71 + table.SHARDS, 72):
        pids = pids.having(pid, f"p{pid}:0")
    assert pids.get(71) == "p71:0"
    assert sorted(pids.known()) == [71, 72, 71 + table.SHARDS]
    assert pids.strangers([72, 73, 71, 72 + table.SHARDS]) == {73, 72 + table.SHARDS}
    pids = pids.without(71)
    assert pids.get(71) is None
    assert pids.get(71 + table.SHARDS) == f"p{71 + table.SHARDS}:0"
    assert pids.without(999) == pids


def test_three_thousand_programs_come_up_and_go_down():
    many = [program(f"p{n}", start_s=1.0) for n in range(3000)]
    desk = Desk(*many)
    desk.spawn()
    assert len(desk.state.pids.known()) == 3000
    assert supervisor.next_deadline(desk.state) == 1.0
    desk.tick()
    assert set(desk.names().values()) == {"Running"}
    assert supervisor.next_deadline(desk.state) == NEVER
    desk.feed(ev.ShutdownRequested("asked"))
    for n in range(3000):
        desk.ends(f"p{n}", 15)
    desk.feed(ev.Swept(0))
    assert desk.code == 0
    assert desk.state.pids.known() == []
