"""The compiler is part of the start: what it imports is paid for by the first program."""

import subprocess
import sys
from pathlib import Path

import tomli
from configs import written

TOP = Path(__file__).resolve().parents[3]
PLAIN = """\
[init]
limits = { nofile = "max" }
stop_budget = "9s"
[defaults]
stdout = "prefix"
restart = { policy = "always", delay = "200ms" }
[program.web]
command = ["/app/web", "-addr", ":${PORT:-8080}"]
ready = { output = "^addr: " }
stop = { signal = "TERM", dump_signal = "QUIT" }
[program.worker]
command = "/app/worker --slow"
depends_on = { web = "ready" }
instances = 2
"""
CODE = """\
import sys
sys.path[:0] = {places!r}
before = set(sys.modules)
from pyinit.config.compile import compile_plain
import marshal
kind, content = marshal.loads(compile_plain([{path!r}], {{"PORT": "80"}}))
print(kind, *sorted(set(sys.modules) - before))
"""
DEAR = {"os", "re", "tomli", "typing", "enum", "signal", "shlex", "glob", "difflib", "functools"}
SELDOM = {"pwd", "grp", "pyinit.config.envfiles", "pyinit.config.positions", "pyinit.config.manual"}


def imported(path):
    places = [str(TOP), str(Path(tomli.__file__).parents[1])]
    code = CODE.format(places=places, path=path)
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    kind, *names = found.stdout.split()
    return kind, set(names)


def test_a_plain_configuration_is_compiled_without_what_is_dear(tmp_path):
    kind, names = imported(written(tmp_path, PLAIN))
    assert kind == "plan"
    assert names & (DEAR | SELDOM) == set()


def test_what_is_dear_is_imported_where_it_is_needed(tmp_path):
    kind, names = imported(written(tmp_path, PLAIN + 'user = "nobody"\nenv.A = """\nx"""\n'))
    assert kind == "plan"
    assert {"pwd", "tomli"} <= names
    kind, names = imported(written(tmp_path, PLAIN + "x = 1\n"))
    assert kind == "errors"
    assert "difflib" in names


def test_a_thousand_programs_are_compiled_in_a_time_that_can_be_waited_for(tmp_path):
    text = "".join(
        [
            f'[program.p{number}]\ncommand = ["/bin/sleep", "{number}"]\nenv = {{ A = "x" }}\n'
            f'limits = {{ nofile = 65536 }}\ndepends_on = {{ p{max(number - 1, 0)} = "started" }}\n'
            for number in range(1, 1000)
        ]
    )
    path = written(tmp_path, f'[program.p0]\ncommand = "x"\n{text}')
    code = CODE.format(places=[str(TOP), str(Path(tomli.__file__).parents[1])], path=path)
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert found.stdout.startswith("plan ")
