"""Each thing that coverage guides the fuzzing of (`make soak`), for a moment, and what was found."""

import os
import random
import subprocess
import sys
from pathlib import Path

import guided
import guided_targets
import pytest
from fuzzing import SEED, TIMES
from hypothesis import given, settings
from hypothesis import strategies as st

TRIES = 150 * TIMES


@pytest.mark.parametrize("name", guided_targets.TARGETS)
def test_what_gets_somewhere_breaks_no_promise(name):
    target, chance = guided_targets.TARGETS[name], random.Random(SEED)
    for seed in guided_targets.SEEDS[name]:
        target(seed)
    for _ in range(TRIES):
        data = guided.mutated(name, chance)
        try:
            target(data)
        except Exception as error:
            raise AssertionError(f"by {data!r}") from error


@pytest.mark.parametrize("name", guided_targets.TARGETS)
@settings(max_examples=30 * TIMES, derandomize=TIMES == 1, database=None)
@given(data=st.binary(max_size=200))
def test_bytes_break_no_promise(name, data):
    guided_targets.TARGETS[name](data)


def test_a_finding_ends_the_run_with_1_and_is_kept(tmp_path):
    """Also where nothing guides: that is how it runs without the library."""
    broken = "import guided, guided_targets, pathlib, sys\n"
    broken += f"place = pathlib.Path({str(tmp_path)!r})\n"
    broken += "guided_targets.TARGETS['words'] = lambda data: 1 / (len(data) != 3)\n"
    broken += "guided_targets.SEEDS['words'] = [b'abc']\n"
    broken += "guided_targets.WORDS['words'] = ['x']\n"
    broken += "guided.blindly('words', 60.0, place)\n"
    tests = str(Path(guided.__file__).parent)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, str(guided.ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", broken], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert len((tmp_path / "found-blindly").read_bytes()) == 3
