"""The effective configuration of supervisord's files: values, their origins, and what is masked."""

import pytest
from configs import ENVIRON, written

from pyinit.config.effective import Setting
from pyinit.config.ini_show import shown
from pyinit.config.problems import ConfigErrors

TEXT = """\
[DEFAULT]
startretries=9
[supervisord]
nodaemon=true
environment=SECRET="hush",PLAIN=%(ENV_NAME)s
[program:a]
command=a %(ENV_SECRET)s %(ENV_PLAIN)s %(ENV_NAME)s %(program_name)s
numprocs=2
process_name=%(process_num)d
environment=N="%(process_num)d",SECRET="hush",M="1"
stdout_logfile=/%(program_name)s%%%%
unknown=x
[group:g]
programs=a
[group:h]
programs=a
[unix_http_server]
file=/x
username=u
password=hush
[nonsense]
x=1
"""


def mask(name, value):
    return "***" if name in {"SECRET", "password"} else value


def rows_of(tmp_path, text=TEXT):
    path = written(tmp_path, text, "s.conf")
    found = shown([path], ENVIRON, mask)
    return (
        path,
        found,
        {header: {row.key: row for row in rows} for header, rows in found.sections.items()},
    )


def test_each_option_has_its_value_and_its_place(tmp_path):
    path, found, rows = rows_of(tmp_path)
    program = rows["program:a"]
    assert program["command"] == Setting(
        "command", "a *** value value a", "file", path, 7, "program:a"
    )
    assert (program["startretries"].value, program["startretries"].line) == ("9", 2)
    assert program["stdout_logfile"].value == "/a%"
    assert program["unknown"].line == 12
    assert program["startsecs"] == Setting("startsecs", "1")
    assert program["directory"] == Setting("directory", "", note="none")
    assert found.programs == {"program:a": ("a", ("g", "h"))}
    assert "nonsense" not in rows
    assert found.files == (path,)
    assert any("nonsense" in warning for warning in found.warnings)


def test_what_differs_between_processes_is_as_it_is_written(tmp_path):
    _, _, rows = rows_of(tmp_path)
    name = rows["program:a"]["process_name"]
    assert (name.value, name.kind) == ("%(process_num)d", "written")
    assert rows["program:a"]["environment"].value == 'N="%(process_num)d",SECRET="***",M="1"'


def test_passwords_and_secret_variables_are_masked_everywhere(tmp_path):
    _, _, rows = rows_of(tmp_path)
    assert rows["unix_http_server"]["password"].value == "***"
    assert rows["supervisord"]["environment"].value == 'SECRET="***",PLAIN="value"'
    assert "hush" not in repr(rows)


def test_a_bad_file_is_not_shown(tmp_path):
    with pytest.raises(ConfigErrors):
        rows_of(tmp_path, "[supervisord]\nminfds=x\n")
