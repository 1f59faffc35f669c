"""Verbs of pyinitctl that look at the state: status, health, ready, wait, top."""

from __future__ import annotations

import time

from pyinit.cli.present import (
    ago,
    begin_again,
    duration,
    exit_words,
    number,
    objects,
    say,
    say_json,
    size,
    table,
)
from pyinit.protocol.messages import EXIT_CODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.cli.ctl import Call
    from pyinit.protocol.wire import Json, Object

EVERY_S = 1.0
BOOT_S = 5.0  # for a pyinit that was started a moment ago to open its socket
TOP_EVERY_S = 2.0
NOT_WELL = EXIT_CODES["not-running"]
NOT_READY = EXIT_CODES["not-ready"]


def status(call: Call) -> int:
    """Print what every process is doing; 0 if all is well."""
    usage = call.words.has("usage")
    while True:
        result = call.client.call("status", {"names": list(call.names), "usage": usage})
        if call.json:
            say_json(result)
        else:
            if call.words.has("watch"):
                begin_again()
            say(_status_text(result, usage=usage))
        if not call.words.has("watch"):
            return 0 if result["ok"] else NOT_WELL
        time.sleep(EVERY_S)


def top(call: Call) -> int:
    """Print what processes use, again and again."""
    before: dict[Json, tuple[float, float]] = {}
    count = call.words.count("count")
    delay_s = call.words.seconds("delay")
    while count is None or count > 0:
        result = call.client.call("status", {"names": list(call.names), "usage": True})
        now = time.monotonic()
        rows = []
        for each in objects(result, "processes"):
            cpu_s = number(each["cpu_s"])
            then, spent = before.get(each["pid"], (now, cpu_s))
            share = (cpu_s - spent) / (now - then) if now > then else 0.0
            before[each["pid"]] = (now, cpu_s)
            rows.append((share, each))
        if call.json:
            say_json(result)
        else:
            begin_again()
            say(_top_text(result, rows))
        count = None if count is None else count - 1
        if count != 0:
            time.sleep(TOP_EVERY_S if delay_s is None else delay_s)
    return 0


def health(call: Call) -> int:
    """Exit 0 if everything critical works, else 1: what Docker's HEALTHCHECK asks for."""
    return _verdict(call, "health", "healthy", 1)


def ready(call: Call) -> int:
    """Exit 0 if everything is there and traffic is welcome, else 3."""
    return _verdict(call, "ready", "ready", NOT_READY)


def wait(call: Call) -> int:
    """Wait until the processes named are in a state, for a pyinit that boots, too."""
    goal = call.words.given.get("for")
    timeout_s = call.words.seconds("timeout")
    began = time.monotonic()
    client = call.client_within(BOOT_S if timeout_s is None else min(BOOT_S, timeout_s))
    if timeout_s is not None:
        timeout_s = max(0.0, timeout_s - (time.monotonic() - began))
    result = client.call(
        "wait",
        {"names": list(call.names), "for": goal, "timeout_s": timeout_s},
        answer_s=None,
    )
    if call.json:
        say_json(result)
        return 0
    for each in objects(result, "processes"):
        say(f"{each['name']}: {each['state']}" + _in_brackets(each["reason"]))
    return 0


def _verdict(call: Call, verb: str, good: str, code: int) -> int:
    result = call.client.call(verb, {"names": list(call.names)})
    if call.json:
        say_json(result)
    elif result["ok"]:
        say(good)
    else:
        failing = [
            f"{each['name']} is {each['state']}" + _in_brackets(each["reason"])
            for each in objects(result, "failing")
        ]
        state = [] if result["state"] == "running" else [f"pyinit is {result['state']}"]
        say(f"not {good}: " + "\n  ".join([*state, *failing]))
    return 0 if result["ok"] else code


def _status_text(result: Object, *, usage: bool) -> str:
    head = ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "LAST EXIT", "REASON"]
    if usage:
        head[4:4] = ["CPU", "MEMORY", "FDS"]
    rows = [_row(each, usage=usage) for each in objects(result, "processes")]
    if not rows:
        return f"pyinit is {result['state']}; it has no programs"
    text = table(head, rows, "PID UPTIME RESTARTS CPU MEMORY FDS")
    return text if result["state"] == "running" else f"pyinit is {result['state']}\n{text}"


def _row(entry: Object, *, usage: bool) -> list[str]:
    pid = entry["pid"]
    end = entry["last_exit"]
    last = exit_words(end)
    if isinstance(end, dict):
        last += f", {ago(number(end.get('at')))}"
    state = str(entry["state"])
    row = [
        str(entry["name"]),
        state,
        str(pid) if pid else "",
        duration(number(entry["uptime_s"])) if pid else "",
        str(entry["restarts"]),
        last,
        "; ".join([each for each in (str(entry["reason"]), _next_run(entry)) if each])
        or _own_words(entry),
    ]
    if usage:
        fds = entry["fds"]
        used = [duration(number(entry["cpu_s"])), size(number(entry["rss_bytes"]))]
        row[4:4] = [*used, "" if fds is None else str(fds)] if pid else ["", "", ""]
    return row


def _next_run(entry: Object) -> str:
    at = entry.get("next_run_at")
    if at is None or entry["pid"]:
        return ""
    return f"scheduled in {duration(max(0.0, number(at) - time.time()))}"


def _top_text(result: Object, rows: list[tuple[float, Object]]) -> str:
    lines = []
    for share, each in sorted(rows, key=lambda row: (-row[0], str(row[1]["name"]))):
        fds = each["fds"]
        used = [f"{share:.0%}", duration(number(each["cpu_s"])), size(number(each["rss_bytes"]))]
        name, state, pid = str(each["name"]), str(each["state"]), str(each["pid"] or "")
        lines.append([name, state, pid, *used, "" if fds is None else str(fds)])
    head = ("NAME", "STATE", "PID", "CPU%", "CPU", "MEMORY", "FDS")
    text = table(head, lines, "PID CPU% CPU MEMORY FDS")
    title = f"pyinit {result['version']}, pid {result['pid']}, {result['state']}"
    return f"{title}\n{text}"


def _own_words(entry: Object) -> str:
    """Return what the process says of itself."""
    doing = [word for word in ("reloading", "stopping") if entry.get(word)]
    said = [f'"{entry["status_text"]}"'] if entry.get("status_text") else []
    return ": ".join([*doing, *said])


def _in_brackets(reason: Json) -> str:
    return f" ({reason})" if reason else ""
