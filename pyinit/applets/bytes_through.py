"""Lets what is no UTF-8 through the standard streams as it is, whatever the locale says of it."""

from __future__ import annotations

import io
import sys


def open_up() -> None:
    """Have a name that is no UTF-8 printed and read byte by byte, where it would be an error."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")
