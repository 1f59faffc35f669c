"""Who dies first when memory runs out: pyinit and its programs, by their oom_score_adj.

Raising the score is everybody's right; below the lowest that it was ever started with needs
CAP_SYS_RESOURCE.  So a pyinit that starts with a high score shows what a protected one would do.
"""

from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program

SCORE = "/proc/self/oom_score_adj"
USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
WAITS = "sleep 600"
# One of each way in which a run is started: in C, in Python, and as a hook of it.
PLAIN = program("plain", WAITS, start_seconds=0)
FORKED = program("forked", WAITS, limits={"nofile": 99}, start_seconds=0)


def born_with(score):
    """Return the words that start pyinit with a score."""
    return ("sh", "-c", f'echo {score} >{SCORE}; exec "$@"', "sh")


def score(pid):
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def scores(box, *names):
    """Return the scores of programs that run."""
    return [score(box.run_pid(name)) for name in names]


@pytest.mark.parametrize("uid", USERS)
def test_programs_start_with_the_score_that_pyinit_was_started_with(uid):
    hook = program("hooked", WAITS, hooks={"pre_start": ["sh", "-c", f"cat {SCORE} >&2"]})
    with Box(PLAIN + FORKED + hook, inside=born_with(321), uid=uid) as box:
        assert scores(box, "plain", "forked", "hooked") == [321] * 3
        assert score(box.pid) == 321
        assert "321" in box.until("321")
        box.call("reexec")
        assert box.call("restart", {"names": ["plain", "forked"], "wait": True})
        assert scores(box, "plain", "forked") == [321] * 2
        assert score(box.pid) == 321


@pytest.mark.parametrize("uid", USERS)
def test_a_score_of_its_own_is_the_programs_and_pyinit_keeps_what_it_has(uid):
    text = "[defaults]\noom_score_adj = 700\n" + PLAIN + FORKED
    text += program("own", WAITS, oom_score_adj=500, start_seconds=0)
    with Box(text, inside=born_with(400), uid=uid) as box:
        assert scores(box, "plain", "forked", "own") == [700, 700, 500]
        assert score(box.pid) == 400


@pytest.mark.parametrize("uid", USERS)
def test_what_it_was_started_with_lower_before_may_be_had_again(uid):
    with Box(program("low", WAITS, oom_score_adj=200), inside=born_with(400), uid=uid) as box:
        assert scores(box, "low") == [200]
        assert score(box.pid) == 400


def test_a_reload_changes_it_for_the_next_run():
    with Box(PLAIN) as box:
        first = box.run_pid("plain")
        before = score(first)
        box.config.write_text(program("plain", WAITS, start_seconds=0, oom_score_adj=900))
        assert box.ctl("reload").returncode == 0
        eventually(lambda: box.run_pid("plain") != first)
        assert scores(box, "plain") == [900]
        assert score(box.pid) == before
