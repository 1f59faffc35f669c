"""`watch`: which files a program is concerned by, and what their change means."""

import pytest
from configs import program_fault, program_of

from pyinit.core.plan import COMPILED, USED


def watched(directory, lines):
    for name in ("a.env", "b.env"):
        (directory / name).write_text("NAME=value\n")
    (directory / "envs").mkdir(exist_ok=True)
    return program_of(directory, lines).watch


def test_true_is_the_files_of_variables_and_the_secrets(tmp_path):
    found = watched(
        tmp_path,
        """\
        watch = true
        env_file = ["a.env", "-missing.env"]
        env_dir = "envs"
        secrets = { TOKEN = "/run/secrets/token" }
        """,
    )
    assert found == (
        f"{COMPILED}{tmp_path}/a.env",
        f"{COMPILED}{tmp_path}/missing.env",
        f"{COMPILED}{tmp_path}/envs",
        f"{USED}/run/secrets/token",
    )


@pytest.mark.parametrize("written", ['"conf.d"', '["conf.d"]'])
def test_a_list_is_watched_beside_them(tmp_path, written):
    found = watched(tmp_path, f'watch = {written}\nenv_file = "b.env"')
    assert found == (f"{COMPILED}{tmp_path}/b.env", f"{USED}{tmp_path}/conf.d")


@pytest.mark.parametrize("lines", ['env_file = "a.env"', 'watch = false\nenv_file = "a.env"'])
def test_without_it_nothing_is_watched(tmp_path, lines):
    assert watched(tmp_path, lines) == ()


def test_the_files_of_all_programs_are_not_said_twice(tmp_path):
    found = watched(tmp_path, 'watch = ["/c", "/c"]')
    assert found == (f"{USED}/c",)


def test_a_file_called_as_a_switch_is_named_by_its_directory(tmp_path):
    assert watched(tmp_path, 'watch = "./yes"') == (f"{USED}{tmp_path}/./yes",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("watch = 3", "watch:"),
        ('watch = [""]', "watch:"),
        (f"watch = {['/x'] * 65}", "watch: 65"),
        ('watch = "yes"', 'watch: "yes" would be a path'),
        ('watch = "False"', 'watch: "False" would be a path'),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, line, message):
    assert program_fault(tmp_path, line)[1].startswith(message)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("watch = true", ["all.env", "more.env"]),
        ('watch = true\nenv_file = "a.env"', ["all.env", "more.env", "a.env"]),
        ('env_file = "a.env"', []),
        ('watch = false\nenv_file = "a.env"', []),
    ],
)
def test_who_watches_watches_the_files_of_init_that_give_it_variables(tmp_path, lines, expected):
    for name in ("a.env", "all.env"):
        (tmp_path / name).write_text("NAME=value\n")
    init = '[init]\nenv_file = ["all.env", "-more.env"]'
    found = program_of(tmp_path, lines, before=init).watch
    assert found == tuple([f"{COMPILED}{tmp_path}/{name}" for name in expected])
