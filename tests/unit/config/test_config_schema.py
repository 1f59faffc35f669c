"""The JSON Schema: what it takes is a configuration, what it refuses is none."""

import json
import runpy
import tomllib
from pathlib import Path

import jsonschema
import pytest
from configs import ENVIRON, faults_of, written

from pyinit.config import json_schema, manual, schema
from pyinit.config.load import load

TOP = Path(__file__).resolve().parents[3]
SCHEMA = json_schema.document()
CHECKER = jsonschema.Draft202012Validator(SCHEMA)
PROGRAM = '[program.web]\ncommand = "x"\n'
GOOD = {
    "nothing": "",
    "one program": PROGRAM,
    "a list": '[program.web]\ncommand = ["x", "y"]\n',
    "a command of defaults": '[defaults]\ncommand = "x"\n[program.web]\n',
    "include": 'include = ["none/*.toml"]\n',
    "one include": 'include = "none/*.toml"\n',
    "init": """
        [init]
        exit = "main:web"
        limits = { nofile = "max", core = 0, RLIMIT_NPROC = "1024:unlimited", memlock = "64MB" }
        limits_unmet = "warn"
        stop_budget = "1m30s"
        drain_delay = 0.5
        env = { A = "x", B = 1 }
        env_file = "-none"
        umask = "022"
        directory = "/"
        user = 0
        group = "0"
        pidfile = "/x"
        log = { level = "debug", format = "json", file = "/x" }
        control = { path = "/x", mode = 0o660, owner = "0:0", allow = ["0:read"] }
        signals = { USR2 = "forward:web", HUP = "reload" }
        """
    + PROGRAM,
    "every key": PROGRAM
    + """
        shell = true
        type = "oneshot"
        directory = "/srv"
        umask = 0o22
        env = { A = "${NAME}" }
        env_file = ["-a", "-b"]
        env_pass = ["*"]
        secrets = { A = "/x" }
        user = "0"
        group = 0
        groups = [0, "1"]
        instances = "${COUNT}"
        autostart = "${EMPTY:-false}"
        critical = true
        priority = -5
        depends_on = { db = "started" }
        wants = { db = { condition = "ready", timeout = "5s" } }
        ready = { output = "x", timeout = "5s", interval = 1 }
        restart = { policy = "always", delay = "1s", factor = 1.5, max_delay = 60, max = 0 }
        success_codes = [0, 5]
        start_seconds = "${EMPTY:-1s}"
        stop = { signal = ["INT", 15], timeout = "5s", kill = "group", dump_signal = "QUIT" }
        reload = { signal = "RTMIN+1" }
        limits = { nofile = "inherit", stack = "8MB:max" }
        limits_unmet = "fail"
        nice = -5
        oom_score_adj = 0
        cpu_affinity = "0-1,3"
        io_priority = "best-effort:3"
        no_new_privs = false
        capabilities = { keep = ["CHOWN", "KILL"], drop = "CHOWN", ambient = ["cap_kill"] }
        securebits = ["noroot", "no-setuid-fixup-locked"]
        runtime = "go"
        parent_death_signal = 9
        stdout = ["prefix", { file = "/x", max_size = "1MB", max_files = 3, compress = true }]
        stderr = { file = "/y", owner = "0", mode = "0600", format = "json" }
        [program.db]
        command = ["y"]
        restart = "never"
        stop = "sigint"
        depends_on = []
        cpu_affinity = [0, 1]
        stderr = "stdout"
        ready.notify = true
        [group.g]
        programs = ["web", "db"]
        priority = 5
        """,
    "defaults": '[defaults]\nstdout = "prefix"\nready = { fd = 3 }\n' + PROGRAM,
    "a file": PROGRAM + 'stdout = { file = "/x" }\n',
    "stop in turn": PROGRAM + 'stop = ["INT", "TERM"]\n',
    "all capabilities": PROGRAM + 'capabilities = { keep = "all", drop = ["ALL"] }\n',
    "one dependency": PROGRAM + 'depends_on = "db"\n[program.db]\ncommand = "y"\n',
    "durations": PROGRAM + 'start_seconds = " 5M "\nstop = { timeout = "1h 5m" }\n',
}
BAD = {
    "an unknown key": "x = 1\n",
    "an unknown key of init": "[init]\nx = 1\n",
    "an unknown key of a program": PROGRAM + "x = 1\n",
    "an unknown key of a nested table": PROGRAM + "stop = { x = 1 }\n",
    "no command": "[program.web]\n",
    "an empty command": "[program.web]\ncommand = []\n",
    "a number for a command": "[program.web]\ncommand = 3\n",
    "a bad name": '[program."a b"]\ncommand = "x"\n',
    "the name of a slot beside": '[program."a+"]\ncommand = "x"\n',
    "the name all": '[program.all]\ncommand = "x"\n',
    "the name pyinit": '[program.pyinit]\ncommand = "x"\n',
    "no table": "program = 3\n",
    "a bad exit": '[init]\nexit = "fast"\n',
    "a bad duration": "[init]\nstop_budget = '5 minutes'\n",
    "a negative duration": "[init]\nstop_budget = -1\n",
    "a bad limit": '[init]\nlimits = { nofile = "lots" }\n',
    "an unknown limit": "[init]\nlimits = { nofle = 3 }\n",
    "a bad mode": "[init]\numask = '8'\n",
    "a bad level": '[init]\nlog = { level = "loud" }\n',
    "a bad access": '[init]\ncontrol = { allow = ["0"] }\n',
    "a bad action": '[init]\nsignals = { HUP = "run" }\n',
    "a bad type": PROGRAM + 'type = "daemon"\n',
    "a bad truth": PROGRAM + 'autostart = "yes"\n',
    "a fraction": PROGRAM + "instances = 1.5\n",
    "too nice": PROGRAM + "nice = 20\n",
    "a bad policy": PROGRAM + 'restart = "allways"\n',
    "a bad factor": PROGRAM + "restart = { factor = 0 }\n",
    "a bad signal": PROGRAM + 'stop = "TREM"\n',
    "no signal": PROGRAM + "stop = []\n",
    "a timeout without a condition": PROGRAM
    + 'wants = { db = { timeout = 3 } }\n[program.db]\ncommand = "y"\n',
    "a bad condition": PROGRAM + 'depends_on = { db = "up" }\n[program.db]\ncommand = "y"\n',
    "two kinds of ready": PROGRAM + 'ready = { fd = 3, output = "x" }\n',
    "no kind of ready": PROGRAM + 'ready = { timeout = "1s" }\n',
    "a later kind of ready": PROGRAM + 'ready = { http = "x" }\n',
    "a later key": PROGRAM + "live = {}\n",
    "a socket that listens nowhere": "[socket.http]\n",
    "a gateway that listens nowhere": "[web]\n",
    "a bad output": PROGRAM + 'stdout = "file"\n',
    "stdout to stdout": PROGRAM + 'stdout = "stdout"\n',
    "no output": PROGRAM + "stdout = []\n",
    "a file without a path": PROGRAM + "stdout = {}\n",
    "a bad format": PROGRAM + 'stdout = { file = "/x", format = "xml" }\n',
    "a bad size": PROGRAM + 'stdout = { file = "/x", max_size = "big" }\n',
    "a bad code": PROGRAM + "success_codes = [256]\n",
    "a bad capability": PROGRAM + 'capabilities = { keep = ["most"] }\n',
    "an ambient all": PROGRAM + 'capabilities = { ambient = ["all"] }\n',
    "a bad securebit": PROGRAM + 'securebits = "yesroot"\n',
    "a bad runtime": PROGRAM + 'runtime = "java"\n',
    "a bad io priority": PROGRAM + 'io_priority = "low"\n',
    "bad processors": PROGRAM + 'cpu_affinity = "all"\n',
    "a group without programs": "[group.g]\n",
    "a bad variable": PROGRAM + "env = { A = true }\n",
}


