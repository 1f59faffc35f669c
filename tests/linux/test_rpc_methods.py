"""supervisord's methods over the control socket of a real pyinit: what its own tests cannot ask."""

import time
from threading import Thread

import pytest
from boxed import Box, eventually, program
from rpc_asking import ask, ask_pyinit
from supervised import Side, base
from supervised import program as section

from pyinit.client import Client

INIT = '[init]\nexit = "never"\n'
STUBBORN = 'trap "" TERM; while :; do sleep 0.1; done'


def asked(box, method, *params):
    """Return what a method answers in a box."""
    box.wait_socket()
    return ask_pyinit(box.socket, f"supervisor.{method}", *params)


def later(box, method, *params):
    """Ask in another thread; return it, and the list that gets the answer."""
    answers = []
    thread = Thread(target=lambda: answers.append(asked(box, method, *params)), daemon=True)
    thread.start()
    return thread, answers


def test_a_start_is_answered_when_the_process_is_up_or_at_once_if_that_is_wanted():
    with Box(INIT + program("web", "sleep", "600", autostart=False, start_seconds=1)) as box:
        began = time.monotonic()
        assert asked(box, "startProcess", "web") is True
        assert time.monotonic() - began >= 1.0
        assert asked(box, "getProcessInfo", "web")["statename"] == "RUNNING"
        assert asked(box, "stopProcess", "web") is True
        assert asked(box, "startProcess", "web", False) is True
        assert asked(box, "getProcessInfo", "web")["statename"] == "STARTING"


def test_a_start_during_a_stop_follows_the_stop():
    stop = {"timeout": "1s", "kill": "group"}
    with Box(INIT + program("web", STUBBORN, stop=stop, start_seconds=0.1)) as box:
        before = box.wait_state("web", "RUNNING")["pid"]
        assert asked(box, "stopProcess", "web", False) is True
        assert asked(box, "getProcessInfo", "web")["statename"] == "STOPPING"
        assert asked(box, "startProcess", "web") is True
        found = asked(box, "getProcessInfo", "web")
        assert (found["statename"], found["pid"] != before) == ("RUNNING", True)


def test_a_command_that_is_not_there_leaves_no_trace():
    with Box(INIT + program("nope", "/nope/nope", "x", autostart=False)) as box:
        fault = (20, "NO_FILE: can't find command '/nope/nope'")
        assert asked(box, "startProcess", "nope") == fault
        assert asked(box, "startProcess", "nope", False) == fault
        found = asked(box, "getProcessInfo", "nope")
        assert (found["statename"], found["start"], found["spawnerr"]) == ("STOPPED", 0, "")
        assert box.json("why", "nope")["processes"][0]["ends"] == []


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"env": {"PATH": "/nowhere"}}, "NO_FILE"),
        ({"env": {"PATH": "/nowhere:/bin"}}, None),
        ({"directory": "/bin"}, None),
        ({"directory": "/etc"}, "NO_FILE"),
    ],
)
def test_a_command_is_looked_for_where_the_program_will(keys, found):
    command = "./sleep" if "directory" in keys else "sleep"
    with Box(INIT + program("web", command, "600", autostart=False, **keys)) as box:
        told = asked(box, "startProcess", "web")
        assert told is True if found is None else told[1].startswith(found)


def test_instances_are_processes_of_their_programs_group():
    with Box(INIT + program("web", "sleep", "600", instances=2, start_seconds=0)) as box:
        box.wait_state("web:1", "RUNNING")
        names = [(each["group"], each["name"]) for each in asked(box, "getAllProcessInfo")]
        assert names == [("web", "0"), ("web", "1")]
        assert asked(box, "stopProcess", "web:1") is True
        told = asked(box, "startProcess", "web:*")
        assert told == [{"name": "1", "group": "web", "status": 80, "description": "OK"}]


def test_a_log_of_any_bytes_can_be_read_from_anywhere(tmp_path):
    log = tmp_path / "web.log"
    script = r"printf '\303\244\377\000x'; exec sleep 600"
    with Box(INIT + program("web", script, stdout={"file": str(log)})) as box:
        eventually(lambda: log.exists() and log.stat().st_size == 5)
        assert asked(box, "readProcessStdoutLog", "web", 0, 0) == "ä\ufffd\0x"
        assert asked(box, "readProcessStdoutLog", "web", 1, 0) == "\ufffd\ufffd\0x"
        assert asked(box, "tailProcessStdoutLog", "web", 0, 2) == ["\0x", 5, True]
        assert asked(box, "readProcessStderrLog", "web", 0, 0) == (20, "NO_FILE: /dev/stderr")


