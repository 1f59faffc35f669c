"""Rotation: when a file is full, and the renames that make room."""

import gzip
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.logs.packing import pack, pack_old
from pyinit.logs.rotation import is_full, renames

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from eventually import eventually


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


def carried_out(steps, files):
    """Return `files` (name -> content) after `steps`."""
    files = dict(files)
    for source, target in steps:
        content = files.pop(source)
        if target is not None:
            assert target not in files, f"{target} is overwritten"
            files[target] = content
    return files


@given(
    st.integers(0, 6),
    st.sets(st.tuples(st.integers(1, 8), st.sampled_from(["", ".gz"]))),
)
def test_renames_keep_the_order_overwrite_nothing_and_drop_only_the_oldest(max_files, old):
    files = {"f": 0, **{f"f.{n}{suffix}": n for n, suffix in old}}
    after = carried_out(renames("f", max_files, frozenset(files)), files)
    assert "f" not in after
    inside = {name: age for name, age in files.items() if age < max_files}
    assert sorted(after.values()) == sorted(
        [*inside.values(), *[age for age in files.values() if age > max_files]]
        if max_files
        else [age for age in files.values() if age]
    )
    for name, age in after.items():
        moved = age < max_files
        assert name.removesuffix(".gz") == f"f.{age + 1 if moved else age}"


def test_with_no_old_files_the_full_one_is_removed():
    assert renames("f", 0, frozenset({"f", "f.1"})) == [("f", None)]


def test_packing_keeps_content_mode_and_owner(tmp_path):
    path = tmp_path / "log.1"
    path.write_bytes(b"line\n" * 100_000)
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    pack(str(path))
    packed = tmp_path / "log.1.gz"
    assert gzip.decompress(packed.read_bytes()) == b"line\n" * 100_000
    after = packed.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert os.listdir(tmp_path) == ["log.1.gz"]


def test_packing_follows_no_link_in_either_place(tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"keep me")
    link = tmp_path / "log.1"
    link.symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"):
        pack(str(link))
    link.unlink()
    link.write_bytes(b"a log")
    (tmp_path / f"log.1.gz.{os.getpid()}").symlink_to(precious)
    pack(str(link))
    assert precious.read_bytes() == b"keep me"
    assert gzip.decompress((tmp_path / "log.1.gz").read_bytes()) == b"a log"


def test_a_file_that_was_rotated_on_meanwhile_is_not_lost(tmp_path):
    """The file that is compressed moved to .2 and another one took its name."""
    path = tmp_path / "log.1"
    older = os.urandom(24 << 20)  # takes a second to compress
    path.write_bytes(older)
    with ThreadPoolExecutor(1) as pool:
        packing = pool.submit(pack, str(path))
        eventually((tmp_path / f"log.1.gz.{os.getpid()}").exists, every_s=0.001)
        path.rename(tmp_path / "log.2")
        path.write_bytes(b"newer")
        with pytest.raises(FileNotFoundError, match="rotated on"):
            packing.result()
    kept = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert kept == {"log.1": b"newer", "log.2": older}


def test_everything_that_rotation_left_is_packed_and_leftovers_of_dead_packers_go(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    alive = os.getppid()
    for name in ("f", "f.1", "f.3", "f.x", "other.1", "f.2.gz", f"f.1.gz.{alive}", "f.9.gz.0"):
        Path(name).write_bytes(name.encode())
    gone = 4_000_001  # above any pid
    Path(f"f.2.gz.{gone}").write_bytes(b"half")
    Path(f"f.4.gz.{os.getpid()}").write_bytes(b"half: pids come again")
    pack_old("f")
    assert sorted(os.listdir()) == sorted(
        ["f", "f.1.gz", "f.3.gz", "f.x", "other.1", "f.2.gz", f"f.1.gz.{alive}", "f.9.gz.0"]
    )
    assert gzip.decompress(Path("f.3.gz").read_bytes()) == b"f.3"


def test_packing_goes_on_after_a_file_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("f.01").write_bytes(b"reads as number 1, of which there is no file")
    Path("f.2").write_bytes(b"there")
    pack_old("f")
    assert sorted(os.listdir()) == ["f.01", "f.2.gz"]


def test_a_packer_of_another_user_is_taken_to_live(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = f"f.1.gz.{10**25}"  # no pid at all
    Path(name).write_bytes(b"")
    pack_old("f")
    assert os.listdir() == [name]
