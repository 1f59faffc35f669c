"""README.ja.md says what README.md says: its commands are those that are tested, its links lead."""

import re
import tomllib
from pathlib import Path

import pytest

from pyinit.cli.verbs import VERBS
from pyinit.config.load import load

TOP = Path(__file__).resolve().parents[3]
TEXT = (TOP / "README.ja.md").read_text()
ENGLISH = (TOP / "README.md").read_text()
KUBERNETES = (TOP / "docs" / "kubernetes.md").read_text()
COMPOSE = (TOP / "compose.yaml").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(TEXT)
CODE = re.compile(r"`([^`\n]+)`")


def test_each_readme_leads_to_the_other():
    assert "](README.ja.md)" in ENGLISH
    assert "](README.md)" in TEXT


def test_what_is_typed_and_what_comes_of_it_is_as_on_the_pages_that_are_followed():
    shown = [text for language, text in BLOCKS if language in {"console", "Dockerfile"}]
    assert len(shown) >= 5
    assert [text for text in shown if text not in ENGLISH + KUBERNETES] == []


def test_what_compose_is_told_is_what_its_file_says():
    (lines,) = [text.splitlines() for language, text in BLOCKS if language == "sh"]
    assert [line for line in lines if f"#   {line}" not in COMPOSE] == []


def test_every_command_within_a_sentence_is_one_of_the_english_pages():
    pages = [ENGLISH, *[page.read_text() for page in (TOP / "docs").glob("*.md")]]
    outside = BLOCK.sub("", TEXT)
    commands = re.compile(r"(pyinit|pyinitctl|pip|docker|kubectl|make|man) ")
    named = {code for code in CODE.findall(outside) if commands.match(code)}
    assert len(named) >= 8
    told = {code for code in named if any(code in page for page in pages)}
    assert named <= told
    assert set(re.findall(r"pyinitctl ([a-z]+)", outside)) <= set(VERBS)


def test_its_configuration_is_a_plan_and_says_nothing_that_the_english_one_does_not(tmp_path):
    (text,) = [text for language, text in BLOCKS if language == "toml"]
    path = tmp_path / "pyinit.toml"
    path.write_text(text)
    plan = load([str(path)], {"PATH": "/bin"})
    assert [process.name for process in plan.processes] == ["migrate", "web"]
    whole = tomllib.loads(next(text for name, text in BLOCK.findall(ENGLISH) if name == "toml"))
    ours = tomllib.loads(text)
    assert ours["init"].items() <= whole["init"].items()
    for name, program in ours["program"].items():
        assert program.keys() <= whole["program"][name].keys()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)\s]+)\)", TEXT))))
def test_every_link_leads_to_a_file(link):
    assert (TOP / link.partition("#")[0]).exists()