def test_no_secret_of_the_environment_gets_into_a_configuration_that_is_told():
    conf = base("environment=DB_PASSWORD=s3cret-of-all") + section(
        "web",
        "/bin/sh -c 'exec sleep 1000' %(ENV_API_TOKEN)s %(ENV_DB_PASSWORD)s %(ENV_URL)s own-k3y-x",
        environment="OTHER_KEY=own-k3y-x",
    )
    env = {"API_TOKEN": "t0ken-of-ours", "URL": "pg://me:hidd3n@host/db"}
    with Side("pyinit", conf, env=env) as side:
        (found,) = ask(side, "getAllConfigInfo")
        for secret in ("s3cret", "t0ken", "hidd3n", "k3y"):
            assert secret not in str(found)
        assert "pg://me:********@host/db" in found["command"]
        side.wait_state("web", "RUNNING")
        everything = str([ask(side, "getAllProcessInfo"), ask(side, "getProcessInfo", "web")])
        assert "s3cret" not in everything


def test_what_was_read_again_is_there_after_a_re_exec():
    with Box(INIT + program("web", "sleep", "600")) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(box.config.read_text() + program("late", "sleep", "600"))
        assert asked(box, "reloadConfig") == [[["late"], [], []]]
        assert box.ctl("reexec").returncode == 0
        box.config.write_text("")
        assert asked(box, "addProcessGroup", "late") is True
        box.wait_state("late", "RUNNING")
        assert asked(box, "removeProcessGroup", "web") == (91, "STILL_RUNNING: web")


def test_a_call_that_waits_goes_on_waiting_over_a_re_exec():
    with Box(INIT + program("web", "sleep", "600", autostart=False, start_seconds=2)) as box:
        box.wait_socket()
        thread, answers = later(box, "startProcess", "web")
        box.wait_state("web", "STARTING")
        assert box.ctl("reexec").returncode == 0
        thread.join(60)
        assert answers == [True]


def test_a_restart_begins_anew_with_the_configuration_as_it_is_then():
    with Box(INIT + program("web", "sleep", "600", start_seconds=0)) as box:
        before = box.wait_state("web", "RUNNING")["pid"]
        box.config.write_text(INIT + program("other", "sleep", "600", start_seconds=0))
        assert asked(box, "restart") is True
        box.until("other: up")
        assert [each["name"] for each in asked(box, "getAllProcessInfo")] == ["other"]
        assert asked(box, "getPID") == 1
        assert before not in [each.inner for each in box.processes()]


def test_pyinit_ends_with_a_shutdown_and_what_runs_is_stopped():
    with Box(INIT + program("web", "sleep", "600")) as box:
        box.wait_state("web", "RUNNING")
        assert asked(box, "shutdown") is True
        assert box.wait() == 0


def test_pyinits_own_helpers_are_no_processes_for_anybody():
    conf = base() + section("web", "/bin/sleep 1000")
    with Side("pyinit", conf) as side:
        side.wait_state("web", "RUNNING")
        assert [each["name"] for each in ask(side, "getAllProcessInfo")] == ["web"]
        assert [each["name"] for each in ask(side, "getAllConfigInfo")] == ["web"]
        assert ask(side, "getProcessInfo", "pyinit-web") == (10, "BAD_NAME: pyinit-web")
        assert ask(side, "reloadConfig") == [[[], [], []]]
        told = ask(side, "stopAllProcesses")
        assert [each["name"] for each in told] == ["web"]


def test_a_thousand_processes_are_told_of_in_one_answer():
    with Box(INIT + program("web", "sleep", "600", instances=1000, autostart=False)) as box:
        found = asked(box, "getAllProcessInfo")
        assert len(found) == 1000
        assert {each["statename"] for each in found} == {"STOPPED"}
        assert len(asked(box, "getAllConfigInfo")) == 1000


def test_the_state_of_a_process_is_told_in_the_middle_of_many_clients_calls():
    with Box(INIT + program("web", "sleep", "600", start_seconds=0, instances=3)) as box:
        box.wait_state("web:2", "RUNNING")
        threads = [later(box, "stopProcessGroup", "web")[0] for _ in range(5)]
        threads += [later(box, "startProcessGroup", "web")[0] for _ in range(5)]
        for _ in range(20):
            with Client(box.socket) as client:
                assert len(client.call("info")["processes"]) == 3
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()


def test_a_program_moves_from_one_group_to_another_one_after_the_other():
    conf = base() + section("web", "/bin/sleep 1000", startsecs=0)
    with Side("pyinit", conf) as side:
        side.wait_state("web", "RUNNING")
        side.conf.write_text(conf + "[group:g]\nprograms=web\n")
        assert ask(side, "reloadConfig") == [[["g"], [], ["web"]]]
        fault = (30, "FAILED: cannot add group 'g': 'web' is in group 'web' still")
        assert ask(side, "addProcessGroup", "g") == fault
        assert ask(side, "stopProcess", "web") is True
        assert ask(side, "removeProcessGroup", "web") is True
        assert ask(side, "addProcessGroup", "g") is True
        side.wait_state("g:web", "RUNNING")
        assert ask(side, "getProcessInfo", "g:web")["group"] == "g"
