"""Descriptors and files: nothing is left half done, nothing leaks, nobody is led astray."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pyinit.runtime import pidfile
from pyinit.system import files

ROOT = Path(files.__file__).parents[2]
IS_ROOT = os.geteuid() == 0


def in_a_child(code, **options):
    text = f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom pyinit.system import files\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        **options,
    )
    return done.stdout


def test_a_log_is_opened_for_appending_with_its_directories(tmp_path):
    path = tmp_path / "a" / "b" / "log"
    for text in (b"one", b"two"):
        fd = files.open_log(str(path))
        os.write(fd, text)
        assert not os.get_inheritable(fd)
        os.close(fd)
    assert path.read_bytes() == b"onetwo"


def test_a_log_has_the_mode_that_was_asked_for_whatever_the_mask(tmp_path):
    path = tmp_path / "log"
    mask = os.umask(0o077)
    try:
        os.close(files.open_log(str(path), 0o664))
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o664


@pytest.mark.skipif(not IS_ROOT, reason="changes owners: needs root")
def test_a_log_has_the_owner_that_was_asked_for(tmp_path):
    path = tmp_path / "log"
    os.close(files.open_log(str(path), None, 12345, 23456))
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)
    os.close(files.open_log(str(path), None, None, 34567))
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 34567)


def test_a_log_is_not_written_through_a_link(tmp_path):
    """T49."""
    (tmp_path / "target").write_text("precious")
    (tmp_path / "log").symlink_to(tmp_path / "target")
    with pytest.raises(OSError) as caught:
        files.open_log(str(tmp_path / "log"))
    assert caught.value.errno == errno.ELOOP


@pytest.mark.skipif(not IS_ROOT, reason="needs a file of somebody else's: needs root")
def test_a_log_is_not_written_through_a_hard_link_to_somebody_elses_file(tmp_path):
    (tmp_path / "theirs").write_text("")
    os.chown(tmp_path / "theirs", 12345, 12345)
    os.link(tmp_path / "theirs", tmp_path / "log")
    with pytest.raises(PermissionError):
        files.open_log(str(tmp_path / "log"))


@pytest.mark.skipif(not IS_ROOT, reason="needs a directory of somebody else's: needs root")
@pytest.mark.parametrize("by_descriptor", [False, True])
def test_a_hard_link_to_our_own_file_in_somebody_elses_directory_is_refused(
    tmp_path, by_descriptor
):
    """Where the kernel does not protect hard links, any user can place one to a file of root's."""
    (tmp_path / "ours").write_text("")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.link(tmp_path / "ours", theirs / "log")
    here = os.open(theirs, os.O_PATH)
    name, dir_fd = ("log", here) if by_descriptor else (str(theirs / "log"), None)
    try:
        os.close(files.open_log(name, dir_fd=dir_fd))  # the directory is ours: so is the link
        os.chown(theirs, 12345, 12345)
        with pytest.raises(PermissionError):
            files.open_log(name, dir_fd=dir_fd)
        os.remove(tmp_path / "ours")
        os.close(files.open_log(name, dir_fd=dir_fd))  # no link any more
    finally:
        os.close(here)


@pytest.mark.skipif(not IS_ROOT, reason="gives files away: needs root")
def test_a_small_file_has_its_owner_before_it_has_its_name(tmp_path, monkeypatch):
    """The owner of the directory puts a link in its place at once: where it leads stays ours."""
    (tmp_path / "target").write_text("precious")
    rename, found = os.rename, []

    def rename_and_lose(old, new, **places):
        rename(old, new, **places)
        path = tmp_path / new
        found.append(path.lstat().st_uid)
        path.unlink()
        path.symlink_to(tmp_path / "target")

    monkeypatch.setattr("posix.rename", rename_and_lose)
    pidfile.take(str(tmp_path / "pid"), 12345, 12345)
    assert found == [12345]
    assert (tmp_path / "target").stat().st_uid == 0


def test_a_fifo_nobody_reads_is_an_error_and_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError) as caught:
        files.open_log(str(tmp_path / "log"))
    assert caught.value.errno == errno.ENXIO


def test_a_small_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "pid"
    files.atomic_write(str(path), b"1\n", 0o600)
    files.atomic_write(str(path), b"22\n")
    assert path.read_bytes() == b"22\n"
    assert os.listdir(tmp_path) == ["pid"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(OSError):
        files.atomic_write(str(tmp_path / "full"), b"x")
    assert sorted(os.listdir(tmp_path)) == ["full", "pid"]


def test_what_an_interrupted_write_left_is_no_obstacle(tmp_path):
    (tmp_path / f"pid.{os.getpid()}").write_text("half")
    files.atomic_write(str(tmp_path / "pid"), b"1\n")
    assert os.listdir(tmp_path) == ["pid"]


def test_removing_what_is_not_there_is_fine(tmp_path):
    files.remove(str(tmp_path / "x"))
    (tmp_path / "x").touch()
    files.remove(str(tmp_path / "x"))
    assert os.listdir(tmp_path) == []


def test_parents_are_made_once_and_only_parents(tmp_path):
    for _ in range(2):
        files.make_parents(str(tmp_path / "a" / "b" / "c"))
    assert (tmp_path / "a" / "b").is_dir()
    assert not (tmp_path / "a" / "b" / "c").exists()
    files.make_parents("name")


def test_inherited_descriptors_are_sealed_but_for_those_that_are_wanted():
    code = """
for fd in (50, 60, 70):
    os.dup2(0, fd, inheritable=True)
files.seal_inherited(frozenset((60,)))
print([os.get_inheritable(fd) for fd in (0, 1, 2, 50, 60, 70)])
"""
    assert in_a_child(code) == "[True, True, True, False, True, False]\n"


def test_a_child_that_lives_on_closes_everything_else():
    code = """
os.dup2(0, 50)
os.dup2(0, 60)
files.close_all((60,))
print(sorted(fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")))
files.close_all()
print(sorted(fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")))
"""
    assert in_a_child(code) == "['0', '1', '2', '60']\n['0', '1', '2']\n"


def test_closed_standard_descriptors_are_opened_on_nothing():
    code = """
keep = os.dup(1)
for fd in (0, 1, 2):
    os.close(fd)
files.open_standard()
os.write(keep, str([os.readlink(f"/proc/self/fd/{fd}") for fd in (0, 1, 2)]).encode())
os.write(keep, str([os.get_inheritable(fd) for fd in (0, 1, 2)]).encode())
"""
    assert in_a_child(code) == "['/dev/null', '/dev/null', '/dev/null'][True, True, True]"


def test_nothing_can_be_read_from_the_null_descriptor():
    fd = files.open_null()
    try:
        assert os.read(fd, 10) == b""
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)


def test_what_nobody_can_hear_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    files.say(writer, b"x")
    os.close(writer)
    files.say(writer, b"x")


def test_a_pipe_is_read_without_waiting():
    reader, writer = files.pipe()
    try:
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
        files.say(writer, b"x" * 100)
        assert os.read(reader, 1000) == b"x" * 100
        assert (os.get_inheritable(reader), os.get_inheritable(writer)) == (False, False)
    finally:
        os.close(reader)
        os.close(writer)
