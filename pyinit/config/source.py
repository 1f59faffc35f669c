"""A file of a configuration as text, or what is wrong with it."""

from __future__ import annotations

import posix

from pyinit.config import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.problems import Problems

MAX_BYTES = 16 << 20


def read_text(path: str, problems: Problems) -> str | None:
    """Return the text of a file without a byte order mark; None if there is a problem with it."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
            status = posix.fstat(file.fileno())
    except OSError as error:
        fix = "see its owner and mode"
        if isinstance(error, FileNotFoundError):
            fix = "see the path: it is " + paths.absolute(path)
        problems.add(path, (), f"cannot read it: {error.strerror}", fix)
        return None
    if len(data) > MAX_BYTES:
        fix = "divide it, and include the parts"
        problems.add(path, (), f"it is larger than {MAX_BYTES >> 20} MB", fix)
        return None
    warn_of_writers(path, status, problems)
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = f"it is not UTF-8: there is a byte 0x{data[error.start]:02x}"
        problems.add(path, (), text, "save it as UTF-8", line=line)
        return None
    return text


def warn_of_writers(path: str, status: posix.stat_result, problems: Problems) -> None:
    """Warn if everybody may change what root is told to run."""
    if posix.geteuid() == 0 and status.st_mode & 0o002 and not status.st_mode & 0o1000:
        text = f'{path}: everybody may write it, and root runs what it says: "chmod o-w" it'
        problems.warnings.append(text)
