"""read-log and clear-log: pieces of what is written, by byte, and nothing that is not ours."""

import os
import sys
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root
from conf_running import ConfBox

from pyinit.protocol.messages import Refused

CONF = """
[supervisord]
childlogdir=PLACE/logs
"""
CAT = "[program:a]\ncommand=cat\nstopwaitsecs=1\n"


def read(box, **args):
    return box.call("read-log", args)


def refused(box, verb, **args):
    with pytest.raises(Refused) as caught:
        box.call(verb, args)
    return caught.value.code, caught.value.message


def say(box, data, name="a"):
    box.call("write-stdin", {"name": name, "data": data})


def test_offsets_are_bytes_from_either_end(tmp_path):
    with ConfBox(tmp_path, CONF + CAT) as box:
        box.wait_state("a", "RUNNING")
        say(box, "0123456789\xfc\n")
        data = b"0123456789\xc3\xbc\n"
        box.until_log("a", data)
        path = str(box.path("a"))
        whole = {"size": 13, "inode": os.stat(path).st_ino, "file": path}
        for args, start, end in (
            ({}, 0, 13),
            ({"offset": 3, "length": 4}, 3, 7),
            ({"offset": -3}, 10, 13),
            ({"offset": -3, "length": 1}, 10, 11),
            ({"offset": -1000}, 0, 13),
            ({"offset": 13}, 13, 13),
            ({"offset": 10**12, "length": 5}, 13, 13),
        ):
            found = read(box, name="a", **args)
            assert found == {**whole, "data": data[start:end].decode("latin-1"), "offset": start}


def test_a_reply_is_bounded_and_the_next_goes_on_from_there(tmp_path):
    code = "import os; os.write(1, bytes(range(256)) * 2000)"
    (tmp_path / "all.py").write_text(code)
    text = CONF + f"[program:a]\ncommand={sys.executable} -I -S PLACE/all.py\n"
    with ConfBox(tmp_path, text + "autorestart=false\nstartsecs=0\n") as box:
        box.wait_state("a", "EXITED")
        eventually(lambda: read(box, name="a", length=1)["size"] == 512_000)
        assert len(read(box, name="a", length=10**9)["data"]) == 65536
        assert box.log("a") == bytes(range(256)) * 2000


def test_a_rotated_file_is_another_one(tmp_path):
    text = CONF + CAT + "stdout_logfile_maxbytes=100\nstdout_logfile_backups=1\n"
    with ConfBox(tmp_path, text) as box:
        box.wait_state("a", "RUNNING")
        say(box, "x" * 90 + "\n")
        box.until_log("a", b"x" * 90 + b"\n")
        before = read(box, name="a")
        say(box, "next and more\n")
        box.until_log("a", b"next and more\n")
        after = read(box, name="a", offset=before["size"])
        assert after["inode"] != before["inode"]
        assert (after["size"], after["file"]) == (14, before["file"])


def test_what_is_in_no_file_of_its_own_cannot_be_read(tmp_path):
    text = CONF + "[program:off]\ncommand=cat\nstdout_logfile=NONE\nredirect_stderr=true\n"
    text += "[program:own]\ncommand=sleep 600\nstdout_logfile=/dev/stdout\n"
    text += "stdout_logfile_maxbytes=0\nstderr_logfile=/dev/null\n"
    with ConfBox(tmp_path, text) as box:
        box.status()
        missing = ("no-file", "cannot read the stdout of off: there is no file")
        assert refused(box, "read-log", name="off") == missing
        assert refused(box, "read-log", name="own")[0] == "no-file"
        assert refused(box, "read-log", name="own", stream="stderr")[0] == "no-file"
        assert refused(box, "read-log", name="off", stream="stderr")[0] == "no-file"
        own = ("no-file", "cannot read pyinit's own log: there is no file")
        assert refused(box, "read-log") == own
        assert refused(box, "clear-log", main=True)[0] == "no-file"
        assert refused(box, "read-log", name="nobody")[0] == "no-such-program"
        assert refused(box, "read-log", name="off", stream="both")[0] == "bad-request"
        assert refused(box, "read-log", name="all")[0] == "bad-request"
        assert refused(box, "clear-log")[0] == "bad-request"
        told = box.call("clear-log", {"names": ["off", "own"]})["processes"]
        assert [each["ok"] for each in told] == [True, True]


