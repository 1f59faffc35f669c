"""The files: where they are looked for, in what order they are read, and when they cannot be."""

import contextlib
import os

import pytest
from configs import ENVIRON, fault_in, faults_in, faults_of, plan_of, written

from pyinit.config import toml
from pyinit.config.load import check, find_files, load

PROGRAM = '[program.{}]\ncommand = ["x"]\n'


def names(plan):
    return [process.name for process in plan.processes]


def test_files_are_those_of_the_command_line_or_of_the_environment_or_the_default_ones(
    tmp_path, monkeypatch
):
    assert find_files(["a", "b"], {"PYINIT_CONFIG": "c"}) == ["a", "b"]
    assert find_files([], {"PYINIT_CONFIG": "/c:/d::"}) == ["/c", "/d"]
    monkeypatch.setattr("pyinit.config.load.DEFAULT_FILE", str(tmp_path / "pyinit.toml"))
    monkeypatch.setattr("pyinit.config.load.DEFAULT_DIRECTORY", str(tmp_path / "conf.d"))
    assert find_files([], {}) == []
    written(tmp_path, "")
    assert find_files([], {"PYINIT_CONFIG": ""}) == [f"{tmp_path}/pyinit.toml"]
    (tmp_path / "conf.d").mkdir()
    assert find_files([], {}) == [f"{tmp_path}/pyinit.toml"]  # nothing is in it
    written(tmp_path, "", "conf.d/web.toml")
    assert find_files([], {}) == [f"{tmp_path}/pyinit.toml", f"{tmp_path}/conf.d"]


def test_several_files_are_one_configuration(tmp_path):
    one = written(tmp_path, PROGRAM.format("one"), "one.toml")
    two = written(tmp_path, PROGRAM.format("two"), "two.toml")
    plan = load([two, one, two], ENVIRON)
    assert names(plan) == ["two", "one"]
    assert plan.sources == (two, one)


def test_a_directory_is_its_toml_files_in_order(tmp_path):
    for name in ("20-b.toml", "10-a.toml", ".hidden.toml", "readme.md", "x.toml.bak"):
        written(tmp_path, PROGRAM.format(name[:2].strip(".")), f"conf.d/{name}")
    os.symlink("10-a.toml", tmp_path / "conf.d" / "30-link.toml")  # the same file again
    plan = load([f"{tmp_path}/conf.d"], ENVIRON)
    assert names(plan) == ["10", "20"]


def test_the_links_of_a_config_map_are_followed(tmp_path):
    written(tmp_path, PROGRAM.format("web"), "..2024_01/pyinit.toml")
    os.symlink("..2024_01", tmp_path / "..data")
    os.symlink("..data/pyinit.toml", tmp_path / "pyinit.toml")
    assert names(load([str(tmp_path)], ENVIRON)) == ["web"]
    assert names(load([f"{tmp_path}/pyinit.toml"], ENVIRON)) == ["web"]


def test_an_empty_directory_is_warned_of(tmp_path):
    plan = load([str(tmp_path)], ENVIRON)
    assert plan.warnings == (f'{tmp_path}: there is no file called "*.toml" in it',)


def test_a_directory_that_leads_to_itself_is_an_error_and_no_endless_loop(tmp_path):
    (tmp_path / "conf.d").mkdir()
    os.symlink("../conf.d", tmp_path / "conf.d" / "loop.toml")
    (fault,) = faults_of(f"{tmp_path}/conf.d")
    assert f'"{tmp_path}/conf.d/loop.toml" includes itself' in fault[2]


def test_includes_are_relative_to_the_file_and_read_right_after_it(tmp_path):
    main = written(
        tmp_path,
        'include = ["parts/*.toml", "parts/more/x.toml"]\n' + PROGRAM.format("main"),
        "etc/[x]/main.toml",
    )
    written(tmp_path, PROGRAM.format("b"), "etc/[x]/parts/b.toml")
    written(tmp_path, 'include = "more/*"\n' + PROGRAM.format("a"), "etc/[x]/parts/a.toml")
    written(tmp_path, PROGRAM.format("x"), "etc/[x]/parts/more/x.toml")
    assert names(load([main], ENVIRON)) == ["main", "a", "x", "b"]


def test_an_absolute_pattern_and_a_directory_can_be_included(tmp_path):
    written(tmp_path, PROGRAM.format("a"), "one/a.toml")
    written(tmp_path, PROGRAM.format("b"), "two/b.toml")
    main = written(tmp_path, f'include = ["{tmp_path}/one/*.toml", "two"]\n')
    assert names(load([main], ENVIRON)) == ["a", "b"]


