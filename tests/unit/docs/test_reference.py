"""docs/reference.md is true: what it lists is what the code has, and nothing of it is left out."""

import ast
import re
import sys
from pathlib import Path

import pytest

from pyinit.cli import ctl
from pyinit.cli.init import USAGE
from pyinit.cli.verbs import PLAIN, VERBS
from pyinit.core.signals import DEFAULTS, TERMINALS
from pyinit.core.status import signal_name
from pyinit.protocol.messages import EXIT_CODES

TOP = Path(__file__).resolve().parents[3]
sys.path.append(str(TOP / "scripts"))

import reference  # noqa: E402

TEXT = (TOP / "docs" / "reference.md").read_text()
NAME = re.compile(r"[A-Z][A-Z_]*[A-Z]")
OTHERS = re.compile(r"LISTEN_|NOTIFY_|WATCHDOG_USEC|MAINPID|SUPERVISOR_[EGSP]|GOM|DOCKER_|XDG_")
"""What others call their variables that pyinit sets or reads."""


def constants():
    """Return every text of the code that is a name in capitals, with the module that has it."""
    found = {}
    for path in sorted((TOP / "pyinit").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if isinstance(text, str) and NAME.fullmatch(text):
                found.setdefault(text, path.relative_to(TOP))
    return found


def listed(rows):
    return {name for names, _ in rows for name in names.split(", ")}


def test_every_variable_of_pyinit_is_listed_and_no_other():
    named = {name for name in constants() if name.startswith(("PYINIT_", "PYINITCTL_"))}
    told = listed(reference.READ) | listed(reference.GIVEN) | set(reference.PRIVATE)
    proposed = {"PYINIT_WEB_PASSWORD"}  # by `convert`, to the user
    assert named - proposed == {name for name in told if name.startswith("PYINIT")}


def test_every_variable_that_has_its_name_from_others_is_in_the_code_and_in_the_list():
    named = constants()
    told = listed(reference.READ) | listed(reference.GIVEN)
    assert told <= set(named)
    others = {name for name in named if OTHERS.match(name) and "STATE_CHANGE" not in name}
    assert others <= told


def test_every_verb_and_option_is_told():
    text = reference.ctl_verbs()
    for name, verb in VERBS.items():
        (row,) = [line for line in text.split("\n") if re.match(rf"\| `{name}[ `]", line)]
        assert all(reference.spelling(option) in row for option in verb.options)
    assert all(reference.spelling(option) in text for option in PLAIN)
    assert USAGE in TEXT


def test_every_exit_status_of_pyinitctl_has_a_meaning():
    known = {0, *EXIT_CODES.values(), ctl.INTERRUPTED, ctl.BROKEN_PIPE}
    assert set(reference.CTL_MEANINGS) == known
    assert all(f"`{code}`" in reference.ctl_exit_status() for code in EXIT_CODES)


def test_every_signal_that_means_something_is_told():
    names = {signal_name(number).removeprefix("SIG") for number in (*DEFAULTS, *TERMINALS)}
    told = set(re.findall(r"\b[A-Z]{2,}\d?\b", reference.signals().partition("\n\n")[0]))
    assert told == names | {"NAME"}


@pytest.mark.parametrize(
    "part", ["ctl_verbs", "exit_status", "ctl_exit_status", "signals", "read", "given", "files"]
)
def test_every_part_is_in_the_page_as_it_is_in_the_manual_pages(part):
    assert getattr(reference, part)() in TEXT


def test_the_page_is_what_its_sources_make_of_it():
    assert reference.page() == TEXT, "run `make docs`"
