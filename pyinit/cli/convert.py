"""`pyinitctl convert FORMAT PATH...`: another supervisor's files as pyinit.toml, on stdout."""

from __future__ import annotations

from pyinit.cli.check import report
from pyinit.cli.present import say, say_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("supervisord",)


def run_convert(paths: Sequence[str], *, as_json: bool) -> int:
    """Print supervisord's files as one pyinit.toml; what it cannot say goes to standard error.

    Returns 1 if the files are bad, else 0.
    """
    import os

    from pyinit.config.ini_convert import convert
    from pyinit.config.problems import ConfigErrors

    try:
        found = convert(paths, os.environ)
    except ConfigErrors as errors:
        return report(
            errors.errors, errors.warnings, as_json=as_json, outcome="nothing is converted"
        )
    if as_json:
        say_json({"ok": True, "text": found.text, "notes": found.notes})
        return 0
    for note in found.notes:
        say(f"note: {note}", 2)
    say(found.text.removesuffix("\n"))
    return 0
