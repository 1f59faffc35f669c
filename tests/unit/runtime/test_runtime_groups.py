"""Which groups a configuration adds, changes and removes."""

from pyinit.core.plan import Launch, Plan, ProcessPlan
from pyinit.core.plan_listen import SocketPlan
from pyinit.core.record import replace
from pyinit.runtime.verbs_groups import difference, groups_of


def process(name, group="", **facts):
    launch = Launch((name,), stdin=facts.pop("stdin", "null"))
    return ProcessPlan(f"{name}:0", name, name, group or name, launch, **facts)


def plan(*processes, sockets=()):
    return Plan(processes=processes, sockets=sockets)


def test_groups_are_told_in_the_order_of_their_priority():
    old = plan(process("b", group_priority=2), process("a", group_priority=2), process("kept"))
    new = plan(process("z", group_priority=1), process("kept"), process("y"), process("x"))
    assert difference(old, new) == {"added": ["z", "x", "y"], "changed": [], "removed": ["a", "b"]}


def test_a_group_has_changed_if_anything_of_it_has():
    one, two = process("one", "g"), process("two", "g")
    same = plan(two, one)
    assert difference(plan(one, two), same)["changed"] == []
    for changed in (
        plan(one),
        plan(one, two, process("three", "g")),
        plan(one, replace(two, priority=1)),
        plan(replace(one, group_priority=1), two),
        plan(one, replace(two, launch=Launch(("two", "-v")))),
    ):
        told = difference(plan(one, two), changed)
        assert told == {"added": [], "changed": ["g"], "removed": []}


def test_a_group_has_changed_if_a_socket_of_its_has_and_nobody_elses():
    served, other = process("fcgi", stdin="socket:fcgi"), process("other")
    old = plan(served, other, sockets=(SocketPlan("fcgi", "unix:/a"), SocketPlan("x", "unix:/x")))
    new = plan(served, other, sockets=(SocketPlan("fcgi", "unix:/b"),))
    assert difference(old, new)["changed"] == ["fcgi"]
    same = plan(served, other, sockets=(SocketPlan("fcgi", "unix:/a"),))
    assert difference(old, same)["changed"] == []


def test_pyinits_own_helpers_are_in_no_group():
    helper = process("pyinit-web", hidden=True)
    assert groups_of((helper, process("web"))).keys() == {"web"}
    assert difference(plan(), plan(helper)) == {"added": [], "changed": [], "removed": []}
