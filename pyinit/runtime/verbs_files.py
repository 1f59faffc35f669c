"""Verbs about what is written into files and pipes: read-log, clear-log, write-stdin.

A log is read where it is being written, by its name, and a piece at a time: a reply is bounded,
and whoever wants more asks again.  On the wire its bytes are text with one character each
(latin-1), whatever they mean.
"""

from __future__ import annotations

import errno
import posix

from pyinit.core.states import Running, Starting
from pyinit.logs.ring import STDERR, STDOUT
from pyinit.protocol.messages import Refused
from pyinit.runtime.following import result_of, told_of
from pyinit.runtime.served_facts import log_path
from pyinit.runtime.verbs_service import number, strings
from pyinit.system import logplace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.desk import Desk
    from pyinit.runtime.verbs_service import Service

PIECE_BYTES = 64 * 1024  # of a log in one reply; a byte may take six characters on the wire
STREAMS = {"stdout": STDOUT, "stderr": STDERR}
MISSING = frozenset((errno.ENOENT, errno.ENOTDIR))


def read_log(ask: Ask, service: Service) -> Object:
    """Tell a piece of a log file; without a name, of pyinit's own.

    A negative `offset` is from the end; without a `length` it is as much as a reply may have.
    """
    name = str(ask.args.get("name", ""))
    stream = str(ask.args.get("stream", "stdout"))
    if stream not in STREAMS:
        raise Refused("bad-request", f"no such stream: '{stream}'\n  known: {', '.join(STREAMS)}")
    if name:
        path = path_of(service.desk, _one(service, name), STREAMS[stream])
    else:
        path = own_path(service.desk)
    offset = number(ask.args.get("offset"), 0)
    length = number(ask.args.get("length"), 0) or PIECE_BYTES
    whose = f"the {stream} of {name}" if name else "pyinit's own log"
    return _piece(path, whose, offset, min(length, PIECE_BYTES))


def clear_log(ask: Ask, service: Service) -> Object:
    """Empty the log files of processes, and what is kept of their output in memory.

    With `main` it is pyinit's own log.  Old files that were rotated away stay, as supervisord's.
    """
    if ask.args.get("main"):
        path = own_path(service.desk)
        try:
            _empty(service.desk, path)
        except FileNotFoundError:
            raise _none("pyinit's own log") from None
        except OSError as error:
            raise Refused("failed", f'cannot empty "{path}": {error.strerror}') from None
        return {"processes": []}
    if not strings(ask.args.get("names")):
        raise Refused("bad-request", "'clear-log' needs 'names'\n  give a list of names, or main")
    told = [told_of(row, _cleared(service.desk, row)) for row in service.rows(ask)]
    return result_of(service, ask, told, "failed")


def write_stdin(ask: Ask, service: Service) -> Object:
    """Write to the pipe that a process reads from; what it does not read yet waits there."""
    row = _one(service, str(ask.args["name"]))
    name = row.plan.name
    if not isinstance(row.state, Starting | Running):
        raise Refused("not-running", f"cannot write to {name}: it is not running")
    try:
        data = str(ask.args["data"]).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Refused("bad-request", "cannot read 'data' of 'write-stdin': no such text") from None
    refused = service.desk.write_stdin(row.plan.key, data)
    if refused == "no-file":
        raise Refused(refused, f"cannot write to {name}: nothing reads there")
    if refused:
        raise Refused(refused, f"cannot write to {name}: it does not read what waits there already")
    return {}


def path_of(desk: Desk, row: Process, stream: int) -> str:
    """Return the path of the log file of a stream, "" if there is none."""
    return log_path(row.plan.launch, stream, desk.pump.log_path(row.plan.key, stream))


def own_path(desk: Desk) -> str:
    """Return the path of pyinit's own log, "" if that is no file."""
    file = desk.own_log()
    return "" if file is None else file.sink.path


def _one(service: Service, name: str) -> Process:
    """Return the one process of a name.  Raises Refused."""
    rows = service.named([name])
    if len(rows) != 1:
        names = ", ".join([row.plan.name for row in rows[:2]])
        raise Refused("bad-request", f"'{name}' means {len(rows)} processes\n  name one: {names}")
    return rows[0]


def _piece(path: str, whose: str, offset: int, length: int) -> Object:
    try:
        fd = _open(path, logplace.READING)
    except OSError as error:
        if error.errno in MISSING:
            raise _none(whose) from None
        raise Refused("failed", f'cannot read "{path}": {error.strerror}') from None
    try:
        found = posix.fstat(fd)
        start = max(0, found.st_size + offset) if offset < 0 else min(offset, found.st_size)
        data = posix.pread(fd, length, start)
    except OSError as error:
        raise Refused("failed", f'cannot read "{path}": {error.strerror}') from None
    finally:
        posix.close(fd)
    return {
        "data": data.decode("latin-1"),
        "offset": start,
        "size": found.st_size,
        "inode": found.st_ino,
        "file": path,
    }


def _cleared(desk: Desk, row: Process) -> str:
    """Empty the logs of a process; return why that could not be done."""
    trouble = ""
    for stream in STREAMS.values():
        path = path_of(desk, row, stream)
        try:
            _empty(desk, path)
        except FileNotFoundError:
            continue  # as empty as can be
        except OSError as error:
            trouble = f'cannot empty "{path}": {error.strerror}'
    desk.pump.forget_output(row.plan.key)
    return trouble


def _empty(desk: Desk, path: str) -> None:
    """Empty a file.  Raises OSError: FileNotFoundError if there is none."""
    fd = _open(path, logplace.EMPTYING)
    try:
        posix.ftruncate(fd, 0)
    finally:
        posix.close(fd)
    file = desk.pump.log_files().get(path)
    if file is not None:
        file.forget()


def _open(path: str, flags: int) -> int:
    try:
        return logplace.open_existing(path, flags) if path else _missing()
    except logplace.OwnStream:
        return _missing()


def _missing() -> int:
    raise FileNotFoundError(errno.ENOENT, posix.strerror(errno.ENOENT))


def _none(whose: str) -> Refused:
    return Refused("no-file", f"cannot read {whose}: there is no file")
