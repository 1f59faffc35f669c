"""rlimits under a real PID 1: the pit of 1024 descriptors, limits at boot, and what cannot be had."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from boxed import IS_ROOT, ORDINARY, Box, eventually, needs_root, program, python

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
PIT = ("prlimit", "--nofile=1024:4096")
HARD = 4096


def nofile(pid):
    """Return (soft, hard), as everybody may read it."""
    line = next(
        each
        for each in Path(f"/proc/{pid}/limits").read_text().splitlines()
        if each.startswith("Max open files")
    )
    soft, hard = line.split()[3:5]
    return int(soft), int(hard)


def can_raise():
    """Say whether root may raise hard limits here (CAP_SYS_RESOURCE)."""
    text = Path("/proc/self/status").read_text()
    return bool(int(text.split("CapEff:")[1].split()[0], 16) >> 24 & 1)


def powerless():
    """Return the words that run what follows without CAP_SYS_RESOURCE, as containers do."""
    return ("setpriv", "--bounding-set=-sys_resource") if can_raise() else ()


@pytest.mark.parametrize("uid", USERS)
@pytest.mark.parametrize("where", ["init", "program"])
def test_the_pit_is_climbed_out_of(where, uid):
    """A supervisor left at 1024 starves every program under it: not this one."""
    text = '[init]\nlimits = { nofile = "max" }\n' if where == "init" else ""
    keys = {"limits": {"nofile": "max"}} if where == "program" else {}
    with Box(text + program("web", "sleep", "600", **keys), uid=uid, inside=PIT) as box:
        pid = box.run_pid("web")
        eventually(lambda: nofile(pid) == (HARD, HARD))
        assert nofile(box.pid) == ((HARD if where == "init" else 1024), HARD)


def test_without_a_word_about_limits_programs_inherit_them():
    with Box(program("web", "sleep", "600"), inside=PIT) as box:
        assert nofile(box.run_pid("web")) == (1024, HARD)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (2000, (2000, HARD)),
        ("1500:3000", (1500, 3000)),
        ("inherit", (1024, HARD)),
        ("max", (HARD, HARD)),
    ],
)
def test_a_program_says_soft_and_hard_as_it_likes(value, wanted):
    with Box(program("web", "sleep", "600", limits={"nofile": value}), inside=PIT) as box:
        pid = box.run_pid("web")
        eventually(lambda: nofile(pid) == wanted)
        assert nofile(box.pid) == (1024, HARD)


def test_limits_of_init_are_in_force_before_anything_else():
    """The compiler has come and gone with the old ones; every program has the new ones."""
    text = "[init]\nlimits = { nofile = 3000, core = 0 }\n"
    text += program("one", "ulimit -n; ulimit -c", type="oneshot", restart="never")
    with Box(text, inside=PIT) as box:
        assert box.wait() == 0
        assert box.out.split() == ["3000", "0"]


@pytest.mark.parametrize("uid", USERS)
def test_what_cannot_be_had_is_78_and_names_every_knob(uid):
    text = "[init]\nlimits = { nofile = 9000, memlock = 99000000 }\n" + program(
        "web", "sleep", "600"
    )
    inside = (*powerless(), *PIT, "prlimit", "--memlock=65536:65536")
    with Box(text, uid=uid, inside=inside) as box:
        assert box.wait() == 78
        assert "cannot set nofile to 9000:9000 for pyinit: the hard limit is 4096" in box.err
        assert "docker run --ulimit nofile=9000:9000" in box.err
        assert "compose 'ulimits: {nofile: 9000}'" in box.err
        assert "LimitNOFILE=9000" in box.err
        assert "cannot set memlock to 99000000:99000000" in box.err
        assert "started" not in box.err


def test_what_cannot_be_had_may_be_a_warning():
    text = '[init]\nlimits = { nofile = 9000 }\nlimits_unmet = "warn"\n'
    text += program("web", "sleep", "600")
    with Box(text, inside=(*powerless(), *PIT)) as box:
        assert nofile(box.run_pid("web")) == (HARD, HARD)
        assert "warning: cannot set nofile to 9000:9000 for pyinit" in box.err
        assert "--ulimit nofile=9000:9000" in box.err


@pytest.mark.parametrize("unmet", ["fail", "warn"])
def test_a_programs_own_limit_that_cannot_be_had(unmet):
    keys = {"limits": {"nofile": 9000}, "limits_unmet": unmet, "restart": "never"}
    inside = (*powerless(), *PIT)
    with Box(program("web", "sleep", "600", **keys), inside=inside) as box:
        if unmet == "warn":
            pid = box.run_pid("web")
            eventually(lambda: nofile(pid) == (HARD, HARD))
            box.send("TERM")
            assert box.wait() == 0
        else:
            assert box.wait() == 126
            assert "cannot set nofile to 9000:9000" in box.err
            assert "docker run --ulimit nofile=9000:9000" in box.err


@pytest.mark.skipif(not (IS_ROOT and can_raise()), reason="root may not raise hard limits here")
def test_root_raises_hard_limits_before_the_user_is_dropped():
    keys = {"limits": {"nofile": 9000}, "user": "23456"}
    with Box(program("web", "sleep", "600", **keys), inside=PIT) as box:
        pid = box.run_pid("web")
        eventually(lambda: nofile(pid) == (9000, 9000))


def test_a_running_program_is_given_more_without_a_restart():
    with Box(program("web", "sleep", "600"), inside=PIT) as box:
        pid = box.run_pid("web")
        done = box.ctl("limits", "web", "nofile=2048")
        assert done.returncode == 0, done.stderr
        assert nofile(pid)[0] == 2048
        os.kill(pid, 9)
        eventually(lambda: box.status()["web"]["restarts"] == 1)
        again = box.run_pid("web")
        eventually(lambda: nofile(again)[0] == 2048)


# Stops everybody else of its user, all the time.
STOPPER = """
import os, signal
os.write(1, b"hunting\\n")
while True:
    try:
        os.kill(-1, signal.SIGSTOP)
    except ProcessLookupError:
        pass
"""


@needs_root
def test_a_user_who_stops_whoever_changes_its_limits_is_refused():
    """A child becomes the user: it has nothing of PID 1, and is not waited for without end."""
    text = program("web", *python(STOPPER), user="23456") + program("other", "sleep", "600")
    with Box(text, inside=powerless()) as box:
        box.until("hunting", out=True)
        runs = {one.pid for one in box.processes()}
        box.wait_socket()
        caught = []

        def ask():
            with ThreadPoolExecutor(1) as pool:
                told = pool.submit(box.ctl, "limits", "web", "nofile=300")
                while not told.done():
                    for one in box.processes():
                        if one.state == "T" and one.pid not in runs and not caught:
                            caught.append(os.listdir(f"/proc/{one.pid}/fd"))
            return told.result()

        def refused():
            done = ask()
            return done if done.returncode != 0 else None

        done = eventually(refused)
        assert "uid 23456 holds up who would do it" in done.stderr
        assert len(caught[0]) == 4, caught  # 0, 1, 2 and where it is to answer
        assert {one.pid for one in box.processes()} == runs
