"""`pyinitctl show FILE [NAME]`: the effective configuration, each value with its origin.

The text is TOML: put into a file, it is the same configuration with everything said.  What is
secret is masked, and has to be put back.
"""

from __future__ import annotations

from pyinit.cli.check import report
from pyinit.cli.present import say, say_json
from pyinit.protocol.masking import masked
from pyinit.protocol.names import known, nearest, stands_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyinit.config.effective import Effective, Setting
    from pyinit.protocol.wire import Json

NO_SUCH_PROGRAM = 4
WIDTH = 48  # columns of a value, before its origin


def run_show(paths: Sequence[str], name: str | None, *, as_json: bool) -> int:
    """Print the configuration of `paths`, or of the programs that `name` stands for.

    Returns 1 if the configuration is bad, 4 if there is no such program, else 0.
    """
    import os

    from pyinit.config.effective import effective
    from pyinit.config.load import is_supervisord
    from pyinit.config.problems import ConfigErrors, Problems

    problems = Problems()
    if is_supervisord(paths, problems) and not problems:
        from pyinit.cli.show_ini import run_show_ini

        return run_show_ini(paths, name, _mask, as_json=as_json)
    if problems:
        return report(problems.errors(), as_json=as_json)
    try:
        found = effective(paths, os.environ, _mask)
    except ConfigErrors as errors:
        return report(errors.errors, errors.warnings, as_json=as_json)
    programs = found.programs
    if name is not None:
        programs = {
            each: settings
            for each, settings in programs.items()
            if stands_for(name, each, each, found.members.get(each, each))
        }
        if not programs:
            return no_such_program(name, found.programs)
    if as_json:
        say_json(_object(found, programs, alone=name is not None))
        return 0
    for warning in found.warnings:
        say(f"warning: {warning}", 2)
    say(_text(found, programs, alone=name is not None))
    return 0


def no_such_program(name: str, programs: Iterable[str]) -> int:
    """Say that there is no program of that name; return the exit status."""
    there = tuple(programs)
    near = nearest(name, there)
    fix = f"did you mean '{near}'?" if near else known(there)
    say(f"pyinitctl: no such program: '{name}'" + (f"\n  {fix}" if fix else ""), 2)
    return NO_SUCH_PROGRAM


def _mask(name: str, value: str) -> str:
    return masked(name, value, secret=False)


def _text(found: Effective, programs: dict[str, tuple[Setting, ...]], *, alone: bool) -> str:
    from pyinit.config.written import key_text

    sections = [(f"program.{key_text(name)}", rows) for name, rows in programs.items()]
    if not alone:
        groups = [(f"group.{key_text(name)}", rows) for name, rows in found.groups.items()]
        web = [("web", found.web)] if found.web else []
        held = [(f"socket.{key_text(name)}", rows) for name, rows in found.sockets.items()]
        sections = [("init", found.init), *web, *held, *sections, *groups]
    blocks = []
    for header, rows in sections:
        lines = [_line(row, header) for row in rows]
        blocks.append("\n".join([f"[{header}]", *lines]))
    return "\n\n".join(blocks)


def _line(setting: Setting, header: str) -> str:
    if not setting.value:
        return f"{f'# {setting.key}: {setting.note}':<{WIDTH}}  # default"
    return f"{f'{setting.key} = {setting.value}':<{WIDTH}}  # {_origin(setting, header)}"


def _origin(setting: Setting, header: str) -> str:
    if setting.kind == "default":
        return "default"
    place = f"{setting.file}:{setting.line}"
    if setting.kind == "user":
        return f"{place} user"
    section = setting.section.partition(".")[0]
    if section in ("init", "defaults") and section != header:
        return f"{place} [{section}]"
    if setting.section in ("env_file", "env_dir"):
        return f"{place} {setting.section}"
    return place


def _object(
    found: Effective, programs: dict[str, tuple[Setting, ...]], *, alone: bool
) -> dict[str, Json]:
    result: dict[str, Json] = {
        "files": found.files,
        "programs": {name: _settings(rows) for name, rows in programs.items()},
    }
    if not alone:
        result["init"] = _settings(found.init)
        if found.web:
            result["web"] = _settings(found.web)
        if found.sockets:
            result["sockets"] = {name: _settings(rows) for name, rows in found.sockets.items()}
        result["groups"] = {name: _settings(rows) for name, rows in found.groups.items()}
        result["warnings"] = found.warnings
    return result


def _settings(rows: Sequence[Setting]) -> dict[str, Json]:
    return {row.key: _setting(row) for row in rows}


def _setting(row: Setting) -> dict[str, Json]:
    """Return a value and its origin: "default", "defaults", "init", "file", "user"..."""
    import tomli

    value = _plain(tomli.loads(f"value = {row.value}")["value"]) if row.value else None
    if row.kind == "default":
        note: dict[str, Json] = {"note": row.note} if row.note else {}
        return {"value": value, "origin": "default", **note}
    origin = "user" if row.kind == "user" else row.section.partition(".")[0]
    named = origin in ("init", "defaults", "env_file", "env_dir", "user")
    return {
        "value": value,
        "origin": origin if named else "file",
        "file": row.file,
        "line": row.line,
    }


def _plain(value: Json) -> Json:
    """Return a value with single dollars: in TOML those that would expand are doubled."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
