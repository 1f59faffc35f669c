"""The invariants of docs/architecture.md that the source itself can show."""

import ast
import re
import typing
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
PACKAGE = TOP / "pyinit"
PID_1 = [
    path
    for layer in ("core", "protocol", "logs", "system", "runtime")
    for path in sorted((PACKAGE / layer).glob("*.py"))
]
STATES = {"Waiting", "Starting", "Running", "Stopping", "Ending", "Backoff", "Exited", "Fatal"}
# Wall time is for stamps that people read: these modules make them.
STAMPED = {
    "verbs_served.py",
    "log.py",
    "stream.py",
    "announcer.py",
    "verbs_output.py",
    "happenings.py",
    "exchange.py",
    "watch_child.py",  # how old a file is: a helper's, not PID 1's
}


def _calls(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def _patterns(tree):
    """Return the ids of the nodes that only match or name a class and construct nothing."""
    return {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.match_case)
        for inner in ast.walk(node.pattern)
    }


def test_only_the_process_machine_makes_states():
    makers = {
        path.name
        for path in (PACKAGE / "core").glob("*.py")
        for name, _ in _calls(path)
        if name in STATES
    }
    # what follows a failed run is policy, and diagram prints the table by walking the machine
    assert makers <= {"process.py", "policy.py", "diagram.py"}


def test_there_is_no_timer():
    timers = {"setitimer", "alarm", "Timer", "timerfd_create", "scheduler", "call_later"}
    found = {(path.name, name) for path in PID_1 for name, _ in _calls(path)}
    assert [each for each in found if each[1].rpartition(".")[2] in timers] == []


def test_nothing_in_pid_1_sleeps_but_in_the_poll():
    called = {(path.name, name.rpartition(".")[2]) for path in PID_1 for name, _ in _calls(path)}
    assert [each for each in called if each[1] in {"sleep", "nanosleep"}] == []


def test_performing_an_effect_returns_nothing():
    from pyinit.runtime.driver import Driver

    assert Driver.perform.__annotations__["return"] in {"None", type(None), None, typing.NoReturn}


def test_wall_time_is_read_only_for_stamps():
    found = {path.name for path in PID_1 for name, _ in _calls(path) if name == "time.time"}
    assert found <= STAMPED


def test_a_signal_handler_does_nothing_but_let_the_byte_be_written():
    handlers = set()
    ours = [path for path in PID_1 if "child" not in path.name]  # what a child sets is not ours
    for path in ours:
        for name, node in _calls(path):
            if name in {"_signal.signal", "signal.signal"}:
                handlers.add(ast.unparse(node.args[1]))
    assert handlers <= {"_nothing", "_signal.SIG_DFL", "_signal.SIG_IGN"}
    tree = ast.parse((PACKAGE / "system" / "signals.py").read_text())
    (nothing,) = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "_nothing"
    ]
    assert [type(node) for node in nothing.body] == [ast.Expr]  # its docstring


def test_every_test_that_the_architecture_names_is_there():
    page = (TOP / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (\d+) \|(.*)\|(.*)\|$", page, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 17))
    defined = {
        name
        for path in (TOP / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    for _, _, held_by in rows:
        named = set(re.findall(r"`(test_\w+)`", held_by))
        assert named
        assert named <= defined


@pytest.mark.parametrize("path", PID_1, ids=lambda path: path.name)
def test_no_exception_is_caught_without_its_name(path):
    tree = ast.parse(path.read_text())
    bare = [
        node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and not node.type
    ]
    assert bare == []
