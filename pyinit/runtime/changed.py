"""Which processes have changed, for all who wait for one: a step is looked at once, not by each.

The table shares with the one before it every chunk in which nothing happened (core/table), so what
a step has changed is found without a look at all rows.  Every change gets a number; who waits
remembers up to which it has looked.
"""

from __future__ import annotations

from pyinit.core.phases import Booting, Up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.draft import Supervisor
    from pyinit.core.table import Table

KEPT = 4096  # changes; who has not looked for longer looks at everything once


class Changed:
    """The changes of late."""

    def __init__(self) -> None:
        self._table: Table | None = None
        self._ending = False
        self._keys: list[str] = []
        self._first = 1  # the number of the first of them

    def since(self, mark: int, state: Supervisor) -> tuple[list[str] | None, int]:
        """Return the keys changed after `mark`, and the mark to ask with next time.

        None instead of keys: anything may have.  Begin with mark 0, which is before everything.
        """
        self._take(state)
        following = self._first + len(self._keys)
        if mark < self._first:
            return None, following
        return self._keys[mark - self._first :], following

    def _take(self, state: Supervisor) -> None:
        table, before = state.table, self._table
        ending = not isinstance(state.phase, Booting | Up)
        if table is before and ending is self._ending:
            return
        anew = before is None or table.index is not before.index or ending is not self._ending
        self._table, self._ending = table, ending
        if before is None or anew:
            self._forget(len(self._keys) + 1)
            return
        for now, then in zip(table.chunks, before.chunks, strict=True):
            if now is not then:
                rows = zip(now.rows, then.rows, strict=True)
                self._keys += [row.plan.key for row, old in rows if row is not old]
        if len(self._keys) > KEPT:
            self._forget(len(self._keys) - KEPT // 2)

    def _forget(self, count: int) -> None:
        """Let go of the oldest changes; more than there are makes everybody look at everything."""
        del self._keys[:count]
        self._first += count
