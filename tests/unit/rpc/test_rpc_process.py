"""Methods that start, stop, signal and tell: every result and every fault they have."""

import pytest
from rpc_world import NOW, World, running, stopped

from pyinit.protocol.messages import Refused

OK = {"status": 80, "description": "OK"}


def status(name, group, code=80, text="OK"):
    return {"name": name, "group": group, "status": code, "description": text}


def test_the_struct_of_a_process_has_every_field_and_whole_numbers():
    world = World(running("web", stdout=b"", stderr=None))
    assert world.ask("getProcessInfo", "web") == {
        "name": "web",
        "group": "web",
        "start": NOW - 6,
        "stop": 0,
        "now": NOW,
        "state": 20,
        "statename": "RUNNING",
        "spawnerr": "",
        "exitstatus": 0,
        "logfile": "/log/web",
        "stdout_logfile": "/log/web",
        "stderr_logfile": "",
        "pid": 77,
        "description": "pid 77, uptime 0:00:06",
    }


@pytest.mark.parametrize(
    "name", ["", ":", "zz", "g:*", "g:", "g", "g:zz", "a", "g:g:a", "*", "all"]
)
def test_a_name_that_means_no_single_process_is_a_bad_name(name):
    world = World(running("g:a", "g"), running("g:b", "g"))
    assert world.ask("getProcessInfo", name) == (10, f"BAD_NAME: {name}")


def test_all_structs_come_in_the_order_of_group_and_name_whatever_their_priority():
    world = World(
        running("z:b", "z", group_priority=1),
        running("a", priority=1),
        running("z:a", "z", group_priority=1),
        stopped("Z"),
    )
    found = [(each["group"], each["name"]) for each in world.ask("getAllProcessInfo")]
    assert found == [("Z", "Z"), ("a", "a"), ("z", "a"), ("z", "b")]


def test_a_start_answers_true_when_it_is_up_and_asks_for_a_check_of_the_command():
    world = World(stopped("web"))
    assert world.ask("startProcess", "web") is True
    assert world.calls[-1] == ("start", {"names": ["=web#"], "wait": True, "precheck": True})
    world = World(stopped("web"))
    assert world.ask("startProcess", "web", False) is True
    assert world.calls[-1][1]["wait"] is False


@pytest.mark.parametrize("state", ["RUNNING", "STARTING", "BACKOFF"])
def test_what_is_on_its_way_is_already_started_and_left_alone(state):
    world = World(running("g:a", "g"))
    world.slots[0].state = state
    assert world.ask("startProcess", "g:a") == (60, "ALREADY_STARTED: g:a")
    assert world.verbs() == []


@pytest.mark.parametrize(
    ("comes", "fault"),
    [
        ((False, "STOPPED", "no-such-file", "can't find command 'x'"), (20, "NO_FILE: can't find command 'x'")),
        (
            (False, "STOPPED", "not-executable", "command at '/x' is not executable"),
            (21, "NOT_EXECUTABLE: command at '/x' is not executable"),
        ),
        ((False, "BACKOFF", "", "exit status 1"), (50, "SPAWN_ERROR: g:a")),
        ((False, "FATAL", "", "exit status 1"), (50, "SPAWN_ERROR: g:a")),
        ((False, "EXITED", "", "exit status 1"), (50, "SPAWN_ERROR: g:a")),
        ((False, "STOPPED", "", "it was stopped meanwhile"), (40, "ABNORMAL_TERMINATION: g:a")),
        ((True, "BACKOFF", "", ""), (50, "SPAWN_ERROR: g:a")),  # at once: there was no fork
    ],
)  # fmt: skip
def test_a_start_that_failed_says_how(comes, fault):
    world = World(stopped("g:a", "g", comes=comes))
    assert world.ask("startProcess", "g:a") == fault


def test_a_process_that_is_being_stopped_is_started_afterwards():
    world = World(running("web"))
    world.slots[0].state = "STOPPING"
    assert world.ask("startProcess", "web") is True
    assert world.verbs() == ["start"]


@pytest.mark.parametrize("name", ["g:*", "g:"])
def test_a_group_can_be_named_where_a_process_is(name):
    world = World(running("g:a", "g"), stopped("g:b", "g"))
    assert world.ask("startProcess", name) == [status("b", "g")]
    assert world.ask("stopProcess", name) == [status("a", "g"), status("b", "g")]
    assert world.ask("stopProcess", name) == []
    assert world.ask("startProcess", "zz:*") == (10, "BAD_NAME: zz:*")
    assert world.ask("stopProcess", "zz:*") == (10, "BAD_NAME: zz:*")


