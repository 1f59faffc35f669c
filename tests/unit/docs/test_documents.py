"""The documents are true: what they configure compiles, where they lead exists."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from bench import report
from pyinit.cli.verbs import VERBS
from pyinit.config.load import load
from pyinit.config.problems import ConfigErrors

TOP = Path(__file__).resolve().parents[3]
sys.path.append(str(TOP / "tests"))

import following  # noqa: E402

PAGES = [TOP / page for page in following.pages()]
README = (TOP / "README.md").read_text()
LINK = re.compile(r"\]\(([^)\s]+)\)")
# What is not in the block, but in the image, or in the rest of the file.
ELSEWHERE = re.compile(r"there is no (program|group|such file)|: cannot read |need no password")
STEPS = 2  # from README.md to any page


def _blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _name(page):
    return str(page.relative_to(TOP))


def _links(page):
    """Return [(file, anchor)] of the links of a page that stay in the repository."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = [link.partition("#") for link in LINK.findall(text) if "://" not in link]
    return [((page.parent / file).resolve() if file else page, name) for file, _, name in found]


def _anchors(page):
    """Return the anchors that GitHub gives to the heads: the second of a name has -1."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    seen, found = {}, set()
    for head in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return found


def test_the_readme_is_short_enough_for_a_newcomer():
    assert README.count("\n") < 200


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_of_it(page):
    for file, anchor in _links(page):
        assert file.exists(), file
        assert not anchor or anchor in _anchors(file), (file.name, anchor)


def test_every_page_is_two_steps_from_the_readme_at_most():
    near = {TOP / "README.md"}
    for _ in range(STEPS):
        near |= {file for page in near if page.suffix == ".md" for file, _ in _links(page)}
    assert [_name(page) for page in PAGES if page not in near] == []


def test_the_index_names_every_page_of_its_directory():
    index = TOP / "docs" / "README.md"
    named = {file for file, _ in _links(index)}
    assert [page.name for page in (TOP / "docs").glob("*.md") if page not in {index, *named}] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_toml_block_of_a_page_can_be_parsed(page):
    for block in _blocks(page.read_text(), "toml"):
        assert tomllib.loads(block)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_toml_block_of_a_page_says_what_pyinit_understands(page, tmp_path):
    path = tmp_path / "pyinit.toml"
    for language, line, block in following.blocks(_name(page)):
        if language == "toml" and not block.startswith("# containers.conf"):
            path.write_text(block.replace('"nonroot"', '"nobody"'))  # a user of the image
            try:
                load([str(path)], {"PATH": "/bin"})
            except ConfigErrors as found:
                faults = re.findall(r"^\S+:\d+: (.*)", str(found), re.MULTILINE)
                assert [fault for fault in faults if not ELSEWHERE.search(fault)] == [], line


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_of_a_page_is_run_by_a_test(page):
    assert [command.text for command in following.unfollowed(_name(page))] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_are_shown_so_that_they_can_be_followed(page):
    languages = {language for language, _line, _text in following.blocks(_name(page))}
    assert languages.isdisjoint({"sh", "bash", "shell"}), "say ```console, and `$ ` before commands"


def test_nothing_is_run_in_the_place_of_a_command_that_no_page_shows():
    shown = {each.text for page in following.pages() for each in following.commands(page)}
    assert set(following.INSTEAD) <= shown


def test_who_is_said_to_follow_a_page_is_there():
    for page, test in following.FOLLOWED.items():
        assert following.commands(page), page
        assert (TOP / test).exists()


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
        assert (
            set(re.findall(r"(?:`|^\$ )make ([a-z]+)", page.read_text(), re.MULTILINE)) <= targets
        )


def test_the_bounds_that_are_explained_are_those_that_are_measured():
    text = (TOP / "docs" / "why.md").read_text()
    table = text.partition("| row of performance.md | bound |")[2].partition("\n\n")[0]
    measured = (TOP / "docs" / "performance.md").read_text()
    bounds = [float(bound) for bound in re.findall(r"\| ([\d.]+) \|$", table, re.MULTILINE)]
    known = {float(bound) for bound in re.findall(r"[<>]= ([\d.]+):", measured)}
    assert len(bounds) == 5
    assert set(bounds) <= known


def test_the_page_of_performance_is_what_was_measured_and_shows_its_pictures():
    results = TOP / "bench" / "results"
    rows = report.read(results)
    text = (TOP / "docs" / "performance.md").read_text()
    made = report.page(results, report.read_setting(results), rows, "../bench/results/")
    assert text == made, "run `python -m bench --report`"
    for picture in re.findall(r"\]\((\S+\.svg)\)", text):
        assert (TOP / "docs" / picture).exists(), picture


def test_the_imports_that_are_explained_are_those_that_are_allowed():
    text = (TOP / "docs" / "why.md").read_text()
    table = text.partition("| imported | for |\n|---|---|\n")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)))
    test = (TOP / "tests" / "unit" / "architecture" / "test_import_budget.py").read_text()
    allowed = re.findall(
        r'^    "(\w+)": ', test.partition("ALLOWED = {")[2].partition("\n}")[0], re.MULTILINE
    )
    assert sorted(named) == sorted(allowed)
