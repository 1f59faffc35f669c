"""The JSON Schema of pyinit.toml (draft 2020-12), made of the schema table: for editors.

Taplo and its kin read it: `#:schema ./pyinit.schema.json` on the first line of a file.  It knows
the form of values; what depends on the system (users, files) or on other values only `check`
knows.
"""

from __future__ import annotations

from pyinit.config import (
    build,
    output,
    program,
    program_needs,
    program_privileges,
    program_probes,
    program_schedule,
    schema,
    values,
)
from pyinit.config.limits import RESOURCES
from pyinit.config.written import is_value
from pyinit.core.capabilities import NAMES, SECUREBITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
    Fragment: TypeAlias = dict[str, Json]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = r"^(?!(all|pyinit)$|-|.*\+$)[^\s:/*?\[\],=\"']+$"
LOG_LEVELS = ("error", "warning", "info", "debug")
LOG_FORMATS = ("text", "json", "supervisord")


def schema_text() -> str:
    """Return the schema as indented JSON."""
    import json

    return json.dumps(document(), indent=2) + "\n"


def document() -> Fragment:
    """Return the schema."""
    sections = {name: _section(name) for name in schema.SECTIONS if name}
    sections["program.ready"]["oneOf"] = [_ready(kind) for kind in program_probes.READY_KINDS]
    sections["program.live"]["oneOf"] = [_needs(kind) for kind in program_probes.LIVE_KINDS]
    sections["init.exit_when"]["oneOf"] = [_needs("file"), _needs("process")]
    sections["program.schedule"]["oneOf"] = [_needs("cron"), _needs("every")]
    sections["program.stdout"] |= _needs("file")
    sections["group"] |= _needs("programs")
    sections["web"] |= _needs("listen")
    sections["socket"] |= _needs("listen")
    commanded: Fragment = {"properties": {"defaults": _needs("command")}, **_needs("defaults")}
    needing: Fragment = {"properties": {"program": {"additionalProperties": _needs("command")}}}
    definitions: Fragment = {**sections, "limit": _limit()}
    return {
        "$schema": DIALECT,
        "title": "pyinit.toml",
        **_section(""),
        # a program needs a command, its own or that of [defaults]
        "if": commanded,
        "else": needing,
        "$defs": definitions,
    }


def _ready(kind: str) -> Fragment:
    """Return what says that a table has this kind of readiness; `notify = false` is none."""
    if kind != "notify":
        return _needs(kind)
    return {**_needs(kind), "properties": {kind: {"not": {"const": False}}}}


def _needs(key: str) -> Fragment:
    return {"required": [key]}


def _section(name: str) -> Fragment:
    keys = schema.section(name).values()
    known: Fragment = {key.name: _key(key) for key in keys if key.since in schema.AVAILABLE}
    return {
        "description": schema.SECTIONS[name],
        "type": "object",
        "properties": known,
        "additionalProperties": False,
    }


def _key(key: schema.Key) -> Fragment:
    found: Fragment = {"description": key.doc}
    if is_value(key.default):
        import tomli

        found["default"] = tomli.loads(f"value = {key.default}")["value"]
    return found | _form(key)


def _form(key: schema.Key) -> Fragment:
    path = f"{key.section}.{key.name}" if key.section else key.name
    home = {"defaults": "program", "program.stderr": "program.stdout"}.get(path, path)
    table: Fragment = {"$ref": f"#/$defs/{home}"}
    match key.kind:
        case "table":
            return table
        case "tables":
            names: Fragment = {"pattern": NAME}
            return {"type": "object", "propertyNames": names, "additionalProperties": table}
        case "schedule":
            return _any(WORD, table)
        case "restart":
            return _any(_choice(program.POLICIES), table)
        case "stop":
            many: Fragment = {"type": "array", "items": _signal(), "minItems": 1}
            return _any(_signal_name(), many, table)
        case "sinks":
            words = output.WORDS if key.name == "stdout" else (*output.WORDS, "stdout")
            return _listed(_any(_choice(words), table), least=1)
        case _:
            return _plain(key.kind)


