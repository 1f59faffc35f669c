"""Verbs that tell what happened: logs, events, why, trace.

Output is bytes; on the wire it is text in which a byte that is no UTF-8 is a surrogate's escape,
so that who wants the bytes gets them back.  A character that a read has cut in two is put
together again.
"""

from __future__ import annotations

import time
from _codecs import utf_8_decode

from pyinit.core.effects import Announce
from pyinit.core.plan import INHERIT
from pyinit.core.states import PUBLIC, Starting, Waiting, public_name, reason_of
from pyinit.core.status import describe, parted
from pyinit.core.trace import brief
from pyinit.logs.ring import STDERR, STDOUT, last_lines
from pyinit.protocol.messages import Refused
from pyinit.protocol.names import ALL, is_glob, stands_for
from pyinit.runtime import verbs_events
from pyinit.runtime.announcer import event_json, status_json
from pyinit.runtime.history import End
from pyinit.runtime.verbs_service import number, strings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyinit.core.effects import Effects
    from pyinit.core.events import Event
    from pyinit.core.slot import Process
    from pyinit.protocol.wire import Json, Object
    from pyinit.runtime.control import Ask
    from pyinit.runtime.verbs_service import Service

STREAMS = {"both": None, "stdout": STDOUT, "stderr": STDERR}
STREAM_NAMES = ("stdout", "stderr")
EVERYTHING = 1 << 30
LOGS_BYTES = 2 << 20  # of all processes in one reply; a byte may take six characters on the wire
EVENTS = 50  # told of the past if the request does not say how many
TRACE = 500


def logs(ask: Ask, service: Service) -> Object | None:
    """Tell the last output of processes; with `follow`, go on with what they print from now."""
    rows = service.rows(ask)
    which = str(ask.args.get("stream", "both"))
    if which not in STREAMS:
        raise Refused("bad-request", f"no such stream: '{which}'\n  known: {', '.join(STREAMS)}")
    lines = number(ask.args.get("lines"), EVERYTHING)
    share = LOGS_BYTES // max(1, len(rows))
    told: list[dict[str, Json]] = [
        {
            "name": row.plan.name,
            "captured": _is_captured(row),
            **_share_of(
                last_lines(service.desk.pump.tail(row.plan.key, STREAMS[which]), lines), share
            ),
        }
        for row in rows
    ]
    if not ask.args.get("follow"):
        return {"processes": list(told)}
    ends: list[Callable[[], None]] = []
    halves = {row.plan.key: _halves(ask, row.plan.key) for row in rows}
    ask.stream(lambda: _call_all(ends), halves)
    for row, entry in zip(rows, told, strict=True):
        if ask.resumed is None:
            ask.notify({"event": "output", "stream": which, **entry})
        ends.append(_follow_output(ask, service, row, STREAMS[which], halves[row.plan.key]))
    return None


def events(ask: Ask, service: Service) -> Object | None:
    """Tell the last changes of state; with `follow`, go on with those to come."""
    if ask.args.get("supervisord"):
        return verbs_events.events(ask, service)
    service.rows(ask)  # an unknown name is an error now, not silence for ever
    concerns = _filter(strings(ask.args.get("names")))
    follow = bool(ask.args.get("follow"))
    lines = number(ask.args.get("lines"), 0 if follow else EVENTS)
    past = [entry for entry in _past(service) if concerns(entry)]
    past = past[-lines:] if lines else []
    if not follow:
        return {"events": list(past)}

    def told(entry: dict[str, Json]) -> None:
        if concerns(entry):
            ask.notify(entry)

    subscribers = service.desk.announcer.subscribers
    subscribers.append(told)
    ask.stream(lambda: subscribers.remove(told))
    for entry in past:
        ask.notify(entry)
    return None


def why(ask: Ask, service: Service) -> Object:
    """Tell the last ends of processes, newest last: how, when, after how long, the last words."""
    lines = number(ask.args.get("lines"), EVERYTHING)
    return {
        "processes": [
            {
                "name": row.plan.name,
                "state": public_name(row.state),
                "reason": parted(reason_of(row.state))[0] or _still(service, row),
                "restarts": row.restarts,
                "captured": _is_captured(row),
                "ends": [_end(each, lines) for each in service.desk.history.of(row.plan.key)],
            }
            for row in service.rows(ask)
        ]
    }


