"""Signals as supervisord's clients name them: with or without SIG, in any case, or a number."""

from __future__ import annotations

import signal

from pyinit.rpc.faults import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.rpc.calls import Value

NOTHING = 0  # asks only whether there is somebody to be signalled
_NUMBERS = {name: int(number) for name, number in signal.Signals.__members__.items()}
_KNOWN = frozenset((NOTHING, *_NUMBERS.values()))


def number_of(value: Value) -> int:
    """Return the number of a signal.  Raises Fault (BAD_SIGNAL).

    Of the real-time signals only RTMIN and RTMAX have names, and only those are known.
    """
    number = _read(value)
    if number not in _KNOWN:
        raise Fault("BAD_SIGNAL", str(value)[:200])
    return number


def _read(value: Value) -> int:
    if isinstance(value, int):
        return int(value)
    if not isinstance(value, str):
        return -1
    try:
        return int(value)
    except ValueError:
        name = value.strip().upper()
        return _NUMBERS.get(name if name.startswith("SIG") else f"SIG{name}", -1)