def test_variables_stand_in_includes_too(tmp_path):
    written(tmp_path, PROGRAM.format("a"), "value/a.toml")
    main = written(tmp_path, 'include = ["${NAME}/*.toml"]\n')
    assert names(load([main], ENVIRON)) == ["a"]
    found = faults_in(tmp_path, 'include = [\n"${A}",\n"${B}"]\n')
    assert [fault[:2] for fault in found] == [
        (2, "include: cannot expand ${A}: it is not set"),
        (3, "include: cannot expand ${B}: it is not set"),
    ]


def test_a_pattern_that_matches_nothing_is_a_warning(tmp_path):
    plan = plan_of(tmp_path, 'include = ["conf.d/*.toml"]\n')
    assert plan.warnings == (f'{tmp_path}/pyinit.toml: no file matches include "conf.d/*.toml"',)


def test_a_name_that_is_not_there_is_an_error_with_its_line(tmp_path):
    line, message, fix = fault_in(tmp_path, 'include = [\n  "none.toml",\n]\n')
    assert (line, message) == (2, 'cannot include "none.toml": no such file')
    assert f'"{tmp_path}/none.toml"' in fix


def test_files_that_include_each_other_are_named_along_the_circle(tmp_path):
    one = written(tmp_path, 'include = ["two.toml"]\n', "one.toml")
    two = written(tmp_path, 'include = ["sub/../one.toml"]\n', "two.toml")
    (tmp_path / "sub").mkdir()
    ((file, line, message, fix),) = faults_of(one)
    assert (file, line) == ("two.toml", 1)
    assert message.endswith(f"includes itself: {one} -> {two} -> {tmp_path}/sub/../one.toml")
    assert fix == "leave one out"


def test_a_file_that_includes_itself_by_a_pattern_is_a_circle(tmp_path):
    assert "includes itself" in fault_in(tmp_path, 'include = ["*.toml"]\n')[1]


@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        ("3", 1, "include: 3 is no text"),
        ("{}", 1, "include: a table is no list"),
        ('[\n"x*",\n 3]', 3, "include: 3 is no text"),
        ('""', 1, "include: it must not be empty"),
    ],
)
def test_what_cannot_be_included_is_an_error(tmp_path, value, place, message):
    line, found, fix = fault_in(tmp_path, f"include = {value}\n")
    assert (line, found) == (place, message)
    assert fix


def test_a_file_that_is_missing_or_a_device_is_an_error(tmp_path):
    ((_, line, message, fix),) = faults_of(f"{tmp_path}/none.toml")
    assert (line, message) == (0, "cannot read it: No such file or directory")
    assert fix == f"see the path: it is {tmp_path}/none.toml"
    os.symlink("gone", tmp_path / "broken.toml")
    main = written(tmp_path, 'include = ["broken.toml"]\n', "main/../main.toml")
    assert faults_of(main)[0][:3] == ("broken.toml", 0, "cannot read it: No such file or directory")
    os.remove(tmp_path / "main.toml")
    assert faults_of(str(tmp_path))[0][2] == "cannot read it: No such file or directory"
    assert faults_of("/dev/zero")[0][2] == "it is larger than 16 MB"


def test_a_file_below_a_file_cannot_be_read(tmp_path):
    path = written(tmp_path, "")
    ((_, _, message, fix),) = faults_of(f"{path}/x.toml")
    assert message == "cannot read it: Not a directory"
    assert fix == "see its owner and mode"


