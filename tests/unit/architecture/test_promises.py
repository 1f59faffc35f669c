"""docs/security.md promises nothing that no test shows."""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
TEXT = (TOP / "docs/security.md").read_text("utf-8")
CITED = re.compile(r"\b([a-z]+/[\w/]*test_\w+\.py)::(test_\w+)")
HEAD = "| promise | shown by |"


def rows():
    """Return (promise, tests) of every row of the tables of promises."""
    found = []
    for table in TEXT.split(HEAD)[1:]:
        lines = table.partition("\n\n")[0].strip().splitlines()[1:]
        found += [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return found


def known_in(path):
    tree = ast.parse((TOP / "tests" / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("path", "name"), sorted(set(CITED.findall(TEXT))))
def test_a_test_that_is_named_is_there(path, name):
    assert name in known_in(path)


def test_every_promise_names_tests_and_nothing_else():
    found = rows()
    assert len(found) > 30
    for promise, shown in found:
        assert promise
        cited = CITED.findall(shown)
        assert cited, promise
        assert ", ".join(f"{path}::{name}" for path, name in cited) == shown
