"""Where a log file really is: links, missing directories, our own stdout by its names."""

import os

import pytest

from pyinit.system import logplace
from pyinit.system.logplace import OwnStream, find, open_file


def place(path):
    """Return the real path of what `find` says, its descriptor closed."""
    here, name = find(str(path))
    try:
        return os.path.join(os.readlink(f"/proc/self/fd/{here}"), name)
    finally:
        os.close(here)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/dev/stdout", 1),
        ("/dev/stderr", 2),
        ("/dev/fd/1", 1),
        ("/proc/self/fd/2", 2),
        ("/proc/PID/fd/1", 1),
    ],
)
def test_our_own_streams_are_told_by_their_number(path, number, tmp_path):
    path = path.replace("PID", str(os.getpid()))
    for each in (path, tmp_path / "link"):
        if each != path:
            each.symlink_to(path)
        with pytest.raises(OwnStream) as told:
            find(str(each))
        assert told.value.number == number


def test_directories_are_made_and_odd_paths_are_understood(tmp_path):
    assert place(tmp_path / "a" / "b" / "log") == str(tmp_path / "a" / "b" / "log")
    assert place(f"{tmp_path}//a/./b/../log") == str(tmp_path / "a" / "log")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_relative_path_begins_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place("sub/log") == str(tmp_path / "sub" / "log")
    assert place("log") == str(tmp_path / "log")


def test_links_of_ones_own_are_followed_relative_absolute_and_in_chains(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "log").symlink_to("../other")
    assert place(tmp_path / "one" / "log") == str(tmp_path / "other")


def test_a_circle_of_links_is_an_error_that_says_so(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="Too many levels"):
        find(str(tmp_path / "a" / "log"))
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others: needs root")
def test_links_of_others_or_in_directories_of_others_are_not_followed(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "link").symlink_to("/etc/passwd")
    os.chown(theirs, 12345, 12345)
    with pytest.raises(OSError, match="made by another user"):
        find(str(theirs / "link"))
    (tmp_path / "link").symlink_to("/etc")
    os.chown(tmp_path / "link", 12345, 12345, follow_symlinks=False)
    with pytest.raises(OSError, match="made by another user"):
        find(str(tmp_path / "link" / "passwd"))


def test_a_directory_is_no_log_file(tmp_path):
    for path in (tmp_path, "/"):
        with pytest.raises(IsADirectoryError):
            open_file(str(path), None, None, None)


def test_a_name_on_the_way_that_is_no_directory_is_told(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(NotADirectoryError):
        find(str(tmp_path / "f" / "log"))


def test_names_lists_the_directory_that_was_found(tmp_path):
    (tmp_path / "x").touch()
    here, _ = find(str(tmp_path / "log"))
    assert logplace.names(here) == ["x"]
    os.close(here)


def test_what_is_there_is_opened_and_nothing_is_made(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"text")
    fd = logplace.open_existing(str(log), logplace.READING)
    assert os.pread(fd, 10, 1) == b"ext"
    os.close(fd)
    fd = logplace.open_existing(str(log), logplace.EMPTYING)
    os.ftruncate(fd, 0)
    os.close(fd)
    assert log.read_bytes() == b""
    os.mkfifo(tmp_path / "fifo")
    for name in ("none", "deep/none", "fifo", "."):
        for flags in (logplace.READING, logplace.EMPTYING):
            with pytest.raises(FileNotFoundError):
                logplace.open_existing(str(tmp_path / name), flags)
    assert sorted(os.listdir(tmp_path)) == ["fifo", "log"]
    with pytest.raises(OwnStream):
        logplace.open_existing("/dev/stdout", logplace.READING)


def test_a_path_of_our_own_streams_is_told_from_others(tmp_path):
    (tmp_path / "link").symlink_to("/dev/fd/1")
    assert logplace.own_stream("/dev/stderr") == 2
    assert logplace.own_stream(str(tmp_path / "link")) == 1
    assert logplace.own_stream(str(tmp_path / "log")) == 0
    assert logplace.own_stream(str(tmp_path / "none" / "log")) == 0