def test_a_group_tells_first_what_could_not_even_be_tried():
    world = World(
        stopped("g:a", "g"),
        stopped("g:b", "g", comes=(False, "STOPPED", "no-such-file", "can't find command 'b'")),
        stopped("g:c", "g", comes=(False, "BACKOFF", "", "ended")),
        stopped("g:d", "g"),
        running("g:e", "g"),
    )
    missing = status("b", "g", 20, "NO_FILE: can't find command 'b'")
    failed = status("c", "g", 50, "SPAWN_ERROR: g:c")
    told = world.ask("startProcessGroup", "g")
    assert told == [missing, status("a", "g"), failed, status("d", "g")]
    for slot in world.slots:
        slot.state = "STOPPED"
    world.slots[4].state = "RUNNING"
    told = world.ask("startProcessGroup", "g", False)
    assert told == [status("a", "g"), missing, failed, status("d", "g")]


def test_a_group_that_is_not_there_is_a_bad_name():
    world = World(running("web"))
    for method in ("startProcessGroup", "stopProcessGroup"):
        assert world.ask(method, "zz") == (10, "BAD_NAME: zz")
        assert world.ask(method, "") == (10, "BAD_NAME: ")
    assert world.ask("signalProcessGroup", "zz", "HUP") == (10, "BAD_NAME: zz")


def test_everything_is_started_and_stopped_in_the_order_of_priorities():
    world = World(
        stopped("late", group_priority=9),
        stopped("g:b", "g", group_priority=1, priority=2),
        stopped("g:z", "g", group_priority=1, priority=1),
        stopped("a", group_priority=9),
    )
    order = [("z", "g"), ("b", "g"), ("a", "a"), ("late", "late")]
    expected = [status(name, group) for name, group in order]
    assert world.ask("startAllProcesses") == expected
    assert world.calls[-1][1]["names"] == ["=g:z#", "=g:b#", "=a#", "=late#"]
    assert world.ask("stopAllProcesses") == expected
    assert world.ask("stopAllProcesses") == []
    assert world.ask("startAllProcesses", False) == expected


def test_a_stop_is_of_what_runs_and_waits_unless_told_not_to():
    world = World(running("web"), stopped("off"))
    assert world.ask("stopProcess", "off") == (70, "NOT_RUNNING: off")
    assert world.ask("stopProcess", "zz") == (10, "BAD_NAME: zz")
    assert world.ask("stopProcess", "web", False) is True
    assert world.calls[-1] == ("stop", {"names": ["=web#"], "wait": False})
    assert world.ask("stopProcess", "web") == (70, "NOT_RUNNING: web")


def test_one_that_was_started_again_meanwhile_was_stopped_all_the_same():
    goes = (False, "RUNNING", "", "it was started again meanwhile")
    world = World(running("web", goes=goes))
    assert world.ask("stopProcess", "web") is True


@pytest.mark.parametrize("signal", ["hup", "HUP", "SIGHUP", "SigHup", "1", 1])
def test_a_signal_has_a_name_or_a_number(signal):
    world = World(running("web"))
    assert world.ask("signalProcess", "web", signal) is True
    assert world.slots[0].signals == ["1"]


@pytest.mark.parametrize("signal", ["foo", "", "SIG", "RTMIN+1", 999, -1, "35", 1.5, []])
def test_a_signal_that_is_none_is_a_bad_signal(signal):
    world = World(running("web"), stopped("off"))
    bad = (11, f"BAD_SIGNAL: {signal}")
    assert world.ask("signalProcess", "web", signal) == bad
    assert world.ask("signalProcess", "off", signal) == bad
    assert world.ask("signalProcess", "zz", signal) == (10, "BAD_NAME: zz")
    assert world.ask("signalAllProcesses", signal) == [status("web", "web", *bad)]
    assert world.verbs() == []


def test_signal_0_reaches_nobody_and_is_good():
    world = World(running("web"))
    assert world.ask("signalProcess", "web", "0") is True
    assert world.verbs() == []


def test_only_what_runs_can_be_signalled():
    world = World(running("g:a", "g"), stopped("g:b", "g"), running("g:c", "g", pid=0))
    assert world.ask("signalProcess", "g:b", "HUP") == (70, "NOT_RUNNING: g:b")
    assert world.ask("signalProcess", "g:c", "HUP") == (70, "NOT_RUNNING: g:c")
    told = [status("a", "g"), status("c", "g", 70, "NOT_RUNNING: g:c")]
    assert world.ask("signalProcess", "g:*", "HUP") == told
    assert world.ask("signalProcessGroup", "g", "HUP") == told
    assert world.ask("signalAllProcesses", "HUP") == told


