"""max_memory under a real PID 1: who takes too much is restarted, and nobody else."""

import time

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
# Takes so many megabytes, itself or in a child that left its session, the first time only.
TAKES = """
import os, sys, time
count = int(sys.argv[1]) << 20
flag = os.environ["PYINIT_BOX"] + "/taken"
if not os.path.exists(flag):
    open(flag, "w").close()
    if sys.argv[2] == "child" and os.fork():
        time.sleep(600)
    elif sys.argv[2] == "child":
        os.setsid()
    kept = b"x" * count
print("there", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("who", ["itself", "child"])
@pytest.mark.parametrize("uid", USERS)
def test_who_takes_too_much_is_restarted_as_failed_and_told_why(uid, who):
    text = program("web", *python(TAKES, "90", who), max_memory="64MB", restart={"delay": "10ms"})
    text += program("other", "exec sleep 600", max_memory="64MB")
    with Box(text, uid=uid) as box:
        eventually(lambda: box.status().get("web", {}).get("restarts") == 1)
        found = box.wait_state("web", "RUNNING")
        assert found["last_exit"]["reason"].startswith("above its max_memory of 64MB: ")
        assert box.status()["other"]["restarts"] == 0
        assert "web: stopping" in box.err


@needs_root
def test_a_program_of_another_user_is_measured_by_what_everybody_may_see():
    keys = {"max_memory": "64MB", "restart": {"delay": "10ms"}, "user": "23456"}
    code = TAKES.replace("if not os", "time.sleep(0.5)\nif not os", 1)
    with Box(program("web", *python(code, "90", "itself"), **keys)) as box:
        box.place.chmod(0o777)
        box.until("(above its max_memory of 64MB: ")


def test_a_bound_can_be_taken_away_by_a_reload_and_nobody_looks_any_more():
    from test_pid1_readiness import falls_asleep

    def text(**keys):
        return program("web", "exec sleep 600", **keys)

    with Box(text(max_memory="1GB")) as box:
        first = box.wait_state("web", "RUNNING")
        box.config.write_text(text())
        assert box.ctl("reload").returncode == 0
        assert box.wait_state("web", "RUNNING")["pid"] == first["pid"]
        assert falls_asleep(box)


def test_the_bound_holds_after_a_reexec():
    text = program("web", "exec sleep 600", max_memory="1GB")
    with Box(text) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(program("web", "exec sleep 600", max_memory="100KB"))
        assert box.ctl("reexec").returncode == 0
        began = time.monotonic()
        assert box.status()["web"]["restarts"] == 0
        box.ctl("reload")
        eventually(lambda: box.status()["web"]["restarts"] >= 1)
        assert time.monotonic() > began
