"""Which supervisord files are read: search path, directories, includes, and what stops them."""

import os
import sys

import pytest
from configs import ENVIRON, faults_of, written

from pyinit.config import ini_places, ini_read
from pyinit.config.load import find_files, load
from pyinit.config.problems import Problems

MAIN = "[supervisord]\nnodaemon=true\n"


def test_supervisords_places_are_searched_after_our_own(tmp_path, monkeypatch):
    monkeypatch.setattr("pyinit.config.load.DEFAULT_FILE", f"{tmp_path}/none.toml")
    monkeypatch.setattr("pyinit.config.load.DEFAULT_DIRECTORY", f"{tmp_path}/none.d")
    monkeypatch.setattr(sys, "argv", [f"{tmp_path}/bin/pyinit"])
    monkeypatch.chdir(tmp_path)
    beside = [place for place in ini_places.places(sys.argv[0]) if place.startswith(str(tmp_path))]
    assert beside == [f"{tmp_path}/etc/supervisord.conf", f"{tmp_path}/supervisord.conf"]
    os.mkdir(tmp_path / "etc")
    os.mkdir(tmp_path / "etc" / "supervisord.conf")  # a directory is none
    if not any(map(os.path.exists, ini_places.places("/")[-2:])):
        assert find_files([], {}) == []
    written(tmp_path, MAIN, "supervisord.conf")
    assert find_files([], {}) == [f"{tmp_path}/supervisord.conf"]
    assert find_files(["x"], {}) == ["x"]


def test_beside_a_command_supervisords_places_do_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr("pyinit.config.load.DEFAULT_FILE", f"{tmp_path}/none.toml")
    monkeypatch.setattr("pyinit.config.load.DEFAULT_DIRECTORY", f"{tmp_path}/none.d")
    monkeypatch.setattr(sys, "argv", [f"{tmp_path}/bin/pyinit"])
    monkeypatch.chdir(tmp_path)
    for name in ("supervisord.conf", "etc/supervisord.conf"):
        written(tmp_path, MAIN, name)
    assert find_files([], {}, beside="nginx") == []
    assert find_files([], {}) == [f"{tmp_path}/etc/supervisord.conf"]


def test_a_conf_directory_of_ours_may_hold_supervisords_files(tmp_path, monkeypatch):
    written(tmp_path, MAIN, "conf.d/a.conf")
    monkeypatch.setattr("pyinit.config.load.DEFAULT_FILE", f"{tmp_path}/none.toml")
    monkeypatch.setattr("pyinit.config.load.DEFAULT_DIRECTORY", f"{tmp_path}/conf.d")
    assert find_files([], {}) == [f"{tmp_path}/conf.d"]
    assert load([f"{tmp_path}/conf.d"], ENVIRON).sources == (f"{tmp_path}/conf.d/a.conf",)


def test_a_pipe_is_not_looked_into_before_it_is_read(tmp_path):
    reader, writer = os.pipe()
    os.write(writer, b'[program.a]\ncommand = "x"\n')
    os.close(writer)
    try:
        assert len(load([f"/dev/fd/{reader}"], ENVIRON).processes) == 1
    finally:
        os.close(reader)


def test_files_that_are_not_there_or_no_text_are_told(tmp_path):
    assert faults_of(f"{tmp_path}/x.conf")[0][:3] == (
        "x.conf",
        0,
        "cannot read it: No such file or directory",
    )
    path = tmp_path / "y.conf"
    path.write_bytes(b"[supervisord]\n\xff\n")
    assert ("y.conf", 2, "it is not UTF-8: there is a byte 0xff", "save it as UTF-8") in faults_of(
        str(path)
    )


def test_lines_that_are_no_ini_are_told_with_their_file(tmp_path):
    written(tmp_path, "nothing\n", "b.ini")
    main = written(tmp_path, f"{MAIN}[include]\nfiles=b.ini\n[x]\ny\n", "a.conf")
    assert [fault[:2] for fault in faults_of(main)] == [("a.conf", 6), ("b.ini", 1)]


def test_a_later_file_may_include_more(tmp_path):
    one = written(tmp_path, f"{MAIN}[include]\nfiles=one.ini\n", "d/a.conf")
    two = written(tmp_path, "[include]\nfiles=two.ini\n", "d/b.conf")
    written(tmp_path, "[program:one]\ncommand=x\n", "d/one.ini")
    written(tmp_path, "[program:two]\ncommand=x\n", "d/two.ini")
    names = {process.name for process in load([one, two], ENVIRON).processes}
    assert names == {"one", "two"}


def test_what_cannot_be_included_is_told(tmp_path):
    os.mkdir(tmp_path / "sub")
    main = written(tmp_path, f"{MAIN}[include]\nfiles=sub\n", "a.conf")
    (warning,) = load([main], ENVIRON).warnings
    assert warning == (
        f'{main}:4: "{tmp_path}/sub" is a directory: it is not read\n  write {tmp_path}/sub/*.conf'
    )
    main = written(tmp_path, f"{MAIN}[include]\nfiles=%(nothing)s\n", "a.conf")
    ((_, line, message, _),) = faults_of(main)
    assert (line, message.partition(" contains")[0]) == (
        4,
        "Format string '%(nothing)s' for 'include.files'",
    )


def test_a_base_directory_is_no_pattern(tmp_path):
    written(tmp_path, "[program:one]\ncommand=x\n", "[a]/one.ini")
    main = written(tmp_path, f"{MAIN}[include]\nfiles=*.ini\n", "[a]/a.conf")
    assert len(load([main], ENVIRON).processes) == 1


def test_the_number_of_files_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(ini_read, "MAX_FILES", 2)
    for name in "abc":
        written(tmp_path, "[program:one]\ncommand=x\n", f"{name}.ini")
    main = written(tmp_path, f"{MAIN}[include]\nfiles=*.ini\n", "a.conf")
    assert ("b.ini", 0, "there are more than 2 files", "see what [include] matches") in faults_of(
        main
    )


def test_nothing_but_a_command_line_is_a_configuration_of_nothing(tmp_path):
    plan = load([str(tmp_path)], ENVIRON)
    assert plan.processes == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_directory_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "d").mkdir(mode=0o300)
    written(tmp_path, MAIN, "d/a.conf")
    os.chmod(tmp_path, 0o755)
    found = Problems()
    os.seteuid(65534)
    try:
        ini_read.read_all([f"{tmp_path}/d"], found, ENVIRON)
    finally:
        os.seteuid(0)
    (error,) = found.errors()
    assert "Permission denied" in error.message
