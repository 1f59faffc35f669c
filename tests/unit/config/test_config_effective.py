"""The effective configuration: what holds, where it comes from, and nothing secret."""

import tomllib

import pytest
from configs import ENVIRON, written
from hypothesis import given
from hypothesis import strategies as st

from pyinit.config.effective import effective
from pyinit.config.expand import expand
from pyinit.config.load import load
from pyinit.config.problems import ConfigErrors
from pyinit.config.written import is_value, key_text, value_text
from pyinit.core.plan import Restart

TEXT = """\
[init]
umask = "022"
env = { LANG = "C", TOKEN = "abc" }
limits = { core = 0 }
env_file = "all.env"
[defaults]
restart = { policy = "always", delay = "200ms" }
env = { A = "1", INST = "${INSTANCE}" }
nice = 5
[program.web]
command = ["/bin/web", "x$${A}", "$", "${NAME}"]
instances = "${COUNT}"
env = { B = "2", "q.r" = "3" }
env_file = "web.env"
restart = "never"
user = "nobody"
limits.nofile = "max"
ready = { output = "x" }
secrets = { KEY = "/run/key" }
[program."\u00e9"]
command = "x 'a b'"
stdout = ["prefix", { file = "/x", compress = true }]
priority = 3
[program.own]
command = "x"
stop = { signal = "INT" }
[group.g]
programs = ["web", "\u00e9"]
priority = 7
[group.h]
programs = ["own"]
"""


def hide(name, value):
    return "***" if name in {"TOKEN", "PASSWORD"} else value


@pytest.fixture
def found(tmp_path):
    written(tmp_path, "FROM_FILE=web\nPASSWORD=x\n", "web.env")
    written(tmp_path, "ALL=1\nLANG=file\n", "all.env")
    return effective([written(tmp_path, TEXT)], {**ENVIRON, "PASSWORD": "hunter2"}, hide)


def value(settings, key):
    (setting,) = [each for each in settings if each.key == key]
    return setting.value, setting.kind, setting.line, setting.section


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("command", ('["/bin/web", "x$${A}", "$", "value"]', "file", 11, "program.web")),
        ("instances", ("3", "file", 12, "program.web")),
        ("umask", ('"022"', "file", 2, "init")),
        ("nice", ("5", "file", 9, "defaults")),
        ("priority", ("7", "file", 29, "group.g")),
        ("restart.policy", ('"never"', "file", 15, "program.web.restart")),
        ("restart.delay", ('"200ms"', "file", 7, "defaults.restart")),
        ("restart.max", ("5", "default", 0, "")),
        ("ready.output", ('"x"', "file", 18, "program.web.ready")),
        ("limits.nofile", ('"max"', "file", 17, "program.web")),
        ("secrets.KEY", ('"/run/key"', "file", 19, "program.web")),
        ("env.A", ('"1"', "file", 8, "defaults")),
        ("env.B", ('"2"', "file", 13, "program.web")),
        ('env."q.r"', ('"3"', "file", 13, "program.web")),
        ("env.INST", ('"${INSTANCE}"', "file", 8, "defaults")),
        ("env.LANG", ('"C"', "file", 3, "init")),
        ("env.ALL", ('"1"', "file", 5, "env_file")),
        ("env.TOKEN", ('"***"', "file", 3, "init")),
        ("env.FROM_FILE", ('"web"', "file", 14, "env_file")),
        ("env.PASSWORD", ('"***"', "file", 14, "env_file")),
        ("env.USER", ('"nobody"', "user", 16, "program.web")),
        ("directory", ("", "default", 0, "")),
        ("stop.signal", ('"TERM"', "default", 0, "")),
    ],
)
def test_a_value_has_its_origin(found, key, wanted):
    assert value(found.programs["web"], key) == wanted


def test_each_key_is_there_once(found):
    for settings in (found.init, *found.programs.values(), *found.groups.values()):
        keys = [setting.key for setting in settings]
        assert len(keys) == len(set(keys))


def test_what_is_not_said_is_the_default_or_words_about_it(found):
    own = found.programs["own"]
    assert value(own, "priority") == ("999", "default", 0, "")
    assert value(own, "stop.signal")[:2] == ('"INT"', "file")
    assert value(own, "ready") == ("", "default", 0, "")
    (user,) = [each for each in own if each.key == "user"]
    assert user.note == "pyinit's"
    assert value(found.init, "exit") == ('"fail-fast"', "default", 0, "")
    assert value(found.init, "log.level") == ('"info"', "default", 0, "")
    assert value(found.groups["g"], "programs")[0] == '["web", "\u00e9"]'
    assert found.members == {"web": "g", "\u00e9": "g", "own": "h"}
    assert value(found.programs["\u00e9"], "priority")[0] == "3"


