"""Completion of names: bash asks pyinitctl, which asks the pyinit that runs."""

import os
import subprocess

import pytest
from boxed import Box, start_words

CONFIG = """
[init]
exit = "never"
[program.web]
command = ["sleep", "600"]
instances = 2
[program.worker]
command = ["sleep", "600"]
[group.backend]
programs = ["worker"]
"""
SCRIPT = """
pyinitctl() { "${CTL[@]}" "$@"; }
eval "$(pyinitctl completion bash)"
COMP_LINE=$1 COMP_POINT=${#1}
_pyinitctl pyinitctl 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


def replies(box, line, env):
    words = " ".join([f"'{word}'" for word in start_words("ctl")[:-1]])
    code = start_words("ctl")[-1]
    script = f'CTL=({words} "$CODE"){SCRIPT}'
    found = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", line],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "CODE": code, **env},
    )
    return found.stdout.split()


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as found:
        found.wait_state("worker", "RUNNING")
        yield found


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("stop w", ["web", "web:0", "web:1", "worker", "web:*"]),
        ("restart web:", ["*", "0", "1"]),  # readline has the name before the colon already
        ("logs worker ba", ["backend:*"]),
        ("signal TERM wo", ["worker"]),
        ("limits wo", ["worker"]),
        ("status a", ["all"]),
    ],
)
def test_names_of_the_running_pyinit_are_completed(box, line, wanted):
    found = replies(box, f"pyinitctl {line}", {"PYINIT_SOCKET": box.socket})
    assert sorted(found) == sorted(wanted)


def test_the_socket_that_was_named_is_asked(box):
    assert replies(box, f"pyinitctl -s {box.socket} stop work", {}) == ["worker"]
    env = {"PYINIT_SOCKET": "/nowhere"}
    assert replies(box, "pyinitctl stop work", env) == []
    assert replies(box, f"pyinitctl --socket={box.socket} stop work", env) == ["worker"]
