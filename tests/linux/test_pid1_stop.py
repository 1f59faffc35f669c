"""Stopping on the real kernel: in order, within the budget, and with everybody who belongs to it."""

import os
import re
import signal
import time

import pytest
from boxed import (
    ORDINARY,
    Box,
    children_map,
    eventually,
    needs_root,
    program,
    python,
    stat_fields,
)

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
DEAF = "trap '' TERM; echo deaf; while :; do sleep 1; done"


def stopped(err):
    """Return the names of programs in the order in which they were stopped."""
    return re.findall(r"info: (\w+): stopped", err)


@pytest.mark.parametrize("uid", USERS)
def test_programs_are_stopped_in_the_reverse_order_of_their_dependencies(uid):
    slowly = "trap 'sleep 0.2; exit 0' TERM; echo $PYINIT_PROGRAM; while :; do sleep 0.05; done"
    text = program("db", slowly) + program("api", slowly, depends_on={"db": "started"})
    text += program("web", slowly, depends_on={"api": "started"})
    with Box(text.replace("start_seconds", ""), uid=uid) as box:
        box.until("web", out=True)
        box.send("TERM")
        assert box.wait() == 0
        assert stopped(box.err) == ["web", "api", "db"]


def test_a_program_that_ignores_the_stop_signal_is_killed_within_the_budget_and_named():
    text = '[init]\nstop_budget = "3s"\n' + program("deaf", DEAF) + program("web", "sleep", "600")
    with Box(text) as box:
        box.until("deaf", out=True)
        began = time.monotonic()
        box.send("TERM")
        assert box.wait() == 0
        assert time.monotonic() - began < 20
        took = float(re.search(r"stopped in ([\d.]+) s", box.err)[1])
        assert took <= 3.5
        assert re.search(r"warning: deaf took \d\.\d s to stop and had to be killed", box.err)
        assert "web took" not in box.err


def test_the_budget_is_shared_out_over_the_levels_of_the_graph():
    """T17: three deaf programs in a row, of ten seconds each, within three seconds."""
    text = '[init]\nstop_budget = "3s"\n' + program("a", DEAF)
    text += program("b", DEAF, depends_on={"a": "started"})
    text += program("c", DEAF, depends_on={"b": "started"})
    with Box(text) as box:
        eventually(lambda: box.out.count("deaf") == 3, within_s=30)
        box.send("TERM")
        assert box.wait() == 0
        assert float(re.search(r"stopped in ([\d.]+) s", box.err)[1]) <= 3.5
        assert len(re.findall(r"had to be killed", box.err)) == 3


def test_a_list_of_signals_is_tried_in_turn():
    trap = (
        "trap 'echo INT' INT; trap 'echo QUIT; exit 0' QUIT; trap '' TERM; echo set; "
        "while :; do sleep 0.05; done"
    )
    stop = {"signal": ["INT", "TERM", "QUIT"], "timeout": "3s"}
    with Box(program("web", trap, stop=stop)) as box:
        box.until("set", out=True)
        box.send("TERM")
        assert box.wait() == 0
        assert box.out.split() == ["set", "INT", "QUIT"]


def test_the_dump_signal_comes_before_kill():
    trap = "trap 'echo dump' QUIT; trap '' TERM; echo set; while :; do sleep 0.05; done"
    with Box(program("web", trap, stop={"timeout": "2s", "dump_signal": "QUIT"})) as box:
        box.until("set", out=True)
        box.call("stop", {"names": ["web"], "wait": True})
        assert box.out.split() == ["set", "dump"]
        assert "web does not stop: it gets SIGQUIT for a dump, then KILL" in box.err


# --- the tree


MEMBERS = {
    # T13: the leader obeys at once, a member of its group lives on and ignores TERM
    "group": "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & "
    "trap 'exit 0' TERM; while :; do sleep 0.05; done",
    # T14: a descendant that has left the session
    "session": "setsid sh -c 'echo $$; exec sleep 600' & "
    "trap 'exit 0' TERM; while :; do sleep 0.05; done",
    # a daemon: its parent is gone, its session another
    "daemon": "(setsid sh -c 'echo $$; exec sleep 600' &) ; "
    "trap 'exit 0' TERM; while :; do sleep 0.05; done",
    # a daemon that has cleared its environment, too
    "stranger": "(env -i setsid /bin/sh -c 'echo $$; exec /bin/sleep 600' &) ; "
    "trap 'exit 0' TERM; while :; do sleep 0.05; done",
}


@pytest.mark.parametrize("uid", USERS)
@pytest.mark.parametrize("kind", MEMBERS)
def test_the_whole_tree_of_a_program_is_ended(kind, uid):
    text = program("web", MEMBERS[kind], stop={"timeout": "1s"}) + program("other", "sleep", "600")
    with Box(text, uid=uid) as box:
        inner = int(box.until("\n", out=True))
        pid = box.outer(inner)
        box.call("stop", {"names": ["web"], "wait": True})
        assert stat_fields(pid) is None or stat_fields(pid)[0] in "ZX"
        assert box.status()["web"]["state"] == "STOPPED"
        assert box.status()["other"]["state"] in {"STARTING", "RUNNING"}


