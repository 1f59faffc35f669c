"""Stops, restarts and starts go along the dependencies: the real thing, with real processes."""

import json

from boxed import Box, eventually

SLEEP = '["sleep", "600"]'
CHAIN = f"""
[defaults]
start_seconds = 0
restart = {{ delay = 0.05 }}
[program.db]
command = {SLEEP}
[program.web]
command = {SLEEP}
depends_on = {{ db = "started" }}
[program.api]
command = {SLEEP}
depends_on = ["web"]
[program.cache]
command = {SLEEP}
wants = ["db"]
"""


def pids(box):
    return {name: each["pid"] for name, each in box.status().items()}


def told(reply):
    return [each["name"] for each in json.loads(reply.stdout)["processes"]]


def stops(box):
    """Return the programs in the order in which they came to rest."""
    lines = [json.loads(line) for line in box.ctl("--json", "events").stdout.splitlines()]
    return [each["name"] for each in lines if each["state"] == "STOPPED"]


def test_a_restart_takes_along_those_that_depend_on_it_and_no_others():
    with Box(CHAIN) as box:
        box.wait_socket()
        box.ctl("wait", "all")
        before = pids(box)
        reply = box.ctl("--json", "restart", "db")
        assert reply.returncode == 0
        assert told(reply) == ["db", "web", "api"]
        after = pids(box)
        assert after["cache"] == before["cache"]
        assert all(after[name] not in {0, before[name]} for name in ("db", "web", "api"))


def test_a_stop_comes_to_those_first_that_depend_on_it_and_waits_for_all():
    with Box(CHAIN) as box:
        box.wait_socket()
        box.ctl("wait", "all")
        reply = box.ctl("--json", "stop", "db")
        assert reply.returncode == 0
        states = {name: each["state"] for name, each in box.status().items()}
        assert states == {"db": "STOPPED", "web": "STOPPED", "api": "STOPPED", "cache": "RUNNING"}
        assert stops(box) == ["api", "web", "db"]
        assert box.ctl("start", "api").returncode == 0
        assert pids(box)["db"] != 0


def test_a_crash_takes_nobody_along():
    with Box(CHAIN) as box:
        box.wait_socket()
        box.ctl("wait", "all")
        before = pids(box)
        box.ctl("signal", "KILL", "db")
        eventually(lambda: pids(box)["db"] not in {0, before["db"]})
        after = pids(box)
        assert [after[name] == before[name] for name in ("web", "api", "cache")] == [True] * 3


def test_a_dependency_that_is_not_ready_in_time_is_a_failed_start_with_its_reason():
    text = f"""
    [init]
    exit = "never"
    [program.db]
    command = {SLEEP}
    ready = {{ file = "/nowhere", timeout = "1h" }}
    [program.web]
    command = {SLEEP}
    depends_on = {{ db = {{ condition = "ready", timeout = "200ms" }} }}
    [program.cache]
    command = {SLEEP}
    wants = {{ db = {{ condition = "ready", timeout = "200ms" }} }}
    """
    with Box(text) as box:
        box.wait_state("web", "FATAL")
        box.wait_state("cache", "RUNNING")
        assert "it needs 'db', which was not ready within 0.2 s" in box.ctl("status", "web").stdout


def test_a_restart_in_the_middle_of_a_reexec_goes_on():
    text = CHAIN.replace(
        f"[program.api]\ncommand = {SLEEP}",
        """[program.api]\ncommand = ["sh", "-c", "trap 'sleep 1; exit' TERM; while :; do sleep 0.05; done"]""",
    )
    with Box(text) as box:
        box.wait_socket()
        box.ctl("wait", "all")
        before = pids(box)
        box.ctl("restart", "--no-wait", "db")
        assert pids(box)["db"] == before["db"]
        box.ctl("reexec")
        eventually(
            lambda: all(pids(box)[each] not in {0, before[each]} for each in ("db", "web", "api"))
        )
        assert pids(box)["cache"] == before["cache"]
