"""`pyinitctl doctor` on the real kernel: with and without a pyinit, as root and as nobody."""

import pytest
from boxed import IS_ROOT, ORDINARY, Box, needs_root, program

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
CONFIG = '[init]\nstop_budget = "20s"\n' + program("web", "sleep", "600")


def checks(told):
    return {(each["name"], each["state"]): each for each in told["checks"]}


@pytest.mark.parametrize("uid", USERS)
def test_it_judges_the_pyinit_that_runs(uid):
    with Box(CONFIG, uid=uid) as box:
        box.wait_state("web", "RUNNING")
        told = box.json("doctor")
        assert told["pid"] == 1  # as it is in its own namespace
        found = checks(told)
        assert f", and {box.pid} here" in found["pyinit", "note"]["text"]
        assert found["stop budget", "note"]["text"] == "the whole stop takes 20 s at most"
        assert f"uid {ORDINARY}" in str(found) if uid else ("user", "ok") in found
        assert f"answers at {box.socket}" in found["control", "ok"]["text"]
        assert all(each["text"] for each in told["checks"])
        done = box.ctl("doctor")
        assert done.returncode == 0
        assert "control" in done.stdout


def test_without_a_pyinit_it_tells_what_one_would_have():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        box.send("TERM")
        assert box.wait() == 0
        told = box.json("doctor")
        assert told["pid"] is None
        assert checks(told)["pyinit", "note"]["text"].startswith("none answers")
        assert f"could be at {box.socket}" in checks(told)["control", "ok"]["text"]


@needs_root
def test_it_sees_what_an_ordinary_pyinit_lacks():
    with Box(CONFIG, uid=ORDINARY, namespace=False) as box:
        box.wait_state("web", "RUNNING")
        told = box.json("doctor")
        assert told["pid"] == box.pid
        found = checks(told)
        assert f"uid {ORDINARY}" in found["user", "note"]["text"]
        assert found["capabilities", "note"]["text"] == "none"
        assert f"pid {box.pid}, below" in found["pyinit", "note"]["text"]


def test_it_takes_no_operand():
    with Box(CONFIG) as box:
        assert box.ctl("doctor", "me").returncode == 2


def test_it_is_run_as_root_here_or_says_so():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        text = box.ctl("doctor").stdout
        assert ("root: programs may have users" in text) == IS_ROOT