@pytest.mark.parametrize(("kill", "survivors"), [("process", 2), ("group", 1), ("tree", 0)])
def test_kill_says_how_far_a_stop_reaches(kill, survivors):
    script = "sleep 601 & setsid sleep 602 & echo set; wait"
    with Box(
        program("web", script, stop={"kill": kill, "timeout": "1s"})
        + program("other", "sleep", "600")
    ) as box:
        box.until("set", out=True)
        wanted = {("sleep", "601"), ("sleep", "602")}
        eventually(lambda: len([p for p in box.processes() if p.words in wanted]) == 2)
        box.call("stop", {"names": ["web"], "wait": True})
        left = [p.words for p in box.processes() if p.words in wanted]
        assert len(left) == survivors
        if survivors == 1:
            assert left == [("sleep", "602")]


def test_a_member_that_outlives_a_crashed_leader_is_ended_before_the_next_run():
    """Two servers on one port would be the end of it: T13 again, without a stop."""
    script = "sleep 601 & echo set; sleep 0.2; exit 1"
    text = program("web", script, restart={"delay": "10ms", "max": 0, "max_delay": "10ms"})
    with Box(text) as box:
        eventually(lambda: box.out.count("set") >= 4, within_s=30)
        members = [p for p in box.processes() if p.words == ("sleep", "601")]
        assert len(members) <= 1


def test_a_stopped_program_is_continued_so_that_it_can_obey():
    """T10."""
    trap = "trap 'echo obeyed; exit 0' TERM; echo set; while :; do sleep 0.05; done"
    with Box(program("web", trap, stop={"timeout": "30s"})) as box:
        box.until("set", out=True)
        pid = box.run_pid("web")
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: stat_fields(pid)[0] == "T")
        box.call("stop", {"names": ["web"], "wait": True})
        assert "obeyed" in box.out


def test_programs_that_are_starting_or_waiting_are_stopped_too():
    """T15."""
    text = program("slow", "sleep 600", ready={"file": "/no/such", "timeout": "500s"})
    text += program("waits", "sleep 600", depends_on={"slow": "ready"})
    text += program("bad", "exit 1", restart={"delay": "500s", "max_delay": "500s"})
    with Box(text) as box:
        box.wait_state("bad", "BACKOFF")
        box.send("TERM")
        assert box.wait() == 0


def test_a_hundred_programs_stop_together():
    text = "[defaults]\nstart_seconds = 0\n" + "".join(
        program(f"p{n}", "sleep", "600") for n in range(100)
    )
    with Box(text) as box:
        eventually(lambda: len(box.processes()) == 101, within_s=60)
        box.send("TERM")
        assert box.wait() == 0
        assert float(re.search(r"stopped in ([\d.]+) s", box.err)[1]) < 5


def test_a_thread_of_a_program_may_be_its_only_parent():
    """Children of threads are listed with the threads, not with the leader."""
    code = """
import os, subprocess, threading, time, signal
def work():
    child = subprocess.Popen(["setsid", "sh", "-c", "echo $$; exec sleep 600"])
    child.wait()
threading.Thread(target=work, daemon=True).start()
signal.signal(15, lambda *_: os._exit(0))
while True: time.sleep(0.05)
"""
    with Box(program("web", *python(code)) + program("other", "sleep", "600")) as box:
        pid = box.outer(int(box.until("\n", out=True)))
        box.call("stop", {"names": ["web"], "wait": True})
        assert stat_fields(pid) is None or stat_fields(pid)[0] in "ZX"


# --- pyinit's own helpers


def children_of(pid):
    return children_map().get(pid, [])


def took_s(box):
    return float(re.search(r"stopped in ([\d.]+) s", box.err)[1])


@pytest.mark.parametrize("namespace", [True, False])
def test_a_reload_under_way_does_not_hold_up_a_stop(namespace):
    """Who reads the configuration is nobody's that was left behind, and ends with pyinit."""
    with Box(program("web", "sleep", "600"), namespace=namespace) as box:
        web = box.run_pid("web") if namespace else box.wait_state("web", "RUNNING")["pid"]
        box.config.unlink()
        os.mkfifo(box.config)
        box.send("HUP")
        (reader,) = eventually(lambda: [one for one in children_of(box.pid) if one != web])
        box.send("TERM")
        assert box.wait() == 0
        assert took_s(box) < 1.5
        eventually(lambda: (stat_fields(reader) or "X")[0] in "ZX")


def test_a_log_that_is_being_compressed_does_not_hold_up_a_stop(tmp_path):
    """What was not done is left as it was: an old file, and no half of one beside it."""
    with (tmp_path / "log").open("wb") as file:  # the first line is too much for it
        file.truncate(8 << 30)
    sink = {"file": str(tmp_path / "log"), "max_size": "1KB", "max_files": 9, "compress": True}
    text = program("web", "echo one line; exec sleep 600", stdout=sink)
    with Box(text) as box:
        eventually((tmp_path / "log.packing").exists)
        eventually(lambda: len(children_of(box.pid)) > 1)
        box.wait_state("web", "RUNNING")
        box.send("TERM")
        assert box.wait() == 0
        assert took_s(box) < 1.5
        assert not (tmp_path / "log.packing").exists()
        assert [each for each in tmp_path.iterdir() if each.stat().st_size == 8 << 30]
