"""`pyinit --check` and `pyinitctl check`: all faults of all files at once, or a short summary."""

from __future__ import annotations

from pyinit.cli.present import say, say_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyinit.config.problems import ConfigError
    from pyinit.core.plan import Plan
    from pyinit.protocol.wire import Json

NOTHING = (
    "there is no configuration to check",
    "name a file, or put it at /etc/pyinit/pyinit.toml",
)


def run_check(paths: Sequence[str], *, as_json: bool) -> int:
    """Check the configuration that `paths` make together (none: the default places).

    Returns 1 if it is bad, else 0.  Faults and warnings go to standard error, the summary to
    standard output; as JSON all of it is one object on standard output.
    """
    from pyinit.config.problems import ConfigError, ConfigErrors

    files = find(paths)
    if not files:
        return report((ConfigError("pyinit", 0, *NOTHING),), as_json=as_json)
    try:
        plan = load(files)
    except ConfigErrors as errors:
        return report(errors.errors, as_json=as_json)
    if as_json:
        say_json({"ok": True, **_counts(plan), "warnings": plan.warnings, "errors": []})
        return 0
    warn(plan)
    say(_summary(plan))
    return 0


def find(paths: Sequence[str]) -> list[str]:
    """Return the files and directories to read: `paths`, else the default ones."""
    import os

    from pyinit.config.load import find_files

    return find_files(paths, os.environ)


def load(files: Sequence[str]) -> Plan:
    """Return the plan of `files` in pyinit's own environment.  Raises ConfigErrors."""
    import os

    from pyinit.config import load as loading

    return loading.load(files, os.environ)


def warn(plan: Plan) -> None:
    """Say on standard error what is no fault, but strange."""
    for warning in plan.warnings:
        say(f"warning: {warning}", 2)


def report(errors: Sequence[ConfigError], *, as_json: bool) -> int:
    """Print the faults of a configuration; return 1."""
    if as_json:
        rows: list[Json] = [
            {"file": each.file, "line": each.line, "message": each.message, "fix": each.fix}
            for each in errors
        ]
        say_json({"ok": False, "errors": rows})
        return 1
    for error in errors:
        say(str(error), 2)
    say(f"{_count(len(errors), 'error')}: nothing would be started", 2)
    return 1


def _counts(plan: Plan) -> dict[str, Json]:
    programs = {process.program for process in plan.processes}
    return {
        "files": plan.sources,
        "programs": len(programs),
        "processes": len(plan.processes),
    }


def _summary(plan: Plan) -> str:
    counts = _counts(plan)
    programs, processes = counts["programs"], counts["processes"]
    assert isinstance(programs, int)
    text = f"ok: {_count(programs, 'program')}"
    if processes != programs:
        text += f" ({processes} processes)"
    return f"{text} in {_count(len(plan.sources), 'file')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
