"""`make demo` does the main job without Docker, too, and says what it could not do.

With Docker it is run as README.md has it, by test_pages_in_docker.py.
"""

import os
import subprocess

import pytest
from boxes import TOP

HELD = (
    "the worker was started after the service had said addr: ...",
    "pyinit raised itself to 16384 descriptors",
    "the program's own page shows 1100",
    "the program's own page shows 18000",
    "it crashed and is back as a new run",
    "the exit status is 0",
)


def demo(**settings):
    return subprocess.run(
        ["make", "--no-print-directory", "demo"],
        cwd=TOP,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.mark.slow
def test_the_demo_runs_to_its_end_on_the_host():
    done = demo(PYINIT_DEMO="host")
    assert done.returncode == 0, done.stdout
    summary = done.stdout.partition("== summary (host")[2]
    for held in HELD:
        assert f"  ok: {held}" in summary, done.stdout


def test_a_mode_that_there_is_not_is_refused():
    done = demo(PYINIT_DEMO="moon")
    assert done.returncode != 0
    assert 'cannot run in "moon"' in done.stdout
