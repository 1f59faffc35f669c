"""The terminal of a wrapped program: tini's child takes its foreground, dumb-init hands it over."""

from __future__ import annotations

import posix

STDIN = 0


def take_foreground() -> None:
    """Make our group the foreground one of the terminal on stdin.

    SIGTTOU must be blocked or ignored.  Raises OSError (ENOTTY where there is no terminal).
    """
    posix.tcsetpgrp(STDIN, posix.getpgrp())


def detach() -> bool:
    """Give up the controlling terminal on stdin; say whether our whole session lost it by that.

    Then the kernel sends HUP and CONT to the foreground group, ourselves perhaps among it.
    Raises OSError (ENOTTY where stdin is not our controlling terminal).
    """
    import fcntl
    import termios

    fcntl.ioctl(STDIN, termios.TIOCNOTTY)
    return posix.getsid(0) == posix.getpid()


def attach() -> None:
    """Make the terminal on stdin our controlling one; we lead a session.  Raises OSError."""
    import fcntl
    import termios

    fcntl.ioctl(STDIN, termios.TIOCSCTTY, 0)
