"""A broken property with as few moves as it takes.

What a move does depends on the world's dice.  So each is kept with the dice as they lay before it:
whichever moves are left out, the others do what they did.
"""

import re
import time

import operations
from world import World

SHRINK_S = 15.0  # then it is as short as it is
NO_SHAPE = re.compile(r"\d+(\.\d+)?(e-?\d+)?|own")  # what differs between two of a kind


class Moves:
    """The moves of one world, each with the dice before it; `end` are those before it is ended."""

    def __init__(self, seed, count=40, make=World):
        self.seed, self.make = seed, make
        self.moves, self.end = [], None
        self.broken = attempt(lambda: self._record(count))

    def _record(self, count):
        world = self.make(self.seed)
        for number in range(count):
            kind, a, b = operations.draw(world.rng)
            self.moves.append((number, kind, a, b, world.rng.getstate()))
            operations.move(world, kind, a, b)
        self.end = world.rng.getstate()
        operations.finish(world)

    def replay(self, numbers):
        """Return how a world breaks in which only the moves `numbers` are made, None if it holds."""
        return attempt(lambda: self._replay(numbers))

    def _replay(self, numbers):
        world = self.make(self.seed)
        for number, kind, a, b, dice in self.moves:
            if number in numbers:
                world.rng.setstate(dice)
                operations.move(world, kind, a, b)
        if self.end is not None:
            world.rng.setstate(self.end)
            operations.finish(world)

    def shrunk(self):
        """Return the numbers of the moves that are left when none can be spared."""
        kept = [each[0] for each in self.moves]
        size, until = len(kept), time.monotonic() + SHRINK_S
        while size and time.monotonic() < until:
            size = min(size, len(kept))
            for start in range(0, len(kept), size or 1):
                fewer = kept[:start] + kept[start + size :]
                if len(fewer) < len(kept) and shape(self.replay({*fewer})) == shape(self.broken):
                    kept = fewer
                    break
            else:
                size //= 2
        return kept


def attempt(play):
    """Return how `play` breaks, None if it does not."""
    try:
        play()
    except Exception as error:  # noqa: BLE001  a property that cannot be judged is broken, too
        return error
    return None


def shape(error):
    """Return what a violation says, without who and when."""
    return None if error is None else NO_SHAPE.sub("#", first_line(error))


def first_line(error):
    """Return what is broken in one line."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]
