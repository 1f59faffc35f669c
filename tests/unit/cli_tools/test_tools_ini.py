"""check and show of supervisord's files: faults with their place, every value with its origin."""

import json

import pytest
from tools import ctl

TEXT = """\
[unix_http_server]
file=%(here)s/x.sock
username=admin
password=hush-door
[supervisord]
nodaemon=true
environment=API_KEY="hush-key",MODE=%(ENV_MODE)s
[program:web]
command=web --mode %(ENV_MODE)s --key %(ENV_DB_PASSWORD)s --api %(ENV_API_KEY)s 100%%
environment=TOKEN="hush-token",PORT="80%(process_num)02d"
process_name=%(program_name)s_%(process_num)d
numprocs=2
stdout_logfile=/log/%(program_name)s%%%%.log
serverurl=http://user:hush-url@host/
http_password=hush-old
[program:db]
command=db
[group:g]
programs=web
"""
ENV = {"MODE": "fast", "DB_PASSWORD": "hush-db"}


@pytest.fixture
def file(tmp_path):
    (tmp_path / "supervisord.conf").write_text(TEXT)
    return f"{tmp_path}/supervisord.conf"


def lines_of(out):
    return [" ".join(line.split()) for line in out.splitlines()]


def test_every_value_is_shown_with_its_origin_and_nothing_that_is_secret(file, tmp_path):
    code, out, err = ctl("show", file, env=ENV)
    found = lines_of(out)
    assert code == 0
    assert "hush" not in out + err
    assert f"file = {tmp_path}/x.sock ; {file}:2" in found
    assert f"password = ******** ; {file}:4" in found
    assert f'environment = API_KEY="********",MODE="fast" ; {file}:7' in found
    assert f"command = web --mode fast --key ******** --api ******** 100%% ; {file}:9" in found
    assert f"process_name = %(program_name)s_%(process_num)d ; {file}:11" in found
    assert f"stdout_logfile = /log/web%%%%.log ; {file}:13" in found
    assert "startsecs = 1 ; default" in found
    assert ";directory = ; default: none" in found
    assert "[group:g]" in found


def test_one_program_is_shown_by_its_name_or_group(file):
    for name in ("web", "g:web", "g:*"):
        code, out, _ = ctl("show", file, name, env=ENV)
        assert code == 0
        assert out.startswith("[program:web]\n")
        assert "[program:db]" not in out
    code, out, err = ctl("show", file, "wbe", env=ENV)
    assert (code, out) == (4, "")
    assert "did you mean 'web'?" in err


def test_as_json_each_value_has_its_place(file):
    code, out, _ = ctl("--json", "show", file, env=ENV)
    found = json.loads(out)
    assert code == 0
    assert "hush" not in out
    assert found["sections"]["program:db"]["command"] == {
        "value": "db",
        "origin": "file",
        "file": file,
        "line": 17,
    }
    assert found["sections"]["program:db"]["user"] == {"value": None, "origin": "default"}
    assert found["warnings"]


def test_what_is_unknown_is_a_warning_and_with_strict_a_fault(file):
    code, out, err = ctl("check", file, env=ENV)
    assert (code, out) == (0, "ok: 2 programs (3 processes) in 1 file\n")
    assert f'{file}:15: unknown option "http_password" in [program:web]' in err
    code, out, err = ctl("check", "--strict", file, env=ENV)
    assert (code, out) == (1, "")
    assert f'{file}:15: unknown option "http_password" in [program:web]' in err
    assert "hush" not in err


def test_a_file_is_converted_to_one_that_is_good(file, tmp_path):
    code, out, err = ctl("convert", "supervisord", file, env=ENV)
    assert code == 0
    assert "note: stdin of programs is /dev/null" in err
    assert "hush-db" not in out + err
    assert "hush-door" not in out + err
    (tmp_path / "new.toml").write_text(out)
    assert ctl("check", f"{tmp_path}/new.toml", env=ENV)[:2] == (0, "ok: 3 programs in 1 file\n")
    code, out, _ = ctl("--json", "convert", "supervisord", file, env=ENV)
    found = json.loads(out)
    assert (code, found["ok"]) == (0, True)
    assert "[program.db]" in found["text"]
    assert found["notes"]


def test_only_what_is_known_is_converted_and_only_what_is_good(file, tmp_path):
    code, _, err = ctl("convert", "upstart", file, env=ENV)
    assert (code, err.partition("\n")[0]) == (2, "pyinitctl: cannot convert 'upstart'")
    (tmp_path / "bad.conf").write_text("[supervisord]\nminfds=x\n")
    code, out, err = ctl("convert", "supervisord", f"{tmp_path}/bad.conf")
    assert (code, out) == (1, "")
    assert f"{tmp_path}/bad.conf:2: invalid literal for int()" in err
    assert err.endswith("1 error: nothing is converted\n")


def test_both_kinds_of_files_together_are_refused(file, tmp_path):
    (tmp_path / "pyinit.toml").write_text("")
    code, _, err = ctl("check", file, f"{tmp_path}/pyinit.toml", env=ENV)
    assert code == 1
    assert "supervisord files and TOML files do not make one configuration" in err
