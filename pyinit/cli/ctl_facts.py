"""Verbs of pyinitctl about what a process was given: limits, env."""

from __future__ import annotations

from pyinit.cli.present import limit, objects, say, say_json, table
from pyinit.cli.words import UsageError
from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.cli.ctl import Call
    from pyinit.protocol.wire import Json, Object

MAIN_ONES = ("nofile", "nproc", "memlock", "core")  # shown where no process is named


def limits(call: Call) -> int:
    """Print limits, or change those of processes that run."""
    names = [word for word in call.names if "=" not in word]
    wanted = dict([_read_change(word) for word in call.names if "=" in word])
    if wanted:
        if not names:
            raise UsageError("limits needs the NAME of what RESOURCE=VALUE is for")
        return _set(call, names, wanted)
    try:
        result = call.client.call("limits", {"names": list(names)})
    except Refused as refusal:
        raise _meant(refusal, names) from None
    if call.json:
        say_json(result)
        return 0
    shown = objects(result, "processes")
    own = result["pyinit"]
    assert isinstance(own, dict)
    if not names:
        shown.insert(0, own)
    rows = [row for each in shown for row in _rows(each, None if names else own["limits"])]
    say(table(("NAME", "PID", "RESOURCE", "SOFT", "HARD", "USED"), rows, "PID SOFT HARD USED"))
    return 0


def _meant(refusal: Refused, names: list[str]) -> Refused:
    """Return the refusal, with a better fix if a limit was named like a program."""
    from pyinit.config.limits import RESOURCES

    named = [name for name in names if name in RESOURCES]
    if refusal.code != "no-such-program" or not named:
        return refusal
    fix = f"it is a limit: leave it out to see all, or write {named[0]}=VALUE to set it"
    return Refused(refusal.code, f"no such program: '{named[0]}'\n  {fix}", refusal.more)


def env(call: Call) -> int:
    """Print the environment of processes."""
    result = call.client.call("env", {"names": list(call.names)})
    if call.json:
        say_json(result)
        return 0
    found = objects(result, "processes")
    for each in found:
        if len(found) > 1:
            say(f"==> {each['name']} <==")
        variables = each["env"]
        for name, value in variables.items() if isinstance(variables, dict) else ():
            say(f"{name}={value}")
    return 0


def _set(call: Call, names: list[str], wanted: dict[str, Json]) -> int:
    result = call.client.call("set-limits", {"names": list(names), "limits": wanted})
    if call.json:
        say_json(result)
        return 0
    for each in objects(result, "processes"):
        found = each.get("limits")
        pid = _whom(each)
        for name, pair in found.items() if isinstance(found, dict) else ():
            if isinstance(pair, dict):
                both = f"{limit(pair['soft'])}:{limit(pair['hard'])}"
                say(f"{each['name']}: {name} is {both} ({pid})")
    return 0


def _read_change(word: str) -> tuple[str, Json]:
    name, _, value = word.partition("=")
    if not name or not value:
        raise UsageError(f"cannot read '{word}': give RESOURCE=VALUE, such as nofile=65536")
    return name, value


def _whom(entry: Object) -> str:
    """Return for whom a change holds."""
    if not entry["pid"]:
        return "from its next run on"
    later = "and what it starts from now on" if entry["name"] == "pyinit" else "and its later runs"
    return f"pid {entry['pid']}, {later}"


def _rows(entry: Object, usual: Json) -> list[list[str]]:
    """Return a process's lines; with `usual` limits only the main ones, and what differs."""
    name, pid = str(entry["name"]), str(entry["pid"] or "")
    found = entry["limits"]
    if not isinstance(found, dict) or not found:
        return [[name, pid, "not running", "", "", ""]]
    return [
        [name, pid, resource, limit(each["soft"]), limit(each["hard"]), limit(each["used"])]
        for resource, each in found.items()
        if isinstance(each, dict) and _is_shown(resource, each, usual)
    ]


def _is_shown(resource: str, pair: dict[str, Json], usual: Json) -> bool:
    if not isinstance(usual, dict) or resource in MAIN_ONES:
        return True
    other = usual.get(resource)
    return isinstance(other, dict) and any(other[half] != pair[half] for half in ("soft", "hard"))
