"""`stdout` and `stderr`: words, tables, or lists of both become sinks."""

from __future__ import annotations

from pyinit.config import values
from pyinit.config.problems import ValueFault
from pyinit.config.reader import Section
from pyinit.core.plan import INHERIT, Sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyinit.config.build import Builder
    from pyinit.config.users import Accounts
    from pyinit.core.plan import ProcessPlan

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
    where = [(sink.kind, sink.path) for sink in found]
    for kind, file in [each for each in where if where.count(each) > 1][:1]:
        text = f'{stream}: "{file or kind}" is there twice, and so is each line'
        section.problems.doubt(holder.file, (*holder.path, stream), text, "leave one out")
    return _seen(tuple(found)) or INHERIT


def check_shared(builder: Builder, processes: list[ProcessPlan]) -> None:
    """Warn of files that two streams write to, and say different things of."""
    known: dict[str, tuple[Sink, str]] = {}
    for program, stream, sink in _files(processes):
        first, whose = known.setdefault(sink.path, (sink, program))
        others = " and ".join(_differing(first, sink))
        if others:
            text = f'{stream}: "{sink.path}" has another {others} in program "{whose}"'
            file, path = builder.places[program], ("program", program, stream)
            builder.problems.doubt(file, path, text, "write the same for both, or another file")


def _files(processes: list[ProcessPlan]) -> Iterator[tuple[str, str, Sink]]:
    """Yield (program, stream, sink) of every file."""
    for each in processes:
        for stream, taken in (("stdout", each.launch.stdout), ("stderr", each.launch.stderr)):
            for sink in taken:
                if sink.kind == "file":
                    yield each.program, stream, sink


def _differing(one: Sink, other: Sink) -> list[str]:
    """Return the keys in which two sinks differ."""
    differ = {
        "max_size": one.max_size != other.max_size,
        "max_files": one.max_files != other.max_files,
        "compress": one.compress != other.compress,
        "owner": (one.uid, one.gid) != (other.uid, other.gid),
        "mode": one.mode != other.mode,
        "format": one.format != other.format,
    }
    return [key for key, differs in differ.items() if differs]


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
