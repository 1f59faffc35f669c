"""The core in a nasty world: whatever happens, the properties hold after every step."""

import random

import operations
import plans
import pytest
from cores import GENUINE
from hypothesis import given, settings
from hypothesis import strategies as st
from world import World

moves = st.lists(
    st.tuples(st.sampled_from(operations.KINDS), st.integers(0, 999), st.integers(0, 999)),
    max_size=30,
)


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_any_world_keeps_every_property_and_can_be_ended(start):
    """Fifty worlds of forty random moves each."""
    for seed in range(start, start + 50):
        operations.play(World(seed))


def test_a_world_of_many_processes_keeps_every_property():
    """More than a chunk of the table has rows."""
    for seed in range(2):
        plan = plans.many(GENUINE, random.Random(seed))
        world = World(seed, plan=plan)
        assert len(world.state.table.chunks) > 1
        operations.play(world, moves=20)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), moves)
def test_no_sequence_of_moves_breaks_a_property(seed, moves):
    """Hypothesis looks for the shortest sequence that does."""
    world = World(seed)
    for kind, a, b in moves:
        operations.move(world, kind, a, b)
    operations.finish(world)
