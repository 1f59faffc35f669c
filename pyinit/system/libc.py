"""Calls of the C library that Python has none for, without `ctypes`.

Importing `ctypes` takes as long as Python's own start, and most of a megabyte.  `_ctypes`, the
part of it that is C, is enough to call a function.  It costs a millisecond all the same, so this
module is imported where it is needed, never at boot.
"""

from __future__ import annotations

import _ctypes
import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    Number = _ctypes._SimpleCData[int]  # noqa: SLF001
else:
    Number = _ctypes._SimpleCData  # noqa: SLF001  takes no parameter at run time


class _Int(Number):
    _type_ = "i"


class Long(Number):
    """A number as wide as an address, to be passed to a `function`."""

    _type_ = "l"


class Cell(Number):
    """Eight bytes for a function to read or to write: pass its `address`, look at `value`."""

    _type_ = "Q"


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Int


def call(name: str, *values: int | bytes) -> int:
    """Call a function that returns an int; bytes are passed as a pointer to what only is read.

    Raises OSError with its errno if it returns a negative number, and if there is no such function.
    """
    answer = function(name)(*[Long(each) if isinstance(each, int) else each for each in values])
    found = int(answer)
    if found < 0:
        number = _ctypes.get_errno()
        raise OSError(number, f"{name}: {posix.strerror(number)}")
    return found


def function(name: str) -> _Function:
    """Return a function that returns an int, to be called with `Long`s.

    Raises OSError if there is no such function.
    """
    library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # what we are linked with
    return _Function(_ctypes.dlsym(library, name))


def address(cell: Cell) -> int:
    """Return where a cell is; it must be kept as long as somebody uses that."""
    return _ctypes.addressof(cell)
