"""What is run around a program's runs, and how one that goes into the background is followed."""

from __future__ import annotations

from pyinit.config import paths, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.reader import Section

KINDS = ("service", "oneshot", "forking")


def pidfile(section: Section, kind: str, directory: str | None) -> str:
    """Return where a program that goes into the background writes its pid; "" for nowhere.

    A relative path begins in the `directory` of the program.
    """
    path = section.get("pidfile", values.word, "")
    if path and kind != "forking":
        fix = 'write type = "forking", or leave it out: it is not needed to follow a program'
        text = 'pidfile: only a program of type = "forking" is followed by it'
        section.fault(text, fix, ("pidfile",))
    return paths.join(directory or "/", path) if path else ""
