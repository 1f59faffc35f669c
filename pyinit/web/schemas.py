"""What the API answers with: JSON Schema (2020-12) by name, as OpenAPI 3.1 has it.

Fields are only ever added within a major version: readers pass over those they do not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyinit.protocol.wire import Json, Object


TEXT: Object = {"type": "string"}
FLAG: Object = {"type": "boolean"}
NUMBER: Object = {"type": "number"}
COUNT: Object = {"type": "integer"}
MAYBE: Object = {"type": ["integer", "null"]}
TIME: Object = {"type": "number", "description": "seconds since 1970"}
STATE: Object = {
    "type": "string",
    "enum": [
        *("STOPPED", "STARTING", "RUNNING", "BACKOFF"),
        *("STOPPING", "EXITED", "FATAL", "UNKNOWN"),
    ],
}
PHASE: Object = {
    "type": "string",
    "enum": ["booting", "running", "draining", "stopping", "over"],
    "description": "what pyinit as a whole is doing",
}


def reference(name: str) -> Object:
    """Return what stands for a schema of this table."""
    return {"$ref": f"#/components/schemas/{name}"}


def shape(fields: Object, *optional: str) -> Object:
    """Return the schema of an object whose fields are all there, but for the optional ones."""
    needed: list[Json] = [name for name in fields if name not in optional]
    return {"type": "object", "required": needed, "properties": fields}


def lists(schema: Object) -> Object:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def maps(schema: Object) -> Object:
    """Return the schema of an object with any fields of one kind."""
    return {"type": "object", "additionalProperties": schema}


USED: Object = {"cpu_s": NUMBER, "rss_bytes": COUNT, "fds": MAYBE, "fds_limit": MAYBE}
EXIT: Object = {
    "code": COUNT,
    "signal": COUNT,
    "core_dumped": FLAG,
    "reason": TEXT,
    "fix": TEXT,
    "at": TIME,
}
EXIT_OPTIONAL = ("code", "signal", "core_dumped", "fix")
ASKED: Object = {
    "kind": {"type": "string", "enum": ["http", "tcp", "unix", "exec", "watchdog"]},
    "ok": FLAG,
    "reason": {**TEXT, "description": "why the last answer was a bad one"},
    "failures": {**COUNT, "description": "bad answers in a row"},
    "took_s": {**NUMBER, "description": "how long the last answer took"},
    "asked": COUNT,
    "failed": COUNT,
    "silent_s": {**NUMBER, "description": "since the last ping of a watchdog"},
    "interval_s": {**NUMBER, "description": "how long it may be silent"},
}
ASKED_OPTIONAL = ("failures", "took_s", "asked", "failed", "silent_s", "interval_s")

SCHEMAS: dict[str, Object] = {
    "Exit": shape(EXIT, *EXIT_OPTIONAL),
    "Process": shape(
        {
            **dict.fromkeys(("name", "group", "program"), TEXT),
            "instance": COUNT,
            "kind": {"type": "string", "enum": ["service", "oneshot", "forking"]},
            "state": STATE,
            "ready": FLAG,
            "ok": {**FLAG, "description": "false for one that ought to run and does not"},
            "active": {**FLAG, "description": "false also for one that was stopped on purpose"},
            "pid": {**COUNT, "description": "0 if there is none"},
            "uptime_s": NUMBER,
            "restarts": COUNT,
            "reason": {**TEXT, "description": "why it is where it is"},
            "fix": {**TEXT, "description": "how to mend that, where pyinit knows"},
            "probe": reference("Asked"),
            "next_run_at": {**NUMBER, "description": "when its schedule comes, since 1970"},
            "last_exit": {"anyOf": [reference("Exit"), {"type": "null"}]},
            **USED,
        },
        *("fix", "probe", "next_run_at", *USED),
    ),
    "Asked": shape(ASKED, *ASKED_OPTIONAL),
    "Status": shape(
        {
            "pid": COUNT,
            "version": TEXT,
            "state": PHASE,
            "ok": FLAG,
            "processes": lists(reference("Process")),
        }
    ),
    "Waited": shape({"processes": lists(reference("Process"))}),
    "Measured": shape(
        {
            **dict.fromkeys(("name", "group", "program"), TEXT),
            "state": STATE,
            "state_code": {**COUNT, "description": "as supervisord numbers it"},
            "ready": FLAG,
            "pid": COUNT,
            "uptime_s": NUMBER,
            "restarts": COUNT,
            "exits": {
                **maps(COUNT),
                "description": "how many runs have ended by `code:N`, `signal:N`, `not-executed`",
            },
            "output_bytes": {**COUNT, "description": "seen by this pyinit since its last re-exec"},
            "probe": {"anyOf": [reference("Asked"), {"type": "null"}]},
            **USED,
        }
    ),
    "Metrics": shape(
        {
            "pid": COUNT,
            "version": TEXT,
            "state": PHASE,
            "pyinit": shape({"uptime_s": NUMBER, **USED}),
            "loop": shape(
                {
                    "turns": COUNT,
                    "busy_s": NUMBER,
                    "lag_s": {**NUMBER, "description": "the longest turn of the last minutes"},
                }
            ),
            "lost_lines": shape({"stdout": COUNT, "stderr": COUNT}),
            "files": lists(shape({"path": TEXT, "lost_bytes": COUNT})),
            "processes": lists(reference("Measured")),
        }
    ),
    "Verdict": shape(
        {
            "ok": FLAG,
            "state": PHASE,
            "failing": lists(
                shape({"name": TEXT, "state": STATE, "reason": TEXT, "fix": TEXT}, "fix")
            ),
        }
    ),
    "Event": shape(
        {
            "event": {
                "type": "string",
                "enum": ["state", "removed", "rolled", "output", "dropped"],
            },
            **dict.fromkeys(("name", "group", "program"), TEXT),
            "was": STATE,
            "state": STATE,
            "pid": COUNT,
            "old_pid": COUNT,
            "at": TIME,
            "reason": TEXT,
            "fix": TEXT,
            "exit": reference("Exit"),
            "expected": FLAG,
            "stream": {"type": "string", "enum": ["both", "stdout", "stderr"]},
            "text": TEXT,
            "captured": {**FLAG, "description": "in the first: whether pyinit sees the output"},
            "cut": {**FLAG, "description": "in the first: whether some was left out"},
            "count": {**COUNT, "description": "so many events were lost"},
        },
        *("name", "group", "program", "was", "state", "pid", "at", "reason", "fix", "exit"),
        *("expected", "stream", "text", "captured", "cut", "count", "old_pid"),
    ),
    "Events": shape({"events": lists(reference("Event"))}),
    "Logs": shape(
        {
            "processes": lists(
                shape(
                    {
                        "name": TEXT,
                        "captured": {**FLAG, "description": "whether pyinit sees the output"},
                        "text": TEXT,
                        "cut": FLAG,
                    },
                    "cut",
                )
            )
        }
    ),
    "Piece": shape({"data": TEXT, "offset": COUNT, "size": COUNT, "inode": COUNT, "file": TEXT}),
    "Why": shape(
        {
            "processes": lists(
                shape(
                    {
                        "name": TEXT,
                        "state": STATE,
                        "reason": TEXT,
                        "restarts": COUNT,
                        "captured": {**FLAG, "description": "whether pyinit sees the output"},
                        "ends": lists(
                            shape(
                                {
                                    **EXIT,
                                    "expected": FLAG,
                                    "oom": FLAG,
                                    "run_id": COUNT,
                                    "pid": COUNT,
                                    "ran_s": NUMBER,
                                    "user_s": NUMBER,
                                    "system_s": NUMBER,
                                    "max_rss_bytes": COUNT,
                                    "output": TEXT,
                                },
                                *EXIT_OPTIONAL,
                            )
                        ),
                    }
                )
            )
        }
    ),
    "Holder": shape(
        {
            "name": TEXT,
            "pid": COUNT,
            "limits": maps(
                shape({"soft": COUNT, "hard": COUNT, "used": {"type": ["number", "null"]}})
            ),
        }
    ),
    "Limits": shape(
        {"processes": lists(reference("Holder")), "pyinit": reference("Holder")}, "pyinit"
    ),
    "LimitsSet": shape(
        {
            "processes": lists(
                shape(
                    {
                        "name": TEXT,
                        "ok": FLAG,
                        "pid": COUNT,
                        "limits": maps(shape({"soft": COUNT, "hard": COUNT})),
                        "message": TEXT,
                    },
                    *("limits", "message"),
                )
            )
        }
    ),
    "Graph": shape(
        {
            "programs": lists(
                shape(
                    {
                        "name": TEXT,
                        "group": TEXT,
                        "states": lists(STATE),
                        "ok": FLAG,
                        "needs": lists(
                            shape(
                                {
                                    "program": TEXT,
                                    "condition": TEXT,
                                    "hard": FLAG,
                                    "timeout_s": {"type": ["number", "null"]},
                                }
                            )
                        ),
                        "boot": {"type": ["object", "null"]},
                    }
                )
            ),
            "critical_path": lists(TEXT),
            "boot_s": {"type": ["number", "null"]},
        }
    ),
    "Trace": shape({"steps": lists(shape({"now": NUMBER, "event": TEXT, "effects": lists(TEXT)}))}),
    "Env": shape(
        {
            "processes": lists(
                shape(
                    {
                        "name": TEXT,
                        "from": {"type": "string", "enum": ["process", "plan"]},
                        "env": maps(TEXT),
                    }
                )
            )
        }
    ),
    "Outcome": shape(
        {
            "processes": lists(
                shape(
                    {
                        "name": TEXT,
                        "ok": FLAG,
                        "was": STATE,
                        "state": STATE,
                        "pid": COUNT,
                        "message": TEXT,
                    },
                    "message",
                )
            )
        }
    ),
    "Reloaded": shape(
        {
            **{name: lists(TEXT) for name in ("added", "removed", "restarted", "adjusted")},
            "rolled": lists(TEXT),
            "init": lists(shape({"key": TEXT, "applies": TEXT, "note": TEXT})),
            "web": lists(shape({"key": TEXT, "applies": TEXT, "note": TEXT})),
            "sockets": lists(shape({"name": TEXT, "key": TEXT, "applies": TEXT, "note": TEXT})),
            "warnings": lists(TEXT),
            "outcome": {**TEXT, "description": "`in force`, or `on trial` for who does not wait"},
        },
        "outcome",
    ),
    "Drained": shape({"draining": FLAG}),
    "Ended": shape({"state": PHASE, "code": COUNT}, "code"),
    "Reexeced": {"type": "object"},
    "Done": {"type": "object"},
    "Probe": shape(
        {
            "ok": FLAG,
            "state": PHASE,
            "failing": lists(shape({"name": TEXT, "state": STATE, "reason": TEXT})),
        },
        *("state", "failing"),
    ),
    "Problem": shape(
        {
            "type": TEXT,
            "title": TEXT,
            "status": COUNT,
            "detail": TEXT,
            "code": {**TEXT, "description": "for programs; the codes of docs/control.md"},
            "message": {**TEXT, "description": "for people"},
            "fix": {**TEXT, "description": "how to mend it, where pyinit knows"},
        }
    ),
}
