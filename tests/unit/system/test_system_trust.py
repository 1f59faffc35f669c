"""Which directories, links and files root may use where others may write."""

import errno
import os

import pytest

from pyinit.system import logplace, trust

IS_ROOT = os.geteuid() == 0
OTHER = 12345
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs files of other users: needs root")


def guarded(place):
    here = os.open(place, os.O_PATH)
    try:
        return trust.is_guarded(here)
    finally:
        os.close(here)


@needs_root
@pytest.mark.parametrize(
    ("mode", "uid", "gid", "is_ours"),
    [
        (0o755, 0, 0, True),
        (0o775, 0, 0, True),
        (0o775, 0, OTHER, False),
        (0o1777, 0, 0, False),
        (0o777, 0, 0, False),
        (0o755, OTHER, 0, False),
        (0o700, OTHER, OTHER, False),
    ],
)
def test_a_directory_is_guarded_if_only_root_and_we_may_write_it(tmp_path, mode, uid, gid, is_ours):
    os.chown(tmp_path, uid, gid)
    tmp_path.chmod(mode)
    assert guarded(tmp_path) is is_ours


def test_one_that_is_mounted_read_only_is_guarded_whatever_its_mode(monkeypatch, tmp_path):
    tmp_path.chmod(0o777)
    assert not guarded(tmp_path)
    found = os.statvfs(tmp_path)
    read_only = os.statvfs_result([*found[:8], found.f_flag | os.ST_RDONLY, found.f_namemax])
    monkeypatch.setattr("posix.fstatvfs", lambda _fd: read_only)
    assert guarded(tmp_path)


def read(path):
    fd = logplace.open_for_others(str(path))
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o777, 0o1777])
def test_links_of_a_user_lead_to_his_own_files_only(tmp_path, mode):
    for name, owner in (("roots", 0), ("his", OTHER), ("anothers", OTHER + 1)):
        (tmp_path / name).write_text(name)
        os.chown(tmp_path / name, owner, owner)
    place = tmp_path / "place"
    place.mkdir()
    os.chown(place, OTHER, OTHER)
    place.chmod(mode)
    for name in ("roots", "his", "anothers"):
        (place / name).symlink_to(tmp_path / name)
        os.chown(place / name, OTHER, OTHER, follow_symlinks=False)
    for name in ("roots", "anothers"):
        with pytest.raises(PermissionError, match="a link that another user may have made"):
            read(place / name)
    if mode == 0o755:
        assert read(place / "his") == b"his"
    else:  # somebody else may have moved the link there
        with pytest.raises(PermissionError):
            read(place / "his")


@needs_root
def test_a_link_of_roots_that_was_moved_into_a_directory_of_everybodys_leads_nowhere(tmp_path):
    (tmp_path / "roots").write_text("roots")
    place = tmp_path / "place"
    place.mkdir()
    (place / "link").symlink_to(tmp_path / "roots")
    assert read(place / "link") == b"roots"
    place.chmod(0o1777)
    with pytest.raises(PermissionError):
        read(place / "link")


@needs_root
def test_a_second_name_is_read_only_where_its_user_has_the_directory(tmp_path):
    for name, owner in (("roots", 0), ("his", OTHER), ("anothers", OTHER + 1)):
        (tmp_path / name).write_text(name)
        os.chown(tmp_path / name, owner, owner)
    place = tmp_path / "place"
    place.mkdir()
    os.chown(place, OTHER, OTHER)
    for name in ("roots", "his", "anothers"):
        os.link(tmp_path / name, place / name)
    assert read(place / "his") == b"his"
    for name in ("roots", "anothers"):
        with pytest.raises(PermissionError, match="a hard link in a directory"):
            read(place / name)


def test_where_pyinit_prints_nothing_is_read():
    with pytest.raises(OSError, match="that is where pyinit prints") as told:
        read("/dev/stdout")
    assert told.value.errno == errno.EINVAL
