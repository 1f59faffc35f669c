"""check: every fault of every file at once, or a short summary."""

import json

import pytest
from tools import call, ctl

GOOD = '[program.web]\ncommand = "x"\ninstances = 3\n[program.db]\ncommand = "y"\n'
BAD = '[init]\nexit = 3\n[program.web]\ncomand = "x"\n'


@pytest.fixture
def files(tmp_path):
    (tmp_path / "good.toml").write_text(GOOD)
    (tmp_path / "bad.toml").write_text(BAD)
    (tmp_path / "worse.toml").write_text('x = 1\n[program.db]\ncommand = "\n')
    return tmp_path


def test_a_good_configuration_is_summed_up(files):
    code, out, err = ctl("check", f"{files}/good.toml")
    assert (code, out, err) == (0, "ok: 2 programs (4 processes) in 1 file\n", "")


def test_one_of_everything_is_singular(files):
    (files / "one.toml").write_text('include = ["none*"]\n[program.web]\ncommand = "x"\n')
    code, out, err = ctl("check", "one.toml", cwd=files)
    assert (code, out) == (0, "ok: 1 program in 1 file\n")
    assert err == 'warning: one.toml: no file matches include "none*"\n'


def test_every_fault_of_every_file_is_told_in_order_with_its_fix(files):
    code, out, err = ctl("check", "bad.toml", "worse.toml", "none.toml", cwd=files)
    assert (code, out) == (1, "")
    assert err == (
        "bad.toml:2: exit: 3 is not known here\n"
        '    write one of "fail-fast", "all-done", "never", "main:PROGRAM"\n'
        'bad.toml:3: program "web" has no command\n'
        '    write command = ["/path", "argument"]\n'
        'bad.toml:4: unknown key "comand" in [program.web]\n'
        '    did you mean "command"?\n'
        "worse.toml:3: it is not TOML: illegal character '\\n'\n"
        '    see line 3: command = "\n'
        "none.toml: cannot read it: No such file or directory\n"
        f"    see the path: it is {files}/none.toml\n"
        "5 errors: nothing would be started\n"
    )


def test_a_fault_hides_no_warning(files):
    (files / "a.conf").write_text(
        "[supervisord]\n[program:a]\ncommand=a\nstopwaitsec=30\npriority=high\n"
    )
    code, out, err = ctl("check", "a.conf", cwd=files)
    assert (code, out) == (1, "")
    told = 'a.conf:4: unknown option "stopwaitsec" in [program:a]\n  did you mean "stopwaitsecs"?'
    assert err.startswith(f"warning: {told}\na.conf:5: ")
    assert err.endswith("\n1 error: nothing would be started\n")
    found = json.loads(ctl("check", "--json", "a.conf", cwd=files)[1])
    assert (found["ok"], found["warnings"]) == (False, [told])
    assert [error["line"] for error in found["errors"]] == [5]


def test_one_fault_is_one_error(files):
    (files / "x.toml").write_text("x = 1\n")
    assert ctl("check", f"{files}/x.toml")[2].endswith("\n1 error: nothing would be started\n")


def test_json_says_the_same(files):
    code, out, err = ctl("check", "--json", "good.toml", cwd=files)
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "ok": True, "files": ["good.toml"], "programs": 2, "processes": 4,
        "warnings": [], "errors": [],
    }  # fmt: skip
    code, out, err = ctl("check", "bad.toml", "--json", cwd=files)
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert found["ok"] is False
    assert found["errors"][0] == {
        "file": "bad.toml",
        "line": 2,
        "message": "exit: 3 is not known here",
        "fix": 'write one of "fail-fast", "all-done", "never", "main:PROGRAM"',
    }
    assert len(found["errors"]) == 3


def test_without_a_file_the_configuration_of_the_environment_is_checked(files):
    code, out, _ = ctl("check", env={"PYINIT_CONFIG": f"{files}/good.toml"})
    assert (code, out) == (0, "ok: 2 programs (4 processes) in 1 file\n")


def test_pyinit_check_exits_with_78(files):
    code, out, err = call("init", "-c", "bad.toml", "-c", "none.toml", "--check", cwd=files)
    assert (code, out) == (78, "")
    assert err.startswith("bad.toml:2: exit: 3 is not known here\n")
    assert err.endswith("4 errors: nothing would be started\n")
    code, out, err = call("init", "--check", "-c", f"{files}/good.toml")
    assert (code, out, err) == (0, "ok: 2 programs (4 processes) in 1 file\n", "")


def test_pyinit_check_without_any_configuration_says_so(tmp_path):
    code, _, err = call("init", "--check", env={"PYINIT_CONFIG": str(tmp_path)})
    assert code == 0  # an empty directory is a configuration of nothing
    assert "warning" in err


def test_variables_of_the_environment_count(files):
    (files / "v.toml").write_text('[program.web]\ncommand = "${COMMAND:?name it}"\n')
    assert ctl("check", "v.toml", cwd=files, env={"COMMAND": "x"})[0] == 0
    assert ctl("check", "v.toml", cwd=files)[2].startswith(
        "v.toml:2: command: cannot expand ${COMMAND}: name it\n    set COMMAND in the environment\n"
    )
