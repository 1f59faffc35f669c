"""Root writes, reads and removes files where others may write, and is led nowhere by them."""

import gzip
import os
import stat
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python

from pyinit.protocol.messages import Refused

pytestmark = needs_root

PRECIOUS = b"root:x:0:0:root:/root:/bin/sh\n"
TALK = "echo said by a program; exec sleep 600"
LINES = "import time\nfor n in range(400): print('%08d' % n, flush=True)\ntime.sleep(600)"
THEIRS, EVERYBODYS, OPEN = 0o755, 0o1777, 0o777


def place_of(tmp_path, mode):
    """Return a directory in which another user may make what he likes."""
    place = tmp_path / f"place-{mode:o}"
    place.mkdir()
    place.chmod(mode)
    if mode == THEIRS:
        os.chown(place, ORDINARY, ORDINARY)
    return place


def precious(tmp_path):
    """Return a file of root's that nobody else may read or write."""
    path = tmp_path / "precious"
    path.write_bytes(PRECIOUS)
    path.chmod(0o600)
    return path


def plant(kind, target, path):
    """Let another user put something at `path` that leads to `target`."""
    match kind:
        case "symbolic":
            path.symlink_to(target)
            os.chown(path, ORDINARY, ORDINARY, follow_symlinks=False)
        case "root's symbolic":  # made elsewhere for another end, and moved in
            path.symlink_to(target)
        case "hard":  # what fs.protected_hardlinks = 0 lets him do
            os.link(target, path)
        case "directory":
            path.symlink_to(target.parent)
            return path / target.name
    return path


def is_as_it_was(path):
    found = path.stat()
    return (path.read_bytes(), stat.S_IMODE(found.st_mode), found.st_uid) == (PRECIOUS, 0o600, 0)


def test_a_log_leads_to_no_file_of_roots_that_others_have_linked(tmp_path):
    target = precious(tmp_path)
    kinds = ["symbolic", "root's symbolic", "hard", "directory"]
    logs, config = [], ""
    for number, mode in enumerate((THEIRS, EVERYBODYS, OPEN)):
        place = place_of(tmp_path, mode)
        for kind in kinds:
            log = plant(kind, target, place / f"{kind[0]}.log")
            sink = {"file": str(log), "mode": "0666", "owner": str(ORDINARY), "max_size": "1KB"}
            config += program(f"web{number}-{kind[0]}", TALK, stdout=sink)
            logs.append(log)
    with Box(config) as box:
        for log in logs:
            box.until(f'cannot write "{log}": a ')
        found = box.call("logs", {"names": ["all"]})["processes"]
        assert [each["text"] for each in found] == ["said by a program\n"] * len(logs)
    assert is_as_it_was(target)


def test_no_client_is_shown_or_empties_a_file_that_others_have_linked(tmp_path):
    target = precious(tmp_path)
    logs = [place_of(tmp_path, mode) / "log" for mode in (THEIRS, EVERYBODYS)]
    sinks = [{"file": str(log)} for log in logs]
    config = [program(f"web{n}", TALK, stdout=sink) for n, sink in enumerate(sinks)]
    with Box("".join(config)) as box:
        for number, log in enumerate(logs):
            eventually(lambda path=log: path.exists() and path.read_bytes())
            log.unlink()
            plant("hard", target, log)
            for verb, args in (("read-log", {"name": f"web{number}"}), ("clear-log", {})):
                with pytest.raises(Refused, match="a hard link in"):
                    box.call(verb, args or {"names": [f"web{number}"]})
    assert is_as_it_was(target)


