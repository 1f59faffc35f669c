"""The documents are true: what they configure compiles, where they lead exists."""

import re
import tomllib
from pathlib import Path

import pytest

from pyinit.cli.verbs import VERBS
from pyinit.config.load import load

TOP = Path(__file__).resolve().parents[3]
PAGES = [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted((TOP / "docs").glob("*.md"))]
README = (TOP / "README.md").read_text()


def _blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_readme_is_short_enough_for_a_newcomer():
    assert README.count("\n") < 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page):
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text())]
    inner = [link for link in links if link and "://" not in link]
    assert [link for link in inner if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_toml_block_of_a_page_can_be_parsed(page):
    for block in _blocks(page.read_text(), "toml"):
        assert tomllib.loads(block)


def test_the_configuration_of_the_readme_is_a_plan(tmp_path):
    path = tmp_path / "pyinit.toml"
    (block,) = _blocks(README, "toml")
    path.write_text(block.replace('"nonroot"', '"nobody"'))  # a user of the image
    plan = load([str(path)], {"PATH": "/bin"})
    names = [process.name for process in plan.processes]
    assert names == ["migrate", "web", "worker:0", "worker:1", "worker:2", "worker:3"]
    assert {process.launch.limits[0].soft for process in plan.processes if process.launch.limits}


def test_every_verb_the_readme_names_is_one():
    named = set(re.findall(r"pyinitctl (?!VERB)([a-z]+)", README))
    assert named <= set(VERBS)
    assert len(named) > 10


def test_every_make_target_a_page_names_is_one():
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for block in _blocks(page.read_text(), "sh"):
            assert set(re.findall(r"^make ([a-z]+)", block, re.MULTILINE)) <= targets
