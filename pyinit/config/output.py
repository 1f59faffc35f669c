"""`stdout` and `stderr`: words, tables, or lists of both become sinks."""

from __future__ import annotations

from pyinit.config import values
from pyinit.config.problems import ValueFault
from pyinit.config.reader import Section
from pyinit.core.plan import INHERIT, Sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config.users import Accounts

WORDS = ("inherit", "prefix", "json", "null")
ALONE = ("stdout", "null")
MAX_FILES = 10_000
FORMATS = ("raw", "prefix", "json", "tai64n")


def sinks(section: Section, stream: str, accounts: Accounts) -> tuple[Sink, ...]:
    """Return where `stream` ("stdout" or "stderr") of a program goes."""
    layers = section.layers(stream)
    if not layers:
        return INHERIT
    holder = layers[0]
    value = holder.tree[stream]
    items = value if isinstance(value, list) else [value]
    found: list[Sink] = []
    for place, item in enumerate(items):
        path = (*holder.path, stream, place) if isinstance(value, list) else (*holder.path, stream)
        if isinstance(item, dict):
            sub = Section(
                "program.stdout", holder.file, path, item, section.problems, section.variables
            )
            found.append(_file(sub, accounts))
            continue
        try:
            found.append(_word(stream, section.expanded(item), alone=len(items) == 1))
        except ValueFault as fault:
            section.problems.add(holder.file, path, f"{stream}: {fault}", fault.fix)
    if not items:
        text, fix = f"{stream}: the list is empty", 'write "null" to drop the output'
        section.problems.add(holder.file, (*holder.path, stream), text, fix)
    return _seen(tuple(found)) or INHERIT


def _seen(found: tuple[Sink, ...]) -> tuple[Sink, ...]:
    """Return the sinks; "inherit" in company is a copy, since pyinit reads the stream itself."""
    if len(found) < 2:
        return found
    return tuple([Sink("copy") if sink.kind == "inherit" else sink for sink in found])


def _word(stream: str, value: object, *, alone: bool) -> Sink:
    known = (*WORDS, "stdout") if stream == "stderr" else WORDS
    if isinstance(value, str) and "/" in value and not value.startswith("/dev/"):
        fix = f"write {{ file = {values.shown(value)} }}"
        raise ValueFault(f"{values.shown(value)} is not known here", fix)
    word = values.choice(*known)(value)
    if word in ALONE and not alone:
        raise ValueFault(f'"{word}" stands alone', "leave it out, or the others")
    return Sink(word)


def _file(sub: Section, accounts: Accounts) -> Sink:
    sub.check_keys()
    if "file" not in sub.tree:
        sub.fault("a table of a stream needs a file", 'write { file = "/path" }')
    base = Sink("file")
    uid, gid = sub.get("owner", accounts.owner, (None, None))
    return Sink(
        kind="file",
        path=sub.get("file", values.word, ""),
        max_size=sub.get("max_size", values.size, base.max_size),
        max_files=sub.get("max_files", values.integer(0, MAX_FILES), base.max_files),
        compress=sub.get("compress", values.boolean, False),
        format=sub.get("format", values.choice(*FORMATS), "raw"),
        mode=sub.get("mode", values.mode, None),
        uid=uid,
        gid=gid,
    )
