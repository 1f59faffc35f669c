"""Slots beside processes, and the rolls under way as a supervisor knows them: see `roll`."""

from __future__ import annotations

from .record import Record

BESIDE = "+"  # ends the key and the name of the slot beside a process; no other key ends so


class Roll(Record):
    """Processes that get new runs one after another: `key` is at it, `waiting` are to follow.

    `floor` is the id of its last run before; `beside`: its new run is born beside the old one, and
    `taken` once it has taken its place.
    """

    waiting: tuple[str, ...]
    key: str = ""
    floor: int = 0
    beside: bool = False
    taken: bool = False


class Rolls(Record):
    """The rolls under way, and why the last roll of a process has failed, by key."""

    going: tuple[Roll, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()

    def has(self, key: str) -> bool:
        """Say whether a roll of the process is under way or to come."""
        return any(key == each.key or key in each.waiting for each in self.going)


def beside(key: str) -> str:
    """Return the key of the slot beside a process."""
    return key + BESIDE


def owner(key: str) -> str:
    """Return the key of the process that a slot belongs to: its own, or that beside it."""
    return key.removesuffix(BESIDE)


def sides(key: str) -> tuple[str, str]:
    """Return the keys of a process and of the slot beside it, given either."""
    return owner(key), beside(owner(key))


def is_beside(key: str) -> bool:
    """Say whether a slot is one beside a process."""
    return key.endswith(BESIDE)