@contextlib.contextmanager
def as_nobody():
    """Be no root meanwhile."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def shared(tmp_path):
    """A directory that another user can reach."""
    for directory in (tmp_path, *tmp_path.parents):
        if os.stat(directory).st_uid == os.geteuid():
            os.chmod(directory, os.stat(directory).st_mode | 0o055)
        if not os.stat(directory).st_mode & 0o001:
            pytest.skip(f"{directory} is closed for others, and not ours")
    return tmp_path


def test_an_unreadable_file_among_good_ones_is_an_error(shared):
    path = written(shared, PROGRAM.format("a"), "conf.d/a.toml")
    written(shared, PROGRAM.format("b"), "conf.d/b.toml")
    os.chmod(shared / "conf.d", 0o755)
    os.chmod(path, 0o600)
    if os.geteuid() != 0:
        os.chmod(path, 0)
    with as_nobody():
        found = faults_of(f"{shared}/conf.d")
    assert found == [("a.toml", 0, "cannot read it: Permission denied", "see its owner and mode")]


def test_an_unreadable_directory_is_an_error(shared):
    (shared / "conf.d").mkdir(mode=0o300)
    main = written(shared, 'include = ["conf.d"]\n')
    os.chmod(main, 0o644)

    with as_nobody():
        ((file, line, message, fix),) = faults_of(main)
        alone = faults_of(f"{shared}/conf.d")
    assert message == f'cannot read the directory "{shared}/conf.d": Permission denied'
    assert (file, line, fix) == ("pyinit.toml", 1, "see its owner and mode")
    assert alone[0][:2] == ("conf.d", 0)


def test_a_toml_file_cannot_include_a_supervisord_file(tmp_path):
    written(tmp_path, "[supervisord]\n", "web.ini")
    main = written(tmp_path, 'include = ["web.ini"]\n')
    ((file, _, message, fix),) = faults_of(main)
    assert file == "web.ini"
    assert message == "a supervisord file cannot be part of a TOML configuration"
    assert fix.endswith(f"pyinitctl convert supervisord {tmp_path}/web.ini")


@pytest.mark.parametrize(
    ("text", "line", "message", "fix"),
    [
        ("[program.web\ncommand = 1", 1, "expected ']' at the end of a table declaration", ""),
        ("[a]\nx = 1\n[a]\n", 3, "cannot declare ('a',) twice", ""),
        ("a = 1\na = 2\n", 2, "cannot overwrite a value", ""),
        ("[a]\nx = always\n", 2, "invalid value", 'put texts in quotes: "always"'),
        ("[a]\nx = \n", 2, "invalid value", "write a value behind"),
        ('a = "x\nb = 1\n', 1, "illegal character '\\n'", 'see line 1: a = "x'),
        ("a = [1,\n2\n", 3, "unclosed array", "see the line before it"),
        ("a = true false\n", 1, "expected newline or end of document", "put texts in quotes"),
    ],
)
def test_what_is_no_toml_is_an_error_with_its_line(tmp_path, text, line, message, fix):
    found = fault_in(tmp_path, text)
    assert found[0] == line
    assert found[1].startswith("it is not TOML: ")
    assert message.casefold() in found[1].casefold()
    assert found[2].startswith(fix)
    assert found[2]


def test_a_number_of_thousands_of_digits_and_nesting_without_end_are_no_crash(tmp_path):
    assert "digits" in fault_in(tmp_path, f"a = {'9' * 5000}\n")[1]
    message = fault_in(tmp_path, f"a = {'[' * 100000}\n")[1]
    assert message == "it is not TOML: it is nested too deep"


def test_bytes_that_are_no_utf8_are_named_with_their_line(tmp_path):
    path = tmp_path / "pyinit.toml"
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    ((_, line, message, fix),) = faults_of(str(path))
    assert (line, message) == (2, "it is not UTF-8: there is a byte 0xff")
    assert fix == "save it as UTF-8"


def test_the_mark_that_windows_puts_before_utf8_and_its_line_ends_are_no_fault(tmp_path):
    text = '\ufeff[program.web]\r\ncommand = ["x"]\r\nenv = { A = 1 }\r\numask = "x"\r\n'
    assert fault_in(tmp_path, text)[0] == 4


def test_a_huge_file_is_refused(tmp_path):
    path = written(tmp_path, "#" * (16 << 20) + "\n")
    assert faults_of(path)[0][2] == "it is larger than 16 MB"


def test_more_files_than_anybody_has_are_refused_once(tmp_path, monkeypatch):
    monkeypatch.setattr(toml, "MAX_FILES", 3)
    for number in range(9):
        written(tmp_path, "", f"{number}.toml")
    found = faults_of(str(tmp_path))
    assert [fault[2] for fault in found] == ["there are more than 3 files"]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses")
def test_root_runs_nothing_that_everybody_may_write(tmp_path):
    path = written(tmp_path, PROGRAM.format("web"), "conf.d/web.toml")
    os.chmod(path, 0o666)
    (fault,) = faults_of(f"{tmp_path}/conf.d")
    assert fault[2] == "everybody may write it, and root runs what it says"
    os.chmod(path, 0o664)
    os.chmod(tmp_path / "conf.d", 0o777)
    plan = load([f"{tmp_path}/conf.d"], ENVIRON)
    text = "everybody may write it, and root runs what it says"
    text += ': "chmod o-w" it, or mount it read-only'
    assert plan.warnings == (f"{tmp_path}/conf.d: {text}",)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses")
@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_root_runs_nothing_that_others_have_dropped_where_everybody_may(tmp_path, mode):
    path = written(tmp_path, PROGRAM.format("web"), "conf.d/web.toml")
    os.chown(path, 12345, 12345)
    assert load([f"{tmp_path}/conf.d"], ENVIRON).warnings == ()
    os.chmod(tmp_path / "conf.d", mode)
    (fault,) = faults_of(f"{tmp_path}/conf.d")
    text = "it belongs to user 12345, in a directory that everybody may write"
    assert fault[2] == f"{text}, and root runs what it says"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root refuses")
@pytest.mark.parametrize("make", ["symlink", "link"])
def test_nor_what_root_has_written_elsewhere_and_others_have_linked_there(tmp_path, make):
    """A log of root's holds what its program has printed."""
    log = written(tmp_path, PROGRAM.format("evil"), "logs/app.log")
    place = tmp_path / "conf.d"
    written(tmp_path, PROGRAM.format("web"), "conf.d/web.toml")
    if make == "link":
        os.link(log, place / "evil.toml")
    else:
        (place / "evil.toml").symlink_to(log)
        os.chown(place / "evil.toml", 12345, 12345, follow_symlinks=False)
    os.chmod(place, 0o1777)
    (fault,) = faults_of(str(place))
    assert fault[0].endswith("evil.toml")
    assert "in a directory that everybody may write, and root runs what it says" in fault[2]
    os.chmod(place, 0o755)
    assert load([str(place)], ENVIRON).warnings == ()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root is warned")
