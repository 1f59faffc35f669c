"""Interleaved rounds: A B C, A B C, ... so that what disturbs the machine disturbs everybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench import ground
from bench.arena import Failed
from bench.judge import Result

GIVE_UP = 2  # failures of one contender, after which it is left out of the row


@dataclass(frozen=True)
class Plan:
    """How thorough a run is."""

    quick: bool = False

    def times(self, number: int) -> int:
        """Return how many rounds to make where a full run makes `number`."""
        return max(1, number // 4) if self.quick else number

    def size(self, full: int, quick: int) -> int:
        """Return the size of a load."""
        return quick if self.quick else full


Measure = Callable[[], float] | Callable[[], list[float]]


def interleave(row: Result, calls: Mapping[str, Measure], rounds: int) -> None:
    """Let each of `calls` measure once a round; a contender that fails twice is left out."""
    failed = dict.fromkeys(calls, 0)
    for _ in range(rounds):
        for name, call in calls.items():
            if failed[name] >= GIVE_UP:
                continue
            try:
                value = call()
            except (Failed, OSError, ValueError, IndexError) as error:
                failed[name] += 1
                row.of(name).why_not = str(error).splitlines()[0]
                ground.say(f"{row.name}: {error}")
                continue
            row.of(name).values.extend(value if isinstance(value, list) else [value])
