"""One epoll for everything PID 1 waits for; it sleeps until told, and never wakes to look around.

A callback is called with the epoll mask of its descriptor.  It may register and unregister any
descriptor, its own too: news of a descriptor that was unregistered meanwhile is dropped.
"""

from __future__ import annotations

import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Callback: TypeAlias = Callable[[int], None]

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
MAX_EVENTS = 128  # a turn of the loop is bounded: reaping and deadlines come round again soon
FOREVER = float("inf")


class Poller:
    """Descriptors, what they wait for, and whom to call."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}

    def register(self, fd: int, want_read: bool, want_write: bool, callback: Callback) -> None:
        """Watch `fd`; raises OSError (EPERM) for a descriptor that cannot be waited for."""
        self._epoll.register(fd, _mask(want_read, want_write))
        self._callbacks[fd] = callback

    def modify(self, fd: int, want_read: bool, want_write: bool) -> None:
        """Change what `fd` waits for; nothing at all still reports hang-up and error."""
        self._epoll.modify(fd, _mask(want_read, want_write))

    def unregister(self, fd: int) -> None:
        """Stop watching `fd`; must come before it is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def wait(self, until: float) -> None:
        """Sleep until the monotonic time `until` or until something is ready; call who waits."""
        timeout = -1.0 if until == FOREVER else max(0.0, until - time.monotonic())
        for fd, mask in self._epoll.poll(timeout, MAX_EVENTS):
            callback = self._callbacks.get(fd)
            if callback is not None:
                callback(mask)

    def close(self) -> None:
        """Give the epoll descriptor back; the watched ones stay open."""
        self._callbacks.clear()
        self._epoll.close()


def _mask(want_read: bool, want_write: bool) -> int:
    return (READ if want_read else 0) | (WRITE if want_write else 0)
