"""AUTO log files: there before the first run, kept over everything, gone with the next boot."""

import os
import re
import stat
from pathlib import Path

from boxed import ORDINARY, eventually, needs_root
from conf_running import ConfBox

CONF = """
[supervisord]
identifier=me
childlogdir=PLACE/logs
"""
QUIET = "[program:quiet]\ncommand=sh -c 'echo out; echo err >&2; exec sleep 600'\nautostart=false\n"


def names(place):
    return sorted(os.listdir(place / "logs"))


def test_each_stream_has_a_file_of_its_own_before_its_first_run(tmp_path):
    text = CONF + QUIET + "[group:g]\nprograms=more\n[program:more]\ncommand=sleep 600\n"
    text += "numprocs=2\nprocess_name=%(program_name)s_%(process_num)02d\nredirect_stderr=true\n"
    with ConfBox(tmp_path, text) as box:
        box.status()
        found = [re.sub(r"[a-z0-9_]{8}\.log$", "XXXXXXXX.log", name) for name in names(tmp_path)]
        assert found == [
            "more_00-stdout---me-XXXXXXXX.log",
            "more_01-stdout---me-XXXXXXXX.log",
            "quiet-stderr---me-XXXXXXXX.log",
            "quiet-stdout---me-XXXXXXXX.log",
        ]
        for name in names(tmp_path):
            assert stat.S_IMODE((tmp_path / "logs" / name).stat().st_mode) == 0o600
        assert box.log("quiet") == b""
        assert box.path("g:more_01").name.startswith("more_01-stdout---me-")
        box.call("start", {"names": ["quiet"]})
        box.until_log("quiet", b"out\n")
        box.until_log("quiet", b"err\n", "stderr")


def test_the_file_stays_over_runs_reloads_and_reexecs(tmp_path):
    with ConfBox(tmp_path, CONF + QUIET) as box:
        path = box.path("quiet")
        box.call("start", {"names": ["quiet"]})
        box.until_log("quiet", b"out\n")
        box.reexec()
        assert box.path("quiet") == path
        box.call("restart", {"names": ["quiet"]})
        box.until_log("quiet", b"out\n" * 2)
        more = "[program:new]\ncommand=echo new\nautorestart=false\nstartsecs=0\n"
        box.conf.write_text(box.conf.read_text() + more)
        box.call("reload")
        box.until_log("new", b"new\n")
        box.reexec()
        box.call("restart", {"names": ["quiet"]})
        box.until_log("quiet", b"out\n" * 3)
        assert box.path("quiet") == path
        assert len(names(tmp_path)) == 4


def test_a_boot_removes_what_earlier_ones_of_its_identifier_have_left_and_nothing_else(tmp_path):
    logs = tmp_path / "logs"
    with ConfBox(tmp_path, CONF + QUIET) as box:
        first = box.path("quiet")
        first.with_name(first.name + ".1").write_text("rotated")
    others = ["quiet-stdout---you-abcdefgh.log", "quiet-stdout---me-abcdefgh.txt", "---me-a.log"]
    for name in others:
        (logs / name).write_text("not ours")
    (logs / "link-stdout---me-abcdefgh.log").symlink_to(tmp_path / "supervisord.conf")
    assert first.exists()
    with ConfBox(tmp_path, CONF + QUIET) as box:
        second = box.path("quiet")
        assert second != first
        assert len(names(tmp_path)) == 2 + len(others) + 1
        assert not first.exists()
        assert not first.with_name(first.name + ".1").exists()
    with ConfBox(tmp_path, CONF + "nocleanup=true\n" + QUIET) as box:
        assert box.path("quiet") not in (first, second)
        assert second.exists()


@needs_root
def test_what_others_have_put_into_a_directory_for_all_is_left_alone(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    foreign = logs / "quiet-stdout---me-abcdefgh.log"
    foreign.write_text("not ours")
    os.chown(foreign, ORDINARY, ORDINARY)
    with ConfBox(tmp_path, CONF + QUIET) as box:
        box.status()
        assert foreign.read_text() == "not ours"


def test_programs_run_on_where_no_file_can_be_made_and_that_is_said_once(tmp_path):
    (tmp_path / "logs").write_text("no directory")
    text = CONF + "".join(
        [
            f"[program:p{number}]\ncommand=sh -c 'echo hi; exec sleep 600'\n"
            f"stdout_logfile=PLACE/{number}.out\n"
            for number in range(3)
        ]
    )
    text += "[program:auto]\ncommand=sleep 600\n[program:other]\ncommand=sleep 600\n"
    with ConfBox(tmp_path, text, options=("-v",)) as box:
        for name in ("p0", "p1", "p2", "auto", "other"):
            box.wait_state(name, "RUNNING")
        eventually(lambda: (tmp_path / "0.out").read_bytes() == b"hi\n")
        said = box.err
        assert said.count(f'cannot make log files in "{tmp_path}/logs": Not a directory') == 1, said


def test_a_full_file_is_rotated_with_its_mode(tmp_path):
    text = CONF + "[program:a]\ncommand=seq 1 20000\nstartsecs=0\nautorestart=false\n"
    text += "stdout_logfile_maxbytes=20KB\nstdout_logfile_backups=2\n"
    with ConfBox(tmp_path, text) as box:
        box.wait_state("a", "EXITED")
        path = box.path("a")
        kept = [path.with_name(path.name + end) for end in (".2", ".1", "")]
        eventually(lambda: kept[2].read_bytes().endswith(b"20000\n"))
        data = b"".join(each.read_bytes() for each in kept)
        wanted = b"".join(b"%d\n" % n for n in range(1, 20001))
        assert wanted.endswith(data)
        assert len(data) > 40_000
        assert [stat.S_IMODE(each.stat().st_mode) for each in kept] == [0o600] * 3
        assert not path.with_name(path.name + ".3").exists()
        box.call("clear-log", {"names": ["a"]})
        assert box.log("a") == b""
        assert kept[0].exists()  # as supervisord: only the file of today is cleared


def test_a_file_that_a_cleaner_has_removed_is_there_again_with_the_next_line(tmp_path):
    text = CONF + "[program:a]\ncommand=cat\n"
    with ConfBox(tmp_path, text) as box:
        box.wait_state("a", "RUNNING")
        box.call("write-stdin", {"name": "a", "data": "one\n"})
        box.until_log("a", b"one\n")
        path = box.path("a")
        path.unlink()
        box.call("write-stdin", {"name": "a", "data": "two\n"})
        eventually(lambda: path.exists() and path.read_bytes() == b"two\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert Path(box.path("a")) == path
