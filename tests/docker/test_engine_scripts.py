"""The scripts that tests, demo and CI stand on: they can be run again, and end only their own."""

import shutil
import subprocess
from pathlib import Path

import pytest
from boxes import TOP


def script(name, *words):
    return subprocess.run(
        [str(TOP / "scripts" / name), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def test_an_engine_that_answers_is_used_and_not_started_again(engine):
    before = engine.info()["ID"], engine.version()["Version"]
    done = script("engine.sh", "start")
    assert done.returncode == 0, done.stdout
    assert "an engine answers" in done.stdout
    assert "starting" not in done.stdout
    assert (engine.info()["ID"], engine.version()["Version"]) == before
    assert script("engine.sh", "status").returncode == 0


def test_a_base_image_that_is_there_is_not_made_again(engine, base):
    before = engine.images.get(base).id
    done = script("bases.sh", base)
    assert (done.returncode, done.stdout) == (0, "")
    assert engine.images.get(base).id == before


@pytest.fixture
def sleeper():
    """A process that is no engine."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("ours", [True, False], ids=["started by us", "a stranger"])
def test_stop_ends_what_start_has_started_and_no_stranger_with_its_pid(tmp_path, sleeper, ours):
    (tmp_path / "scripts").mkdir()
    shutil.copy(TOP / "scripts/engine.sh", tmp_path / "scripts")
    state = tmp_path / "var/engine"
    state.mkdir(parents=True)
    born = Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[19]
    (state / "ours").write_text(f"{sleeper.pid} {born if ours else int(born) - 1}\n")
    words = [str(tmp_path / "scripts/engine.sh"), "stop"]
    stopping = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    if ours:
        assert sleeper.wait(timeout=60) == -15
    said = stopping.communicate(timeout=120)[1]
    assert stopping.returncode == 0
    assert ("stopped the engine" in said) is ours
    assert ours or sleeper.poll() is None
    assert not (state / "ours").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("engine.sh", ["dance"]),
        ("setup.sh", []),
        ("setup.sh", ["moon"]),
        ("podman.sh", []),
        ("podman.sh", ["config"]),
    ],
)
def test_a_word_that_a_script_does_not_know_gives_its_usage_and_2(name, words):
    done = script(name, *words)
    assert done.returncode == 2
    assert f"usage: scripts/{name}" in done.stdout
