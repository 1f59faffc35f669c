"""pyinit's own log in supervisord's files: its size, its old files, and what is echoed."""

import contextlib
import os

from boxed import Box, eventually
from conf_running import ConfBox
from control_raw import Raw

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
        box.status()
        ask(box, 100)
        found = sorted(each.name for each in tmp_path.glob("own.log*"))
        assert found == ["own.log", "own.log.1", "own.log.2"]
        assert all((tmp_path / name).stat().st_size <= 1024 for name in found)
        assert "asked to stop a" in (tmp_path / "own.log.1").read_text()
        assert box.out == ""


def test_it_is_echoed_on_stdout_unless_that_is_to_be_silent(tmp_path):
    with ConfBox(tmp_path, conf("logfile=PLACE/own.log")) as box:
        box.status()
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
            box.status()
            ask(box, 1)
            eventually(lambda box=box: "asked to stop a" in box.out)
            assert box.out.count("asked to stop a") == 1


def test_it_goes_on_over_a_reexec_in_the_same_file_and_on_stdout(tmp_path):
    text = conf("logfile=PLACE/own.log", "logfile_maxbytes=1KB", "logfile_backups=50")
    with ConfBox(tmp_path, text) as box:
        box.status()
        ask(box, 5)
        box.reexec()
        ask(box, 20)
        paths = [tmp_path / "own.log", *[tmp_path / f"own.log.{n}" for n in range(1, 51)]]
        there = [path for path in reversed(paths) if path.exists()]
        assert len(there) > 1
        assert all(os.stat(path).st_size <= 1024 for path in there)
        assert "".join(path.read_text() for path in there) == box.out


def test_a_stdout_that_nobody_reads_costs_echoes_and_not_the_log(tmp_path):
    reader, writer = os.pipe()
    try:
        with ConfBox(
            tmp_path, conf("logfile=PLACE/own.log", "logfile_maxbytes=0"), stdout=writer
        ) as box:
            box.status()
            with Raw(box.socket) as client:
                for _ in range(20_000):
                    client.ask({"verb": "stop", "args": {"names": ["a"]}})
            said = (tmp_path / "own.log").read_text()
            assert said.count("asked to stop a") == 20_000
            assert said.count("stdout is not read: lines are dropped until it is") == 1
            os.set_blocking(reader, False)
            told = []

            def look():
                with contextlib.suppress(BlockingIOError):
                    told.append(os.read(reader, 1 << 20))
                return "stdout is read again" in (tmp_path / "own.log").read_text()

            eventually(look)
            assert told[0].decode() == said[: len(told[0])]
    finally:
        os.close(reader)
        os.close(writer)


def test_pyinit_toml_can_say_the_same(tmp_path):
    own = tmp_path / "own.log"
    log = f'{{ file = "{own}", max_size = "1KB", max_files = 1, echo = true }}'
    config = (
        f'[init]\nexit = "never"\nlog = {log}\n[program.a]\ncommand = "true"\nautostart = false\n'
    )
    with Box(config) as box:
        box.status()
        ask(box, 60)
        found = sorted(each.name for each in tmp_path.glob("own.log*"))
        assert found == ["own.log", "own.log.1"]
        assert all(each.stat().st_size <= 1024 for each in tmp_path.glob("own.log*"))
        assert box.out.endswith((tmp_path / "own.log.1").read_text() + own.read_text())
        assert box.out.count("asked to stop a") == 60
        box.config.write_text(config.replace("echo = true", "echo = false"))
        told = box.call("reload", {})["init"]
        assert told == [{"key": "log.echo", "applies": "now", "note": ""}]
