"""What the watching child looks at: every directory that a path leads through, and contents."""

import os

import pytest

from pyinit.runtime.echoes import ECHOES, SOON_S, Echoes
from pyinit.runtime.watch_child import ANY, FILES, GONE, digest_of, places


def names(path, below):
    """Return the places of a path, those above `below` left out."""
    top = str(below)
    return [(at.removeprefix(top), name) for at, name, _ in places(str(path)) if at.startswith(top)]


def test_a_file_is_watched_by_the_directory_that_it_is_in(tmp_path):
    (tmp_path / "a").write_text("x")
    assert list(places(str(tmp_path / "a")))[-1] == (str(tmp_path), "a", True)


def test_what_is_not_there_is_waited_for_where_its_way_ends(tmp_path):
    assert names(tmp_path / "no/such/file", tmp_path) == [("", "no")]


def test_every_link_on_the_way_is_watched(tmp_path):
    (tmp_path / "..1").mkdir()
    (tmp_path / "..1/key").write_text("x")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "key").symlink_to("..data/key")
    found = names(tmp_path / "key", tmp_path)
    assert found == [("", "key"), ("", "..data"), ("", "..1"), ("/..1", "key")]


def test_a_link_to_a_place_from_the_root_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "there")
    found = names(tmp_path / "link/a", tmp_path)
    assert found == [("", "link"), ("", "there"), ("/there", "a")]


def test_links_that_lead_to_each_other_come_to_an_end(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert len(names(tmp_path / "a", tmp_path)) < 100


def test_of_a_directory_and_those_below_every_name_matters(tmp_path):
    (tmp_path / "d/e").mkdir(parents=True)
    assert names(tmp_path / "d", tmp_path)[1:] == [("/d", ANY), ("/d/e", ANY)]


def test_a_digest_stands_for_the_content_alone(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("same")
    other.write_text("same")
    os.utime(one, (1, 1))
    assert digest_of(str(one)) == digest_of(str(other))
    other.write_text("not the same")
    assert digest_of(str(one)) != digest_of(str(other))


def test_what_is_not_there_or_cannot_be_read_has_none(tmp_path):
    assert digest_of(str(tmp_path / "no")) == GONE
    (tmp_path / "loop").symlink_to("loop")
    assert digest_of(str(tmp_path / "loop")) == GONE


def test_nobody_waits_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert digest_of(str(tmp_path / "pipe")) == "special"


@pytest.mark.parametrize(
    "change",
    [
        lambda top: (top / "sub/a").write_text("new"),
        lambda top: (top / "b").write_text("added"),
        lambda top: (top / "sub/a").unlink(),
        lambda top: (top / "sub/a").rename(top / "sub/z"),
    ],
    ids=["written", "added", "removed", "renamed"],
)
def test_a_directory_changes_with_anything_in_it(tmp_path, change):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a").write_text("x")
    before = digest_of(str(tmp_path))
    assert digest_of(str(tmp_path)) == before
    change(tmp_path)
    assert digest_of(str(tmp_path)) != before


def test_a_directory_that_leads_back_to_itself_comes_to_an_end(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/up").symlink_to("..")
    assert digest_of(str(tmp_path)) != GONE


def test_of_a_directory_without_end_a_part_is_looked_at(tmp_path):
    for number in range(FILES + 10):
        (tmp_path / f"{number:05}").touch()
    assert digest_of(str(tmp_path)) != GONE


def waits(echoes, *times, begun_at=0.0):
    """Say how long each of these changes is to wait."""
    return [echoes.wait_s("/etc/app", now, begun_at) for now in times]


def test_what_changes_soon_after_each_act_is_acted_on_later_and_later_within_a_bound():
    echoes, now, found = Echoes(), 100.0, []
    for _ in range(ECHOES + 9):
        found += waits(echoes, now)
        now += found[-1] + 0.3
    assert found == [0, 0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_change_that_comes_by_itself_is_acted_on_at_once():
    echoes = Echoes()
    assert waits(echoes, 100.0, 100.3, 100.6, 100.9) == [0, 0, 0, 5]
    assert waits(echoes, 105.9 + SOON_S) == [0]
    assert waits(echoes, 112.0, 113.0) == [0, 0]


def test_a_run_that_began_long_after_the_act_counts_from_its_beginning():
    """Its stop may have taken a while."""
    echoes = Echoes()
    times = (100.0, 120.0, 140.0, 160.0)
    assert [waits(echoes, now, begun_at=now - 0.3) for now in times] == [[0], [0], [0], [5]]