def errors(text):
    return [error.message for error in CHECKER.iter_errors(tomllib.loads(text))]


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json_schema.schema_text()) == SCHEMA


@pytest.mark.parametrize("name", GOOD)
def test_what_is_a_configuration_is_valid(tmp_path, name):
    load([written(tmp_path, GOOD[name])], ENVIRON)
    assert errors(GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_configuration_is_not_valid(tmp_path, name):
    assert faults_of(written(tmp_path, BAD[name]))
    assert errors(BAD[name])


@pytest.mark.parametrize(
    "path", sorted(TOP.glob("examples/**/*.toml")), ids=lambda path: path.parent.name
)
def test_the_examples_are_valid(path):
    assert errors(path.read_text()) == []


def test_every_key_of_this_version_is_in_the_schema_and_no_later_one():
    for name, keys in ((name, schema.section(name)) for name in schema.SECTIONS):
        found = SCHEMA["$defs"][name] if name else SCHEMA
        now = {key.name for key in keys.values() if key.since in schema.AVAILABLE}
        assert set(found["properties"]) == now


def test_every_kind_has_a_form():
    for key in schema.KEYS:
        if key.since in schema.AVAILABLE:
            assert json_schema._form(key)
    with pytest.raises(KeyError, match="no form for 'none'"):
        json_schema._plain("none")


def test_every_documented_default_is_what_the_schema_takes():
    for name in schema.SECTIONS:
        for key, form in (SCHEMA["$defs"][name] if name else SCHEMA)["properties"].items():
            if "default" in form and key not in {"reload", "capabilities"}:
                root = {**form, "$defs": SCHEMA["$defs"]}
                found = list(jsonschema.Draft202012Validator(root).iter_errors(form["default"]))
                assert not found, (name, key)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
def test_the_schema_and_the_manual_in_docs_are_up_to_date(capsys):
    for page, module in {"pyinit.schema.json": "json_schema", "configuration.md": "manual"}.items():
        runpy.run_module(f"pyinit.config.{module}", run_name="__main__")
        assert (TOP / "docs" / page).read_text() == capsys.readouterr().out, "run `make docs`"


def test_the_manual_names_every_key_and_when_it_comes():
    text = manual.manual()
    for key in schema.KEYS:
        line = f"| `{key.name}` |" if key.since in schema.AVAILABLE else f"{key.name}`: {key.doc}"
        assert line in text


def test_the_example_of_the_manual_is_a_configuration(tmp_path):
    block = manual.manual().partition("```toml\n")[2].partition("```")[0]
    assert len(load([written(tmp_path, block)], ENVIRON).processes) == 2
