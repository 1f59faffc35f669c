"""`pyinit --check` and `pyinitctl check`: all faults of all files at once, or a short summary."""

from __future__ import annotations

from pyinit.cli.present import say, say_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyinit.config.load import Checked
    from pyinit.config.problems import ConfigError
    from pyinit.protocol.wire import Json, Object

NOTHING = (
    "there is no configuration to check",
    "name a file, or put it at /etc/pyinit/pyinit.toml",
)


def run_check(paths: Sequence[str], *, as_json: bool, strict: bool = False) -> int:
    """Check the configuration that `paths` make together (none: the default places).

    With `strict` unknown options and sections of supervisord's files are faults, not warnings.

    Returns 1 if it is bad, else 0.  Faults and warnings go to standard error, the summary to
    standard output; as JSON all of it is one object on standard output.
    """
    import os

    from pyinit.config.load import check, find_files
    from pyinit.config.problems import ConfigError, ConfigErrors

    files = find_files(paths, os.environ)
    if not files:
        return report((ConfigError("pyinit", 0, *NOTHING),), as_json=as_json)
    try:
        found = check(files, os.environ, strict=strict)
    except ConfigErrors as errors:
        return report(errors.errors, errors.warnings, as_json=as_json)
    if as_json:
        counts: Object = {
            "files": found.files,
            "programs": found.programs,
            "processes": found.processes,
        }
        say_json({"ok": True, **counts, "warnings": found.warnings, "errors": []})
        return 0
    for warning in found.warnings:
        say(f"warning: {warning}", 2)
    say(_summary(found))
    return 0


def report(
    errors: Sequence[ConfigError],
    warnings: Sequence[str] = (),
    *,
    as_json: bool,
    outcome: str = "nothing would be started",
) -> int:
    """Print what is wrong with a configuration, and what comes of it; return 1."""
    if as_json:
        rows: list[Json] = [
            {"file": each.file, "line": each.line, "message": each.message, "fix": each.fix}
            for each in errors
        ]
        say_json({"ok": False, "warnings": list(warnings), "errors": rows})
        return 1
    for warning in warnings:
        say(f"warning: {warning}", 2)
    for error in errors:
        say(str(error), 2)
    say(f"{_count(len(errors), 'error')}: {outcome}", 2)
    return 1


def _summary(found: Checked) -> str:
    text = f"ok: {_count(found.programs, 'program')}"
    if found.processes != found.programs:
        text += f" ({found.processes} processes)"
    return f"{text} in {_count(len(found.files), 'file')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