def trace(ask: Ask, service: Service) -> Object:
    """Tell the last steps of the core: when, what came, and what was done about it."""
    count = number(ask.args.get("lines"), TRACE)
    entries = service.desk.recorder.entries()
    return {"steps": [_step(*entry) for entry in (entries[-count:] if count else [])]}


def _share_of(data: bytes, share: int) -> dict[str, Json]:
    """Return the last `share` bytes, from the beginning of a line, and whether that is less."""
    if len(data) <= share:
        return {"text": _text(data)}
    kept = data[len(data) - share :]
    _, newline, whole = kept.partition(b"\n")
    return {"text": _text(whole if newline and whole else kept), "cut": True}


def _still(service: Service, row: Process) -> str:
    """Return what a process on its way up waits for, "" if there is nothing to tell."""
    if not isinstance(row.state, Waiting | Starting):
        return ""
    from pyinit.runtime import verbs_state

    return verbs_state.reason_of(service, row)


def _call_all(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()


def _halves(ask: Ask, key: str) -> list[bytes]:
    """Return what was read of a character of each stream of a process: something over a re-exec."""
    known = ask.resumed.halves.get(key) if ask.resumed is not None else None
    return [half.encode("utf-8", "surrogateescape") for half in known or ("", "")]


def _follow_output(
    ask: Ask, service: Service, row: Process, only: int | None, rest: list[bytes]
) -> Callable[[], None]:
    """Tell what the process prints from now on, after the `rest` of before; return what ends it."""
    key, name, pump = row.plan.key, row.plan.name, service.desk.pump

    def printed(stream: int, data: bytes) -> None:
        if only is not None and stream != only:
            return
        whole = rest[stream] + data
        text, used = utf_8_decode(whole, "surrogateescape", False)
        rest[stream] = whole[used:]
        if text:
            which = STREAM_NAMES[stream]
            ask.notify({"event": "output", "stream": which, "name": name, "text": text})

    pump.follow(key, printed)
    return lambda: pump.unfollow(key, printed)


def _is_captured(row: Process) -> bool:
    """Say whether the process's output goes through our hands at all."""
    launch = row.plan.launch
    return launch.stdout != INHERIT or launch.stderr not in (INHERIT, ())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _past(service: Service) -> list[dict[str, Json]]:
    """Return the changes of state that the recorder still knows, as the announcer told them."""
    offset = time.time() - service.desk.now()
    return [
        _past_event(service, effect, now + offset)
        for now, _, effects in service.desk.recorder.entries()
        for effect in effects
        if isinstance(effect, Announce)
        and not effect.hidden
        and (PUBLIC[effect.was] != PUBLIC[effect.now] or effect.status is not None)
    ]


def _past_event(service: Service, change: Announce, at: float) -> dict[str, Json]:
    if change.status is None:
        return event_json(change, None, at)
    for end in service.desk.history.of(change.key):
        if end.run_id == change.run_id:
            return event_json(change, end, at)
    reason, fix = parted(change.reason or describe(change.status))  # the history is shorter
    expected = bool(change.expected)
    end = End(change.run_id, change.pid, at, 0.0, change.status, expected, reason, fix=fix)
    return event_json(change, end, at)


def _filter(patterns: list[str]) -> Callable[[dict[str, Json]], bool]:
    """Return what says whether an event is about a process that `patterns` name."""
    exact = frozenset([each for each in patterns if not is_glob(each)])
    globs = [each for each in patterns if is_glob(each)]

    def concerns(entry: dict[str, Json]) -> bool:
        name, program, group = [str(entry.get(field, "")) for field in ("name", "program", "group")]
        if not patterns or not exact.isdisjoint((ALL, name, program, f"{group}:{name}")):
            return True
        return any(stands_for(each, name, program, group) for each in globs)

    return concerns


def _end(end: End, lines: int) -> dict[str, Json]:
    output = end.output.encode("utf-8", "surrogateescape")
    return {
        **status_json(end),
        "expected": end.expected,
        "oom": end.oom,
        "run_id": end.run_id,
        "pid": end.pid,
        "ran_s": round(end.ran_s, 3),
        "user_s": round(end.user_s, 3),
        "system_s": round(end.system_s, 3),
        "max_rss_bytes": end.max_rss_bytes,
        "output": _text(last_lines(output, lines)),
    }


def _step(now: float, event: Event, effects: Effects) -> dict[str, Json]:
    return {
        "now": round(now, 6),
        "event": brief(event),
        "effects": [brief(effect) for effect in effects],
    }