def _plain(kind: str) -> Fragment:
    """Return the form of a value that is no section of its own."""
    if kind in RANGES:
        return _number("integer", *RANGES[kind])
    if kind in CHOICES:
        return _choice(CHOICES[kind])
    found = FORMS.get(kind)
    if found is None:
        raise KeyError(f"no form for '{kind}'")
    return found


def _any(*forms: Fragment) -> Fragment:
    return {"anyOf": list(forms)}


def _text(pattern: str) -> Fragment:
    r"""Return texts of a pattern, and those with variables, of which only `check` knows more."""
    return {"type": "string", "pattern": rf"^\s*(?:{pattern})\s*$|\$\{{"}


def _choice(words: Sequence[str]) -> Fragment:
    return _any({"enum": list(words)}, {"type": "string", "pattern": r"\$\{"})


def _number(kind: str, least: float, most: float | None = None) -> Fragment:
    found: Fragment = {"type": kind, "minimum": least}
    if most is not None:
        found["maximum"] = most
    return _any(found, {"type": "string", "pattern": r"\$\{"})


def _listed(form: Fragment, least: int = 0) -> Fragment:
    many: Fragment = {"type": "array", "items": form}
    if least:
        many["minItems"] = least
    return _any(form, many)


def _mapped(form: Fragment) -> Fragment:
    return {"type": "object", "additionalProperties": form}


def _limits() -> Fragment:
    """Return a table of limits: the plain names stand alone, for editors to offer them."""
    form: Fragment = {"$ref": "#/$defs/limit"}
    plain: Fragment = dict.fromkeys(RESOURCES, form)
    others: Fragment = {rf"^(?:RLIMIT_|rlimit_)?(?:{_either(RESOURCES)})$": form}
    return {
        "type": "object",
        "properties": plain,
        "patternProperties": others,
        "additionalProperties": False,
    }


def _either(words: Sequence[str]) -> str:
    """Return a pattern of words in lower or upper case: patterns here have no flags."""
    return "|".join([*words, *[word.upper() for word in words]])


def _signal() -> Fragment:
    number: Fragment = {"type": "integer", "minimum": 1, "maximum": values.RTMAX}
    return _any(number, _signal_name(r"|\d{1,2}"))


def _signal_name(more: str = "") -> Fragment:
    names = _either([name.lower() for name in values.SIGNALS])
    real_time = r"RTMIN\+\d{1,2}|RTMAX-\d{1,2}|rtmin\+\d{1,2}|rtmax-\d{1,2}"
    return _text(rf"(?:SIG|sig)?(?:{names}|{real_time}{more})")


def _limit() -> Fragment:
    amount = r"-1|\d+(?:\.\d+)?\s*(?:[kmgtKMGT]?[iI]?[bB]|[kmgtKMGT])?"
    words = "unlimited|infinity|max|UNLIMITED|INFINITY|MAX"
    text = _text(
        rf"inherit|INHERIT|>=\s*(?:{amount})|(?:{words}|{amount})(?:\s*:\s*(?:{words}|{amount}))?"
    )
    return _any({"type": "integer", "minimum": -1}, text)


