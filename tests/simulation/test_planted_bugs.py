"""The simulation notices what it is there to notice: every bug on the list, planted in a copy."""

from pathlib import Path

import planting
import pytest
from planted import BUGS
from replaying import Trace

TRACES = sorted(Path(__file__).with_name("traces").glob("*.txt"))
FEW, WORLDS = 100, 2000  # most bugs are found in the first ten, rare ones by how one was found once


@pytest.fixture
def planted(request, tmp_path):
    """A copy of the core with one bug in it."""
    with planting.planted(request.param, tmp_path) as core:
        yield core


def first_to_notice(core):
    """Return the number of the first world that goes wrong, or the trace that does."""
    found = planting.first_world(core, range(FEW))
    if found is not None:
        return found
    for path in TRACES:
        trace = Trace(path.read_text(), core)
        if trace.replay()[0] != trace.expected():
            return path.stem
    return planting.first_world(core, range(FEW, WORLDS))


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
    assert (planting.CORE / f"{module}.py").read_text().count(old) == 1
    assert old != new
