"""A pyinitctl that is run for another one outside of its container, which may be gone at any time."""

import os
import signal
import subprocess

import pytest
from boxed import WITHIN_S, Box, start_words

CONFIG = """
[program.web]
command = ["sleep", "600"]
start_seconds = 0
"""


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as made:
        made.wait_socket()
        yield made


def started(box, far_end, stdin, *words):
    return subprocess.Popen(
        [*start_words("ctl"), *words],
        env={"PYINIT_SOCKET": box.socket, "PATH": os.environ["PATH"], **far_end},
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("words", [["logs", "-f", "web"], ["status", "--watch"], ["events", "-f"]])
def test_it_ends_with_its_stdin_wherever_it_waits(box, words):
    with started(box, {"PYINITCTL_FAR_END": "pipe"}, subprocess.PIPE, *words) as process:
        if words[0] == "status":
            assert process.stdout.readline().startswith("NAME")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.stdin.close()
        assert process.wait(WITHIN_S) == -signal.SIGIO


def test_it_ends_at_once_where_its_stdin_has_ended_already(box):
    far_end = {"PYINITCTL_FAR_END": "pipe"}
    with started(box, far_end, subprocess.DEVNULL, "events", "-f") as process:
        assert process.wait(WITHIN_S) == -signal.SIGIO


def test_without_a_far_end_stdin_means_nothing(box):
    with started(box, {}, subprocess.DEVNULL, "status", "--watch") as process:
        assert process.stdout.readline().startswith("NAME")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.kill()


@pytest.mark.parametrize("far_end", ["terminal", "pipe"])
def test_it_clears_the_screen_of_the_far_end_if_that_is_a_terminal(box, far_end):
    environment = {"PYINITCTL_FAR_END": far_end}
    with started(box, environment, subprocess.PIPE, "status", "--watch") as process:
        assert process.stdout.readline().startswith("\x1b[H\x1b[J") is (far_end == "terminal")
        process.kill()
