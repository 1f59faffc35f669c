"""`ready.output` under a real PID 1: whatever the expression and the line, PID 1 goes on."""

import os

import pytest
from boxed import Box, eventually, program, python

AFTER = program("after", "echo after; exec sleep 600", depends_on={"web": "ready"})
FREEZING = [
    ("listening.*on.*port.*ready$", "print('on port listening ' + 'on port ' * 1900, flush=True)"),
    ("listening.*on.*port.*ready$", "print('listening ' + 'on port ' * 1900, end='', flush=True)"),
    ("(a+)+$", "print('a' * 4000 + 'b', flush=True)"),
]
GROWING = """
import sys, time
for _ in range(4000):
    sys.stdout.write("(a ready line that is none)\\n" * 50)
sys.stdout.write("listening on 8080")
sys.stdout.flush()
time.sleep(600)
"""


def web(*words, pattern, **keys):
    ready = {"output": pattern, "timeout": keys.pop("timeout", "500s")}
    return program("web", *words, ready=ready, **keys) + AFTER


def searchers(box):
    return [one for one in box.processes() if one.name == "pyinit-ready"]


def with_a_searcher(box):
    """Wait until somebody looks, not PID 1; return who."""
    return eventually(lambda: searchers(box))


@pytest.mark.parametrize(("pattern", "code"), FREEZING)
def test_no_expression_and_no_line_stop_pid_1(pattern, code):
    words = python(f"{code}; import time; time.sleep(600)")
    with Box(web(*words, pattern=pattern, stdout="null")) as box:
        with_a_searcher(box)
        assert box.status()["web"]["state"] == "STARTING"
        box.send("TERM")
        assert box.wait(30) == 0


def test_an_expression_that_takes_forever_is_told_of_and_looked_for_no_more():
    words = python("print('a' * 4000 + 'b', flush=True); import time; time.sleep(600)")
    text = web(*words, pattern="(a+)+$", timeout="300s", restart="never")
    told = 'web: cannot look for "(a+)+$" in its output: a line takes it more than 10 s'
    with Box(text) as box:
        box.until(told, within_s=120)  # ten seconds of a processor, which others want as well
        assert not searchers(box)
        assert box.status()["web"]["state"] == "STARTING", "the timeout decides"


def test_who_looks_is_killed_when_the_run_is_not_ready_in_time():
    words = python("print('a' * 4000 + 'b', flush=True); import time; time.sleep(600)")
    with Box(web(*words, pattern="(a+)+$", timeout="2s", restart="never")) as box:
        with_a_searcher(box)
        assert box.wait(30) != 0
        assert "not ready" in box.err


@pytest.mark.parametrize("stdout", ["inherit", "prefix"])
@pytest.mark.parametrize("newline", ["\\n", ""])
@pytest.mark.parametrize("stream", [1, 2])
def test_alternation_and_groups_are_found_on_both_streams(stream, newline, stdout):
    script = f"echo starting; printf 'port (80) is up{newline}' >&{stream}; exec sleep 600"
    text = web(script, pattern=r"^(host|port) \((?P<n>\d+)\) (is|was) up$", stdout=stdout)
    with Box(text) as box:
        box.until("after", out=True)
        assert box.status()["web"]["ready"] is True
        eventually(lambda: not searchers(box))


def test_what_comes_in_pieces_is_found():
    script = (
        "for part in li ste ning ' on ' 80; do printf \"$part\"; sleep 0.1; done; exec sleep 600"
    )
    with Box(web(script, pattern="^listening on [0-9]+$")) as box:
        box.until("after", out=True)


def test_after_much_output_the_line_is_still_found():
    text = web(*python(GROWING), pattern=r"^(listening|serving) on \d+", stdout="null")
    with Box(text) as box:
        box.until("after", out=True)


def test_a_search_that_was_killed_is_told_of():
    script = "echo starting; exec sleep 600"
    with Box(web(script, pattern="x|b{9}")) as box:
        (one,) = with_a_searcher(box)
        os.kill(one.pid, 9)
        box.until("the process that looks for it has died")
        assert box.status()["web"]["state"] == "STARTING"


def test_after_a_re_exec_it_is_still_looked_for():
    script = "echo starting; until test -e $PYINIT_BOX/go; do sleep 0.1; done; echo is up >&2; exec sleep 600"
    with Box(web(script, pattern="(is|was) up")) as box:
        (one,) = with_a_searcher(box)
        for _ in range(2):
            box.call("reexec")
        eventually(lambda: one.pid not in [each.pid for each in searchers(box)])
        (box.place / "go").touch()
        box.until("after", out=True)


def test_what_was_printed_just_before_a_re_exec_is_found():
    script = "printf 'is up'; exec sleep 600"
    with Box(web(script, pattern="(is|was) up$|(a+)+c")) as box:
        eventually(lambda: box.out)
        box.call("reexec")
        box.until("after", out=True)


def test_who_ends_while_it_is_looked_for_leaves_nobody():
    with Box(web("echo starting; exit 3", pattern="x|y", restart="never")) as box:
        assert box.wait() != 0