def test_a_link_of_roots_in_a_directory_that_is_everybodys_is_roots_word(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/web.toml").symlink_to(written(tmp_path, PROGRAM.format("web"), "its.toml"))
    os.chmod(tmp_path / "conf.d", 0o1777)
    assert len(load([f"{tmp_path}/conf.d"], ENVIRON).processes) == 1


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root is warned")
def test_a_supervisord_file_that_everybody_may_write_is_warned_of(tmp_path):
    path = written(tmp_path, "[supervisord]\n[program:web]\ncommand=true\n", "supervisord.conf")
    os.chmod(path, 0o666)
    (warning,) = load([path], ENVIRON).warnings
    assert warning.startswith(f"{path}: everybody may write it")


def test_nobody_else_is_warned(shared):
    path = written(shared, PROGRAM.format("web"))
    os.chmod(path, 0o666)
    with as_nobody():
        assert load([path], ENVIRON).warnings == ()


def test_errors_come_by_file_as_read_and_by_line(tmp_path):
    written(tmp_path, "x = 1\n" + PROGRAM.format("a") + "y = 1\n", "a.toml")
    written(tmp_path, "[init]\nexit = 3\nz = 1\n", "b.toml")
    main = written(tmp_path, 'q = 1\ninclude = ["b.toml", "a.toml", "none"]\n[init]\nq = 1\n')
    places = [(fault[0], fault[1]) for fault in faults_of(main)]
    assert places == [
        *(("pyinit.toml", 1), ("pyinit.toml", 2), ("pyinit.toml", 4)),
        *(("b.toml", 2), ("b.toml", 3), ("a.toml", 1), ("a.toml", 4)),
    ]


def test_a_program_in_two_files_is_an_error_that_names_the_first(tmp_path):
    one = written(tmp_path, "\n" + PROGRAM.format("web"), "one.toml")
    two = written(tmp_path, PROGRAM.format("web"), "two.toml")
    ((file, line, message, fix),) = faults_of(one, two)
    assert (file, line) == ("two.toml", 1)
    assert message == f'program "web" is in {one}:2 already'
    assert fix


def test_what_is_in_a_good_configuration_is_counted(tmp_path):
    path = written(tmp_path, PROGRAM.format("a") + "instances = 3\n" + PROGRAM.format("b"))
    found = check([path], ENVIRON)
    assert (found.files, found.programs, found.processes, found.warnings) == ((path,), 2, 4, ())


def test_thousands_of_faults_are_told_in_reasonable_time(tmp_path):
    lines = "".join([f"[program.p{n}]\ncomand = 1\n" for n in range(1000)])
    found = faults_in(tmp_path, lines)
    assert len(found) == 2000
    assert found[-1][0] == 2000
