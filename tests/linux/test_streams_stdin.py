"""Programs with a pipe as stdin: written by request, carried over a re-exec, ended with the run."""

import json
import os
import sys
from pathlib import Path

import pytest
from boxed import eventually
from conf_running import ConfBox

from pyinit.protocol.messages import Refused

CONF = """
[supervisord]
childlogdir=PLACE/logs
"""
READER = """
import os, sys, time
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
while True:
    data = os.read(0, 65536)
    if not data: break
    os.write(1, data)
os.write(1, b'end of file')
time.sleep(600)
"""


def conf(place, code, *args):
    (place / "program.py").write_text(code)
    words = " ".join([sys.executable, "-I", "-S", str(place / "program.py"), *map(str, args)])
    return CONF + f"[program:a]\ncommand={words}\nstopwaitsecs=1\n"


def write(box, data, name="a"):
    return box.call("write-stdin", {"name": name, "data": data})


def refused(box, data, name="a"):
    with pytest.raises(Refused) as caught:
        write(box, data, name)
    return caught.value.code, caught.value.message


def test_what_is_written_is_read_and_no_end_of_file_comes(tmp_path):
    with ConfBox(tmp_path, CONF + "[program:a]\ncommand=cat\n") as box:
        pid = box.run_pid("a")
        assert write(box, "hello\n") == {}
        box.until_log("a", b"hello\n")
        write(box, "Gr\u00fc\u00dfe \udcff\n")
        box.until_log("a", b"hello\nGr\xc3\xbc\xc3\x9fe \xff\n")
        assert box.run_pid("a") == pid


def test_what_waits_for_a_slow_reader_is_carried_over_a_reexec(tmp_path):
    go = tmp_path / "go"
    with ConfBox(tmp_path, conf(tmp_path, READER, go)) as box:
        box.wait_state("a", "RUNNING")
        sent = b"".join(b"%07d\n" % n for n in range(100_000))
        for at in range(0, len(sent), 50_000):
            write(box, sent[at : at + 50_000].decode())
        box.reexec()
        write(box, "the last\n")
        box.reexec()
        go.touch()
        box.until_log("a", sent + b"the last\n")


def test_who_does_not_read_is_busy_and_pyinit_does_not_grow(tmp_path):
    with ConfBox(tmp_path, conf(tmp_path, READER, tmp_path / "never")) as box:
        box.wait_state("a", "RUNNING")
        taken = 0
        with pytest.raises(Refused) as caught:
            for _ in range(100):
                write(box, "x" * 50_000)
                taken += 50_000
        assert caught.value.code == "busy"
        assert 1_000_000 < taken < 1_300_000
        assert box.call("status")["pid"] == 1


def test_a_program_that_does_not_run_or_has_closed_its_stdin_cannot_be_written_to(tmp_path):
    text = (
        CONF
        + "[program:off]\ncommand=cat\nautostart=false\n"
        + "[program:closed]\ncommand=sh -c 'exec <&-; echo closed; exec sleep 600'\n"
        + "[program:pair]\ncommand=cat\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)d\n"
    )
    with ConfBox(tmp_path, text) as box:
        box.status()
        assert refused(box, "x", "off") == (
            "not-running",
            "cannot write to off: it is not running",
        )
        box.until_log("closed", b"closed\n")
        assert refused(box, "x", "closed") == (
            "no-file",
            "cannot write to closed: nothing reads there",
        )
        code, message = refused(box, "x", "pair:*")
        assert (code, message.splitlines()[0]) == (
            "bad-request",
            "'pair:*' means 2 processes",
        )
        assert refused(box, "\ud800", "off")[0] == "not-running"
        box.wait_state("pair:pair_0", "RUNNING")
        assert refused(box, "\ud800", "pair:pair_0")[0] == "bad-request"


LEAVES = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    data = b''
    while part := os.read(0, 65536): data += part
    with open(sys.argv[1], 'wb') as file: file.write(data + b'end of file')
    time.sleep(600)
while not os.path.exists(sys.argv[2]): time.sleep(0.01)
"""


def test_the_pipe_ends_with_its_run_also_for_what_that_has_left_behind(tmp_path):
    said, go = tmp_path / "said", tmp_path / "go"
    text = conf(tmp_path, LEAVES, said, go) + "autorestart=false\nstartsecs=0\n"
    with ConfBox(tmp_path, text) as box:
        box.wait_state("a", "RUNNING")
        write(box, "hello ")
        box.reexec()
        write(box, "there ")
        assert not said.exists()
        go.touch()
        eventually(lambda: said.exists() and said.read_bytes() == b"hello there end of file")


def test_every_run_has_a_pipe_of_its_own_and_none_is_left(tmp_path):
    with ConfBox(tmp_path, CONF + "[program:a]\ncommand=cat\nstopwaitsecs=1\n") as box:
        box.wait_state("a", "RUNNING")
        box.call("restart", {"names": ["a"]})
        write(box, "hello\n")
        box.until_log("a", b"hello\n")
        before = len(os.listdir(f"/proc/{box.pid}/fd"))
        for _ in range(5):
            box.call("restart", {"names": ["a"]})
        eventually(lambda: len(os.listdir(f"/proc/{box.pid}/fd")) <= before)


def test_programs_get_only_the_end_that_is_theirs(tmp_path):
    text = CONF + "".join([f"[program:{name}]\ncommand=cat\n" for name in "abc"])
    with ConfBox(tmp_path, text) as box:
        for name in "abc":
            pid = box.run_pid(name)
            eventually(lambda pid=pid: Path(f"/proc/{pid}/comm").read_text() == "cat\n")
            assert sorted(os.listdir(f"/proc/{pid}/fd"), key=int) == ["0", "1", "2"]
        write(box, json.dumps(["to b"]), "b")
        box.until_log("b", b'["to b"]')
        assert box.log("a") == box.log("c") == b""
