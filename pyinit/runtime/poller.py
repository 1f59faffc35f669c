"""One epoll for everything PID 1 waits for; it sleeps until told, and never wakes to look around.

A callback is called with the epoll mask of its descriptor.  It may register and unregister any
descriptor, its own too: news of a descriptor that was unregistered meanwhile is dropped.  One
that raises keeps nobody else from being called.
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
MAX_EVENTS = 64  # a turn of the loop is bounded; the kernel gives the next 64 another time
FOREVER = float("inf")
SLEEP_S = 0.5  # a shorter wait is not worth the pages that are looked at again after it


class Poller:
    """Descriptors, what they wait for, and whom to call.

    `ready` is how many descriptors have news in this turn, among whom it is to be shared.
    `before_sleep` is called once, at the last moment before a sleep worth the name.
    """

    def __init__(self) -> None:
        self.ready = 1
        self.before_sleep: Callable[[], None] | None = None
        self._epoll = select.epoll()
        self._nobody = select.poll()
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
        """Sleep until the monotonic time `until` or until something is ready; call who waits.

        Raises the first of what callbacks raised, when all were called.
        """
        timeout = -1.0 if until == FOREVER else max(0.0, until - time.monotonic())
        if self.before_sleep is not None and not 0.0 <= timeout < SLEEP_S:
            give_back, self.before_sleep = self.before_sleep, None
            give_back()
        found = self._epoll.poll(timeout, MAX_EVENTS)
        if not found and timeout > 0.0:  # suspended in its sleep, it gives up without a look
            found = self._epoll.poll(0.0, MAX_EVENTS)
        self.ready = len(found)
        fault: BaseException | None = None
        for fd, mask in found:
            callback = self._callbacks.get(fd)
            if callback is None:
                continue
            try:
                callback(mask)
            except BaseException as error:  # noqa: BLE001  it is raised when all had their turn
                fault = fault or error
        if fault is not None:
            raise fault

    def pause(self, seconds: float) -> None:
        """Look at nobody for a moment: what is short now may be there then."""
        self._nobody.poll(seconds * 1000)

    def close(self) -> None:
        """Give the epoll descriptor back; the watched ones stay open."""
        self._callbacks.clear()
        self._epoll.close()


def _mask(want_read: bool, want_write: bool) -> int:
    return (READ if want_read else 0) | (WRITE if want_write else 0)
