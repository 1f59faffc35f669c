"""What somebody may have meant who wrote something else: the fix of a fault leads to the key.

Nothing of this is needed for a configuration that is good, so it is imported when one is not.
"""

from __future__ import annotations

from pyinit.config import schema
from pyinit.config.limits import RESOURCES
from pyinit.config.meant_words import CURLY, KEYS, NOTHING, TABLES, TRUTHS, UNITS, WORDS
from pyinit.config.problems import suggest
from pyinit.config.written import key_text, value_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CLOSE = 0.85  # how alike a word must be to one that is known to be that one, badly typed


def instead(key: str, known: Mapping[str, schema.Key], name: str) -> str:
    """Return what to write for a key that the section `name` does not have."""
    told = KEYS.get(name, {}).get(key.lower().replace("-", "_"))
    kind, colon, label = key.partition(":")
    if not name and colon and kind in {"program", "group", "fcgi-program", "eventlistener"}:
        told = f"[{'group' if kind == 'group' else 'program'}.{label}]"
    if told:
        return told if told.startswith("leave") else f"write {told}"
    plain = key.lower().removeprefix("rlimit_").removeprefix("limit_").removeprefix("limit")
    if name in {"program", "init"} and plain in RESOURCES and plain != "nice":
        return f"write limits = {{ {plain} = ... }}"
    inner = sorted({each.section for each in schema.KEYS if each.name == key and name})
    tables = [each.removeprefix(f"{name}.") for each in inner if each.startswith(f"{name}.")]
    if tables:
        which = "stop" if "stop" in tables else tables[0]
        more = "" if len(tables) == 1 else f" ({', '.join(tables)} have it)"
        return f"write {which} = {{ {key} = ... }}{more}"
    near = suggest(key, known, CLOSE)
    if near.startswith("did"):
        return near
    homes = [each.section for each in schema.KEYS if each.name == key and "." not in each.section]
    if homes:
        shown = {"": "the top of the file", "program": "[program.NAME]"}
        where = " or ".join([shown.get(home, f"[{home}]") for home in homes])
        if name == "web":
            return f"it belongs in {where}: [web] is the gateway's, a program is in [program.web]"
        return f"it belongs in {where}"
    return suggest(key, known)


def table(name: str, label: str, value: object) -> str:
    """Return how the table of the section `name` is written, for one who wrote `value` there."""
    if isinstance(value, str) and name in {"program.ready", "program.live"}:
        kinds = schema.section(name)
        if value == "notify":
            return f"write {label} = {{ notify = true }}"
        if value.startswith(("http://", "https://", "unix:", ":")):
            kind = "http" if "/" in value.removeprefix("unix:/") else "tcp"
            return f"write {label} = {{ {kind} = {value_text(value)} }}"
        if value in kinds and value not in {"timeout", "interval", "failures", "action"}:
            return f"write {label} = {{ {value} = ... }}"
    if isinstance(value, str) and name == "program.reload" and value.isalnum():
        return f"write {label} = {{ signal = {value_text(value)} }}"
    if isinstance(value, str) and name == "init.log":
        key = "level" if value in {"error", "warning", "info", "debug"} else "format"
        return f"write {label} = {{ {'file' if '/' in value else key} = {value_text(value)} }}"
    if isinstance(value, list) and name == "program.capabilities" and value:
        return f"write {label} = {{ keep = {value_text(value)} }}, or ambient, or drop"
    found = TABLES.get(name)
    return f"write {label} = {found}" if found else "write [section] or { ... }"


def word(value: object, known: Iterable[str]) -> str:
    """Return `did you mean "x"?` for a word (or a truth) that others have for one of `known`."""
    text = str(value).strip().lower() if isinstance(value, str | bool) else ""
    found = [each for each in WORDS.get(text, ()) if each in known]
    if found:
        return f'did you mean "{found[0]}"?'
    if isinstance(value, int) and not isinstance(value, bool) and "on-failure" in known:
        return f"write {{ max = {value} }} for so many restarts"
    near = suggest(value, known) if isinstance(value, str) else ""
    return near if near.startswith("did") else ""


def duration(text: str) -> str:
    """Return a duration in the units that are known here, of one in other words; "" if none."""
    digits = text.lower().rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = UNITS.get(text.lower()[len(digits) :].strip(), "")
    return f"{digits}{unit}" if unit and digits.replace(".", "", 1).isdecimal() else ""


def variables(value: object) -> str:
    """Return a table of variables, of a list or a text of NAME=value."""
    items = value if isinstance(value, list) else [value]
    pairs = [str(item).partition("=") for item in items]
    if not pairs or not all(name.strip() and equals for name, equals, _ in pairs):
        path = next((item for item in items if str(item).startswith("/")), "value")
        return f"{{ NAME = {value_text(path)} }}"
    shown = [f"{key_text(name.strip())} = {value_text(text)}" for name, _, text in pairs]
    return f"{{ {', '.join(shown)} }}"


def toml(line: str, message: str) -> str:
    """Return what to do about a line that is no TOML; "" where nothing can be guessed."""
    key, equals, value = [part.strip() for part in line.partition("=")]
    straight = "".join([CURLY.get(char, char) for char in line])
    if line.startswith((";", "//")):
        return "a comment begins with #"
    if straight != line:
        return f"write straight quotes: {straight}"
    if message.startswith("cannot overwrite"):
        return f'"{key}" is there twice: leave one out'
    if message.startswith("cannot declare"):
        return f"{line} is there twice: put both into one, or choose another name"
    if line.startswith("["):
        return _header(line)
    if not equals:
        return _pair(line)
    if value.lower() in TRUTHS:
        return f"write {TRUTHS[value.lower()]}"
    if value.lower() in NOTHING:
        return "leave the key out"
    if not value:
        return "write a value behind the equals sign"
    quoted = next((part for part in value.split('"')[1::2] if "\\" in part), "")
    if quoted:
        return f"write single quotes, which keep backslashes: '{quoted}'"
    if value[0] not in "\"'[{":
        return f'put texts in quotes: "{value}"'
    return ""


def _header(line: str) -> str:
    if ":" in line:
        shown = line.replace(":", ".")
        return f"write {shown}; if this is a file of supervisord's, its name ends in .conf"
    return "" if line.endswith("]") else f"close it: {line}]"


def _pair(line: str) -> str:
    """Return what to do about a line that has no equals sign."""
    key, colon, value = [part.strip() for part in line.partition(":")]
    if not colon:
        return ""
    return f"write {key} = {value}" if value else "write [program.NAME], then lines of key = value"