def test_a_configuration_of_nothing_has_every_default(tmp_path):
    path = written(tmp_path, '[program.web]\ncommand = "x"\n')
    found = effective([path], ENVIRON, hide)
    assert all(each.kind == "default" for each in found.init)
    assert value(found.programs["web"], "env") == ("{}", "default", 0, "")
    assert value(found.programs["web"], "env_file")[0] == "[]"
    assert (found.files, found.warnings, found.groups) == ((path,), (), {})


def test_secret_variables_do_not_come_in_by_the_back_door(tmp_path):
    text = '[program.web]\ncommand = ["x", "--password=${PASSWORD}"]\n'
    found = effective([written(tmp_path, text)], {"PASSWORD": "hunter2"}, hide)
    assert value(found.programs["web"], "command")[0] == '["x", "--password=***"]'


def test_a_bad_configuration_is_its_faults(tmp_path):
    with pytest.raises(ConfigErrors, match="unknown key"):
        effective([written(tmp_path, "x = 1\n")], ENVIRON, hide)


def text_of(found):
    sections = [("init", found.init)]
    sections += [(f"program.{key_text(name)}", rows) for name, rows in found.programs.items()]
    sections += [(f"group.{key_text(name)}", rows) for name, rows in found.groups.items()]
    lines = []
    for header, rows in sections:
        lines.append(f"[{header}]")
        lines += [f"{row.key} = {row.value}" for row in rows if row.value]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "lines",
    [
        "",
        'limits = { core = 0, nofile = "1:2" }\nnice = "${COUNT}"\nautostart = "${X:-false}"\n',
        'user = "nobody"\nenv = { A = "$$${NAME}", "\u00e9 x" = "\\n\\t\\u0001\\"" }\n',
        'stdout = [{ file = "/x/${INSTANCE}" }]\nstderr = "stdout"\ninstances = 2\n',
        'stop = { signal = ["INT", 15], timeout = 1.5 }\nrestart = { jitter = 0 }\n',
        'ready = { fd = 3, timeout = "1m" }\ncapabilities = { keep = ["kill"] }\n',
        'reload = { signal = "HUP" }\ndepends_on = { db = "done" }\nwants = { db = { condition = "ready", timeout = 3 } }\nsecrets = { A = "/x" }\n',
        'env_file = "web.env"\n',
    ],
)
def test_what_is_shown_is_the_same_configuration_again(tmp_path, lines):
    written(tmp_path, "A=x y\n", "web.env")
    text = '[defaults]\nrestart = "always"\nenv = { D = "1" }\nlimits = { core = 5 }\n'
    text += '[init]\nlog = { level = "debug" }\nsignals = { USR2 = "stop" }\nenv = { E = "i" }\n'
    text += f'[program.web]\ncommand = "x $X"\n{lines}\n[program.db]\ncommand = ["y"]\n'
    text += '[group.g]\nprograms = ["db"]\npriority = 5\n'
    path = written(tmp_path, text)
    again = written(tmp_path, text_of(effective([path], ENVIRON, lambda _, value: value)), "2.toml")
    one, two = load([path], ENVIRON), load([again], ENVIRON)
    assert two.init == one.init
    assert two.processes == one.processes
    assert one.processes[-1].restart == Restart("always")


VALUES = st.recursive(
    st.one_of(
        st.text(st.characters(codec="utf-8")), st.integers(-(2**60), 2**60), st.booleans(),
        st.floats(allow_nan=False),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3),
    ),
    max_leaves=6,
)  # fmt: skip


def single(value):
    if isinstance(value, str):
        return expand(value, {})
    if isinstance(value, list):
        return [single(item) for item in value]
    if isinstance(value, dict):
        return {key: single(item) for key, item in value.items()}
    return value


@given(value=VALUES)
def test_a_value_that_is_written_is_read_again(value):
    text = value_text(value)
    assert "\n" not in text
    assert single(tomllib.loads(f"x = {text}")["x"]) == value


def test_words_are_no_values():
    assert is_value('"x"')
    assert is_value("{}")
    assert not is_value("inherited")
    assert not is_value("/run/x")
