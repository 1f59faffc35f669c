"""docs/states.md is what the machine says."""

import runpy
import sys
from pathlib import Path

from pyinit.core import diagram, inputs, states

DOCUMENT = Path(__file__).parents[3] / "docs" / "states.md"


def test_the_committed_document_is_up_to_date():
    assert DOCUMENT.read_text() == diagram.text()


def test_the_command_prints_the_document(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "pyinit.core.diagram")
    runpy.run_module("pyinit.core.diagram", run_name="__main__")
    assert capsys.readouterr().out == diagram.text()


def test_the_document_has_a_row_for_every_state_and_input():
    text = diagram.text()
    for kind in (*states.STATES, *inputs.INPUTS):
        assert f"| {kind.__name__} |" in text


def test_the_worked_example_ends_within_its_budget():
    last = diagram.text().rstrip().rpartition("\n")[2]
    assert last == "| 8.50 s | pyinit exits |"
