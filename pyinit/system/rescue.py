"""The last resort when the loop itself fails: forward signals, reap, end with 70.

It needs nothing that could be broken: no records, no plan, no log; only the pids of the runs.
"""

from __future__ import annotations

import posix
import select
import time

from pyinit.system import signals
from pyinit.system.reap import reap_all

EXIT_CODE = 70
STOP_SIGNALS = frozenset((2, 3, 15))
KILL_AFTER_S = 9.0
SIGKILL, SIGCHLD = 9, 17


def rescue(pids: list[int], signal_fd: int) -> int:
    """Look after `pids` until they are gone; return the exit status 70.

    A stop signal is forwarded; what is left 9 seconds later is killed.
    """
    left = set(pids)
    kill_at = 0.0
    poll = select.poll()
    poll.register(signal_fd, select.POLLIN)
    while left := _still_there(left):
        poll.poll(None if kill_at == 0.0 else max(1, int((kill_at - time.monotonic()) * 1000)))
        for number in signals.read_signals(signal_fd):
            if number != SIGCHLD:
                _send_all(left, number)
            if number in STOP_SIGNALS and kill_at == 0.0:
                kill_at = time.monotonic() + KILL_AFTER_S
        if kill_at != 0.0 and time.monotonic() >= kill_at:
            _send_all(left, SIGKILL)
            kill_at = time.monotonic() + 1.0
    return EXIT_CODE


def _still_there(pids: set[int]) -> set[int]:
    """Reap whoever is gone; return those of `pids` that live: some may have died before."""
    more = True
    while more:
        _, more = reap_all()
    return {pid for pid in pids if _lives(pid)}


def _lives(pid: int) -> bool:
    try:
        posix.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _send_all(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            posix.kill(pid, number)
        except OSError:
            continue
