"""show and schema: the effective configuration with its origins, and what may be written."""

import json

import pytest
from tools import ctl

from pyinit.config import json_schema

TEXT = """\
[init]
env = { API_KEY = "abc", URL = "http://user:word@host/" }
[defaults]
restart = { delay = "200ms" }
[program.web]
command = ["x", "$${A}", "${SECRET_WORD}"]
umask = "022"
env = { DB_PASSWORD = "hunter2" }
secrets = { TOKEN = "/run/secrets/token" }
[program.worker]
command = "y"
user = 12345
[group.g]
programs = ["worker"]
priority = 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "pyinit.toml").write_text(TEXT)
    return f"{tmp_path}/pyinit.toml"


def show(*words):
    return ctl("show", *words, env={"SECRET_WORD": "hunter3"})


def line(out, start):
    (found,) = [each for each in out.splitlines() if each.startswith(start)]
    return " ".join(found.split())


def test_every_value_is_shown_with_its_origin(file):
    code, out, err = show(file, "web")
    assert (code, err) == (0, "")
    assert out.startswith("[program.web]\ncommand = ")
    assert line(out, "umask") == f'umask = "022" # {file}:7'
    assert line(out, "restart.delay") == f'restart.delay = "200ms" # {file}:4 [defaults]'
    assert line(out, "restart.max ") == "restart.max = 5 # default"
    assert line(out, "# user") == "# user: pyinit's # default"
    assert line(out, "secrets") == f'secrets.TOKEN = "/run/secrets/token" # {file}:9'


def test_without_a_name_everything_is_shown(file):
    code, out, _ = show(file)
    assert code == 0
    headers = [each for each in out.splitlines() if each.startswith("[")]
    assert headers == ["[init]", "[program.web]", "[program.worker]", "[group.g]"]
    worker = out.partition("[program.worker]")[2]
    assert line(worker.partition("[group")[0], "priority") == f"priority = 3 # {file}:15"
    assert line(worker, "env.HOME") == f'env.HOME = "/" # {file}:12 user'


def test_nothing_secret_is_shown(file):
    for words in ((file,), (file, "--json"), (file, "web")):
        code, out, err = show(*words)
        assert code == 0
        for secret in ("hunter2", "hunter3", "abc", "word@"):
            assert secret not in out + err
        assert "********" in out
        assert "http://user:********@host/" in out


@pytest.mark.parametrize("name", ["w*", "all"])
def test_a_glob_stands_for_programs(file, name):
    out = show(file, name)[1]
    assert [each for each in out.splitlines() if each.startswith("[")] == [
        "[program.web]",
        "[program.worker]",
    ]


def test_a_group_stands_for_its_programs(file):
    assert show(file, "g:*")[1].startswith("[program.worker]")


def test_a_program_that_is_not_there_is_exit_4(file):
    assert show(file, "wbe") == (
        4,
        "",
        "pyinitctl: no such program: 'wbe'\n  did you mean 'web'?\n",
    )
    assert show(file, "nothing")[2] == (
        "pyinitctl: no such program: 'nothing'\n  known: web, worker\n"
    )


def test_a_bad_configuration_is_its_faults(tmp_path):
    (tmp_path / "bad.toml").write_text("x = 1\n")
    code, out, err = show(f"{tmp_path}/bad.toml")
    assert (code, out) == (1, "")
    assert err.startswith(f'{tmp_path}/bad.toml:1: unknown key "x"\n')
    code, out, _ = show(f"{tmp_path}/bad.toml", "--json")
    assert json.loads(out)["ok"] is False


def test_warnings_are_on_standard_error(tmp_path):
    (tmp_path / "w.toml").write_text('include = ["none*"]\n')
    code, _, err = show(f"{tmp_path}/w.toml")
    assert (code, err) == (0, f'warning: {tmp_path}/w.toml: no file matches include "none*"\n')


def test_json_has_values_and_origins(file):
    code, out, _ = show(file, "--json")
    found = json.loads(out)
    assert code == 0
    web = found["programs"]["web"]
    assert web["command"] == {
        "value": ["x", "${A}", "********"], "origin": "file", "file": file, "line": 6,
    }  # fmt: skip
    assert web["restart.delay"]["origin"] == "defaults"
    assert web["restart.max"] == {"value": 5, "origin": "default"}
    assert web["user"] == {"value": None, "origin": "default", "note": "pyinit's"}
    assert web["env.API_KEY"]["origin"] == "init"
    assert found["programs"]["worker"]["env.HOME"]["origin"] == "user"
    assert found["groups"]["g"]["priority"]["value"] == 3
    assert found["init"]["exit"]["value"] == "fail-fast"
    assert (found["files"], found["warnings"]) == ([file], [])
    assert set(json.loads(show(file, "web", "--json")[1])) == {"files", "programs"}


def test_the_schema_is_printed():
    code, out, err = ctl("schema")
    assert (code, err) == (0, "")
    assert json.loads(out) == json_schema.document()


def test_sockets_are_shown_with_everything_and_by_name_for_programs(tmp_path):
    path = tmp_path / "pyinit.toml"
    path.write_text(
        '[socket.http]\nlisten = ":80"\n[program.a]\ncommand = "a"\nsockets = ["http"]\n'
    )
    code, out, _ = show(str(path))
    assert code == 0
    assert '[socket.http]\nlisten = ":80"' in out
    assert line(out, "backlog") == "backlog = 4096 # default"
    assert line(out, "sockets") == f'sockets = ["http"] # {path}:5'
    found = json.loads(show(str(path), "--json")[1])
    assert found["sockets"]["http"]["listen"]["value"] == ":80"
    assert "[socket.http]" not in show(str(path), "a")[1]
