"""prctl(2) for the wrappers without `ctypes`, whose import takes as long as Python's own start.

`_ctypes`, the part of it that is C, is enough to call one function of the C library.  The rest of
pyinit calls prctl in children only, and has its own module for it.
"""

from __future__ import annotations

import _ctypes
import posix

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_GET_CHILD_SUBREAPER = 37

TYPE_CHECKING = False
if TYPE_CHECKING:
    Number = _ctypes._SimpleCData[int]  # noqa: SLF001
else:
    Number = _ctypes._SimpleCData  # noqa: SLF001  takes no parameter at run time


class _Int(Number):
    _type_ = "i"


class _Long(Number):
    _type_ = "l"


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Int


def become_subreaper() -> None:
    """Let orphans below us be re-parented to us although we are not PID 1.  Raises OSError."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def is_subreaper() -> bool:
    """Say whether we are a child subreaper.  Raises OSError where the kernel knows of none."""
    answer = _Int(0)
    _prctl(PR_GET_CHILD_SUBREAPER, _ctypes.addressof(answer))
    return answer.value == 1


def set_parent_death_signal(number: int) -> None:
    """Have the kernel send us signal `number` when our parent dies.  Raises OSError."""
    _prctl(PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # what we are linked with
    call = _Function(_ctypes.dlsym(library, "prctl"))
    if call(_Int(option), _Long(value), _Long(0), _Long(0), _Long(0)) < 0:
        number = _ctypes.get_errno()
        raise OSError(number, posix.strerror(number))
