"""Methods about pyinit, its configuration and themselves; dispatch, names, descriptions."""

import inspect
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rpc_world import NOW, World, running, stopped

from pyinit.protocol.messages import Refused
from pyinit.rpc import describe, dispatch, faults, methods_system, names
from pyinit.rpc.calls import Args
from pyinit.rpc.describe import capped
from pyinit.rpc.faults import Fault
from pyinit.rpc.table import METHODS, SUPERVISOR_VERSION

VALUES = st.recursive(
    st.text(max_size=9) | st.integers() | st.booleans() | st.floats() | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def test_there_are_41_methods_listed_in_order():
    listed = World().ask("system.listMethods")
    assert listed == sorted(METHODS)
    assert len(listed) == 41


def test_every_method_tells_its_types_and_its_purpose():
    for name, method in METHODS.items():
        signature = World().ask("system.methodSignature", name)
        text = World().ask("system.methodHelp", name)
        assert len(signature) == 1 + len(method.params)
        assert set(signature) <= {"string", "int", "boolean", "array", "struct"}
        assert f"@return {method.result} " in text
        assert [line.split()[1] for line in text.splitlines() if "@param" in line] == signature[1:]


def test_a_method_that_there_is_not_has_no_signature():
    unsupported = (4, "SIGNATURE_UNSUPPORTED")
    for name in ("zz", "supervisor.", 5, []):
        assert World().ask("system.methodSignature", name) == unsupported
        assert World().ask("system.methodHelp", name) == unsupported


@pytest.mark.parametrize(
    "name",
    [
        *("", "foo", "getState", "supervisor", "supervisor.foo", "supervisor._update", "a.b.c"),
        *("supervisor.getState.__class__", "supervisor.__init__", "system.__class__"),
        "SUPERVISOR.getState",
    ],
)
def test_only_what_is_in_the_table_is_a_method(name):
    world = World(running("web"))
    with pytest.raises(Fault) as caught:
        dispatch.run(dispatch.begin(name, []), world.call)
    assert (caught.value.code, caught.value.text) == (1, "UNKNOWN_METHOD")
    assert world.calls == []


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_wrong_number_of_arguments_is_told_before_anything_is_done(name):
    method = METHODS[name]
    needed = len([each for each in method.params if not each.optional])
    world = World(running("web"))
    wrong = (2, "INCORRECT_PARAMETERS")
    assert world.ask(name, *["web"] * (len(method.params) + 1)) == wrong
    if needed:
        assert world.ask(name, *["web"] * (needed - 1)) == wrong
    assert world.calls == []


@given(st.sampled_from(sorted(METHODS)), st.lists(VALUES, max_size=3))
def test_no_arguments_bring_out_anything_but_a_value_or_a_fault(name, params):
    world = World(running("web"), stopped("g:a", "g"))
    for verb in ("shutdown", "restart-all", "add-group", "remove-group"):
        world.answers[verb] = {}
    world.answers["remote-event"] = {}
    world.answers["reread"] = {"added": [], "changed": [], "removed": []}
    world.answers["config-info"] = {"processes": []}
    assert world.ask(name, *params) is not None


@pytest.mark.parametrize("params", [[1], [None], [[]], [{}], [b"x"], [1.5]])
def test_a_name_that_is_no_text_is_an_incorrect_parameter(params):
    world = World(running("web"))
    for name, method in METHODS.items():
        if method.params and method.params[0].name == "name" and name.startswith("supervisor."):
            more = ["x"] * (len([p for p in method.params if not p.optional]) - 1)
            assert world.ask(name, *params, *more)[0] == 2


def test_pyinit_tells_what_it_is():
    world = World()
    assert world.ask("getAPIVersion") == world.ask("getVersion") == "3.0"
    assert world.ask("getSupervisorVersion") == SUPERVISOR_VERSION == "4.3.0"
    assert world.ask("getIdentification") == "supervisor"
    assert world.ask("getState") == {"statecode": 1, "statename": "RUNNING"}
    assert world.ask("getPID") == 1


def test_the_end_and_the_new_beginning_are_asked_for_and_not_waited_for():
    world = World()
    world.answers = {"shutdown": {}, "restart-all": {}}
    assert world.ask("shutdown") is True
    assert world.calls[-1] == ("shutdown", {"wait": False})
    assert world.ask("restart") is True
    assert world.calls[-1] == ("restart-all", {})
    world.refuses["restart-all"] = Refused("bad-config", "bad", {"errors": ["x.conf:1: no"]})
    assert world.ask("restart") == (92, "CANT_REREAD: x.conf:1: no")
    world.refuses["restart-all"] = Refused("stopping", "cannot restart-all: pyinit is stopping")
    assert world.ask("restart") == (6, "SHUTDOWN_STATE")


def test_an_event_of_a_client_is_text_whatever_it_was():
    world = World()
    world.answers["remote-event"] = {}
    assert world.ask("sendRemoteCommEvent", 1, b"\xff") is True
    assert world.calls == [("remote-event", {"type": "1", "data": "\ufffd"})]
    assert world.ask("sendRemoteCommEvent", [], "x") == (2, "INCORRECT_PARAMETERS: []")


def test_a_configuration_is_told_by_name_and_nothing_is_a_null():
    world = World()
    rows = [
        {
            "name": "b",
            "group": "g",
            "uid": None,
            "startsecs": 1.0,
            "exitcodes": [0, 2],
            "inuse": True,
        },
        {"name": "a", "group": "z", "uid": 0, "startsecs": 5e20, "exitcodes": [], "inuse": False},
        {"name": "a", "group": "g", "uid": 1, "startsecs": 0.5, "exitcodes": [], "inuse": False},
    ]
    world.answers["config-info"] = {"processes": rows}
    told = world.ask("getAllConfigInfo")
    assert [(each["group"], each["name"]) for each in told] == [("g", "a"), ("z", "a"), ("g", "b")]
    assert told[2] == {**rows[0], "uid": "none", "startsecs": 1}
    assert type(told[2]["startsecs"]) is int
    assert told[1]["startsecs"] == 2**31 - 1
    assert told[0]["startsecs"] == 0


def test_a_configuration_that_was_read_again_is_three_lists_in_one():
    world = World()
    world.answers["reread"] = {"added": ["a"], "changed": ["b", "c"], "removed": []}
    assert world.ask("reloadConfig") == [[["a"], ["b", "c"], []]]
    world.refuses["reread"] = Refused(
        "bad-config", "bad", {"errors": ["x.conf:1: no", "x.conf:2: no"]}
    )
    assert world.ask("reloadConfig") == (92, "CANT_REREAD: x.conf:1: no\nx.conf:2: no")
    world.refuses["reread"] = Refused("busy", "it is being read already")
    assert world.ask("reloadConfig") == (92, "CANT_REREAD: it is being read already")


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("already-added", (90, "ALREADY_ADDED: g")),
        ("still-running", (91, "STILL_RUNNING: g")),
        ("bad-name", (10, "BAD_NAME: g")),
        ("stopping", (6, "SHUTDOWN_STATE")),
        ("failed", (30, "FAILED: because")),
        ("denied", (30, "FAILED: because")),
    ],
)
def test_a_group_is_added_or_removed_or_the_fault_says_why_not(code, fault):
    world = World()
    world.answers = {"add-group": {"name": "g"}, "remove-group": {"name": "g"}}
    for method, verb in (("addProcessGroup", "add-group"), ("removeProcessGroup", "remove-group")):
        assert world.ask(method, "g") is True
        world.refuses[verb] = Refused(code, "because\n  fix it")
        assert world.ask(method, "g") == fault
    world.refuses.clear()
    for method in ("addProcessGroup", "removeProcessGroup"):
        world.calls.clear()
        assert world.ask(method, "") == (10, "BAD_NAME: ")
        assert world.verbs() == []


