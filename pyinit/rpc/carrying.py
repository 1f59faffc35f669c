"""Has a verb carried out for many processes at once, and tells what came of each."""

from __future__ import annotations

from pyinit.core.record import Record
from pyinit.protocol.messages import Refused
from pyinit.rpc.calls import insisting, objects_of, text_of, texts_of
from pyinit.rpc.faults import SUCCESS, Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pyinit.protocol.wire import Object
    from pyinit.rpc.calls import Call, Value
    from pyinit.rpc.view import Row

NAMES_BYTES = 48 * 1024  # of the names in one call: a request has 64 KB


class Told(Record):
    """What a verb says of one process."""

    ok: bool
    state: str
    code: str
    message: str


def carry_out(
    verb: str, rows: Sequence[Row], args: Object
) -> Generator[Call, Object, dict[str, Told]]:
    """Ask `verb` for processes; return what it says of each, by label.

    Of those that have left the plan meanwhile it says nothing.  Raises Refused where it says
    nothing of anybody.
    """
    told: dict[str, Told] = {}
    for part in _parts([address(row) for row in rows]):
        found = yield from _carried(verb, part, args)
        for each in objects_of(found, "processes"):
            told[text_of(each, "name")] = Told(
                ok=each.get("ok") is True,
                state=text_of(each, "state"),
                code=text_of(each, "code"),
                message=text_of(each, "message"),
            )
    return told


def _carried(verb: str, names: list[str], args: Object) -> Generator[Call, Object, Object]:
    """Return what a verb says of processes, good or bad, those left out that are no more."""
    try:
        return (yield from insisting(verb, {"names": [*names], **args}))
    except Refused as refused:
        if "processes" in refused.more:
            return refused.more
        gone = texts_of(refused.more, "names")
        if refused.code != "no-such-program" or not gone:
            raise
    left = [name for name in names if name not in gone]
    return (yield from _carried(verb, left, args)) if left else {}


def address(row: Row) -> str:
    """Return the name by which a verb finds exactly this process."""
    return f"={row.key}"


def statuses(found: Sequence[tuple[Row, Fault | None]]) -> list[Value]:
    """Return the structs in which methods for many tell what came of each."""
    return [
        {
            "name": row.name,
            "group": row.group,
            "status": SUCCESS if fault is None else fault.code,
            "description": "OK" if fault is None else fault.text,
        }
        for row, fault in found
    ]


def _parts(names: Sequence[str]) -> list[list[str]]:
    """Return names in as many lists as requests are needed."""
    parts: list[list[str]] = []
    size = NAMES_BYTES
    for name in names:
        needed = len(name.encode("ascii", "backslashreplace")) + 16  # escapes, quotes and comma
        size += needed
        if size > NAMES_BYTES:
            parts.append([])
            size = needed
        parts[-1].append(name)
    return parts
