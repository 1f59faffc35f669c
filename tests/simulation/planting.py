"""Copies of the core with a bug planted in them, and how long it takes to notice it."""

import contextlib
import importlib
import sys
from pathlib import Path

import cores
import operations
from planted import BUGS
from properties import Violation
from world import World

import pyinit.core

CORE = Path(pyinit.core.__file__).parent


def bug(name):
    """Return the bug of that name."""
    return next(each for each in BUGS if each[0] == name)


@contextlib.contextmanager
def planted(chosen, place):
    """Give a copy of the core, in the directory `place`, with one bug in it."""
    _, module, old, new = chosen
    package = f"core_with_bug_{BUGS.index(chosen)}"
    copy = place / package
    copy.mkdir()
    for source in CORE.glob("*.py"):
        text = source.read_text()
        if source.stem == module:
            if text.count(old) != 1:
                raise ValueError(f"the bug does not fit the source any more: {chosen[0]}")
            text = text.replace(old, new)
        (copy / source.name).write_text(text)
    sys.path.insert(0, str(place))
    importlib.invalidate_caches()  # a directory that was looked at before has a new entry
    try:
        yield cores.load(package)
    finally:
        sys.path.remove(str(place))
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]


def first_world(core, seeds):
    """Return the first of `seeds` whose world goes wrong, None if none does."""
    for seed in seeds:
        try:
            operations.play(World(seed, core))
        except (Violation, RecursionError, LookupError):
            return seed
    return None