def test_many_calls_in_one_give_bare_results_and_structs_of_faults():
    world = World(running("web"), stopped("off"))
    calls = [
        {"methodName": "supervisor.getState"},
        {"methodName": "supervisor.startProcess", "params": ["zz"]},
        {"methodName": "supervisor.startProcess", "params": ["off"]},
        {"methodName": "supervisor.getPID", "params": {}},
        {"methodName": "supervisor.getPID", "params": [1]},
        {"methodName": "supervisor.getPID", "params": 1},
        {"methodName": "system.multicall", "params": [[]]},
        {"methodName": "foo.bar"},
        {"methodName": 5},
        {"params": []},
        5,
    ]
    incorrect = {"faultCode": 2, "faultString": "INCORRECT_PARAMETERS"}
    nameless = {"faultCode": 2, "faultString": "INCORRECT_PARAMETERS: No methodName"}
    assert world.ask("system.multicall", calls) == [
        {"statecode": 1, "statename": "RUNNING"},
        {"faultCode": 10, "faultString": "BAD_NAME: zz"},
        True,
        1,
        incorrect,
        incorrect,
        {
            "faultCode": 2,
            "faultString": "INCORRECT_PARAMETERS: Recursive system.multicall forbidden",
        },
        {"faultCode": 1, "faultString": "UNKNOWN_METHOD"},
        nameless,
        nameless,
        nameless,
    ]
    assert world.ask("system.multicall", 5) == (2, "INCORRECT_PARAMETERS")
    assert world.ask("system.multicall", []) == []