def test_a_rotation_and_a_compression_touch_nothing_outside_whatever_was_laid_there(tmp_path):
    target, place = precious(tmp_path), place_of(tmp_path, THEIRS)
    log = place / "log"
    for name in ("log.1", "log.3.gz", "log.packing"):
        plant("symbolic", target, place / name)
    plant("hard", target, place / "log.2")
    sink = {"file": str(log), "max_size": "1KB", "max_files": 3, "compress": True}
    with Box(program("web", *python(LINES), stdout=sink)) as box:
        eventually(lambda: b"00000399\n" in log.read_bytes() if log.exists() else False)
        eventually(lambda: (place / "log.1.gz").exists() or "cannot compress" in box.err)
        box.wait_state("web", "RUNNING")
    assert is_as_it_was(target)
    for packed in place.glob("log.*.gz"):
        if not packed.is_symlink():
            assert PRECIOUS not in gzip.decompress(packed.read_bytes())


def test_an_old_log_that_is_a_pipe_or_another_name_is_not_compressed(tmp_path):
    place = place_of(tmp_path, THEIRS)
    log = place / "log"
    os.mkfifo(place / "log.1")
    os.chown(place / "log.1", ORDINARY, ORDINARY)
    sink = {"file": str(log), "max_size": "1KB", "max_files": 9, "compress": True}
    with Box(program("web", *python(LINES), stdout=sink)) as box:
        eventually(lambda: b"00000399\n" in log.read_bytes() if log.exists() else False)
        box.until("it is no regular file")
        box.wait_state("web", "RUNNING")


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_nobody_gets_the_log_of_others_by_laying_a_file_ready_for_it(tmp_path, kind):
    place = place_of(tmp_path, EVERYBODYS)
    log = place / "log"
    if kind == "pipe":
        os.mkfifo(log)
    else:
        log.touch()
    os.chown(log, ORDINARY, ORDINARY)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with Box(program("web", TALK, stdout={"file": str(log)})) as box:
            box.until("somebody else's file in a directory that is everybody's")
            box.wait_state("web", "RUNNING")
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


@pytest.mark.parametrize("owner", [ORDINARY, 0])
def test_a_file_that_was_laid_ready_for_its_owner_is_used(tmp_path, owner):
    log = place_of(tmp_path, EVERYBODYS) / "log"
    log.touch()
    os.chown(log, owner, owner)
    with Box(program("web", TALK, stdout={"file": str(log), "owner": str(owner)})):
        eventually(lambda: log.read_text() == "said by a program\n")


@pytest.mark.parametrize("kind", ["symbolic", "hard", "directory"])
def test_a_pidfile_leads_to_no_file_of_roots(tmp_path, kind):
    target, place = precious(tmp_path), place_of(tmp_path, THEIRS)
    path = plant(kind, target, place / "pid")
    with Box(f'[init]\npidfile = "{path}"\n{program("web", "sleep", "600")}') as box:
        eventually(lambda: box.ended or "web: started" in box.err)
        assert box.ended == (kind != "hard"), box.err
        if box.ended:
            assert f'cannot write the pidfile "{path}": a symbolic link made by another' in box.err
        else:
            assert path.read_text() == "1\n"  # another file now, under this name
            box.send("TERM")
            assert box.wait() == 0
            assert not os.path.lexists(path)
    assert is_as_it_was(target)


def test_sockets_and_their_owners_lead_to_no_file_of_roots(tmp_path):
    target, place = precious(tmp_path), place_of(tmp_path, THEIRS)
    plant("symbolic", target, place / "web.sock")
    plant("hard", target, place / "api.sock")
    for name in ("web", "api"):
        config = f'[socket.s]\nlisten = "unix:{place}/{name}.sock"\nmode = "0666"\n'
        config += f'owner = "{ORDINARY}"\n' + program("web", "sleep", "600", sockets=["s"])
        with Box(config) as box:
            assert box.wait() != 0
            assert "no socket is there" in box.err
    assert is_as_it_was(target)


def test_a_log_of_the_right_owner_is_written_wherever_it_is(tmp_path):
    """Nothing of all this is in the way of what people do."""
    for mode in (THEIRS, EVERYBODYS, OPEN):
        place = tmp_path / oct(mode)
        place.mkdir()
        place.chmod(mode)
        log = Path(place) / "sub" / "log"
        with Box(program("web", TALK, stdout={"file": str(log)})):
            eventually(lambda path=log: path.exists() and path.read_text() == "said by a program\n")
