"""Verbs of pyinitctl that change something: start, stop, restart, signal, reload and the end."""

from __future__ import annotations

from pyinit.cli.patience import impatient
from pyinit.cli.present import objects, say, say_json
from pyinit.protocol.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyinit.cli.ctl import Call
    from pyinit.protocol.wire import Json, Object


REEXEC_S = 60.0  # two interpreters start one after the other, on a machine that may be busy


def start(call: Call) -> int:
    """Start processes."""
    return _act(call)


def stop(call: Call) -> int:
    """Stop processes."""
    return _act(call)


def restart(call: Call) -> int:
    """Restart processes."""
    return _act(call, {"rolling": True} if call.words.has("rolling") else {})


def signal(call: Call) -> int:
    """Send a signal."""
    name, *names = call.names
    try:
        result = call.client.call("signal", {"names": list(names), "signal": name})
    except Refused as refusal:
        raise _turned(refusal, name, names) from None
    if call.json:
        say_json(result)
        return 0
    for each in objects(result, "processes"):
        say(f"{each['name']}: {name} sent to pid {each['pid']}")
    return 0


def _turned(refusal: Refused, first: str, names: Sequence[str]) -> Refused:
    """Return the refusal, with a better fix if the signal was named behind the programs."""
    *others, last = names
    if refusal.code != "bad-request" or not _is_signal(last) or _is_signal(first):
        return refusal
    right = " ".join([last, first, *others])
    fix = f"the signal comes first: pyinitctl signal {right}"
    return Refused(refusal.code, f"cannot find signal '{first}'\n  {fix}", refusal.more)


def _is_signal(word: str) -> bool:
    from signal import NSIG, Signals

    name = word.upper().removeprefix("SIG")
    return f"SIG{name}" in Signals.__members__ or (word.isdecimal() and 0 < int(word[:9]) < NSIG)


def reload(call: Call) -> int:
    """Read the configuration again, or say what would change."""
    dry = call.words.has("dry-run")
    wait: Json = False if call.words.has("no-wait") else None
    with impatient(call.client.path):
        result = call.client.call("reload", {"dry_run": dry, "wait": wait}, answer_s=None)
    if call.json:
        say_json(result)
        return 0
    lines = []
    for word in ("added", "removed", "restarted", "rolled", "adjusted"):
        names = result[word]
        if isinstance(names, list) and names:
            would = "would be " if dry else ""
            lines.append(f"{would}{word}: {', '.join([str(name) for name in names])}")
    lines += _keys(result, "would be in force" if dry else "in force")
    for line in lines or ["nothing changed"]:
        say(line)
    warnings = result["warnings"]
    for text in warnings if isinstance(warnings, list) else []:
        say(f"warning: {text}", 2)
    return 0


def _keys(result: Object, now: str) -> list[str]:
    """Return the lines about the keys that differ of what is no program."""
    lines = []
    for kind in ("init", "web", "sockets"):
        for each in objects(result, kind) if kind in result else ():  # an older pyinit tells less
            section = f"socket.{each['name']}" if kind == "sockets" else kind
            when = now if each["applies"] == "now" else "at the next start"
            lines.append(f"[{section}] {each['key']}: {when}")
            lines += [f"  {each['note']}"] if each["note"] else []
    return lines


def drain(call: Call) -> int:
    """Take readiness back and wait."""
    off = call.words.has("off")
    args = {
        "off": off,
        "delay_s": call.words.seconds("delay"),
        "timeout_s": call.words.seconds("timeout"),
    }
    result = call.client.call("drain", args, answer_s=None)
    _say_result(call, result, "ready for traffic again" if off else "drained")
    return 0


def shutdown(call: Call) -> int:
    """Stop everything and let pyinit exit."""
    wait = not call.words.has("no-wait")
    with impatient(call.client.path):
        result = call.client.call("shutdown", {"wait": wait}, answer_s=None)
    text = f"pyinit ends with exit status {result['code']}" if wait else "pyinit is stopping"
    _say_result(call, result, text)
    return 0


def reexec(call: Call) -> int:
    """Replace pyinit by a new one: it is the new one that answers."""
    result = call.client.call("reexec", answer_s=REEXEC_S)
    _say_result(call, result, f"pyinit (pid {result['pid']}) is replaced")
    return 0


def _act(call: Call, more: Object | None = None) -> int:
    wait: Json = False if call.words.has("no-wait") else None
    timeout_s = call.words.seconds("timeout")
    args: Object = {"names": list(call.names), "wait": wait, "timeout_s": timeout_s, **(more or {})}
    with impatient(call.client.path):
        result = call.client.call(call.verb, args, answer_s=None)
    return _tell(call, result)


def _tell(call: Call, result: Object) -> int:
    if call.json:
        say_json(result)
        return 0
    for each in objects(result, "processes"):
        pid = f" (pid {each['pid']})" if each["pid"] else ""
        already = "already " if _is_already(call.verb, each) else ""
        say(f"{each['name']}: {already}{each['state']}{pid}")
    return 0


def _is_already(verb: str, entry: Object) -> bool:
    """Say whether nothing had to be done: it was where it is wanted."""
    rest = {"start": ("RUNNING",), "stop": ("STOPPED", "EXITED", "FATAL")}
    return entry["was"] == entry["state"] and entry["was"] in rest.get(verb, ())


def _say_result(call: Call, result: Object, text: str) -> None:
    if call.json:
        say_json(result)
    else:
        say(text)
