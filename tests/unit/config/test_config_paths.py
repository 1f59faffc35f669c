"""Paths without os: the same answers."""

import os

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyinit.config import paths

PARTS = st.text(alphabet="a./", max_size=8)


@given(directory=PARTS, path=PARTS)
def test_a_path_in_a_directory_is_what_os_makes_of_it(directory, path):
    assert paths.join(directory, path) == os.path.join(directory, path) or not path


@given(path=PARTS)
def test_the_directory_of_a_path_leads_where_that_of_os_leads(path):
    assume("//" not in path)
    ours, theirs = paths.directory_of(path), os.path.dirname(path)
    assert os.path.normpath(ours or ".") == os.path.normpath(theirs or ".")


def test_a_path_is_made_absolute_by_where_we_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert paths.absolute("a") == f"{tmp_path}/a"
    assert paths.absolute("/a") == "/a"
    assert paths.directory_of(paths.absolute("a")) == str(tmp_path)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "file").write_text("")
    os.symlink("file", tmp_path / "link")
    os.symlink("none", tmp_path / "broken")
    os.symlink(".", tmp_path / "here")
    return tmp_path


def test_what_is_there_is_told_from_what_is_not(place):
    assert paths.is_there(f"{place}/file")
    assert paths.is_there(f"{place}/broken")
    assert not paths.is_there(f"{place}/none")
    assert paths.is_directory(str(place))
    assert paths.is_directory(f"{place}/here")
    assert not paths.is_directory(f"{place}/file")
    assert not paths.is_directory(f"{place}/broken")
    assert paths.status(f"{place}/broken") is None


def test_all_paths_to_a_file_have_one_identity(place, monkeypatch):
    monkeypatch.chdir(place)
    found = {paths.identity(each) for each in ("file", "link", f"{place}/here/link")}
    assert len(found) == 1
    assert paths.identity("here") == paths.identity(".")
    assert paths.identity("none") == f"{place}/none" != paths.identity("broken")
