"""pyinit's own log in supervisord's files: its size, its old files, and what is echoed."""

import os

from boxed import eventually
from conf_running import ConfBox

QUIET = (
    "[program:a]\ncommand=sleep 600\nautostart=false\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
)


def conf(*lines):
    return "\n".join(["[supervisord]", "childlogdir=PLACE", *lines, "", QUIET])


def ask(box, times):
    for _ in range(times):
        box.call("stop", {"names": ["a"]})


def test_it_is_rotated_at_its_size_and_so_many_old_files_stay(tmp_path):
    text = conf("logfile=PLACE/own.log", "logfile_maxbytes=1KB", "logfile_backups=2", "silent=true")
    with ConfBox(tmp_path, text) as box:
        box.wait_socket()
        ask(box, 100)
        found = sorted(each.name for each in tmp_path.glob("own.log*"))
        assert found == ["own.log", "own.log.1", "own.log.2"]
        assert all((tmp_path / name).stat().st_size <= 1024 for name in found)
        assert "asked to stop a" in (tmp_path / "own.log.1").read_text()
        assert box.out == ""


def test_it_is_echoed_on_stdout_unless_that_is_to_be_silent(tmp_path):
    with ConfBox(tmp_path, conf("logfile=PLACE/own.log")) as box:
        box.wait_socket()
        ask(box, 3)
        eventually(lambda: (tmp_path / "own.log").read_text().count("asked to stop a") == 3)
        assert box.out == (tmp_path / "own.log").read_text()
        box.conf.write_text(box.conf.read_text().replace("childlogdir", "silent=true\nchildlogdir"))
        box.call("reload")
        said = box.out
        ask(box, 2)
        eventually(lambda: (tmp_path / "own.log").read_text().count("asked to stop a") == 5)
        assert box.out == said


def test_a_log_that_is_stdout_itself_is_not_echoed_there(tmp_path):
    for number, path in enumerate(("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")):
        place = tmp_path / str(number)
        place.mkdir()
        with ConfBox(place, conf(f"logfile={path}", "logfile_maxbytes=0")) as box:
            box.wait_socket()
            ask(box, 1)
            eventually(lambda box=box: "asked to stop a" in box.out)
            assert box.out.count("asked to stop a") == 1


def test_it_goes_on_over_a_reexec_in_the_same_file_and_on_stdout(tmp_path):
    text = conf("logfile=PLACE/own.log", "logfile_maxbytes=1KB", "logfile_backups=50")
    with ConfBox(tmp_path, text) as box:
        box.wait_socket()
        ask(box, 5)
        box.reexec()
        ask(box, 20)
        paths = [tmp_path / "own.log", *[tmp_path / f"own.log.{n}" for n in range(1, 51)]]
        there = [path for path in reversed(paths) if path.exists()]
        assert len(there) > 1
        assert all(os.stat(path).st_size <= 1024 for path in there)
        assert "".join(path.read_text() for path in there) == box.out
