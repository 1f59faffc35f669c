"""Whatever a method is called with: it answers what can be written, or with a fault of the list."""

import pytest
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rpc_world import World, running, stopped

from pyinit.rpc.faults import CODES
from pyinit.rpc.table import METHODS
from pyinit.web import wording

NAMES = [
    "web",
    "web:*",
    "db:db",
    "db",
    "all",
    "*",
    ":",
    "",
    "web:web:web",
    "=web",
    "no",
    "a" * 5000,
]
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.sampled_from([0, 1, -1, 1 << 31, 1 << 63, 10**300])
    | st.floats()
    | st.sampled_from([*NAMES, "TERM", "0", "-1", "9" * 4400, "nan", "\ud800", "\0"])
    | st.text(max_size=6)
    | st.binary(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
CALLS = st.fixed_dictionaries(
    {"methodName": st.sampled_from(sorted(METHODS)) | VALUES},
    optional={"params": st.lists(VALUES, max_size=3) | VALUES},
)


@settings(
    max_examples=120 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    st.sampled_from(sorted(METHODS)),
    st.lists(VALUES, max_size=4) | st.lists(CALLS).map(lambda calls: [calls]),
)
@example("supervisor.tailProcessStdoutLog", ["web", 0, 10])
@example("supervisor.signalProcess", ["web", float("inf")])
@example("supervisor.readProcessStdoutLog", ["web", float("nan"), 10**300])
@example("system.multicall", [[{"methodName": "system.multicall", "params": [[]]}] * 3])
def test_every_method(method, params):
    world = World(running("web", stdout=b"said\xff"), stopped("db"))
    try:
        found = world.ask(method, *params)
    except AttributeError as missing:
        assert "do_" in str(missing)  # the world in memory has not every verb
        return
    if isinstance(found, tuple):
        code, text = found
        assert code in CODES.values()
        assert len(text) < 6000
    else:
        wording.answer(found)


def test_there_are_all_methods():
    assert len(METHODS) > 30
    with pytest.raises(KeyError):
        METHODS["supervisor.nothing"]
