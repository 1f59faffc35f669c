"""Rotation: when a file is full, and the renames that make room."""

import gzip
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.logs.packing import pack, unpacked
from pyinit.logs.rotation import is_full, renames


@pytest.mark.parametrize(
    ("size", "adding", "max_size", "full"),
    [
        (90, 10, 100, False),
        (90, 11, 100, True),
        (0, 500, 100, False),  # a single write larger than a whole file
        (1, 500, 100, True),
        (10**12, 1, 0, False),
    ],
)
def test_a_file_is_full_when_the_next_write_would_not_fit(size, adding, max_size, full):
    assert is_full(size, adding, max_size) is full


def carried_out(steps, files, spare=None):
    """Return `files` (name -> content) after `steps`; only what is named `spare` is overwritten."""
    files = dict(files)
    for source, target in steps:
        content = files.pop(source)
        if target is not None:
            assert target not in files or target.removesuffix(".gz") == spare, target
            files[target] = content
    return files


def old_files():
    return st.sets(st.tuples(st.integers(1, 8), st.sampled_from(["", ".gz"])))


@given(st.integers(1, 6), old_files())
def test_renames_move_what_is_below_a_gap_and_drop_only_what_is_too_old(max_files, old):
    files = {"f": 0, **{f"f.{n}{suffix}": n for n, suffix in old}}
    numbers = {n for n, _ in old}
    gap = min(n for n in range(1, 10) if n not in numbers)
    after = carried_out(renames("f", max_files, frozenset(files)), files, f"f.{max_files + 1}")
    dropped = {max_files, max_files + 1} if gap > max_files else set()
    assert sorted(after.values()) == sorted(n for n in files.values() if n not in dropped)
    for name, age in after.items():
        moved = age < min(gap, max_files)
        assert name.removesuffix(".gz") == f"f.{age + 1 if moved else age}"


@given(st.integers(1, 6), old_files())
def test_a_file_that_cannot_be_moved_costs_no_old_one_however_often_it_is_tried(max_files, old):
    files = {"f": 0, **{f"f.{n}{suffix}": n for n, suffix in old if n <= max_files}}
    steps = renames("f", max_files, frozenset(files))
    moved = carried_out(steps[: steps.index(("f", "f.1"))], files)
    assert sorted(moved.values()) == sorted(files.values())
    assert renames("f", max_files, frozenset(moved)) == [("f", "f.1")]


def test_with_no_old_files_the_full_one_is_removed():
    assert renames("f", 0, frozenset({"f", "f.1"})) == [("f", None)]


def test_packing_keeps_content_mode_and_owner(tmp_path):
    path = tmp_path / "log.1"
    path.write_bytes(b"line\n" * 100_000)
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    packed = tmp_path / "log.packing"
    packed.write_bytes(b"of one that was interrupted")
    pack(os.open(path, os.O_RDONLY), str(packed))
    assert gzip.decompress(packed.read_bytes()) == path.read_bytes() == b"line\n" * 100_000
    after = packed.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_packing_follows_no_link(tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"keep me")
    old, packed = tmp_path / "log.1", tmp_path / "log.packing"
    old.write_bytes(b"a log")
    packed.symlink_to(precious)
    pack(os.open(old, os.O_RDONLY), str(packed))
    assert precious.read_bytes() == b"keep me"
    assert gzip.decompress(packed.read_bytes()) == b"a log"


def test_old_files_that_are_not_packed_yet_are_found_newest_first():
    there = ["f", "f.1", "f.01", "f.10", "f.2", "f.2.gz", "f.x", "f.packing", "other.1", "f."]
    assert unpacked("f", there) == ["f.1", "f.2", "f.10"]