WORD: Fragment = {"type": "string", "minLength": 1}
STRING: Fragment = {"type": "string"}
BOOLEAN: Fragment = _any({"type": "boolean"}, {"type": "string", "pattern": r"\$\{"})
DURATION = _any(
    {"type": "number", "minimum": 0, "exclusiveMaximum": values.LONGEST_S},
    _text(r"[\d.]+|(?:[\d.]+(?:ms|s|m|h|d|MS|S|M|H|D)\s*)+"),
)
SIZE = _any(
    {"type": "integer", "minimum": 0},
    _text(r"\d+(?:\.\d+)?\s*(?:[kmgtKMGT]?[iI]?[bB]|[kmgtKMGT])?"),
)
MODE = _any({"type": "integer", "minimum": 0, "maximum": 0o7777}, _text("(?:0o)?[0-7]{1,5}"))
VARIABLES = _mapped({"type": ["string", "number"]})
USER = _any({"type": "integer", "minimum": 0}, WORD)
COMMAND = _any(
    WORD,
    {"type": "array", "items": STRING, "minItems": 1},
)
PATIENT: Fragment = {
    "type": "object",
    "properties": {"condition": _choice(program_needs.CONDITIONS), "timeout": DURATION},
    "required": ["condition"],
    "additionalProperties": False,
}
DEPENDS = _any(_listed(STRING), _mapped(_any(_choice(program_needs.CONDITIONS), PATIENT)))
CAPABILITY = rf"(?:CAP_|cap_)?(?:{_either(NAMES)})"
SECUREBIT = _either([*SECUREBITS, *[name.replace("_", "-") for name in SECUREBITS]])
ACTIONS = _any({"enum": list(build.ACTIONS)}, {"type": "string", "pattern": r"^forward:.|\$\{"})
RANGES = {
    "instances": (0, program.MAX_INSTANCES),
    "priority": (-9999, 9999),
    "backlog": (1, 65535),
    "nice": (-20, 19),
    "oom": (-1000, 1000),
    "fd": (3, 255),
    "count": (0, None),
    "times": (1, None),
    "old_files": (0, output.MAX_FILES),
}
CHOICES = {
    "unmet": ("fail", "warn"),
    "overlap": program_schedule.OVERLAPS,
    "level": LOG_LEVELS,
    "logformat": LOG_FORMATS,
    "type": ("service", "oneshot", "forking"),
    "runtime": program_privileges.RUNTIMES,
    "policy": program.POLICIES,
    "kill": ("tree", "group", "process"),
    "live_action": program_probes.ACTIONS,
    "stop_order": ("graph", "groups"),
    "form": output.FORMATS,
}
FORMS = {
    "word": WORD,
    "boolean": BOOLEAN,
    "duration": DURATION,
    "size": SIZE,
    "mode": MODE,
    "strings": _listed(STRING),
    "variables": VARIABLES,
    "limits": _limits(),
    "exit": _any({"enum": list(build.EXITS)}, {"type": "string", "pattern": r"^main:.|\$\{"}),
    "user": USER,
    "group": USER,
    "groups": _listed(USER),
    "owner": USER,
    "signal": _signal(),
    "signals": _mapped(ACTIONS),
    "signals_in_turn": _listed(_signal(), least=1),
    "allow": _listed(_text(r".+:(?:read|operate|admin)")),
    "command": COMMAND,
    "url": _text(r"(?:https?://.+|unix:/.+|[^/]*:\d+(?:/.*)?)"),
    "address": _any({"type": "integer", "minimum": 1, "maximum": 65535}, _text(r".*\d+")),
    "depends": DEPENDS,
    "codes": _listed(_number("integer", 0, 255)),
    "processors": _any(
        _listed({"type": "integer", "minimum": 0, "maximum": 4095}, least=1),
        _text(r"\d+(?:-\d+)?(?:\s*,\s*\d+(?:-\d+)?)*"),
    ),
    "io": _text("idle|(?:best-effort|realtime)(?::[0-7])?"),
    "capabilities": _listed(_text(CAPABILITY)),
    "capability_set": _listed(_text(rf"{CAPABILITY}|all|ALL")),
    "securebits": _listed(_text(SECUREBIT)),
    "stdin": _text("null|socket:.+"),
    "watch": _any(BOOLEAN, _listed(WORD)),
    "factor": _number("number", 1, 1000),
    "jitter": _number("number", 0, 1),
}


if __name__ == "__main__":
    print(schema_text(), end="")
