"""All processes in one persistent table: changing a row costs the same however many there are.

A plain mapping copied at every change would make 1,000 programs cost a thousand times what one
costs.  Rows stand in chunks of 32; a change copies one chunk and the list of chunks.  Each chunk
knows the earliest deadline and the counts of its rows, so the next deadline and "is anything
left" look at chunks, not at rows.
"""

from __future__ import annotations

from .record import Record
from .slot import Process, is_active
from .states import NEVER, Ending, Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from .states import Pid

    Counts: TypeAlias = tuple[int, int, int, int, int]

CHUNK = 32
SHARDS = 64
NONE = (0, 0, 0, 0, 0)


class Chunk(Record):
    """Some rows, with what they add up to; `hidden` are those of the hidden ones not at rest."""

    rows: tuple[Process, ...]
    due: float
    active: int
    held: int
    ending: int
    retired: int
    hidden: int = 0


class Table(Record):
    """The processes in the order of the plan; `index` finds a key's row."""

    chunks: tuple[Chunk, ...]
    index: dict[str, int]

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, key: str) -> Process:
        row = self.index[key]
        return self.chunks[row // CHUNK].rows[row % CHUNK]

    def __contains__(self, key: str) -> bool:
        return key in self.index

    def __iter__(self) -> Iterator[Process]:
        for chunk in self.chunks:
            yield from chunk.rows


def build(rows: list[Process]) -> Table:
    """Return a table of `rows`, whose keys must differ."""
    chunks = tuple([_chunk(tuple(rows[n : n + CHUNK])) for n in range(0, len(rows), CHUNK)])
    return Table(chunks, {row.plan.key: n for n, row in enumerate(rows)})


def changed(table: Table, changes: Mapping[str, Process]) -> Table:
    """Return `table` with `changes` in the place of the rows of the same keys."""
    chunks = [*table.chunks]
    for key, process in changes.items():
        number, place = divmod(table.index[key], CHUNK)
        chunks[number] = _with(chunks[number], place, process)
    return Table(tuple(chunks), table.index)


def next_due(table: Table) -> float:
    """Return the earliest deadline of any row, NEVER if there is none."""
    return min([chunk.due for chunk in table.chunks], default=NEVER)


def due_at(table: Table, now: float) -> list[str]:
    """Return the keys of the rows whose deadline has come."""
    chunks = [chunk for chunk in table.chunks if chunk.due <= now]
    return [row.plan.key for chunk in chunks for row in chunk.rows if row.due <= now]


def active(table: Table) -> int:
    """Return how many processes are not at rest, the hidden ones left out."""
    return sum([chunk.active for chunk in table.chunks])


def awake(table: Table) -> Iterator[Process]:
    """Give the processes that are not at rest, the hidden ones left out."""
    for chunk in table.chunks:
        if chunk.active:
            yield from [row for row in chunk.rows if is_active(row) and not row.plan.hidden]


def hidden(table: Table) -> list[Process]:
    """Return the hidden processes that are not at rest."""
    chunks = [chunk for chunk in table.chunks if chunk.hidden]
    return [row for chunk in chunks for row in chunk.rows if is_active(row) and row.plan.hidden]


def held(table: Table) -> int:
    """Return how many processes somebody has stopped, the hidden ones left out."""
    return sum([chunk.held for chunk in table.chunks])


def retired(table: Table) -> int:
    """Return how many processes are on their way out of the plan."""
    return sum([chunk.retired for chunk in table.chunks])


def ending(table: Table) -> list[Process]:
    """Return the processes whose leader is gone and whose leftovers are not."""
    chunks = [chunk for chunk in table.chunks if chunk.ending]
    return [row for chunk in chunks for row in chunk.rows if isinstance(row.state, Ending)]


def _chunk(rows: tuple[Process, ...]) -> Chunk:
    counts = NONE
    for row in rows:
        counts = _moved(counts, NONE, _counts(row))
    return Chunk(rows, min([row.due for row in rows]), *counts)


def _with(chunk: Chunk, place: int, process: Process) -> Chunk:
    """Return a chunk with another row in a place."""
    rows = [*chunk.rows]
    before, rows[place] = rows[place], process
    due, counts = chunk.due, _counts_of(chunk)
    if process.due < due:
        due = process.due
    elif before.due == due:
        due = min([row.due for row in rows])
    was, now = _counts(before), _counts(process)
    return Chunk(tuple(rows), due, *(counts if was == now else _moved(counts, was, now)))


def _counts(row: Process) -> Counts:
    """Return what one row adds to its chunk: active, held, ending, retired, hidden."""
    state, active = row.state, is_active(row)
    if row.plan.hidden:
        return 0, 0, isinstance(state, Ending), row.retired, active
    held = isinstance(state, Stopped) and state.held
    return active, held, isinstance(state, Ending), row.retired, 0


def _counts_of(chunk: Chunk) -> Counts:
    return chunk.active, chunk.held, chunk.ending, chunk.retired, chunk.hidden


def _moved(counts: Counts, old: Counts, new: Counts) -> Counts:
    """Return the counts of a chunk when one of its rows counted `old` and counts `new` now."""
    a, h, e, r, s = counts
    moved = a + new[0] - old[0], h + new[1] - old[1], e + new[2] - old[2], r + new[3] - old[3]
    return *moved, s + new[4] - old[4]


class Pids(Record):
    """Which process owns which pid, in shards, so that a change copies one small dict."""

    shards: tuple[dict[int, str], ...] = tuple([{} for _ in range(SHARDS)])

    def get(self, pid: Pid) -> str | None:
        """Return the key of the process whose run has `pid`."""
        return self.shards[pid % SHARDS].get(pid)

    def having(self, pid: Pid, key: str) -> Pids:
        """Return the map with `pid` owned by `key`."""
        return self._with(pid % SHARDS, {**self.shards[pid % SHARDS], pid: key})

    def without(self, pid: Pid) -> Pids:
        """Return the map with `pid` cleared."""
        shard = {known: key for known, key in self.shards[pid % SHARDS].items() if known != pid}
        return self._with(pid % SHARDS, shard)

    def strangers(self, pids: list[int]) -> set[int]:
        """Return those of `pids` that no process owns, at little cost for each of them."""
        shards = self.shards
        return {pid for pid in pids if pid not in shards[pid % SHARDS]}

    def known(self) -> list[int]:
        """Return every pid there is."""
        return [pid for shard in self.shards for pid in shard]

    def _with(self, number: int, shard: dict[int, str]) -> Pids:
        return Pids((*self.shards[:number], shard, *self.shards[number + 1 :]))
