"""Methods that read and clear logs: by bytes, of which those that are no text are replaced.

A log may be as large as its owner likes; one answer has its last, or first, LARGEST bytes.
"""

from __future__ import annotations

from pyinit.protocol.messages import Refused
from pyinit.rpc.calls import Call, number_of, text_of
from pyinit.rpc.carrying import address, carry_out, statuses
from pyinit.rpc.faults import Fault
from pyinit.rpc.view import find, observe, observe_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from pyinit.protocol.wire import Object
    from pyinit.rpc.calls import Args, Steps, Value

LARGEST = 8 << 20  # bytes in one answer
PIECE = 48 << 10  # bytes read in one call
MAIN = ""  # names pyinit's own log
STDOUT, STDERR = "stdout", "stderr"


def read_log(args: Args) -> Steps:
    """Read pyinit's own log."""
    yield from observe("")
    return (yield from _read_log(args, 0, MAIN, STDOUT, None))


def clear_log(_args: Args) -> Steps:
    """Empty pyinit's own log."""
    yield from observe("")
    try:
        yield Call("clear-log", {"names": [], "main": True})
    except Refused as refused:
        raise _lost(refused, None) from refused
    return True


def read_process_stdout_log(args: Args) -> Steps:
    """Read what a process has printed."""
    return (yield from _read_process_log(args, STDOUT))


def read_process_stderr_log(args: Args) -> Steps:
    """Read what a process has complained."""
    return (yield from _read_process_log(args, STDERR))


def tail_process_stdout_log(args: Args) -> Steps:
    """Follow what a process prints."""
    return (yield from _tail_process_log(args, STDOUT))


def tail_process_stderr_log(args: Args) -> Steps:
    """Follow what a process complains."""
    return (yield from _tail_process_log(args, STDERR))


def clear_process_logs(args: Args) -> Steps:
    """Empty the logs of one process; it goes on printing into them."""
    name = args.text(0)
    _, row = yield from find(name)
    told = yield from carry_out("clear-log", [row], {})
    found = told.get(row.label)
    if found is not None and not found.ok:
        raise Fault("FAILED", name)
    return True


def clear_all_process_logs(_args: Args) -> Steps:
    """Empty the logs of every process."""
    view = yield from observe_all()
    told = yield from carry_out("clear-log", view.rows, {})
    bad = {label for label, each in told.items() if not each.ok}
    return statuses(
        [(row, Fault("FAILED", row.namespec) if row.label in bad else None) for row in view.rows]
    )


def _read_process_log(args: Args, stream: str) -> Steps:
    _, row = yield from find(args.text(0))
    file = row.stdout_logfile if stream == STDOUT else row.stderr_logfile
    return (yield from _read_log(args, 1, address(row), stream, file or None))


def _read_log(args: Args, first: int, name: str, stream: str, file: str | None) -> Steps:
    """Return the text that (offset, length), the arguments from `first` on, mean.

    From `offset` on, `length` bytes, 0 for all; or the last -`offset` bytes, without a length.
    """
    offset, length = args.whole(first), args.whole(first + 1)
    try:
        size = yield from _size(name, stream)
        if length < 0 or (offset < 0 and length):
            raise Fault("BAD_ARGUMENTS")
        start = max(0, size + offset) if offset < 0 else offset
        wanted = min(length or size, max(0, size - start))
        if offset < 0 and wanted > LARGEST:
            start = size - LARGEST
        return as_text((yield from _read(name, stream, start, min(wanted, LARGEST))))
    except Refused as refused:
        raise _lost(refused, file) from refused


def _tail_process_log(args: Args, stream: str) -> Steps:
    """Return [text, size, whether more than `length` bytes have come since `offset`].

    The text is the last `length` bytes, as long as there is anything from `offset` on: a client
    that asks with the size it was told has what has come since, and something before it.
    """
    _, row = yield from find(args.text(0))
    offset, length = args.whole(1), args.whole(2)
    try:
        size = yield from _size(address(row), stream)
        wanted = min(length, size, LARGEST) if length > 0 and offset < size else 0
        data = yield from _read(address(row), stream, size - wanted, wanted)
    except Refused:
        nothing: list[Value] = ["", 0, False]
        return nothing
    return [as_text(data), size, size > offset + length]


def as_text(data: bytes) -> str:
    """Return the text of a part of a log, which may begin and end within a character."""
    return data.decode("utf-8", "replace")


def _size(name: str, stream: str) -> Generator[Call, Object, int]:
    found = yield Call("read-log", {"name": name, "stream": stream, "offset": -1, "length": 1})
    return int(number_of(found, "size"))


def _read(name: str, stream: str, start: int, length: int) -> Generator[Call, Object, bytes]:
    """Return `length` bytes from `start` on, fewer if the log has shrunk meanwhile."""
    parts = []
    end = start + length
    while start < end:
        piece = min(PIECE, end - start)
        args: Object = {"name": name, "stream": stream, "offset": start, "length": piece}
        found = yield Call("read-log", args)
        data = text_of(found, "data").encode("latin-1")
        if not data:
            break
        parts.append(data)
        start += len(data)
    return b"".join(parts)


def _lost(refused: Refused, file: str | None) -> Fault:
    if refused.code == "no-file":
        return Fault("NO_FILE", file)
    return Fault("FAILED", refused.message.partition("\n")[0])