def test_stdin_is_written_to_in_pieces_that_are_requests():
    world = World(running("web"))
    text = "ä€😀x" * 5000
    assert world.ask("sendProcessStdin", "web", text) is True
    assert world.slots[0].written == text
    assert world.ask("sendProcessStdin", "web", b"raw\n") is True
    assert world.slots[0].written == text + "raw\n"
    assert world.ask("sendProcessStdin", "web", "") is True


def test_what_cannot_be_written_to_says_why():
    stopping = running("stopping")
    stopping.state = "STOPPING"
    world = World(running("web", reads="no-file"), stopped("off"), stopping)
    assert world.ask("sendProcessStdin", "web", 5) == (2, "INCORRECT_PARAMETERS: 5")
    assert world.ask("sendProcessStdin", "zz", "x") == (10, "BAD_NAME: zz")
    assert world.ask("sendProcessStdin", "web:*", "x") == (10, "BAD_NAME: web:*")
    assert world.ask("sendProcessStdin", "off", "x") == (70, "NOT_RUNNING: off")
    assert world.ask("sendProcessStdin", "stopping", "x") == (70, "NOT_RUNNING: stopping")
    assert world.ask("sendProcessStdin", "web", "x") == (20, "NO_FILE: web")
    world.slots[0].reads = "not-running"
    assert world.ask("sendProcessStdin", "web", "x") == (70, "NOT_RUNNING: web")
    world.slots[0].reads = "busy"
    assert world.ask("sendProcessStdin", "web", "x") == (30, "FAILED: cannot write")


def test_names_by_the_thousand_are_asked_for_in_several_requests():
    slots = [stopped(f"group-{n % 3}:{'x' * 40}-{n}", f"group-{n % 3}") for n in range(4000)]
    world = World(*slots)
    told = world.ask("startAllProcesses")
    assert len(told) == 4000
    assert {each["status"] for each in told} == {80}
    assert world.verbs().count("start") > 1


def test_a_call_that_a_re_exec_has_interrupted_is_made_again_but_not_for_ever():
    interrupted = Refused("interrupted", "pyinit was re-executed while it waited to start")
    world = World(stopped("web"))
    world.refuses["start"] = [interrupted]
    assert world.ask("startProcess", "web") is True
    assert world.verbs() == ["start", "start"]
    world.slots[0].state = "STOPPED"
    world.refuses["start"] = interrupted
    assert world.ask("startProcess", "web") == (30, f"FAILED: {interrupted.message}")


def test_a_process_that_left_the_plan_meanwhile_did_not_come_up():
    world = World(stopped("web"))
    world.answers["start"] = {"processes": []}
    assert world.ask("startProcess", "web") == (40, "ABNORMAL_TERMINATION: web")


@pytest.mark.parametrize("state", ["SHUTDOWN", "RESTARTING"])
def test_every_method_but_one_is_refused_while_everything_stops(state):
    world = World(running("web"), state=state)
    refused = (6, "SHUTDOWN_STATE")
    assert world.ask("getState") == refused
    assert world.ask("startProcess", "web") == refused
    assert world.ask("getAllProcessInfo") == refused
    assert world.ask("getPID") == refused
    world.answers["remote-event"] = {}
    assert world.ask("sendRemoteCommEvent", "a", "b") is True
    assert world.ask("system.listMethods")[0] == "supervisor.addProcessGroup"


def test_one_that_left_the_plan_meanwhile_does_not_spoil_it_for_the_others():
    gone = Refused("no-such-program", "no such program", {"names": ["=b#"]})
    world = World(stopped("a"), stopped("b"), stopped("c"))
    world.refuses["start"] = [gone]
    told = world.ask("startAllProcesses")
    assert [each["status"] for each in told] == [80, 40, 80]
    assert world.calls[-1][1]["names"] == ["=a#", "=c#"]
    world = World(running("b"))
    world.refuses["stop"] = [gone]
    assert world.ask("stopProcess", "b") is True
    world.refuses["signal"] = [gone]
    world.slots[0].state = "RUNNING"
    assert world.ask("signalProcess", "b", "HUP") == (70, "NOT_RUNNING: b")
    world.refuses["signal"] = [Refused("no-such-program", "no such program")]
    assert world.ask("signalProcess", "b", "HUP") == (30, "FAILED: no such program")