def test_a_file_that_is_not_there_yet_is_not_made_by_reading_or_clearing(tmp_path):
    text = CONF + "[program:a]\ncommand=cat\nautostart=false\nstdout_logfile=PLACE/new/a.log\n"
    (tmp_path / "new").mkdir()
    with ConfBox(tmp_path, text) as box:
        assert refused(box, "read-log", name="a")[0] == "no-file"
        box.call("clear-log", {"names": ["a"]})
        (tmp_path / "new").rmdir()
        assert refused(box, "read-log", name="a")[0] == "no-file"
        assert not (tmp_path / "new").exists()


def test_cleared_is_what_is_written_and_what_logs_has_and_writing_goes_on(tmp_path):
    with ConfBox(tmp_path, CONF + CAT) as box:
        box.wait_state("a", "RUNNING")
        say(box, "old\n")
        box.until_log("a", b"old\n")
        inode = read(box, name="a")["inode"]
        box.call("clear-log", {"names": ["a"]})
        assert box.log("a") == b""
        assert box.call("logs", {"names": ["a"]})["processes"][0]["text"] == ""
        say(box, "new\n")
        box.until_log("a", b"new\n")
        assert read(box, name="a")["inode"] == inode
        box.call("stop", {"names": ["a"]})
        box.call("clear-log", {"names": ["a"]})
        assert box.log("a") == b""  # supervisord clears nothing of what does not run


def test_pyinits_own_log_is_read_and_cleared_by_no_name(tmp_path):
    text = "[supervisord]\nlogfile=PLACE/own.log\nchildlogdir=PLACE/logs\n" + CAT
    with ConfBox(tmp_path, text) as box:
        box.wait_state("a", "RUNNING")
        found = read(box)
        assert found["file"] == str(tmp_path / "own.log")
        assert "a: started" in found["data"]
        box.call("clear-log", {"main": True})
        assert "a: started" not in read(box)["data"]
        box.call("restart", {"names": ["a"]})
        assert "a: started" in read(box)["data"]


@needs_root
@pytest.mark.parametrize("trap", ["symlink", "hardlink", "fifo"])
def test_nobody_has_root_read_or_empty_another_file_by_a_trap(tmp_path, trap):
    place = tmp_path / "theirs"
    place.mkdir()
    tmp_path.chmod(0o755)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    log = place / "a.log"
    text = CONF + "[program:a]\ncommand=cat\nautostart=false\nstdout_logfile=PLACE/theirs/a.log\n"
    with ConfBox(tmp_path, text) as box:
        box.status()
        if trap == "symlink":
            log.symlink_to(secret)
            os.chown(log, ORDINARY, ORDINARY, follow_symlinks=False)
        elif trap == "hardlink":
            log.hardlink_to(secret)
        else:
            os.mkfifo(log)
        os.chown(place, ORDINARY, ORDINARY)
        code, message = refused(box, "read-log", name="a")
        assert code == ("no-file" if trap == "fifo" else "failed"), message
        try:
            box.call("clear-log", {"names": ["a"]})
        except Refused as error:
            assert error.code == "failed"
            assert trap != "fifo"
        assert secret.read_text() == "secret"


def test_a_file_sink_of_pyinit_toml_is_read_just_so(tmp_path):
    path = tmp_path / "a.log"
    config = (
        '[program.a]\ncommand = ["sh", "-c", "echo out; echo err >&2; exec sleep 600"]\n'
        f'stdout = ["prefix", {{ file = "{path}" }}]\nstderr = "stdout"\n'
    )
    with Box(config) as box:
        eventually(lambda: path.exists() and path.read_bytes() == b"out\nerr\n")
        assert read(box, name="a")["data"] == "out\nerr\n"
        assert refused(box, "read-log", name="a", stream="stderr")[0] == "no-file"
        box.call("clear-log", {"names": ["a"]})
        assert Path(path).read_bytes() == b""
