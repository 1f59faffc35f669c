"""What a pattern of an `include` matches: what glob(7) says, and only so much."""

import glob
import os
import re

import pytest
from configs import fault_in, faults_of, written

from pyinit.config import globs
from pyinit.config.problems import ValueFault

FILES = (
    "a.toml",
    "b.toml",
    ".hidden.toml",
    "sub/c.toml",
    "sub/.d/e.toml",
    "sub2/c.toml",
    "[x]/f.toml",
)
PATTERNS = (
    *("*.toml", ".*", "*", "sub/*.toml", "*/c.toml", "*/*.toml", "s?b/c.toml", "[ab].toml"),
    *("*/", "sub/*/", "sub/../*.toml", "./*.toml", "sub//c*", "none/*", "a.toml/*", "*/.d/*.toml"),
    *("[!a].toml", "[", "**", "a.toml", "nothing", "loose", "*/*/*", "sub/.*/*"),
)


@pytest.fixture
def place(tmp_path):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "loose").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_is_what_a_shell_finds(place, monkeypatch, pattern):
    def same(one, other):
        return [os.path.normpath(each) for each in one] == [
            os.path.normpath(each) for each in other
        ]

    assert same(globs.matches(str(place), pattern), sorted(glob.glob(f"{place}/{pattern}")))
    assert same(globs.matches("", f"{place}/{pattern}"), sorted(glob.glob(f"{place}/{pattern}")))
    monkeypatch.chdir(place)
    assert globs.matches("", pattern) == sorted(glob.glob(pattern)) or "//" in pattern


def test_a_directory_may_be_called_like_a_pattern(place):
    assert globs.matches(f"{place}/[x]", "*.toml") == [f"{place}/[x]/f.toml"]


def test_a_pattern_that_leads_through_too_much_is_refused(place, monkeypatch):
    monkeypatch.setattr(globs, "MOST", 8)
    assert len(globs.matches(str(place), "*.toml")) == 2
    with pytest.raises(ValueFault, match=r'"\*/\*" leads through more than 8 files'):
        globs.matches(str(place), "*/*")
    with pytest.raises(ValueFault):
        globs.matches(str(place), "*/../*/../*/../*.toml")


def test_a_pattern_that_matches_too_much_is_refused_before_any_of_it_is_read(place, monkeypatch):
    monkeypatch.setattr(globs, "MOST_FOUND", 1)
    found = fault_in(place, 'include = [\n"sub/*.toml",\n"sub*/*.toml"]\n')
    assert found == (3, 'include: "sub*/*.toml" matches more than 1 files', globs.FIX)


def test_what_may_be_the_whole_machine_is_a_fault_with_its_place(tmp_path):
    line, message, fix = fault_in(tmp_path, 'include = [\n"/*/*/*/*"]\n')
    assert (line, fix) == (2, 'name the directory: "conf.d/*.toml"')
    assert re.fullmatch(
        r'include: "/\*/\*/\*/\*" (leads through more than 50,000 files and directories'
        r"|matches more than 1,000 files)",
        message,
    )
    main = written(tmp_path, "[supervisord]\n[include]\nfiles=/*/*/*/*\n", "a.conf")
    assert [each[:3] for each in faults_of(main)] == [("a.conf", 3, message)]
