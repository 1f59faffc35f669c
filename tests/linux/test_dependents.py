"""Stops, restarts and starts go along the dependencies: the real thing, with real processes."""

import json
import tempfile

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


def test_the_graph_tells_what_the_boot_waited_for_and_keeps_it_over_a_reexec():
    text = f"""
    [program.db]
    command = ["sh", "-c", "sleep 0.3; : > ready; exec sleep 600"]
    ready = {{ file = "{{place}}/ready", interval = "50ms" }}
    [program.migrate]
    type = "oneshot"
    command = ["sleep", "0.2"]
    depends_on = {{ db = "ready" }}
    [program.web]
    command = {SLEEP}
    start_seconds = 0
    depends_on = {{ migrate = "completed" }}
    wants = ["cache"]
    [program.cache]
    command = {SLEEP}
    start_seconds = 0
    autostart = false
    [program.spare]
    command = {SLEEP}
    autostart = false
    """
    with tempfile.TemporaryDirectory() as place:
        text = text.replace("{place}", place).replace(": > ready", f": > {place}/ready")
        with Box(text) as box:
            box.wait_state("web", "RUNNING")
            found = box.json("graph")
            assert found["critical_path"] == ["db", "migrate", "web"]
            boot = {each["name"]: each["boot"] for each in found["programs"]}
            assert boot["spare"] is None
            assert boot["db"]["took_s"] >= 0.29  # counted from when it is known that it has begun
            assert boot["migrate"]["waited_s"] >= 0.29
            assert boot["migrate"]["took_s"] >= 0.19
            assert found["boot_s"] == boot["web"]["up_s"] >= 0.48
            assert "db -> migrate -> web" in box.ctl("graph").stdout
            assert box.ctl("graph", "--format", "dot").stdout.startswith("digraph")
            assert box.ctl("graph", "--format", "mermaid").stdout.startswith("graph LR")
            assert box.ctl("graph", "--format", "svg").returncode == 2
            assert box.ctl("reexec").returncode == 0
            assert box.json("graph") == found
