"""What the image's modules lose when they are compiled, and what they keep."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))
import assemble

TEXT = '''\
"""A module."""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nowhere import Nothing
else:
    Nothing = int

LIMIT: int = 7
LATER: Nothing


def double(value: Nothing, *more: str, named: int = 2, **rest: object) -> Nothing:
    """Double it."""
    found: Nothing = value * named
    return found


async def wait(value: Nothing) -> Nothing:
    return value


class Kept:
    x: int
    y: str = "why"

    def method(self, other: Kept) -> Kept:
        if TYPE_CHECKING:
            import nowhere
        return other
'''


def made():
    names = {"__name__": "made"}
    exec(assemble.compiled_own(TEXT, "made.py"), names)
    return names


def test_functions_keep_what_they_do_and_lose_what_they_say_of_types():
    names = made()
    assert names["double"](3) == 6
    assert names["double"](3, "a", named=5) == 15
    for each in (names["double"], names["wait"], names["Kept"].method):
        assert each.__annotations__ == {}
    assert names["double"].__doc__ is None


def test_names_of_the_module_keep_their_values_alone():
    names = made()
    assert names["LIMIT"] == 7
    assert names["Nothing"] is int
    assert "__annotations__" not in names
    assert "LATER" not in names


def test_classes_keep_their_fields():
    assert made()["Kept"].__annotations__ == {"x": "int", "y": "str"}


def test_what_is_for_checkers_is_not_even_compiled():
    names = assemble.compiled_own(TEXT, "made.py").co_names
    assert "nowhere" not in names
    assert made()["Kept"]().method(1) == 1
