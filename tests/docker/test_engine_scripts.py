"""The scripts that tests, demo and CI stand on: they can be run again, and end only their own."""

import subprocess

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


@pytest.mark.parametrize(
    ("name", "words"), [("engine.sh", ["dance"]), ("setup.sh", []), ("setup.sh", ["moon"])]
)
def test_a_word_that_a_script_does_not_know_gives_its_usage_and_2(name, words):
    done = script(name, *words)
    assert done.returncode == 2
    assert f"usage: scripts/{name}" in done.stdout
