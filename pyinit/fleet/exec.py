"""A program run in a container by the engine's exec: its output frame by frame, its exit status.

Its stdin stays open and silent until we hang up (pyinit.protocol.far_end tells why).

The stream is a header of eight bytes (1 or 2 for stdout or stderr, three zeros, the length in
network order) and that many bytes, again and again:
https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
"""

from __future__ import annotations

import time

import urllib3

from pyinit.client import NoSupervisor
from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    class Stream(Protocol):
        """The body of the engine's answer."""

        def read(self, amt: int) -> bytes:
            """Return that many bytes, fewer at the end."""

        def close(self) -> None:
            """Hang up."""


STDOUT, STDERR = 1, 2
HEADER_BYTES = 8
ENDED_S = 5.0  # after the last output the engine learns how the program has ended
LOOK_S = 0.02
MOST_BYTES = 16 << 20  # what a program may say that is kept: one reply of pyinit
NOT_STARTED = b"OCI runtime exec failed"
"""How stdout begins where there is no such program: the engine says it in the program's place."""
ABSENT = ("not found", "no such file")


class Exec:
    """One program that was started."""

    def __init__(self, stream: Stream, ended: Callable[[], int | None]) -> None:
        self._stream = stream
        self._ended = ended

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Yield (descriptor, output) until the program has ended.

        Raises NoSupervisor where there is no such program or the engine is gone.
        """
        while len(header := self._read(HEADER_BYTES)) == HEADER_BYTES:
            data = self._read(int.from_bytes(header[4:], "big"))
            if header[0] == STDOUT and data.startswith(NOT_STARTED):
                raise failed_to_start(data.decode("utf-8", "replace"))
            yield header[0], data

    def code(self) -> int:
        """Return the exit status, once the output has ended.  Raises Refused if it is not known."""
        until = time.monotonic() + ENDED_S
        while (code := self._ended()) is None:
            if time.monotonic() > until:
                raise Refused("failed", "the engine does not tell how pyinitctl has ended")
            time.sleep(LOOK_S)
        return code

    def kept(self, within_s: float) -> tuple[int, bytes, bytes]:
        """Return exit status, stdout and stderr of a program that ends soon; hang up."""
        kept = {STDOUT: bytearray(), STDERR: bytearray()}
        until = time.monotonic() + within_s
        try:
            for fd, data in self.frames():
                kept.get(fd, kept[STDERR]).extend(data)
                if time.monotonic() > until or sum(map(len, kept.values())) > MOST_BYTES:
                    raise Refused("failed", "what runs in the container does not come to an end")
            return self.code(), bytes(kept[STDOUT]), bytes(kept[STDERR])
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        """Want nothing more; the program learns it by the end of its stdin."""
        self._stream.close()

    def _read(self, count: int) -> bytes:
        try:
            return self._stream.read(count)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            late = isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError)
            why = "nothing came in time" if late else str(error)
            raise NoSupervisor(f"the container does not answer: {why}") from None


def failed_to_start(text: str) -> NoSupervisor | Refused:
    """Return what is said where the engine could not start the program."""
    reason = text.strip()
    if any(word in reason.lower() for word in ABSENT):
        fix = "an image from pyinit has it; elsewhere the label org.pyinit.control names it"
        return NoSupervisor(f"there is no pyinitctl in the container\n  {fix}")
    return Refused("failed", f"cannot run pyinitctl in the container: {reason}")
