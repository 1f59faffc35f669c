"""Whatever is written at whatever key: a plan, or faults with their places and what to do."""

import marshal
import os

import jsonschema
import pytest
import tomli
from configs import faults_of, written
from fuzzing import TIMES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyinit.config import json_schema, schema
from pyinit.config.compile import compile_plain
from pyinit.core.plan import Plan, plan_kinds
from pyinit.core.record import from_plain

CHECKER = jsonschema.Draft202012Validator(json_schema.document())
HEADERS = {
    "init": "init",
    "init.log": "init.log",
    "init.control": "init.control",
    "defaults": "program",
    "defaults.restart": "program.restart",
    "program.web": "program",
    "program.web.ready": "program.ready",
    "program.web.stop": "program.stop",
    "program.web.stdout": "program.stdout",
    "program.db": "program",
    "group.g": "group",
}
VALUES = (
    *("1", "0", "-1", "1.5", "true", "false", "inf", "nan", "1979-05-27", "99999999999", "0o22"),
    *('""', '"x"', '"a b \'c"', '"\\u0000"', '"1s"', '"5MB"', '"max"', '"1:2"', '"unlimited"'),
    *('"${A}"', '"${A:-5}"', '"${B}"', '"${"', '"$$"', '"${INSTANCE}"', '"${A:?x}"', "644"),
    *('"always"', '"TERM"', '"nobody"', '"0640"', '"main:web"', '"all-done"', '"stdout"', '"warn"'),
    *("[]", '["a"]', "[1]", "[0, 300]", '[["x"]]', '["web"]', '["INT", 15]', '[{ file = "/x" }]'),
    *(
        "{}",
        "{ a = 1 }",
        "{ a = { b = [1] } }",
        "{ fd = 3 }",
        '{ output = "(" }',
        '{ db = "ready" }',
    ),
    *('{ file = "/x", max_size = "1MB" }', '{ policy = "always" }', '{ USR2 = "forward:web" }'),
    *('{ nofile = "max", core = 0 }', '{ nofle = "x" }', '{ keep = ["kill"] }', '"oneshot"'),
    *('{ signal = "HUP" }', '"prefix"', '["prefix", "json"]', '"0-3"', '"idle"', '"fail"', "3"),
)


@st.composite
def documents(draw):
    """Return a TOML text with known keys in known tables, and any values."""
    lines = []
    headers = draw(st.lists(st.sampled_from(sorted(HEADERS)), unique=True, max_size=5))
    for header in sorted(headers, key=lambda each: each.count(".")):
        lines.append(f"[{header}]")
        keys = [*schema.section(HEADERS[header]), "unknown"]
        chosen = draw(st.lists(st.sampled_from(keys), unique=True, max_size=5))
        lines += [f"{key} = {draw(st.sampled_from(VALUES))}" for key in chosen]
    text = "\n".join(lines) + "\n"
    if draw(st.booleans()):
        text = text.replace("[program.web]\n", '[program.web]\ncommand = "x"\n')
    return text


@settings(max_examples=200 * TIMES, suppress_health_check=list(HealthCheck))
@given(text=documents(), variable=st.sampled_from(["", "1", "x", "true"]))
def test_anything_is_a_plan_or_faults_with_places_and_fixes(tmp_path, text, variable):
    kind, content = marshal.loads(compile_plain([written(tmp_path, text)], {"A": variable}))
    if kind == "plan":
        assert isinstance(from_plain(content, plan_kinds()), Plan)
        tree = tomli.loads(text)
        assert [error.message for error in CHECKER.iter_errors(tree)] == []
        return
    assert kind == "errors", content
    for _file, line, message, fix in content:
        assert line, message
        assert message
        assert fix, message


# What only the system or the rest of the configuration knows, and what no pattern can say.
ONLY_CHECK_KNOWS = (
    *("there is no", "cannot read", "NUL", "no number of a", "must not be empty", "in octal"),
    *("cannot split it", "needs a text", "nan is no", "wait for each other", "nothing of"),
    *("it is less than", "is no cron line", "is followed by it", "start it again"),
    *("is no regular expression", "is a name or a number", "nothing is ready at once"),
    *("can be stopped in no time", "it takes some time"),
)
NEEDED = {
    "program.web": ("command", 'command = "x"\n'),
    "program.db": ("command", 'command = "x"\n'),
    "program.web.stdout": ("file", 'file = "/x"\n'),
    "program.web.ready": ("fd", "fd = 3\n"),
    "group.g": ("programs", "programs = []\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("header", HEADERS)
def test_the_schema_takes_every_value_of_every_key_that_the_compiler_takes(tmp_path, header):
    around = "".join(
        [f'[{name}]\ncommand = "x"\n' for name in ("program.web", "program.db") if name != header]
    )
    for key in CHECKER.schema["$defs"][HEADERS[header]]["properties"]:
        for value in VALUES:
            name, line = NEEDED.get(header, ("", ""))
            text = f"{around}[{header}]\n{'' if key == name else line}{key} = {value}\n"
            kind, content = marshal.loads(compile_plain([written(tmp_path, text)], {"A": "1"}))
            refused = list(CHECKER.iter_errors(tomli.loads(text)))
            if kind == "plan":
                assert not refused, (key, value)
            elif not refused:
                known = any(words in content[0][2] for words in ONLY_CHECK_KNOWS)
                assert known or "$" in value, (key, value, content)


@pytest.mark.parametrize(
    ("name", "text", "pipe"),
    [
        ("pyinit.toml", 'include = ["conf.d/*"]\n', "conf.d/a.toml"),
        ("pyinit.conf", "[supervisord]\n[include]\nfiles = conf.d/*\n", "conf.d/a.conf"),
        ("", "", "conf.d/a.toml"),
        ("", "", "conf.d/a.conf"),
    ],
)
def test_nobody_waits_for_a_pipe_that_a_pattern_has_found(tmp_path, name, text, pipe):
    (tmp_path / "conf.d").mkdir()
    os.mkfifo(tmp_path / pipe)
    file = written(tmp_path, text, name) if name else str(tmp_path / "conf.d")
    found = faults_of(file)
    what = (os.path.basename(pipe), 0, "cannot read it: it is a named pipe, no file")
    assert what in [each[:3] for each in found]
