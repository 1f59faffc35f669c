"""`pyinitctl graph`: who needs whom, and what the last boot took, as text, for dot or mermaid."""

from __future__ import annotations

from itertools import pairwise

from pyinit.cli.present import duration, number, objects, say, say_json, table
from pyinit.cli.words import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.cli.ctl import Call
    from pyinit.protocol.wire import Object

RED = "#c0392b"
MINUTE_S = 60


def graph(call: Call) -> int:
    """Print the graph in the form asked for."""
    form = call.words.given.get("format", "text")
    if form not in FORMS:
        raise UsageError(f"graph has no format '{form}': give {', '.join(FORMS)}")
    result = call.client.call("graph")
    if call.json:
        say_json(result)
    else:
        say(FORMS[form](result))
    return 0


def as_text(result: Object) -> str:
    """Return a table of the programs, and the critical path below it."""
    path = _path(result)
    rows = []
    for program in objects(result, "programs"):
        needs = [_need(each) for each in objects(program, "needs")]
        mark = "*" if str(program["name"]) in path else ""
        rows.append(
            [mark, str(program["name"]), _states(program), *_times(program), ", ".join(needs)]
        )
    if not rows:
        return "there are no programs"
    text = table(("", "PROGRAM", "STATE", "WAITED", "TOOK", "NEEDS"), rows, "WAITED TOOK")
    if not path:
        return text
    steps = " -> ".join(path)
    return f"{text}\n* the critical path of the boot, {_seconds(number(result['boot_s']))}: {steps}"


def as_dot(result: Object) -> str:
    """Return the graph for Graphviz: arrows lead to what is needed, dashed to what is wanted."""
    path = _path(result)
    lines = ["digraph pyinit {", "  rankdir=LR;", "  node [shape=box];"]
    for program in objects(result, "programs"):
        name = str(program["name"])
        label = "\\n".join([_quoted(each) for each in _label(program)])
        bold = f', color="{RED}", penwidth=2' if name in path else ""
        lines.append(f'  "{_quoted(name)}" [label="{label}"{bold}];')
    for name, need in _edges(result):
        other = str(need["program"])
        dashed = "" if need["hard"] else ", style=dashed"
        bold = f', color="{RED}"' if (other, name) in _steps(path) else ""
        ends = f'"{_quoted(name)}" -> "{_quoted(other)}"'
        lines.append(f'  {ends} [label="{need["condition"]}{_within(need)}"{dashed}{bold}];')
    return "\n".join([*lines, "}"])


def as_mermaid(result: Object) -> str:
    """Return the graph as Mermaid draws it, in Markdown for one."""
    path = _path(result)
    ids = {str(each["name"]): f"p{n}" for n, each in enumerate(objects(result, "programs"))}
    lines = ["graph LR"]
    for program in objects(result, "programs"):
        label = "<br/>".join([_escaped(each) for each in _label(program)])
        lines.append(f'  {ids[str(program["name"])]}["{label}"]')
    red = []
    for number_of, (name, need) in enumerate(_edges(result)):
        other = str(need["program"])
        arrow = "-->" if need["hard"] else "-.->"
        ends = f"{ids[name]} {arrow}|{need['condition']}{_within(need)}| {ids[other]}"
        lines.append(f"  {ends}")
        if (other, name) in _steps(path):
            red.append(str(number_of))
    if path:
        lines.append(f"  classDef critical stroke:{RED},stroke-width:3px")
        lines.append(f"  class {','.join([ids[name] for name in path])} critical")
    if red:
        lines.append(f"  linkStyle {','.join(red)} stroke:{RED}")
    return "\n".join(lines)


FORMS = {"text": as_text, "dot": as_dot, "mermaid": as_mermaid}


def _need(need: Object) -> str:
    soft = "" if need["hard"] else ", wanted"
    return f"{need['program']} ({need['condition']}{_within(need)}{soft})"


def _path(result: Object) -> list[str]:
    path = result["critical_path"]
    return [str(each) for each in path] if isinstance(path, list) else []


def _steps(path: list[str]) -> set[tuple[str, str]]:
    return set(pairwise(path))


def _edges(result: Object) -> list[tuple[str, Object]]:
    """Return (program, what it needs), of those that are there."""
    programs = objects(result, "programs")
    known = {each["name"] for each in programs}
    edges = [(str(each["name"]), need) for each in programs for need in objects(each, "needs")]
    return [(name, need) for name, need in edges if need["program"] in known]


def _label(program: Object) -> list[str]:
    took = _times(program)[1]
    return [str(program["name"]), _states(program) + (f", {took}" if took else "")]


def _states(program: Object) -> str:
    """Return the states of a program's processes: each once, with how many there are."""
    states = program["states"]
    found = [str(each) for each in states] if isinstance(states, list) else []
    counts = {each: found.count(each) for each in found}
    return ", ".join([f"{n} {each}" if len(found) > 1 else each for each, n in counts.items()])


def _times(program: Object) -> tuple[str, str]:
    boot = program["boot"]
    if not isinstance(boot, dict):
        return "", ""
    return _seconds(number(boot["waited_s"])), _seconds(number(boot["took_s"]))


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}s" if seconds < MINUTE_S else duration(seconds)


def _within(need: Object) -> str:
    seconds = need["timeout_s"]
    return f" within {number(seconds):g}s" if seconds else ""


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _escaped(text: str) -> str:
    """Return text for a label of Mermaid's, where some characters have a meaning."""
    return "".join([f"#{ord(char)};" if char in '#&<>"' else char for char in text])