def test_a_call_can_be_given_up_at_any_step():
    world = World(stopped("web"))
    steps = dispatch.begin("supervisor.startProcess", ["web"])
    first = next(steps)
    assert first.verb == "info"
    assert steps.send(world.call(first.verb, first.args)).verb == "start"
    steps.close()
    assert inspect.getgeneratorstate(steps) == inspect.GEN_CLOSED


def test_a_refusal_without_words_of_its_own_is_a_failure_in_one_line():
    world = World(running("web"))
    world.refuses["info"] = Refused("busy", "too much\n  later")
    assert world.ask("getPID") == (30, "FAILED: too much")
    world.refuses = {"stop": Refused("busy", "too much\n  later")}
    assert world.ask("stopProcess", "web") == (30, "FAILED: too much")


def test_a_result_that_lacks_everything_is_no_crash():
    world = World()
    world.answers["info"] = {"state": "RUNNING"}
    assert world.ask("getPID") == 0
    assert world.ask("getAllProcessInfo") == []


def test_names_go_both_ways():
    for group, process in (("web", "web"), ("g", "a"), ("g", "web")):
        assert names.split(names.namespec(group, process)) == (group, process)
    assert names.split("g:*") == names.split("g:") == ("g", None)
    assert names.split("a:b:c") == ("a", "b:c")
    assert names.process_of("web:1", "web") == "1"
    assert names.process_of("web:1", "backend") == "web_1"
    assert names.process_of("backend:web", "backend") == "web"


def test_a_fault_has_its_code_and_says_what_it_is_about():
    assert (Fault("NO_FILE").code, Fault("NO_FILE").text) == (20, "NO_FILE")
    assert str(Fault("BAD_NAME", "")) == "BAD_NAME: "
    assert len(set(faults.CODES.values())) == len(faults.CODES)


@pytest.mark.parametrize(
    ("state", "facts", "text"),
    [
        ("RUNNING", {"start": NOW - 90_001.0}, "pid 7, uptime 1 day, 1:00:01"),
        ("RUNNING", {"start": NOW - 200_000.0}, "pid 7, uptime 2 days, 7:33:20"),
        ("RUNNING", {"start": NOW + 50.0}, "pid 7, uptime 0:00:00"),
        ("STARTING", {}, ""),
        ("STOPPING", {}, ""),
        ("UNKNOWN", {}, ""),
        ("BACKOFF", {"spawnerr": "Exited too quickly"}, "Exited too quickly"),
        ("FATAL", {}, 'unknown error (try "tail a")'),
        ("STOPPED", {}, "Not started"),
        ("EXITED", {"stop": 0.0}, "Not started"),
    ],
)
def test_a_description_says_what_there_is_to_say(state, facts, text):
    slot = running("g:a", "g", pid=7, **facts)
    slot.state = state
    assert World(slot).ask("getProcessInfo", "g:a")["description"] == text


@pytest.mark.parametrize("state", ["STOPPED", "EXITED"])
def test_what_has_ended_says_when_by_the_clock_on_the_wall(state, monkeypatch):
    monkeypatch.setenv("TZ", "Etc/GMT+5")
    time.tzset()
    try:
        slot = running("a", stop=float(NOW))
        slot.state = state
        told = World(slot).ask("getProcessInfo", "a")["description"]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert told == "Nov 14 05:13 PM"


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_is_never_more_than_xml_rpc_can_tell(number):
    assert -(2**31) <= capped(number) <= describe.CAP


def test_arguments_of_every_kind_are_taken_or_refused():
    args = Args(["x", 1, b"b", [1], {}])
    assert args.text(0) == "x"
    assert args.loose_text(2) == "b"
    assert args.items(3) == [1]
    assert args.flag(9, default=True) is True
    assert args.flag(4, default=True) is False
    with pytest.raises(Fault, match="INCORRECT"):
        args.loose_text(4)


def test_a_multicall_gives_no_more_than_some_logs(monkeypatch):
    monkeypatch.setattr(methods_system, "LARGEST", 5000)
    world = World(running("web", stdout=b"x" * 3000))
    read = {"methodName": "supervisor.readProcessStdoutLog", "params": ["web", 0, 0]}
    found = world.ask("system.multicall", [read] * 4)
    assert [len(each) for each in found[:2]] == [3000, 3000]
    assert [each["faultString"] for each in found[2:]] == [f"FAILED: {methods_system.TOO_MUCH}"] * 2
    assert len(world.calls) == 6  # of each: info, the size, the log


def test_every_value_of_a_multicall_counts(monkeypatch):
    monkeypatch.setattr(methods_system, "LARGEST", 5000)
    world = World(*[running(f"web{number}") for number in range(5)])
    everything = {"methodName": "supervisor.getAllProcessInfo"}
    *told, last = world.ask("system.multicall", [everything] * 3)
    assert len(told[0]) == 5
    assert last == {"faultCode": 30, "faultString": f"FAILED: {methods_system.TOO_MUCH}"}
