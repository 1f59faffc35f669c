"""Follows processes until what was asked of them is done, or has failed, and tells of each.

A request is judged by what a row was `before` it: as long as the row is the very same object,
the event was not stepped yet.  One row is looked at until it is decided, then the next: a turn
costs the same for one process as for a thousand.
"""

from __future__ import annotations

from pyinit.core.record import Record
from pyinit.core.states import public_name, run_of
from pyinit.protocol.messages import Refused
from pyinit.runtime.verbs_state import reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service

    Judge: TypeAlias = Callable[[Service, Process, Process], "Verdict | None"]


class Verdict(Record):
    """What came of a request for one process; no `message` is good news."""

    message: str = ""


DONE = Verdict()
MOST_TOLD = 20  # failures in one message; its `processes` have them all
LAST_WORDS = 3  # lines of output in the message about a failed start; `why` has more


def follow(ask: Ask, service: Service, rows: list[Process], judge: Judge) -> None:
    """Reply when `judge` has a verdict on each of `rows`, at once if nobody wants to wait."""
    following = Following(ask, service, rows, judge)
    ask.hold(following.look, service.deadline(ask), following.expired)


class Following:
    """Looks at processes until what was asked for is done, or has failed, for each of them."""

    def __init__(self, ask: Ask, service: Service, rows: list[Process], judge: Judge) -> None:
        self._ask = ask
        self._service = service
        self._before = {row.plan.key: row for row in rows}
        self._pending = list(self._before)
        self._judge = judge
        self._told: list[dict[str, Json]] = []

    def tell(self, entry: dict[str, Json]) -> None:
        """Add what is decided already of another process."""
        self._told.append(entry)

    def look(self) -> Object | None:
        """Return what came of it once that is known.  Raises Refused if it was not all good."""
        if self._ask.args.get("wait") is False:
            return self._at_once()
        while self._pending:
            old = self._before[self._pending[0]]
            row = self._service.row(self._pending[0]) or old
            verdict = self._judge(self._service, old, row)
            if verdict is None:
                return None
            self._told.append(told_of(row, verdict.message, old))
            del self._pending[0]
        return result_of(self._service, self._ask, self._told, "failed")

    def expired(self) -> Object:
        """Tell what was done in time, and that the rest was not."""
        for key in self._pending:
            row = self._service.row(key) or self._before[key]
            reason = reason_of(self._service, row)
            text = f"timed out: it is {public_name(row.state)}" + (f" ({reason})" if reason else "")
            self._told.append(told_of(row, text, self._before[key]))
        return result_of(self._service, self._ask, self._told, "timeout")

    def _at_once(self) -> Object:
        """Tell what the step made of them: it comes before anything is looked at."""
        now = [(self._service.row(key) or row, row) for key, row in self._before.items()]
        self._told += [told_of(row, "", old) for row, old in now]
        return result_of(self._service, self._ask, self._told, "failed")


def result_of(service: Service, ask: Ask, told: list[dict[str, Json]], code: str) -> Object:
    """Return what came of it, or raise Refused if it was not all good; either tells everything."""
    failed = [each for each in told if not each["ok"]]
    if not failed:
        return {"processes": list(told)}
    keys = {row.plan.name: row.plan.key for row in service.desk.state.table}
    lines: list[str] = []
    for each in failed[:MOST_TOLD]:
        lines.append(f"cannot {ask.verb} {each['name']}: {each['message']}")
        if code == "failed":
            lines += _last_words(service, keys.get(str(each["name"]), ""))
    if len(failed) > MOST_TOLD:
        lines.append(f"and {len(failed) - MOST_TOLD} more")
    codes = {str(each.get("code", code)) for each in failed}
    raise Refused(
        codes.pop() if len(codes) == 1 else code, "\n".join(lines), {"processes": [*told]}
    )


def _last_words(service: Service, key: str) -> list[str]:
    """Return what the last run of a process said before it ended badly, as lines of a message."""
    ends = service.desk.history.of(key)
    output = ends[-1].output.rstrip("\n") if ends else ""
    return [f"  {line}" for line in output.split("\n")[-LAST_WORDS:]] if output else []


def told_of(row: Process, message: str, before: Process | None = None) -> dict[str, Json]:
    """Return what is told of one process: `message` is why it failed, "" if it did not."""
    run = run_of(row.state)
    entry: dict[str, Json] = {
        "name": row.plan.name,
        "ok": not message,
        "was": public_name((before or row).state),
        "state": public_name(row.state),
        "pid": run.pid if run is not None else 0,
    }
    if message:
        entry["message"] = message
    return entry
