"""What is run around a program's runs, and how one that goes into the background is followed."""

from __future__ import annotations

from pyinit.config import paths, values
from pyinit.config.program_probes import beside
from pyinit.core.plan import Hooks

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


def hooks(section: Section) -> Hooks | None:
    """Return what is run around the program's runs; None for nothing."""
    sub = section.sub("hooks", "program.hooks")
    if sub is None:
        return None
    found = Hooks(
        pre_start=beside(sub, "pre_start"),
        post_start=beside(sub, "post_start"),
        pre_stop=beside(sub, "pre_stop"),
        post_stop=beside(sub, "post_stop"),
    )
    return None if found == Hooks() else found


def reload(section: Section) -> tuple[int, tuple[str, ...]]:
    """Return the signal (0: none) or the command that has the program read its files again."""
    sub = section.sub("reload", "program.reload")
    if sub is None:
        return 0, ()
    is_empty = section.layers("reload")[0].tree["reload"] == {}
    if is_empty and not (sub.layers("signal") or sub.layers("command")):
        fix = 'write { signal = "HUP" } or { command = ["/path", "argument"] }'
        sub.fault("reload: a signal or a command is needed, there is none", fix)
    signum, words = sub.get("signal", values.signal, 0), beside(sub, "command")
    if signum and words:
        sub.fault("reload: a signal or a command, not both", "leave one out", ("command",))
    return signum, words
