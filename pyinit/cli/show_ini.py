"""`pyinitctl show` of supervisord's files: their own form, each value with its origin."""

from __future__ import annotations

from pyinit.cli.present import say, say_json
from pyinit.cli.show import WIDTH, no_such_program
from pyinit.protocol.names import stands_for

TWICE = ("stdout_logfile", "stderr_logfile")  # names in these are put in place twice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyinit.config.effective import Setting
    from pyinit.config.ini_show import Mask, Shown
    from pyinit.protocol.wire import Json


def run_show_ini(paths: Sequence[str], name: str | None, mask: Mask, *, as_json: bool) -> int:
    """Print the configuration, or only the programs that `name` stands for; as `run_show`."""
    import os

    from pyinit.cli.check import report
    from pyinit.config.ini_show import shown
    from pyinit.config.problems import ConfigErrors

    try:
        found = shown(paths, os.environ, mask)
    except ConfigErrors as errors:
        return report(errors.errors, errors.warnings, as_json=as_json)
    sections = found.sections
    if name is not None:
        wanted = _named(found, name)
        if not wanted:
            return no_such_program(name, [program for program, _ in found.programs.values()])
        sections = {header: rows for header, rows in sections.items() if header in wanted}
    if as_json:
        say_json(_object(found, sections, alone=name is not None))
        return 0
    if name is None:
        for warning in found.warnings:
            say(f"warning: {warning}", 2)
    say("\n\n".join([_block(header, rows) for header, rows in sections.items()]))
    return 0


def _named(found: Shown, name: str) -> set[str]:
    return {
        header
        for header, (program, groups) in found.programs.items()
        if any(stands_for(name, program, program, group) for group in groups or (program,))
    }


def _block(header: str, rows: Sequence[Setting]) -> str:
    return "\n".join([f"[{header}]", *[_line(row) for row in rows]])


def _line(row: Setting) -> str:
    if row.note:
        return f"{f';{row.key} =':<{WIDTH}}  ; default: {row.note}"
    value = row.value.replace("\n", "\n    ")
    if row.kind == "file":  # its names are in place: what is a percent sign now must stay one
        value = value.replace("%", "%%%%" if row.key in TWICE else "%%")
    origin = "default" if row.kind == "default" else f"{row.file}:{row.line}"
    return f"{f'{row.key} = {value}':<{WIDTH}}  ; {origin}"


def _object(
    found: Shown, sections: dict[str, tuple[Setting, ...]], *, alone: bool
) -> dict[str, Json]:
    result: dict[str, Json] = {
        "files": found.files,
        "sections": {
            header: {row.key: _setting(row) for row in rows} for header, rows in sections.items()
        },
    }
    if not alone:
        result["warnings"] = found.warnings
    return result


def _setting(row: Setting) -> dict[str, Json]:
    if row.kind == "default":
        return {"value": None if row.note else row.value, "origin": "default"}
    return {"value": row.value, "origin": "file", "file": row.file, "line": row.line}
