"""COMMAND mode: the main program has all the time of the world, its company has the stop budget."""

import time

import pytest
from boxed import Box, program

SLOW = "trap 'echo told; sleep 3; exit 5' TERM; echo ready; while true; do sleep 0.05; done"
DEAF = "trap '' TERM; echo ready; while true; do sleep 0.05; done"
SHORT = '[init]\nstop_budget = "1s"\n'
ODD = "of [init] means nothing here: the COMMAND's end is the end"


def in_front(script, config=None):
    return Box(config, command=("sh", "-c", script))


def test_a_main_program_that_takes_longer_than_the_stop_budget_is_not_killed():
    with in_front(SLOW, SHORT + program("side", "sleep", "600")) as box:
        box.until("ready", out=True)
        began = time.monotonic()
        box.send("TERM")
        box.until("told", out=True)
        time.sleep(max(0.0, began + 1.5 - time.monotonic()))  # the budget is over
        assert not box.ended
        assert box.status()["side"]["state"] == "RUNNING"
        assert box.wait() == 5
        assert time.monotonic() - began >= 2.5


def test_a_shutdown_by_hand_stops_it_within_the_stop_budget():
    with in_front(DEAF, SHORT) as box:
        box.until("ready", out=True)
        box.wait_socket()
        began = time.monotonic()
        box.ctl("shutdown")
        assert box.wait() == 137
        assert time.monotonic() - began < 20


def test_what_is_left_when_it_has_ended_has_the_stop_budget():
    config = SHORT + program("deaf", DEAF)
    with in_front("read line", config) as box:
        assert box.wait() in (0, 1), box.err
        assert "deaf took" in box.err


def test_neither_exit_nor_a_critical_program_ends_pyinit_and_exit_is_warned_of():
    config = '[init]\nexit = "fail-fast"\n'
    config += program("critical", "exit 3", restart="never", critical=True)
    with in_front(SLOW, config) as box:
        box.until(f'exit = "fail-fast" {ODD}')
        box.wait_state("critical", "EXITED")
        assert "leave it out, or make the command a program of the configuration" in box.err
        assert box.status()["main"]["state"] == "RUNNING"
        assert ODD in box.json("reload", "--dry-run")["warnings"][0]
        box.send("TERM")
        assert box.wait() == 5


@pytest.mark.parametrize("config", [None, SHORT])
def test_who_says_nothing_of_exit_is_not_warned(config):
    with in_front("exit 0", config) as box:
        assert box.wait() == 0
        assert "means nothing" not in box.err
