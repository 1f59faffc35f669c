"""Verbs of pyinitctl that tell what happened: logs, events, why, trace."""

from __future__ import annotations

from pyinit.cli.present import (
    duration,
    exit_words,
    moment,
    number,
    objects,
    put,
    say,
    say_json,
    size,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.cli.ctl import Call
    from pyinit.protocol.wire import Json, Object

UNSEEN = "goes where pyinit's own goes, untouched and unseen"
SEEN_IF = 'see it there, or set stdout = "prefix" in its section'
NOT_CAPTURED = f"""\
pyinitctl: the output of {{name}} {UNSEEN}
  {SEEN_IF}"""


def logs(call: Call) -> int:
    """Print the last output, and with -f what comes."""
    given: dict[str, Json] = {
        "names": list(call.names),
        "lines": call.words.count("lines"),
        "stream": call.words.given.get("stream"),
    }
    if call.words.has("follow"):
        return _follow_logs(call, given)
    result = call.client.call("logs", given)
    if call.json:
        say_json(result)
        return 0
    found = objects(result, "processes")
    for each in found:
        if not each["captured"]:
            say(NOT_CAPTURED.format(name=each["name"]), 2)
        if len(found) > 1:
            say(f"==> {each['name']} <==")
        if each.get("cut"):
            say(f"{each['name']}: more is kept than one reply holds: name fewer processes", 2)
        _put_text(each["text"])
    return 0


def events(call: Call) -> int:
    """Print changes of state, and with -f those to come."""
    given: dict[str, Json] = {
        "names": list(call.names),
        "lines": call.words.count("lines"),
    }
    if not call.words.has("follow"):
        for event in objects(call.client.call("events", given), "events"):
            _say_event(call, event)
        return 0
    for event in call.client.follow("events", given):
        _say_event(call, event)
    return 0


def why(call: Call) -> int:
    """Print how the last runs ended."""
    lines = call.words.count("lines")
    result = call.client.call("why", {"names": list(call.names), "lines": lines})
    if call.json:
        say_json(result)
        return 0
    for each in objects(result, "processes"):
        ends = objects(each, "ends")
        restarts = "1 restart" if each["restarts"] == 1 else f"{each['restarts']} restarts"
        say(f"{each['name']}: {each['state']}, {restarts}")
        if not ends or (each["state"] == "STARTING" and each.get("reason")):
            say(f"  {each.get('reason') or 'no run of it has ended'}")
        for end in ends:
            _say_end(end)
        if each.get("captured") is False and _is_silent(ends):
            say(f"  its output {UNSEEN}\n    {SEEN_IF}")
    return 0


def trace(call: Call) -> int:
    """Print the last steps of the core: a bug report in itself."""
    result = call.client.call("trace", {"lines": call.words.count("lines")})
    if call.json:
        say_json(result)
        return 0
    for step in objects(result, "steps"):
        say(f"{number(step['now']):.6f} {step['event']}")
        effects = step["effects"]
        for effect in effects if isinstance(effects, list) else []:
            say(f"    {effect}")
    return 0


def _follow_logs(call: Call, given: dict[str, Json]) -> int:
    several = False
    last = ""
    names: set[str] = set()
    for event in call.client.follow("logs", given):
        if call.json:
            say_json(event)
            continue
        if event["event"] == "dropped":
            say(f"pyinitctl: {event['count']} pieces of output came too fast and are lost", 2)
            continue
        name = str(event["name"])
        if event.get("captured") is False and name not in names:
            say(NOT_CAPTURED.format(name=name), 2)
        names.add(name)
        several = several or len(names) > 1
        if several and name != last and event["text"]:
            say(f"==> {name} <==")
        last = name if event["text"] else last
        _put_text(event["text"])
    return 0


def _say_event(call: Call, event: Object) -> None:
    if call.json:
        say_json(event)
        return
    if event["event"] == "dropped":
        say(f"pyinitctl: {event['count']} events came too fast and are lost", 2)
        return
    when = moment(number(event["at"]))
    if event["event"] == "removed":
        say(f"{when} {event['name']} removed")
        return
    if event["event"] == "rolled":
        before = f" from pid {event['old_pid']}" if event.get("old_pid") else ""
        say(f"{when} {event['name']} rolled: pid {event['pid']} takes over{before}")
        return
    pid = f" pid {event['pid']}" if event.get("pid") else ""
    end = f" {exit_words(event['exit'])}" if event.get("exit") else ""
    reason = f" ({event['reason']})" if event.get("reason") else ""
    say(f"{when} {event['name']} {event['was']} -> {event['state']}{pid}{end}{reason}")


def _is_silent(ends: list[Object]) -> bool:
    """Say whether a run may have had last words that are not there.

    What could not be executed has had none: it has a fix instead.
    """
    return any(not end["output"] and not end.get("fix") for end in ends)


def _say_end(end: Object) -> None:
    used = f"{duration(number(end['user_s']))} user, {duration(number(end['system_s']))} system"
    most = number(end["max_rss_bytes"])
    memory = f"; memory at most {size(most)}" if most else ""  # else it was less than pyinit's own
    expected = "" if end["expected"] else ", unexpected"
    say(f"  {moment(number(end['at']))}  {end['reason']}{expected}")
    if end.get("fix"):
        say(f"    {end['fix']}")
    facts = f"run {end['run_id']}, pid {end['pid']}, ran {duration(number(end['ran_s']))}"
    say(f"    {facts}; processor {used}{memory}")
    output = str(end["output"])
    if output:
        say("    its last output:")
        for line in output.rstrip("\n").split("\n"):
            say(f"      {line}")


def _put_text(text: Json) -> None:
    put(str(text).encode("utf-8", "surrogateescape"))
