"""The simulation notices what it is there to notice: every bug on the list, planted in a copy."""

import sys
from pathlib import Path

import cores
import operations
import pytest
from planted import BUGS
from properties import Violation
from replaying import Trace
from world import World

import pyinit.core

CORE = Path(pyinit.core.__file__).parent
TRACES = sorted(Path(__file__).with_name("traces").glob("*.txt"))
FEW, WORLDS = 100, 2000  # most bugs are found in the first ten, rare ones by how one was found once


@pytest.fixture
def planted(request, tmp_path, monkeypatch):
    """A copy of the core with one bug in it."""
    _, module, old, new = request.param
    package = f"core_with_bug_{BUGS.index(request.param)}"
    place = tmp_path / package
    place.mkdir()
    for source in CORE.glob("*.py"):
        text = source.read_text()
        if source.stem == module:
            assert text.count(old) == 1, "the bug does not fit the source any more"
            text = text.replace(old, new)
        (place / source.name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield cores.load(package)
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]


def first_to_notice(core):
    """Return the number of the first world that goes wrong, or the trace that does."""
    found = first_world(core, range(FEW))
    if found is not None:
        return found
    for path in TRACES:
        trace = Trace(path.read_text(), core)
        if trace.replay()[0] != trace.expected():
            return path.stem
    return first_world(core, range(FEW, WORLDS))


def first_world(core, seeds):
    """Return the first of `seeds` whose world goes wrong, None if none does."""
    for seed in seeds:
        try:
            operations.play(World(seed, core))
        except (Violation, RecursionError, LookupError):
            return seed
    return None


@pytest.mark.slow
@pytest.mark.parametrize("planted", BUGS, indirect=True, ids=lambda bug: bug[0].replace(" ", "-"))
def test_the_simulation_notices_that(planted):
    assert first_to_notice(planted) is not None


def test_the_list_is_long_and_names_no_bug_twice():
    assert len(BUGS) >= 25
    assert len({bug[0] for bug in BUGS}) == len(BUGS)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug[0].replace(" ", "-"))
def test_a_planted_bug_still_fits_the_source(bug):
    _, module, old, new = bug
    assert (CORE / f"{module}.py").read_text().count(old) == 1
    assert old != new
